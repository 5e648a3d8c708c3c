"""Links that FHIR Patients and moves of visits state are kept apart from those that stand until they are taken back."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "state_0005"
down_revision = "state_0004"


def upgrade() -> None:
    """Rebuild the links with what they hold: what was said before stands until it is taken back."""
    op.execute("CREATE TABLE old_identity_link AS SELECT * FROM identity_link")
    op.drop_table("identity_link")
    op.create_table(
        "identity_link",
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("second", sa.BigInteger(), nullable=False),
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("record", sa.BigInteger(), nullable=False),
        sa.Column("stated_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("first", "second", "part", "record", name="pk_identity_link"),
    )
    op.execute(
        "INSERT INTO identity_link SELECT first, second, part, 0, stated_at_ms, kind FROM old_identity_link"
    )
    op.drop_table("old_identity_link")
    op.create_index("ix_identity_link_second", "identity_link", ["second"])
