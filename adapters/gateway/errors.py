"""Why a gateway refuses what it is given, with what to do."""

from broker.errors import RejectedError


class StandbyError(RejectedError):
    """This home stands by for a front door, or does not, and that is not what was asked for."""

    code = "standby"
    advice = (
        "Use the front door's own home. If its machine is lost, a person takes over with the standby: `handrail gateway "
        "take-over`."
    )


class NobodyToReadError(RejectedError):
    """No member in the directory may read this event, so it would reach nobody."""

    code = "no-reader"
    advice = "Check acting_area and residence, and that the area's front door is in the directory."


class WrongAuthorError(RejectedError):
    """This member may not publish this type of event, or not for this area."""

    code = "not-entitled"
    advice = "See `handrail directory policy TYPE` for who may publish it, and use one of your own areas."


class NoSuchItemError(RejectedError):
    """There is nothing of that number or id here."""

    code = "no-such-item"
    advice = "See the list command for what there is."


class UnreadableError(RejectedError):
    """The item cannot be read here."""

    code = "unreadable"
    advice = "The reason is in its fault; tell the operator if it should have been readable."


class NotAFrontDoorError(RejectedError):
    """Only a front door may do this."""

    code = "not-a-front-door"
    advice = "Ask the children's social care front door of the area."


class BandsNotAgreedError(RejectedError):
    """The partnerships have not decided that their boards may hold bands of characteristics, so none is kept."""

    code = "bands-not-agreed"
    advice = "Where they decide it, the operator adopts a policy with [board_bands]: see schemas/default_policy/README.md."


class NotOurSideError(RejectedError):
    """The other area's front door decides this."""

    code = "not-our-side"
    advice = "Ask the other front door; `handrail handover show ID` says which areas are concerned."


class NoGroundError(RejectedError):
    """A history is to be released to an area of which no event here says that the child is there."""

    code = "no-ground"
    advice = (
        "Ask that area's front door to send the event that it knows of (a move, a placement, its own plan), and release "
        "when it is in the inbox; if nobody knows of one, tell the operator: `handrail gateway alarms` shows the handover."
    )

    def __init__(self, area: str) -> None:
        super().__init__(f"no event in this gateway's record of the child names {area}; only the router does")
        self.area = area


class NobodyVouchesError(RejectedError):
    """The destination is withheld, and not enough protection endorsers vouch for whoever has the child."""

    code = "nobody-vouches"
    advice = (
        "Wait until the endorsers have answered; if it lasts, ask the operator of the exchange. Do not send the history "
        "in any other way, and do not try to find out where the child is."
    )


class OnlyAStayError(RejectedError):
    """The child only stays here: the old area keeps the case, and nobody accepts it while it is a stay."""

    code = "only-a-stay"
    advice = (
        "Nothing need be signed for a stay: the safety duty is here already. If the case is to pass, have the old area's front "
        "door ask for it (`handrail handover ask ID --kind permanent`), and accept then; if it is no stay, say so with "
        "`handrail handover decline`."
    )

    def __init__(self, area: str) -> None:
        super().__init__(f"{area} keeps the case: it says that the child only stays here, or is placed here")


class NotForThisPlanError(RejectedError):
    """The policy leaves the history of a child with such a plan to a person of the old area."""

    code = "not-for-this-plan"
    advice = (
        "Ask the old area's front door to release it; `handrail handover show ID` says until when it must, and who is "
        "told if it does not. The safety duty is here all the same."
    )

    def __init__(self, live: str) -> None:
        super().__init__(f"break glass is not for {live.replace('_', ' ')}")


class AuthorNotAskedError(RejectedError):
    """An event's author wants to be asked before it is passed on."""

    code = "author-not-asked"
    advice = "Ask its author, and say with --agreed who said yes, for which agency; or uphold the refusal."

    def __init__(self, count: int) -> None:
        super().__init__(f"{count} of these events are marked 'ask me' by their authors")


class AreaHiddenError(RejectedError):
    """Where a missing child was seen is not told: it is sensitive, or domestic abuse or MARAC stands within a year."""

    code = "area-hidden"
    advice = "Let them hear that the child was seen (--outcome seen); if it stays here, publish move.destination_withheld."

    def __init__(self) -> None:
        super().__init__("the child's place is to stay hidden")


class AdoptedError(RejectedError):
    """One of these numbers was given on an adoption: the former identity is cut from it, and is never linked."""

    code = "adopted"
    advice = "Nothing links an adopted child to the former identity. If the number was marked by mistake, correct that event."


class NotAnEventError(RejectedError):
    """What was given is not one JSON object, so it cannot be an event."""

    code = "not-an-event"
    advice = 'Give an event, a list of events, or {"events": [...]}.'


class NoKeyError(RejectedError):
    """Every signing key of this member is revoked, so nobody would believe what it sends."""

    code = "no-key"
    advice = "Ask the operator for new keys (`handrail directory rotate`), then send it again."


class AlreadyDoneError(RejectedError):
    """Somebody has done this already."""

    code = "already-done"
    advice = "Nothing to do."
