"""Words of our own for plans, moves, handovers and answers, where no national code set exists. PROPOSAL."""

from enum import StrEnum


class Answer(StrEnum):
    """A question that may stay open."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


class PlanKind(StrEnum):
    """Plans that a child may have, several at once."""

    CHILD_PROTECTION = "child_protection"
    CHILD_IN_NEED = "child_in_need"
    LOOKED_AFTER = "looked_after"
    PRE_BIRTH = "pre_birth"
    EARLY_HELP = "early_help"
    CARE_LEAVER = "care_leaver"
    YOUTH_JUSTICE = "youth_justice"
    EDUCATION_HEALTH_CARE = "education_health_care"


class LiveStatus(StrEnum):
    """What is live for the child as far as the author knows; decides how urgent a move is [P-NOT][P-EOE]."""

    CHILD_PROTECTION_PLAN = "child_protection_plan"
    SECTION_47 = "section_47"
    PROTECTION_ORDER = "protection_order"
    """Emergency protection order or police protection."""
    RECENT_PROTECTION_PLAN = "recent_protection_plan"
    """Within the last six months."""
    CHILD_IN_NEED = "child_in_need"
    LOOKED_AFTER = "looked_after"
    ASSESSMENT = "assessment"
    EARLY_HELP = "early_help"
    PRIVATELY_FOSTERED = "privately_fostered"


class AssessmentKind(StrEnum):
    """Kinds of assessment and enquiry."""

    SINGLE = "single"
    SECTION_47 = "section_47"
    SECTION_37 = "section_37"
    PRE_BIRTH = "pre_birth"
    EARLY_HELP = "early_help"
    PARENTING = "parenting"
    OTHER = "other"


class AssessmentOutcome(StrEnum):
    """What an assessment led to."""

    CONFERENCE = "conference"
    CHILD_IN_NEED_PLAN = "child_in_need_plan"
    LOOKED_AFTER = "looked_after"
    EARLY_HELP = "early_help"
    NO_FURTHER_ACTION = "no_further_action"
    OTHER = "other"


class MoveKind(StrEnum):
    """For how long a family moves. A temporary move makes no demographic event [NEMS-COA]."""

    PERMANENT = "permanent"
    TEMPORARY = "temporary"
    UNKNOWN = "unknown"


class MoveReason(StrEnum):
    """Why a family moves."""

    HOUSING = "housing"
    HOMELESSNESS = "homelessness"
    FAMILY = "family"
    WORK = "work"
    SAFETY = "safety"
    PLACEMENT = "placement"
    SCHOOL = "school"
    ADDRESS_UPDATE = "address_update"
    """A register shows a new address and says no more."""
    OTHER = "other"
    UNKNOWN = "unknown"


class HandoverKind(StrEnum):
    """Kinds of handover."""

    PERMANENT = "permanent"
    TEMPORARY = "temporary"
    PLACEMENT = "placement"
    FOUND_ELSEWHERE = "found_elsewhere"
    UNBORN = "unborn"
    SECURE = "secure"
    SERVICE = "service"
    """Step-up, step-down, leaving care, child to adult, inside one area."""
    NON_MEMBER = "non_member"


class ClockStart(StrEnum):
    """Which moment starts the fifteen working days; areas differ [P-NOT][P-NFK2][P-TEE2][P-WAL]."""

    NOTIFIED = "notified"
    WRITTEN_PACK_RECEIVED = "written_pack_received"
    ACCEPTED = "accepted"
    PERMANENCE_AGREED = "permanence_agreed"


class DeclineReason(StrEnum):
    """Why an area declines a handover. None of them declines the safety duty."""

    NOT_OUR_AREA = "not_our_area"
    TEMPORARY_STAY = "temporary_stay"
    PAPERS_MISSING = "papers_missing"
    ASSESSMENT_UNFINISHED = "assessment_unfinished"
    ORDER_STAYS = "order_stays"
    """A statutory order keeps the former area responsible [P-SUS]."""
    WRONG_CHILD = "wrong_child"
    OTHER = "other"


class ConferenceKind(StrEnum):
    """Kinds of child protection conference."""

    INITIAL = "initial"
    PRE_BIRTH = "pre_birth"
    TRANSFER_IN = "transfer_in"
    REVIEW = "review"


class GlassReason(StrEnum):
    """Why an area takes a history before a person of the old area has released it."""

    IMMEDIATE_RISK = "immediate_risk"
    OLD_AREA_SILENT = "old_area_silent"
    OUT_OF_HOURS = "out_of_hours"
    COURT_OR_POLICE_ACTION = "court_or_police_action"


class ReturnOrRetain(StrEnum):
    """What the area that read a history does with it after a short, chained, withdrawn or declined stay."""

    RETURN = "return"
    RETAIN = "retain"


class Evidence(StrEnum):
    """What a person relied on when deciding that two records are one child (or are not)."""

    STRONG_IDENTIFIER = "strong_identifier"
    OFFICIAL_DOCUMENT = "official_document"
    CONFIRMED_BY_AGENCY = "confirmed_by_agency"
    CONFIRMED_BY_FAMILY = "confirmed_by_family"
    SEEN_TOGETHER = "seen_together"
    """Name, date of birth, household and history compared by the person who signs."""


class EngagementLevel(StrEnum):
    """How far a family works with services."""

    ENGAGED = "engaged"
    PARTIAL = "partial"
    AVOIDING = "avoiding"
    REFUSING = "refusing"


class DashBand(StrEnum):
    """Bands of the DASH score: 0-9, 10-13, 14 and more, as one provider draws them [DASH]."""

    STANDARD = "standard"
    MEDIUM = "medium"
    HIGH = "high"


class Mobility(StrEnum):
    """How a baby or child moves about."""

    NOT_MOBILE = "not_mobile"
    CRAWLING = "crawling"
    WALKING = "walking"
    UNKNOWN = "unknown"


class LeavingGround(StrEnum):
    """Why a pupil's name leaves a school's register."""

    OTHER_SCHOOL = "other_school"
    MOVED_AWAY = "moved_away"
    HOME_EDUCATION = "home_education"
    END_OF_PHASE = "end_of_phase"
    PERMANENTLY_EXCLUDED = "permanently_excluded"
    CUSTODY = "custody"
    WHEREABOUTS_UNKNOWN = "whereabouts_unknown"
    """Needs twenty days and a joint enquiry by school and authority [CME-STE]."""
    DIED = "died"
    OTHER = "other"


class Theme(StrEnum):
    """What serious case reviews asked for; the letters of the project's source."""

    INFORMATION_SHARING = "A"
    MOVES = "B"
    SERVICE_BOUNDARIES = "C"
    HISTORY = "D"
    SEVERAL_PLANS = "E"
    NEGLECT = "F"
    RISK_TAKING = "G"
    NOT_IN_SCHOOL = "H"
    DOMESTIC_ABUSE = "I"
    DISABILITY = "J"
    UNDERLYING_ISSUES = "K"
    CARE_LEAVERS = "L"
    PREGNANCY = "M"
    MALES = "N"
    SIGNIFICANT_CHANGE = "O"
    ENGAGEMENT = "P"
    ATTENDANCE = "Q"
    TRANSITION = "R"
    EARLY_HELP = "S"
    PERSISTENT_ABSENCE = "T"
    SECURE = "U"
    SUBSTANCES = "V"
    LEARNING = "W"
