"""The tables of both databases. Instants are epoch milliseconds; values are encoded by `codec`."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from worker.storage.dialect import Words

_NAMES = {"pk": "pk_%(table_name)s", "uq": "uq_%(table_name)s", "ix": "ix_%(table_name)s_%(column_0_N_name)s"}

# SQLite numbers rows by itself only in a column declared INTEGER; elsewhere such a number needs 64 bits.
RowId = BigInteger().with_variant(Integer, "sqlite")

intake = MetaData(naming_convention=_NAMES)
state = MetaData(naming_convention=_NAMES)

journal = Table(
    "journal",
    intake,
    Column("id", RowId, primary_key=True),
    Column("received_at_ms", BigInteger, nullable=False),
    Column("transport", Text, nullable=False),
    Column("form", Text, nullable=False),
    Column("fault", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    sqlite_autoincrement=True,  # an offset is never given twice, not even after old messages were dropped
)

position = Table(
    "position",
    state,
    Column("part", Words, primary_key=True),
    Column("next", BigInteger, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("caught_up_ms", BigInteger, nullable=False),
)

identifier = Table(
    "identifier",
    state,
    Column("id", RowId, primary_key=True),
    Column("authority", Words, nullable=False),
    Column("value", Words, nullable=False),
    Column("type", Words, nullable=False),
    UniqueConstraint("authority", "value"),
)

# One row for each unordered pair (first < second), part of the journal and record: the newest statement that came by that part.
# Whoever consumes a part never waits for a row of another; the greatest of a pair's rows counts. `record` is the FHIR Patient
# that says so, one of the two, whose newest version is a row of the record with itself; -1 where something moved between
# patients; else 0.
identity_link = Table(
    "identity_link",
    state,
    Column("first", BigInteger, primary_key=True, autoincrement=False),
    Column("second", BigInteger, primary_key=True, autoincrement=False),
    Column("part", Words, primary_key=True),
    Column("record", BigInteger, primary_key=True, autoincrement=False),
    Column("stated_at_ms", BigInteger, nullable=False),
    Column("kind", Words, nullable=False),
    Index(None, "second"),
)

# Whose each resource is, by the newest version that named each patient; the patient 0 has what was deleted.
resource_claim = Table(
    "resource_claim",
    state,
    Column("resource", Words, primary_key=True),
    Column("patient", BigInteger, primary_key=True, autoincrement=False),
    Column("major", BigInteger, nullable=False),
    Column("minor", BigInteger, nullable=False),
    Column("received_at_ms", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

# The few resources that several patients had, or that were deleted; rows are appended only, and read as a set.
contested = Table(
    "contested",
    state,
    Column("id", RowId, primary_key=True),
    Column("patient", BigInteger, nullable=False),
    Column("resource", Words, nullable=False),
    Column("received_at_ms", BigInteger, nullable=False),
    Index(None, "patient"),
    Index(None, "resource"),
)

concept = Table(
    "concept",
    state,
    Column("id", Integer, primary_key=True),
    Column("name", Words, nullable=False),
    UniqueConstraint("name"),
)

# On PostgreSQL a table for each day, whose rows are found by patient alone: see `days`.
recent_fact = Table(
    "recent_fact",
    state,
    Column("id", RowId, primary_key=True),
    Column("receipt_day", Integer, nullable=False),
    Column("patient", BigInteger, nullable=False),
    Column("concept", Integer, nullable=False),
    Column("effective_ms", BigInteger, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Index(None, "patient", "concept"),
    sqlite_autoincrement=True,  # a fact keeps its number in `lp_fact` when it is dropped here
)

lp_fact = Table(
    "lp_fact",
    state,
    Column("patient", BigInteger, primary_key=True, autoincrement=False),
    Column("concept", Integer, primary_key=True, autoincrement=False),
    Column("effective_ms", BigInteger, primary_key=True, autoincrement=False),
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("payload", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

due = Table(
    "due",
    state,
    Column("id", RowId, primary_key=True),
    Column("patient", BigInteger, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Index(None, "at_ms"),
    Index(None, "patient"),
)

episode = Table(
    "episode",
    state,
    Column("id", Words, primary_key=True),
    Column("patient", BigInteger, nullable=False),
    Column("anchor_ms", BigInteger, nullable=False),
    Column("created_at_ms", BigInteger, nullable=False),
    Column("is_presumed", Boolean, nullable=False),
    Column("is_current", Boolean, nullable=False),
    Column("is_over", Boolean, nullable=False),
    Column("record_keys", LargeBinary, nullable=False),
    Index(None, "patient"),
    Index(None, "anchor_ms"),
)

# For how long the rules of an LP are blind if nothing more comes: instants, so that they stay right without a new assessment.
blind_spot = Table(
    "blind_spot",
    state,
    Column("episode", Words, primary_key=True),
    Column("kind", Words, primary_key=True),
    Column("from_ms", BigInteger, nullable=False),
    Column("until_ms", BigInteger, nullable=False),
    Index(None, "until_ms"),
)

# What of a patient's messages could not be used; rows are appended only, and read as a set.
unused = Table(
    "unused",
    state,
    Column("id", RowId, primary_key=True),
    Column("receipt_day", Integer, nullable=False),
    Column("patient", BigInteger, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("feed", Words, nullable=False),
    Column("kind", Words, nullable=False),
    Column("subject", Words, nullable=False),
    Index(None, "patient"),
    Index(None, "receipt_day"),
)

episode_redirect = Table(
    "episode_redirect",
    state,
    Column("old", Words, primary_key=True),
    Column("kept", Words, nullable=False),
)

alert = Table(
    "alert",
    state,
    Column("id", Words, primary_key=True),
    Column("episode", Words, nullable=False),
    Column("rule", Words, nullable=False),
    Column("status", Words, nullable=False),
    Column("state", Words, nullable=False),
    Column("severity", Integer, nullable=False),
    Column("version", Integer, nullable=False),
    Column("raised_at_ms", BigInteger, nullable=False),
    Column("updated_at_ms", BigInteger, nullable=False),
    Column("document", LargeBinary, nullable=False),
    Index(None, "episode"),
)

alert_event = Table(
    "alert_event",
    state,
    Column("id", RowId, primary_key=True),
    Column("alert", Words, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("version", Integer, nullable=False),
    Column("state", Words, nullable=False),
    Column("severity", Integer, nullable=False),
    Column("reason", Words, nullable=False),
    Index(None, "alert"),
)

outbox = Table(
    "outbox",
    state,
    Column("notice", Words, primary_key=True),
    Column("sink", Words, primary_key=True),
    Column("target", Words, primary_key=True),
    Column("kind", Words, nullable=False),
    Column("alert", Words, nullable=False),
    Column("version", Integer, nullable=False),
    Column("created_at_ms", BigInteger, nullable=False),
    Column("is_sent", Boolean, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_try_ms", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index(None, "sink", "is_sent", "next_try_ms"),
    Index(None, "alert"),
)

# How far each sink has been read back or written, for outlets that number what they hold.
sent_offset = Table(
    "sent_offset",
    state,
    Column("sink", Words, primary_key=True),
    Column("topic", Words, primary_key=True),
    Column("partition", Integer, primary_key=True, autoincrement=False),
    Column("next", BigInteger, nullable=False),
)

lease = Table(
    "lease",
    state,
    Column("name", Words, primary_key=True),
    Column("owner", Words, nullable=False),
    Column("until_ms", BigInteger, nullable=False),
)

quarantine = Table(
    "quarantine",
    state,
    Column("id", RowId, primary_key=True),
    Column("kind", Words, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("reason", Words, nullable=False),
    Column("place", Words, nullable=False),
    Column("feed", Words, nullable=False),
    Column("message_type", Words, nullable=False),
    Column("message_id", Words, nullable=False),
    Column("part", Words, nullable=False),
    Column("offset", BigInteger, nullable=True),
    Column("patient", BigInteger, nullable=True),
    Column("digest", Words, nullable=False, server_default=text("''")),
    Index(None, "patient"),
)

# By digest, too: a topic that was made anew, and a journal that was deleted, give their offsets again.
quarantined_message = Table(
    "quarantined_message",
    state,
    Column("part", Words, primary_key=True),
    Column("offset", BigInteger, primary_key=True, autoincrement=False),
    Column("digest", Words, primary_key=True, server_default=text("''")),
    Column("received_at_ms", BigInteger, nullable=False),
    Column("transport", Words, nullable=False),
    Column("form", Words, nullable=False),
    Column("fault", Words, nullable=False),
    Column("body", LargeBinary, nullable=False),
)

counter = Table(
    "counter",
    state,
    Column("id", RowId, primary_key=True),
    Column("stage", Words, nullable=False),
    Column("feed", Words, nullable=False),
    Column("reason", Words, nullable=False),
    Column("subject", Words, nullable=False),
    Column("n", BigInteger, nullable=False),
)

feed_state = Table(
    "feed_state",
    state,
    Column("feed", Words, primary_key=True),
    Column("part", Words, primary_key=True),
    Column("last_received_ms", BigInteger, nullable=False),
)

meta = Table(
    "meta",
    state,
    Column("key", Words, primary_key=True),
    Column("value", Words, nullable=False),
)
