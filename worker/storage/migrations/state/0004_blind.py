"""Where rules are blind: for how long each LP is, and what of a patient's messages could not be used."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "state_0004"
down_revision = "state_0003"

_ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create both tables, empty: LPs are judged again with the next message, or the next pack."""
    op.create_table(
        "blind_spot",
        sa.Column("episode", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("from_ms", sa.BigInteger(), nullable=False),
        sa.Column("until_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("episode", "kind", name="pk_blind_spot"),
    )
    op.create_index("ix_blind_spot_until_ms", "blind_spot", ["until_ms"])
    op.create_table(
        "unused",
        sa.Column("id", _ROW_ID, nullable=False),
        sa.Column("receipt_day", sa.Integer(), nullable=False),
        sa.Column("patient", sa.BigInteger(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("feed", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_unused"),
    )
    op.create_index("ix_unused_patient", "unused", ["patient"])
    op.create_index("ix_unused_receipt_day", "unused", ["receipt_day"])
