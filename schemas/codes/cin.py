"""Codes of the children in need census: referral, need, factors, category of abuse, closure, ethnicity [LIIA][CINV]."""

from typing import Final

from schemas.codes.coded import Coded


class ReferralSource(Coded):
    """Who turned to children's social care."""

    FAMILY = "1A", "family member, relative or carer"
    ACQUAINTANCE = "1B", "acquaintance, neighbour or childminder"
    SELF = "1C", "the child"
    OTHER_INDIVIDUAL = "1D", "another individual"
    SCHOOL = "2A", "school"
    EDUCATION_SERVICE = "2B", "education service"
    GP = "3A", "general practitioner"
    HEALTH_VISITOR = "3B", "health visitor"
    SCHOOL_NURSE = "3C", "school nurse"
    PRIMARY_HEALTH = "3D", "other primary health service"
    EMERGENCY_DEPARTMENT = "3E", "accident and emergency department"
    OTHER_HEALTH = "3F", "other health service"
    HOUSING = "4", "local authority housing or housing association"
    SOCIAL_CARE = "5A", "social care, such as adult social care"
    LA_INTERNAL = "5B", "other service of this local authority"
    LA_EXTERNAL = "5C", "another local authority"
    EARLY_HELP = "5D", "early help"
    POLICE = "6", "police"
    LEGAL = "7", "other legal agency: court, probation, immigration, Cafcass, prison"
    OTHER = "8", "other, such as a children's centre or a voluntary organisation"
    ANONYMOUS = "9", "anonymous"
    UNKNOWN = "10", "unknown"


class PrimaryNeed(Coded):
    """The main reason why a child is in need."""

    ABUSE_OR_NEGLECT = "N1", "abuse or neglect"
    DISABILITY = "N2", "the child's disability"
    PARENTAL_ILLNESS = "N3", "a parent's disability or illness"
    ACUTE_STRESS = "N4", "family in acute stress"
    DYSFUNCTION = "N5", "family dysfunction"
    BEHAVIOUR = "N6", "socially unacceptable behaviour"
    LOW_INCOME = "N7", "low income"
    ABSENT_PARENTING = "N8", "absent parenting"
    NOT_IN_NEED = "N9", "case other than a child in need"
    NOT_STATED = "N0", "not stated"


class AbuseCategory(Coded):
    """Category of a child protection plan. The first and the latest are both kept [SCR-P]."""

    NEGLECT = "NEG", "neglect"
    PHYSICAL = "PHY", "physical abuse"
    SEXUAL = "SAB", "sexual abuse"
    EMOTIONAL = "EMO", "emotional abuse"
    MULTIPLE = "MUL", "multiple"


class ClosureReason(Coded):
    """Why children's social care closed a case."""

    ADOPTED = "RC1", "adopted"
    DIED = "RC2", "died"
    CHILD_ARRANGEMENTS = "RC3", "child arrangements order"
    SPECIAL_GUARDIANSHIP = "RC4", "special guardianship order"
    MOVED = "RC5", "transferred to another local authority"
    ADULT_CARE = "RC6", "transferred to adult social care"
    CEASED = "RC7", "services ceased for another reason"
    NO_ACTION = "RC8", "closed after assessment, no further action"
    TO_EARLY_HELP = "RC9", "closed after assessment, referred to early help"


class UpnUnknownReason(Coded):
    """Why a pupil number is missing; the meanings are the census guide's."""

    UN1 = "UN1", "reason 1"
    UN2 = "UN2", "reason 2"
    UN3 = "UN3", "reason 3"
    UN4 = "UN4", "reason 4"
    UN5 = "UN5", "reason 5"
    UN6 = "UN6", "reason 6"
    UN7 = "UN7", "reason 7"


class Ethnicity(Coded):
    """A child's ethnicity, as the child or its family says it."""

    WHITE_BRITISH = "WBRI", "White British"
    WHITE_IRISH = "WIRI", "White Irish"
    IRISH_TRAVELLER = "WIRT", "Traveller of Irish heritage"
    WHITE_OTHER = "WOTH", "any other White background"
    GYPSY_ROMA = "WROM", "Gypsy or Roma"
    WHITE_AND_BLACK_CARIBBEAN = "MWBC", "White and Black Caribbean"
    WHITE_AND_BLACK_AFRICAN = "MWBA", "White and Black African"
    WHITE_AND_ASIAN = "MWAS", "White and Asian"
    MIXED_OTHER = "MOTH", "any other mixed background"
    INDIAN = "AIND", "Indian"
    PAKISTANI = "APKN", "Pakistani"
    BANGLADESHI = "ABAN", "Bangladeshi"
    ASIAN_OTHER = "AOTH", "any other Asian background"
    CARIBBEAN = "BCRB", "Caribbean"
    AFRICAN = "BAFR", "African"
    BLACK_OTHER = "BOTH", "any other Black background"
    CHINESE = "CHNE", "Chinese"
    OTHER = "OOTH", "any other ethnic group"
    REFUSED = "REFU", "refused"
    NOT_OBTAINED = "NOBT", "information not yet obtained"


