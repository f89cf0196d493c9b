"""Codes of the return on looked-after children, SSDA903 [LIIA]."""

from schemas.codes.coded import Coded


class LegalStatus(Coded):
    """The legal footing on which a child is looked after."""

    C1 = "C1", "interim care order"
    C2 = "C2", "full care order"
    D1 = "D1", "freeing order granted"
    E1 = "E1", "placement order granted"
    V2 = "V2", "accommodated under section 20, single period"
    V3 = "V3", "short-term breaks, recorded one by one"
    V4 = "V4", "short-term breaks, recorded as a series"
    L1 = "L1", "police protection, in local authority accommodation"
    L2 = "L2", "emergency protection order"
    L3 = "L3", "child assessment order, in local authority accommodation"
    J1 = "J1", "remanded to local authority accommodation or youth detention"
    J2 = "J2", "detained under PACE in local authority accommodation"
    J3 = "J3", "youth rehabilitation order with residence requirement"


class PlacementKind(Coded):
    """Where a looked-after child lives."""

    U1 = "U1", "foster placement with relative or friend, long term"
    U2 = "U2", "foster placement with relative or friend who may adopt"
    U3 = "U3", "foster placement with relative or friend, not long term"
    U4 = "U4", "foster placement with another carer, long term"
    U5 = "U5", "foster placement with another carer who may adopt"
    U6 = "U6", "foster placement with another carer, not long term"
    K1 = "K1", "secure children's home"
    K2 = "K2", "children's home"
    R1 = "R1", "residential care home"
    R2 = "R2", "NHS or other health establishment"
    R3 = "R3", "family centre or mother and baby unit"
    R5 = "R5", "young offender institution"
    P1 = "P1", "with own parents or persons with parental responsibility"
    P2 = "P2", "independent living"
    P3 = "P3", "residential employment"
    H5 = "H5", "semi-independent living"
    T0 = "T0", "temporary move, any type"
    T1 = "T1", "temporary period in hospital"
    T2 = "T2", "temporary absence on holiday"
    T3 = "T3", "temporary accommodation while the foster carer is away"
    T4 = "T4", "temporary accommodation of seven days or less"
    A3 = "A3", "placed for adoption with consent, with current foster carer"
    A4 = "A4", "placed for adoption with consent, not with current foster carer"
    A5 = "A5", "placed for adoption under placement order, with current foster carer"
    A6 = "A6", "placed for adoption under placement order, not with current foster carer"
    S1 = "S1", "residential school"
    Z1 = "Z1", "other placement"


class PlacementProvider(Coded):
    """Who provides the placement."""

    PR0 = "PR0", "parent or person with parental responsibility"
    PR1 = "PR1", "own local authority"
    PR2 = "PR2", "another local authority"
    PR3 = "PR3", "other public provision"
    PR4 = "PR4", "private provision"
    PR5 = "PR5", "voluntary or third sector"


class EpisodeReason(Coded):
    """Why a new episode of care begins."""

    S = "S", "started to be looked after"
    L = "L", "change of legal status only"
    P = "P", "change of placement and carer only"
    T = "T", "change of placement, same carer"
    B = "B", "change of legal status, placement and carer"
    U = "U", "change of legal status and placement, same carer"


class MissingKind(Coded):
    """Missing, or away without authorisation."""

    MISSING = "M", "missing"
    AWAY = "A", "away from placement without authorisation"
