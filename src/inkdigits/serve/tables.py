"""The tables of the store. Rows are only added, save that those of `images` can be deleted."""

import datetime

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    UniqueConstraint,
)
from sqlalchemy.types import TypeDecorator

VERSION_TABLE = "inkdigits_version"
"""Where Alembic notes the revision; Alembic's own name for it could be another program's."""


class Moment(TypeDecorator[datetime.datetime]):
    """A moment in UTC, from databases that keep time zones and from SQLite, which doesn't."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_result_value(
        self,
        value: datetime.datetime | None,
        dialect: Dialect,  # noqa: ARG002 (as its base has it)
    ) -> datetime.datetime | None:
        """The moment with its time zone."""
        if value is None or value.tzinfo is not None:
            return value and value.astimezone(datetime.UTC)
        return value.replace(tzinfo=datetime.UTC)


metadata = MetaData()

_Id = BigInteger().with_variant(Integer, "sqlite")  # only an INTEGER key counts up by itself in SQLite

corrections = Table(
    "corrections",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("sha256", String(64), nullable=False),
    Column("label", String(64), nullable=False),
    Column("answer", String(64), nullable=False),
    Column("confidence", Float, nullable=False),
    Column("model", String(128), nullable=False),
    Column("source", String(128), nullable=False),
    Column("undo_sha256", String(64), nullable=False),
    Column("made", Moment, nullable=False),
    Index("corrections_by_image", "sha256"),
    Index("corrections_by_source", "source"),
)

decisions = Table(
    "decisions",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("correction_id", _Id, ForeignKey("corrections.id"), nullable=False),
    Column("state", String(16), nullable=False),
    Column("decided_by", String(128), nullable=False),
    Column("made", Moment, nullable=False),
    UniqueConstraint("correction_id", "state", name="decisions_are_made_once"),
    Index(
        "decisions_in_order", "correction_id", "id"
    ),  # PostgreSQL would go through all of them for the last
)

images = Table(
    "images",
    metadata,
    Column("correction_id", _Id, ForeignKey("corrections.id"), primary_key=True, autoincrement=False),
    Column("pixels", LargeBinary, nullable=False),
)
