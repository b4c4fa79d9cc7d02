"""Corrections, what was decided about them, and their images."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision: str | None = None


def upgrade() -> None:
    """Makes the three tables."""
    key = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "corrections",
        sa.Column("id", key, primary_key=True),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("label", sa.String(64), nullable=False),
        sa.Column("answer", sa.String(64), nullable=False),
        sa.Column("confidence", sa.Float, nullable=False),
        sa.Column("model", sa.String(128), nullable=False),
        sa.Column("source", sa.String(128), nullable=False),
        sa.Column("undo_sha256", sa.String(64), nullable=False),
        sa.Column("made", moment, nullable=False),
    )
    op.create_index("corrections_by_image", "corrections", ["sha256"])
    op.create_index("corrections_by_source", "corrections", ["source"])
    op.create_table(
        "decisions",
        sa.Column("id", key, primary_key=True),
        sa.Column("correction_id", key, sa.ForeignKey("corrections.id"), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("decided_by", sa.String(128), nullable=False),
        sa.Column("made", moment, nullable=False),
        sa.UniqueConstraint("correction_id", "state", name="decisions_are_made_once"),
    )
    op.create_index("decisions_in_order", "decisions", ["correction_id", "id"])
    op.create_table(
        "images",
        sa.Column(
            "correction_id", key, sa.ForeignKey("corrections.id"), primary_key=True, autoincrement=False
        ),
        sa.Column("pixels", sa.LargeBinary, nullable=False),
    )
