"""What was set aside is known by its part, its offset and its bytes: a topic that was made anew gives its offsets again."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, cast

import sqlalchemy as sa
from alembic import op

if TYPE_CHECKING:
    import sqlite3

revision = "state_0003"
down_revision = "state_0002"

_DIGEST_BYTES = 8
_QUARANTINE = 'id, kind, at_ms, reason, place, feed, message_type, message_id, part, "offset", patient'
_MESSAGE = "received_at_ms, transport, form, fault, body"


def upgrade() -> None:
    """Give the digests, and an index by which the failures of a patient are found."""
    if op.get_bind().dialect.name == "postgresql":
        _alter()
    else:
        _rebuild()
    op.create_index("ix_quarantine_patient", "quarantine", ["patient"])


def _alter() -> None:
    """Add the columns where they are: the numbers of the rows go on."""
    for table in ("quarantine", "quarantined_message"):
        op.add_column(table, sa.Column("digest", sa.Text(), server_default=sa.text("''"), nullable=False))
    op.execute(
        f"UPDATE quarantined_message SET digest = encode(substring(sha256(body) for {_DIGEST_BYTES}), 'hex')"  # noqa: S608 - names of this file
    )
    op.execute(
        "UPDATE quarantine SET digest = message.digest FROM quarantined_message AS message"
        ' WHERE quarantine.part = message.part AND quarantine."offset" = message."offset"'
    )
    op.drop_constraint("pk_quarantined_message", "quarantined_message")
    op.create_primary_key("pk_quarantined_message", "quarantined_message", ["part", "offset", "digest"])


def _rebuild() -> None:
    """Make the tables afresh: SQLite changes no key."""
    for table in ("quarantine", "quarantined_message"):
        op.execute(f"CREATE TABLE old_{table} AS SELECT * FROM {table}")  # noqa: S608 - names of this file
        op.drop_table(table)
    row_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "quarantine",
        sa.Column("id", row_id, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("feed", sa.Text(), nullable=False),
        sa.Column("message_type", sa.Text(), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=True),
        sa.Column("digest", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("patient", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_quarantine"),
    )
    op.create_table(
        "quarantined_message",
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("received_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("transport", sa.Text(), nullable=False),
        sa.Column("form", sa.Text(), nullable=False),
        sa.Column("fault", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("part", "offset", "digest", name="pk_quarantined_message"),
    )
    driver = cast("sqlite3.Connection", op.get_bind().connection.driver_connection)
    driver.create_function("digest_of", 1, _digest, deterministic=True)
    op.execute(
        f'INSERT INTO quarantined_message (part, "offset", digest, {_MESSAGE})'  # noqa: S608 - as above
        f' SELECT part, "offset", digest_of(body), {_MESSAGE} FROM old_quarantined_message'
    )
    op.execute(
        f"INSERT INTO quarantine ({_QUARANTINE}, digest) SELECT {_QUARANTINE}, coalesce((SELECT message.digest"  # noqa: S608 - as above
        " FROM quarantined_message AS message WHERE message.part = old_quarantine.part"
        ' AND message."offset" = old_quarantine."offset"), \'\') FROM old_quarantine ORDER BY id'
    )
    for table in ("quarantine", "quarantined_message"):
        op.drop_table(f"old_{table}")


def _digest(body: bytes) -> str:
    return sha256(body).digest()[:_DIGEST_BYTES].hex()
