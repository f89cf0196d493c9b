"""A person where a hidden child is says that it need not be hidden: from anybody, or from the area that it left last."""

from dataclasses import replace

from broker.handover import deadlines, machine
from broker.handover.machine import Handover
from broker.routing.desk import Desk
from broker.routing.handovers import Handovers
from broker.routing.kept import handover_of
from broker.routing.refusals import UnknownHandoverError
from broker.routing.shield import Shield
from broker.store.router.children import Children, ChildRow
from broker.store.router.procedures import Procedures
from schemas.directory import Directory


class Lifting:
    """Bound to one transaction; ``desk`` carries the moment."""

    def __init__(
        self,
        children: Children,
        procedures: Procedures,
        handovers: Handovers,
        shield: Shield,
        desk: Desk,
        directory: Directory,
    ) -> None:
        self._children = children
        self._procedures = procedures
        self._handovers = handovers
        self._shield = shield
        self._desk = desk
        self._clocks = deadlines.Clocks.of(directory)

    def lift(self, child: ChildRow, handover: bytes | None) -> None:
        """Nobody need be kept from knowing; or, of one handover, the area that the child left by it may know where it is.

        Both sides of what is shown are told from here on, as of any move. Areas left before stay in the dark, and what
        comes after is hidden from everybody again.

        Raises:
            UnknownHandoverError: not a hidden handover of the child that leads to where it is.
        """
        if handover is None:
            self._shield.lift(child.child)
            self._children.records.show(child.child)
            for row in self._procedures.all_of(child.child):
                self._show(handover_of(row))
            return
        found = self._procedures.handover(handover)
        if found is None or found.child != child.child or found.to_area != child.safety or not found.withheld:
            raise UnknownHandoverError("no hidden handover leads to where the child is")
        self._show(handover_of(found))

    def _show(self, one: Handover) -> None:
        if not one.withheld:
            return
        shown = replace(one, withheld=False)
        self._handovers.save(shown)
        self._shield.changed()
        if not one.released and one.state in machine.OPEN:
            release, _ = deadlines.when_noticed(replace(shown, opened_ms=self._desk.now_ms), self._clocks)
            self._handovers.owe(shown, [release])
        self._handovers.record(shown, "shown", None)
        self._handovers.tell(shown)
