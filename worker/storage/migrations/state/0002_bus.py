"""Several workers and sinks: positions that idle, rows by part, notices by target, leases, facts by day."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "state_0002"
down_revision = "state_0001"


def upgrade() -> None:
    """Rebuild the tables whose keys grow, with what they hold; create the new ones."""
    _rebuild_position()
    _rebuild_identity_link()
    _rebuild_feed_state()
    _rebuild_outbox()
    op.create_table(
        "sent_offset",
        sa.Column("sink", sa.Text(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("next", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("sink", "topic", "partition", name="pk_sent_offset"),
    )
    op.create_table(
        "lease",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("until_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_lease"),
    )
    if op.get_bind().dialect.name == "postgresql":
        _divide_recent_fact()
        # Rows of this table live for seconds: without this its index would be full of those that are gone.
        op.execute(
            "ALTER TABLE due SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000)"
        )


def _divide_recent_fact() -> None:
    """Make a table for each day possible; no release has stored facts in PostgreSQL before this one."""
    op.drop_table("recent_fact")
    op.execute(
        "CREATE TABLE recent_fact (id BIGSERIAL NOT NULL, receipt_day INTEGER NOT NULL, patient BIGINT NOT NULL,"
        " concept INTEGER NOT NULL, effective_ms BIGINT NOT NULL, payload BYTEA NOT NULL)"
        " PARTITION BY RANGE (receipt_day)"
    )
    op.create_index("ix_recent_fact_patient_concept", "recent_fact", ["patient", "concept"])


def _rebuild_position() -> None:
    _set_aside("position")
    op.create_table(
        "position",
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("next", sa.BigInteger(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("caught_up_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("part", name="pk_position"),
    )
    _fill("position", "part, next, at_ms, 0")


def _rebuild_identity_link() -> None:
    _set_aside("identity_link")
    op.create_table(
        "identity_link",
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("second", sa.BigInteger(), nullable=False),
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("stated_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("first", "second", "part", name="pk_identity_link"),
    )
    _fill("identity_link", "first, second, 'journal', stated_at_ms, kind")
    op.create_index("ix_identity_link_second", "identity_link", ["second"])


def _rebuild_feed_state() -> None:
    _set_aside("feed_state")
    op.create_table(
        "feed_state",
        sa.Column("feed", sa.Text(), nullable=False),
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("last_received_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("feed", "part", name="pk_feed_state"),
    )
    _fill("feed_state", "feed, 'journal', last_received_ms")


def _rebuild_outbox() -> None:
    _set_aside("outbox")
    op.create_table(
        "outbox",
        sa.Column("notice", sa.Text(), nullable=False),
        sa.Column("sink", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("alert", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("is_sent", sa.Boolean(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_try_ms", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("notice", "sink", "target", name="pk_outbox"),
    )
    tail = "alert, version, created_at_ms, is_sent, attempts, next_try_ms, body"
    _fill("outbox", f"notice, sink, '', 'alert', {tail}")
    op.create_index("ix_outbox_sink_is_sent_next_try_ms", "outbox", ["sink", "is_sent", "next_try_ms"])
    op.create_index("ix_outbox_alert", "outbox", ["alert"])


def _set_aside(table: str) -> None:
    """Copy a table and drop it: names of constraints and indexes are free again, and the new one is made afresh."""
    op.execute(f"CREATE TABLE old_{table} AS SELECT * FROM {table}")  # noqa: S608 - names of this file
    op.drop_table(table)


def _fill(table: str, columns: str) -> None:
    op.execute(f"INSERT INTO {table} SELECT {columns} FROM old_{table}")  # noqa: S608 - names of this file
    op.drop_table(f"old_{table}")
