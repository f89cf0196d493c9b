"""The account of a message: every value ends up mapped, ignored by a standing rule, or unmapped with its reason.

One ledger per message, made and closed within one call; mappers write to it as they read.
"""

import re
from collections import Counter
from collections.abc import Callable
from typing import Final

from adapters.formats.nems.reasons import RefusedError, because
from adapters.formats.nems.tree import Node
from adapters.formats.outcome import Place, Reason, Remark

WITHHELD: Final = "withheld-sensitive"
"""Code of the remark for what a restricted patient's message says and no event may carry."""

_RULES: Final = tuple(
    (re.compile(pattern), rule)
    for pattern, rule in (
        (r"^Bundle\.(id|type|meta\..*)$", "wrapping of the message"),
        (r"\.fullUrl$|\.resource\.\w+\.id$", "address of a resource inside the message"),
        (r"\.meta\.(profile|versionId|lastUpdated|tag.*)$", "record keeping of the source"),
        (r"\.url$", "name of an extension; its value is accounted for by itself"),
        (r"\.display$", "words beside a code or a reference"),
        (r"\.system$|\.userSelected$", "code system beside a code"),
        (r"\.resource\.HealthcareService\.", "says only which NHS service sent it"),
        (r"\.MessageHeader\.source\.(endpoint|name|software|version)$", "technical address of the sender"),
        (r"\.MessageHeader\.(responsible|enterer|author)\.", "who published the message"),
        (r"\.Communication\.(status|sent|sender|recipient)", "delivery record of the sender"),
        (r"\.text\.(status|div)$", "narrative for display; the values themselves are accounted for"),
    )
)
_NO_PLACE: Final = "no place in the events for it"


class Ledger:
    """Writes down what became of each value. Owned by one mapping; not shared."""

    def __init__(self, root: Node) -> None:
        self.root = root
        self.notes: list[Remark] = []
        self._mapped: set[int] = set()
        self._ruled: dict[int, str] = {}
        self._left: dict[int, tuple[str, str]] = {}
        self._reasons: list[Reason] = []

    def take(self, node: Node | None, *names: str) -> str:
        """The text at ``names`` under ``node``, written down as mapped; empty where there is none."""
        found = node.at(*names) if node else None
        if found is None or not found.text:
            return ""
        self._mapped.add(id(found))
        return found.text

    def took(self, node: Node | None) -> None:
        """All values under ``node`` are mapped."""
        for leaf in node.leaves() if node else ():
            self._mapped.add(id(leaf))

    def rule(self, node: Node | None, rule: str) -> None:
        """All values under ``node`` are left out by a standing rule."""
        for leaf in node.leaves() if node else ():
            self._ruled.setdefault(id(leaf), rule)

    def leave(self, node: Node | None, code: str, why: str) -> None:
        """All values under ``node`` are unmapped for this reason, whatever was said of them before."""
        for leaf in node.leaves() if node else ():
            self._mapped.discard(id(leaf))
            if _standing_rule(leaf) is None:
                self._left[id(leaf)] = (code, why)

    def close_links(self, inside: Callable[[str], bool]) -> None:
        """Say of each reference that was not followed whether it stays in the message or leads nowhere."""
        for node in self.root.walk():
            known = id(node) in self._mapped or id(node) in self._left or _standing_rule(node)
            if node.name != "reference" or not node.text or known:
                continue
            if inside(node.text):
                self._ruled[id(node)] = "link between resources of the message"
            elif node.text.startswith(("urn:uuid:", "urn:oid:", "#")):
                self.leave(node, "dangling-reference", "it refers to something that is not in the message")

    def note(self, code: str, node: Node | None, why: str) -> None:
        """A person should know this. Never a value of the message."""
        self.notes.append(Remark(code, node.place if node else Place(""), why))

    def refuse(self, code: str, node: Node | None, *facts: str) -> None:
        """The message cannot be believed; reading goes on, so that the sender hears of everything at once."""
        reason = because(code, node.place if node else Place(self.root.path, self.root.line), *facts)
        if reason not in self._reasons:
            self._reasons.append(reason)

    def judge(self) -> None:
        """Go on only if nothing was refused.

        Raises:
            RefusedError: with every reason found so far.
        """
        if self._reasons:
            raise RefusedError(*self._reasons)

    def account(self) -> "tuple[int, int, dict[str, int], tuple[Remark, ...]]":
        """How many values there are, how many were mapped, how many ignored by which rule, and the rest."""
        ignored: Counter[str] = Counter()
        unmapped: list[Remark] = []
        values = mapped = 0
        for leaf in self.root.leaves():
            values += 1
            if id(leaf) in self._left:
                code, why = self._left[id(leaf)]
                unmapped.append(Remark(code, leaf.place, why))
            elif id(leaf) in self._mapped:
                mapped += 1
            elif rule := self._ruled.get(id(leaf)) or _standing_rule(leaf):
                ignored[rule] += 1
            elif not leaf.text:
                unmapped.append(Remark("empty", leaf.place, "it is empty"))
            else:
                unmapped.append(Remark("no-place", leaf.place, _NO_PLACE))
        return values, mapped, dict(ignored), tuple(unmapped)


def _standing_rule(leaf: Node) -> str | None:
    return next((rule for pattern, rule in _RULES if pattern.search(leaf.path)), None)
