"""Whose each resource is: what moved to another patient, or was deleted, is found by its id."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "state_0006"
down_revision = "state_0005"

_ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create both tables, empty: a resource is followed from the first version that comes from now on."""
    op.create_table(
        "resource_claim",
        sa.Column("resource", sa.Text(), nullable=False),
        sa.Column("patient", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("major", sa.BigInteger(), nullable=False),
        sa.Column("minor", sa.BigInteger(), nullable=False),
        sa.Column("received_at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("resource", "patient", name="pk_resource_claim"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "contested",
        sa.Column("id", _ROW_ID, nullable=False),
        sa.Column("patient", sa.BigInteger(), nullable=False),
        sa.Column("resource", sa.Text(), nullable=False),
        sa.Column("received_at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_contested"),
    )
    op.create_index("ix_contested_patient", "contested", ["patient"])
    op.create_index("ix_contested_resource", "contested", ["resource"])
