"""``python -m tests.blindness``: look for what the broker must not know and write ``docs/blindness.md``."""

from tests.blindness.page import write

write()
