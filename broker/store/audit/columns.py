"""What all of the board's tables have in common."""

import sqlalchemy as sa

METADATA = sa.MetaData()

Bytes = sa.LargeBinary
Text = sa.String
Number = sa.BigInteger().with_variant(sa.Integer, "sqlite")