class Disability(Coded):
    """What a disability affects."""

    NONE = "NONE", "no disability"
    MOBILITY = "MOB", "mobility"
    HAND = "HAND", "hand function"
    PERSONAL_CARE = "PC", "personal care"
    INCONTINENCE = "INC", "incontinence"
    COMMUNICATION = "COMM", "communication"
    LEARNING = "LD", "learning"
    HEARING = "HEAR", "hearing"
    VISION = "VIS", "vision"
    BEHAVIOUR = "BEH", "behaviour"
    CONSCIOUSNESS = "CON", "consciousness"
    AUTISM = "AUT", "autism"
    OTHER = "DDA", "other"


class AssessmentFactor(Coded):
    """What an assessment found. In 1 to 6: A the child, B a parent or carer, C another in the household."""

    ALCOHOL_CHILD = "1A", "alcohol misuse by the child"
    ALCOHOL_PARENT = "1B", "alcohol misuse by a parent or carer"
    ALCOHOL_OTHER = "1C", "alcohol misuse by another in the household"
    DRUGS_CHILD = "2A", "drug misuse by the child"
    DRUGS_PARENT = "2B", "drug misuse by a parent or carer"
    DRUGS_OTHER = "2C", "drug misuse by another in the household"
    VIOLENCE_CHILD = "3A", "domestic violence suffered by the child"
    VIOLENCE_PARENT = "3B", "domestic violence suffered by a parent or carer"
    VIOLENCE_OTHER = "3C", "domestic violence suffered by another in the household"
    MENTAL_HEALTH_CHILD = "4A", "mental health of the child"
    MENTAL_HEALTH_PARENT = "4B", "mental health of a parent or carer"
    MENTAL_HEALTH_OTHER = "4C", "mental health of another in the household"
    LEARNING_CHILD = "5A", "learning disability of the child"
    LEARNING_PARENT = "5B", "learning disability of a parent or carer"
    LEARNING_OTHER = "5C", "learning disability of another in the household"
    PHYSICAL_CHILD = "6A", "physical disability or illness of the child"
    PHYSICAL_PARENT = "6B", "physical disability or illness of a parent or carer"
    PHYSICAL_OTHER = "6C", "physical disability or illness of another in the household"
    YOUNG_CARER = "7A", "young carer"
    FOSTERED_OVERSEAS_RETURN = "8B", "privately fostered, from overseas, intending to return"
    FOSTERED_OVERSEAS_STAY = "8C", "privately fostered, from overseas, intending to stay"
    FOSTERED_EDUCATION = "8D", "privately fostered, UK child in an educational placement"
    FOSTERED_FAMILY = "8E", "privately fostered, UK child in another family arrangement"
    FOSTERED_OTHER = "8F", "privately fostered, other"
    ASYLUM_SEEKING = "9A", "unaccompanied asylum-seeking child"
    MISSING = "10A", "going or being missing"
    SEXUAL_EXPLOITATION = "11A", "child sexual exploitation"
    TRAFFICKING = "12A", "trafficking"
    GANGS = "13A", "involvement with gangs"
    BEHAVIOUR = "14A", "socially unacceptable behaviour"
    SELF_HARM = "15A", "self-harm"
    NEGLECT = "16A", "neglect"
    EMOTIONAL_ABUSE = "17A", "emotional abuse"
    PHYSICAL_ABUSE_CHILD = "18B", "physical abuse by another child"
    PHYSICAL_ABUSE_ADULT = "18C", "physical abuse by an adult"
    SEXUAL_ABUSE_CHILD = "19B", "sexual abuse by another child"
    SEXUAL_ABUSE_ADULT = "19C", "sexual abuse by an adult"
    OTHER = "20", "other"
    NONE = "21", "none, and no further action"
    FGM = "22A", "female genital mutilation"
    FAITH = "23A", "abuse linked to faith or belief"
    CRIMINAL_EXPLOITATION = "24A", "child criminal exploitation"

    @property
    def about_an_adult(self) -> bool:
        """Whether it says something about an adult, and so needs a standing."""
        return self.value in _ABOUT_ADULTS


_ABOUT_ADULTS: Final = frozenset(
    {f"{number}{letter}" for number in range(1, 7) for letter in "BC"} | {"18C", "19C"}
)
