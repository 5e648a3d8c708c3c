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
_MESSAGE = "received_at_ms, transport, form, fault, body"


def upgrade() -> None:
    """Give the digests, and an index by which the failures of a patient are found."""
    _add_digest("quarantine")
    if op.get_bind().dialect.name == "postgresql":
        _alter_messages()
    else:
        _rebuild_messages()
    op.execute(
        "UPDATE quarantine SET digest = coalesce((SELECT message.digest FROM quarantined_message AS message"
        ' WHERE message.part = quarantine.part AND message."offset" = quarantine."offset"), \'\')'
    )
    op.create_index("ix_quarantine_patient", "quarantine", ["patient"])


def _add_digest(table: str) -> None:
    op.add_column(table, sa.Column("digest", sa.Text(), server_default=sa.text("''"), nullable=False))


def _alter_messages() -> None:
    _add_digest("quarantined_message")
    op.execute(
        f"UPDATE quarantined_message SET digest = encode(substring(sha256(body) for {_DIGEST_BYTES}), 'hex')"  # noqa: S608 - names of this file
    )
    op.drop_constraint("pk_quarantined_message", "quarantined_message")
    op.create_primary_key("pk_quarantined_message", "quarantined_message", ["part", "offset", "digest"])


def _rebuild_messages() -> None:
    """Make the table afresh: SQLite changes no key."""
    op.rename_table("quarantined_message", "old_quarantined_message")
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
    op.drop_table("old_quarantined_message")


def _digest(body: bytes) -> str:
    return sha256(body).digest()[:_DIGEST_BYTES].hex()
