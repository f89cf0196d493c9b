"""NHS National Events Management Service messages (FHIR STU3) to events."""

from adapters.formats.nems.draft import derived_id
from adapters.formats.nems.mapping import map_message

__all__ = ["derived_id", "map_message"]
