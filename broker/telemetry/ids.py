"""How ids are written wherever people search for them: the same in every log and trace."""

from uuid import UUID


def event_text(event_id: bytes) -> str:
    """An event's id as `handrail publish` prints it."""
    return str(UUID(bytes=event_id))
