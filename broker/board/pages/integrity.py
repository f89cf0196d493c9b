"""Whether this node is whole: its head, its witnesses, what is missing; and a look at the whole trail on request."""

from dataclasses import dataclass

from starlette.responses import Response

from broker.audit.witnesses import bodies
from broker.board.mirror import Mirror, NoHeadError, NotTheLogError
from broker.board.pages.desk import Desk
from broker.board.pages.roles import Page
from broker.board.showing import names_of, warnings
from broker.crypto.notes import Head, Note
from broker.pages.door import Visit
from broker.store.audit.store import AuditWork


@dataclass(frozen=True, slots=True)
class Standing:
    """What this node holds."""

    entries: int
    head: Head | None
    witnesses: tuple[str, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of verifying: ``proven``, or why not; ``altered`` where the trail is not what was signed."""

    proven: bool
    altered: bool
    lines: tuple[str, ...]


class IntegrityPage:
    """Heads, witnesses, and verifying now."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def show(self, visit: Visit) -> Response:
        """The node's standing; where the form was sent, also the verdict."""
        verify = visit.form is not None
        with self._desk.looking(visit, "verify the whole trail" if verify else "integrity") as looking:
            standing = self._standing(looking.work)
            verdict = self._verdict(looking.work) if verify else None
            looking.shown = 1
        return self._desk.page(visit, "integrity.html", Page.INTEGRITY, standing=standing, verdict=verdict)

    def _standing(self, work: AuditWork) -> Standing:
        text = work.newest_head()
        note = None if text is None else Note.from_text(text)
        directory = self._desk.home.directory()
        seen = () if note is None else tuple(sorted(bodies(note, directory)))
        names = names_of(directory)
        return Standing(
            work.count(),
            None if note is None else Head.from_text(note.text),
            tuple(names(one) for one in seen),
            tuple(warnings(work.holes(), work.unread(), work.gaps())),
        )

    def _verdict(self, work: AuditWork) -> Verdict:
        try:
            mirror = Mirror.of(work, self._desk.home.directory())
            mirror.verify(work)
        except NoHeadError as error:
            return Verdict(proven=False, altered=False, lines=(_sentence(error),))
        except NotTheLogError as error:
            return Verdict(proven=False, altered=True, lines=(_sentence(error),))
        newer = work.count_leaves() - mirror.head.size
        lines = [
            f"The {mirror.head.size} entries at this node are those that the log has signed, in that order, none left out."
        ]
        if newer > 0:
            lines.append(f"{newer} newer entries are here that no head covers yet; the next one will.")
        return Verdict(proven=True, altered=False, lines=tuple(lines))


def _sentence(error: Exception) -> str:
    said = str(error)
    return f"{said[:1].upper()}{said[1:]}."
