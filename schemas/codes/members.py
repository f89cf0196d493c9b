"""The kinds of organisation that take part."""

from enum import StrEnum


class MemberKind(StrEnum):
    """What an organisation does for children; decides what it may publish and, by policy, read."""

    SOCIAL_CARE = "social_care"
    """Children's social care, the front door of its area."""
    EARLY_HELP = "early_help"
    SCHOOL = "school"
    EDUCATION = "education"
    """The local authority's education service."""
    HEALTH_PROVIDER = "health_provider"
    GP = "gp"
    CHILD_HEALTH = "child_health"
    """Child health information service."""
    POLICE = "police"
    PROBATION = "probation"
    HOUSING = "housing"
    YOUTH_JUSTICE = "youth_justice"
    SECURE = "secure"
    """Secure establishments for children."""
    IDVA = "idva"
    """Independent domestic violence advisers."""
    MARAC = "marac"
    BOARD = "board"
    """Safeguarding children partnership (LSCB)."""
