"""Why something is shared, on what footing, who was told, and how a statement about an adult stands."""

from enum import StrEnum


class Purpose(StrEnum):
    """What the sharing is for."""

    PROTECT_FROM_HARM = "protect_from_harm"
    PROMOTE_WELFARE = "promote_welfare"
    CONTINUITY_OF_CARE = "continuity_of_care"
    """The next service can take up where the last one stopped."""
    FIND_A_CHILD = "find_a_child"
    STATUTORY_NOTICE = "statutory_notice"
    EDUCATION = "education"
    PREVENT_CRIME = "prevent_crime"
    KEEP_RECORDS_RIGHT = "keep_records_right"
    """Identity, demographics, corrections."""
    LEARNING = "learning"


class Basis(StrEnum):
    """The footing in law. For an information-governance officer to confirm before real use.

    The two marked as not commenced await regulations; the policy gives each rule its date in force.
    """

    SAFEGUARDING_PUBLIC_TASK = "safeguarding_public_task"
    """Public task under the existing powers (Children Act 1989 s.17 and s.47, 2004 s.10 and s.11; DPA 2018 Sch 1 para 18) [DEV-LAW]."""
    SAFEGUARDING_DUTY_16LA = "safeguarding_duty_16la"
    """Children Act 2004 s.16LA, awaiting commencement [CWSA4]."""
    POLICE_SAFEGUARDING = "police_safeguarding"
    """DPA 2018 Sch 8 para 4; Domestic Abuse Act 2021 s.49A [DPA8][OE-GOV]."""
    REGULATION = "regulation"
    """A regulation compels the notice, such as [REG13], [SI3239], [S208], [CME-FB]."""
    FAMILY_AGREEMENT = "family_agreement"
    """The family agreed; the one value that stands for consent."""
    HOUSING_AGREEMENT_213AA = "housing_agreement_213aa"
    """Housing Act 1996 s.213AA, with agreement, awaiting commencement [CWSA11]."""
    COURT_ORDER = "court_order"


class Told(StrEnum):
    """Whether a person was told of the sharing [GR24]."""

    YES = "yes"
    NO_UNSAFE = "no_unsafe"
    NO_IMPRACTICABLE = "no_impracticable"
    NO_TOO_YOUNG = "no_too_young"
    NOT_YET = "not_yet"


class ToldPerson(StrEnum):
    """Who was, or was not, told."""

    CHILD = "child"
    PARENT = "parent"
    OTHER_ADULT = "other_adult"


class Standing(StrEnum):
    """How a statement about an adult stands. Nothing about an adult travels without one."""

    OBSERVED = "observed"
    CHILDS_WORDS = "childs_words"
    REPORTED_BY = "reported_by"
    OPINION = "opinion"
    FINDING = "finding"
    """Decided by a court, panel or tribunal."""


class Sensitivity(StrEnum):
    """Whether the event could give away where or who somebody is."""

    NORMAL = "normal"
    SENSITIVE = "sensitive"


class Onward(StrEnum):
    """The author's word on passing it on."""

    FREE = "free"
    ASK_ME = "ask_me"
    NEVER = "never"


class Lifecycle(StrEnum):
    """What a source system says about its own item [NEMS-LIFE]."""

    NEW = "new"
    UPDATE = "update"
    DELETE = "delete"
