"""What an upgrade of the state must keep, whatever the database."""

from __future__ import annotations

from alembic import command

from tests.contract.state_values import T0, batch
from worker.model.message import Form, RawMessage
from worker.storage.dialect import open_database
from worker.storage.migrate import _config, upgrade
from worker.storage.records import Quarantined
from worker.storage.state import SqlState

_OLD = (
    (
        'INSERT INTO quarantine (kind, at_ms, reason, place, feed, message_type, message_id, part, "offset", patient) VALUES'
        " ('message', T0, 'no patient', 'PID', 'ward', 'ADT^A01', '7', 'journal', 3, NULL),"
        " ('fact', T0, 'bad-time', 'OBX', 'ward', 'ORU^R01', '8', 'journal', 4, NULL),"
        " ('assessment', T0, 'internal error KeyError', 'rule', '', '', '', '', NULL, 5)"
    ),
    "INSERT INTO quarantined_message VALUES ('journal', 3, T0, 'mllp', 'hl7v2', '', BAD)",
)


def upgrade_to(revision: str, url: str) -> None:
    """Make a database as an older release made it."""
    engine = open_database(url)
    with engine.connect() as conn:
        config = _config("state")
        config.attributes["connection"] = conn
        command.upgrade(config, revision)
        conn.commit()
    engine.dispose()


def check_that_quarantine_is_carried_over(url: str) -> None:
    """Fill the quarantine of the release before digests, and read it after the upgrade."""
    upgrade_to("state_0002", url)
    engine = open_database(url)
    bad = "'\\x626164'" if engine.dialect.name == "postgresql" else "x'626164'"
    with engine.begin() as conn:
        for statement in _OLD:
            conn.exec_driver_sql(statement.replace("BAD", bad).replace("T0", str(T0)))
    engine.dispose()
    upgrade(url, "state")
    store = SqlState(url)
    raw = RawMessage(b"bad", Form.HL7V2, "mllp", T0)
    old = (
        Quarantined("message", T0, "no patient", "PID", "ward", "ADT^A01", "7", 3, raw),
        Quarantined("fact", T0, "bad-time", "OBX", "ward", "ORU^R01", "8", 4),
        Quarantined("assessment", T0, "internal error KeyError", "rule"),
    )
    assert store.quarantined() == old
    assert store.failed() == {"internal error KeyError": 1}
    again = (
        old[0],
        Quarantined("message", T0, "no patient", offset=3, message=RawMessage(b"new", Form.HL7V2, "x", 1)),
    )
    assert store.record(batch(0, quarantined=again))
    assert store.quarantined() == (*old, *again), "each with its own bytes, numbered on"
    with store._db.reading() as conn:
        kept = conn.exec_driver_sql("SELECT count(*) FROM quarantined_message").scalar_one()
    assert kept == 2, "the same bytes are kept once"
    store.close()
