"""What a reader was given about a child is found in its order: a long history is read page by page."""

import sqlalchemy as sa
from alembic import op

revision = "r0010"
down_revision = "r0009"


def upgrade() -> None:
    """Put the wider index in the narrower one's place; a new database was made with it."""
    there = {str(index["name"]) for index in sa.inspect(op.get_bind()).get_indexes("deliveries")}
    if "deliveries_of_child" not in there:
        op.create_index("deliveries_of_child", "deliveries", ["child", "reader", "number"])
    if "deliveries_by_child" in there:
        op.drop_index("deliveries_by_child", "deliveries")
