"""What front doors read of a case, held against the book."""

from collections.abc import Sequence

from tests.model.book import Book
from tests.model.passages import Passage
from tests.model.promises import must
from tests.model.town import Town


def same_kind(book: Book, town: Town, passage: Passage) -> None:
    """Both sides read that it is of the kind that its people say."""
    key = (passage.key or b"").hex()
    sort = "non_member" if passage.outside and passage.kind is None else passage.kind
    if sort is None and passage.about.startswith("unborn"):
        sort = "unborn"
    ours = None if sort is None else sort.removesuffix(" at a distance")
    for area in {passage.giver, passage.taker} & set(book.doors):
        gateway = town[book.doors[area]]
        read = gateway.asking.kind_of(*gateway.actions.handover(key))
        must((read.value if read else None) == ours, "P5", f"{area} reads {read}, the book says {sort}")


def one_family(book: Book, town: Town, passages: Sequence[Passage]) -> None:
    """Both sides see a family as one, and of each child by itself who has the case and where it stands."""
    expected = {(one.key or b"").hex(): (one.stage, book.passage(one.key)[0].keeper) for one in passages}
    for area in (passages[0].giver, passages[0].taker):
        families = town[book.doors[area]].asking.households()
        read = [
            {key: (view.state, view.holder) for key, view in family.children.items()} for family in families
        ]
        must(expected in read, "P5", f"a family is {read}, the book says {expected}")
