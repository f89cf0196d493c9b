"""``python -m tests.isolation``: let everybody try everything and write ``docs/isolation.md``."""

from tests.isolation.page import write

write()
