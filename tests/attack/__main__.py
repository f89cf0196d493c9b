"""``python -m tests.attack``: attack a real exchange and write what happened to ``docs/attacks.md``."""

from tests.attack.page import write

write()
