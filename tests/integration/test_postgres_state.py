"""What only a server brings to the state: lost connections, its errors, its limits, its plans, and tables by day."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable, Iterator
from dataclasses import replace

import psycopg
import pytest
import sqlalchemy as sa

from tests.contract.state_values import (
    ANNA,
    BEN,
    OPENING,
    PART,
    T0,
    batch,
    episode_of,
    fact,
    judge,
    link,
    nothing,
    outgoing,
    raising,
    states,
)
from tests.plans import explained
from tools.postgres_local import PostgresLocal
from worker.model.alert import Notice
from worker.model.errors import TemporaryError
from worker.model.fact import Identifier
from worker.model.message import Form, Outcome, OutcomeKind, RawMessage, Reading
from worker.model.time import DAY_MS
from worker.runtime.ingest import Ingest
from worker.storage import assessing, days, locks
from worker.storage.migrate import upgrade
from worker.storage.records import CountKey, Quarantined, Verdict
from worker.storage.schema import identifier
from worker.storage.state import SqlState

pytestmark = pytest.mark.integration

SECRET = "geheim-4711"


@pytest.fixture
def other(state_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(state_url.replace("+psycopg", "")) as connection:
        yield connection


# Text that PostgreSQL has no place for


def test_text_with_u0000_comes_back_as_it_was(store: SqlState) -> None:
    people = [Identifier("ward", value, "M\0R") for value in ("1", "1\0", "1\ue000", "1\ue0000", "\0\ue0001")]
    items = [Quarantined("message", T0, "bad", "PID", "feed", "ORU\0", "id\0", 3)]
    counts = {CountKey("ignored", "feed\0", "reason", "sub\0ject"): 2}
    store.record(
        batch(0, *(fact(who, "lumbar-puncture") for who in people), quarantined=items, counts=counts)
    )
    assert sorted(case.patients[0].value for case in judge(store, nothing)) == sorted(
        who.value for who in people
    )
    assert [len(store.find(who.value)) for who in people] == [1] * 5
    assert store.quarantined() == tuple(items)
    assert store.counts() == counts


@pytest.mark.parametrize(
    ("value", "hours"),
    [
        ("".join(chr(0x4E00 + (number * 7_919) % 20_000) for number in range(9_000)), 0),
        ("lone \ud800 surrogate", 0),
        ("3", 2.0**60),
    ],
    ids=["longer than an index entry", "no text", "an instant beyond 64 bits"],
)
def test_a_message_that_cannot_be_stored_is_set_aside_and_the_others_pass(
    store: SqlState, value: str, hours: float
) -> None:
    bodies = [b"1", b"2", value.encode("utf-8", "surrogatepass"), b"4", b"5"]

    def read(raw: RawMessage) -> Reading:
        who = Identifier("ward", raw.body.decode("utf-8", "surrogatepass"), "MR")
        facts = (fact(who, "lumbar-puncture", hours if raw.body == bodies[2] else 0),)
        return Reading(
            Outcome(OutcomeKind.PROCESSED), "feed", "ORU^R01", "id", raw.received_at_ms, (who,), facts
        )

    entries = [(at, RawMessage(body, Form.HL7V2, "mllp", T0)) for at, body in enumerate(bodies)]
    assert Ingest(store, read).take(entries) == 5
    (item,) = store.quarantined()
    assert (item.offset, item.message) == (2, entries[2][1])
    assert sorted(case.patients[0].value for case in judge(store, nothing)) == ["1", "2", "4", "5"]


# Errors


def test_errors_quote_no_values(store: SqlState) -> None:
    row = {"authority": "ward", "value": SECRET, "type": "MR"}
    with pytest.raises(sa.exc.IntegrityError) as twice, store._db.unit() as conn:
        conn.execute(sa.insert(identifier), [row, row])
    with pytest.raises(sa.exc.DataError) as not_a_number, store._db.unit() as conn:
        conn.execute(sa.text("SELECT CAST(:secret AS integer)"), {"secret": SECRET})
    # COPY goes by the driver itself; a row without a table for its day is quoted by the server.
    with pytest.raises(TemporaryError) as without_day, store._db.unit() as conn:
        store._facts.append(conn, [fact(Identifier("ward", SECRET, "MR"), "gcs")])
    for caught in (twice, not_a_number, without_day):
        told = "".join(traceback.format_exception(caught.value))
        assert SECRET not in told
        assert "Failing row" not in told
        assert "SQLSTATE" in told


def test_a_connection_that_cannot_be_made_says_why() -> None:
    with pytest.raises(TemporaryError) as caught:
        SqlState("postgresql+psycopg://nobody@127.0.0.1:1/absent")
    assert "127.0.0.1" in str(caught.value.__cause__)


def test_a_lost_connection_is_made_again_for_the_next_unit(
    store: SqlState, other: psycopg.Connection
) -> None:
    assert store.record(batch(0, fact(ANNA, "gcs")))
    other.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    other.commit()
    with pytest.raises(TemporaryError):
        store.record(batch(1, fact(ANNA, "lumbar-puncture")))
    assert store.record(batch(1, fact(ANNA, "lumbar-puncture")))
    (case,) = judge(store, nothing)
    assert len(case.facts) == 2


def test_a_server_that_was_killed_is_waited_for(own_postgres: PostgresLocal) -> None:
    url = own_postgres.url()
    upgrade(url, "state")
    store = SqlState(url)
    assert store.record(batch(0, fact(ANNA, "gcs")))
    own_postgres.kill()
    attempts: list[Callable[[], object]] = [
        lambda: store.record(batch(1)),
        lambda: store.position(PART),
        lambda: store.assess(T0, OPENING, nothing),
    ]
    for attempt in attempts:
        with pytest.raises(TemporaryError):
            attempt()
    own_postgres.restart()
    assert store.position(PART).next == 1
    assert store.record(batch(1, fact(ANNA, "lumbar-puncture")))
    store.close()


@pytest.mark.parametrize(
    ("state", "is_temporary"),
    [
        ("40001", True),
        ("40P01", True),
        ("57P01", True),
        ("57P03", True),
        ("53100", True),
        ("55P03", True),
        ("25006", True),
        ("54000", False),
        ("22003", False),
        ("23505", False),
        ("42P01", False),
    ],
)
def test_what_is_temporary_is_told_by_the_servers_state(
    store: SqlState, state: str, *, is_temporary: bool
) -> None:
    expected = TemporaryError if is_temporary else sa.exc.DBAPIError
    with pytest.raises(expected), store._db.unit() as conn:
        conn.exec_driver_sql(f"DO $$BEGIN RAISE EXCEPTION 'it failed' USING ERRCODE = '{state}'; END$$")
    assert store.record(batch(0))


def test_units_that_wait_for_each_other_in_a_ring_are_tried_again(state_url: str) -> None:
    first, second = SqlState(state_url), SqlState(state_url)
    first.record(batch(0, part="one"))
    first.record(batch(0, part="two"))
    both = threading.Barrier(2)
    failed: list[TemporaryError] = []

    def cross(store: SqlState, parts: tuple[str, str]) -> None:
        def attempt() -> None:
            with store._db.unit() as conn:
                for index, part in enumerate(parts):
                    if index and not failed:
                        both.wait(60)
                    conn.execute(
                        sa.text("UPDATE position SET next = next + 1 WHERE part = :part"), {"part": part}
                    )

        # Whoever is told may come first again, before the other has awoken, and is told once more.
        for _ in range(20):
            try:
                attempt()
            except TemporaryError as error:
                failed.append(error)
            else:
                return

    threads = [
        threading.Thread(target=cross, args=pair)
        for pair in ((first, ("one", "two")), (second, ("two", "one")))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed
    assert [position.next for position in first.positions().values()] == [3, 3]
    first.close()
    second.close()


def test_the_isolation_does_not_depend_on_the_servers_default(
    state_url: str, other: psycopg.Connection
) -> None:
    name = state_url.rpartition("/")[2]
    other.execute(f"ALTER DATABASE {name} SET default_transaction_isolation = 'serializable'")
    other.commit()
    store = SqlState(state_url)
    with store._db.reading() as conn:
        assert conn.scalar(sa.text("SHOW transaction_isolation")) == "read committed"
    store.close()


# Tables by day


def stored_days(store: SqlState) -> list[int]:
    with store._db.reading() as conn:
        return sorted(days.stored(conn))


def test_each_day_and_the_one_after_it_has_a_table(store: SqlState) -> None:
    today = T0 // DAY_MS
    store.record(batch(0, fact(ANNA, "gcs"), fact(ANNA, "gcs", received_ms=T0 - 2 * DAY_MS)))
    assert stored_days(store) == [today - 2, today, today + 1]


def test_a_batch_over_many_days_is_stored(store: SqlState) -> None:
    facts = [fact(ANNA, "lumbar-puncture", received_ms=T0 - day * DAY_MS) for day in range(120)]
    store.record(batch(0, *facts, fact(ANNA, "gcs", received_ms=-3 * DAY_MS)))
    (case,) = judge(store, nothing)
    assert len(case.facts) == 121
    assert len(stored_days(store)) == 122


def test_a_new_day_waits_neither_for_readers_nor_for_writers(
    store: SqlState, other: psycopg.Connection
) -> None:
    store.record(batch(0, fact(ANNA, "gcs")))
    other.execute("SELECT count(*) FROM recent_fact")
    other.execute(
        "INSERT INTO recent_fact (receipt_day, patient, concept, effective_ms, payload) VALUES (%s, 1, 1, 1, '')",
        [T0 // DAY_MS],
    )
    with store._db.unit() as conn:
        conn.exec_driver_sql("SET SESSION lock_timeout = '2s'")
    assert store.record(batch(1, fact(ANNA, "gcs", received_ms=T0 + 5 * DAY_MS)))


def test_a_day_that_somebody_reads_is_dropped_later(store: SqlState, other: psycopg.Connection) -> None:
    store.record(batch(0, fact(ANNA, "gcs")))
    other.execute("SELECT count(*) FROM recent_fact")
    with pytest.raises(TemporaryError):
        store.drop_recent(T0 + DAY_MS, [], T0 + DAY_MS)
    other.rollback()
    store.drop_recent(T0 + DAY_MS, [], T0 + DAY_MS)
    assert stored_days(store) == [T0 // DAY_MS + 1]


def test_a_day_that_another_worker_dropped_is_made_again(state_url: str, store: SqlState) -> None:
    store.record(batch(0, fact(ANNA, "gcs")))
    cleaner = SqlState(state_url)
    cleaner.drop_recent(T0 + 2 * DAY_MS, [], T0 + 2 * DAY_MS)
    cleaner.close()
    with pytest.raises(TemporaryError):
        store.record(batch(1, fact(ANNA, "gcs")))
    assert store.record(batch(1, fact(ANNA, "gcs")))


# Plans

TABLES = (
    "recent_fact",
    "lp_fact",
    "due",
    "identifier",
    "identity_link",
    "resource_claim",
    "contested",
    "episode",
    "alert",
    "outbox",
    "concept",
)


@pytest.mark.slow
@pytest.mark.parametrize("is_free_to_scan", [False, True])
def test_what_a_message_costs_reads_no_table_from_end_to_end(
    store: SqlState, other: psycopg.Connection, *, is_free_to_scan: bool
) -> None:
    """By the settings of our connections on any table; by the planner's own choice on the large ones."""
    people = [Identifier("ward", f"p{number}", "MR") for number in range(1_500)]
    at = 0
    for day in range(4):
        facts = [
            fact(who, concept, received_ms=T0 + day * DAY_MS)
            for who in people
            for concept in ("gcs", "temp", "pulse", "rr")
        ]
        store.record(batch(at, *facts))
        at += 1
    store.assess(T0 + 9 * DAY_MS, OPENING, nothing, limit=10_000)
    lps = [fact(who, "lumbar-puncture") for who in people]
    links = [link(one, next_, "merge", 0) for one, next_ in zip(people[::2], people[1::2], strict=True)]
    store.record(batch(at, *lps, links=links))

    def raise_all(case: object) -> Verdict:
        who = case.patients[0].value
        puncture = next(item for item in case.facts if item.concept == "lumbar-puncture")
        notice = Notice(f"n{who}", f"a{who}", 1, b"{}")
        return replace(
            raising(puncture)(case),
            episodes=(episode_of(puncture, f"e{who}"),),
            changes=(),
            notices=(outgoing(notice),),
            next_due_ms=T0 + 20 * DAY_MS,
        )

    while store.assess(T0 + 9 * DAY_MS, OPENING, raise_all, limit=200).due:
        pass
    if is_free_to_scan:
        other.execute(
            "INSERT INTO due (patient, at_ms) SELECT patient, at_ms + later FROM due, generate_series(1, 40) later"
        )
        other.commit()
        other.execute("ANALYZE")
        other.commit()
        with store._db.unit() as conn:
            conn.exec_driver_sql("SET SESSION enable_seqscan = on")
    store._forget()
    someone = [fact(who, "gcs", received_ms=T0 + 3 * DAY_MS) for who in people[40:45]]
    with explained(store) as plans:
        moved = [*states(people[40], 1)["claims"], *states(people[42], 2)["claims"]]
        store.record(batch(at + 1, *someone, fact(BEN, "gcs", received_ms=T0 + 3 * DAY_MS), claims=moved))
        assert store.assess(T0 + 9 * DAY_MS, OPENING, raise_all, limit=200).cases == 3
        store.next_due_ms()
        store.pending("file", T0 + 9 * DAY_MS, 10)
    tables = ("recent_fact", "lp_fact", "due", "identifier") if is_free_to_scan else TABLES
    scanned = [plan.text for plan in plans if any(f"Seq Scan on {table}" in plan.text for table in tables)]
    assert len(plans) > 15
    assert scanned == [], "\n\n".join(scanned)


def test_known_patients_are_looked_up_by_authority_and_value_before_there_are_statistics(
    store: SqlState,
) -> None:
    people = [Identifier("ward", f"p{number}", "MR") for number in range(3_000)]
    store.record(batch(0, *(fact(who, "gcs") for who in people)))
    store._forget()
    with explained(store) as plans:
        store.record(batch(1, *(fact(who, "gcs") for who in people[:500])))
    lookups = [plan.text for plan in plans if "FROM identifier" in plan.statement]
    assert lookups
    for plan in lookups:
        assert "Filter: (value = " not in plan
        assert "(value = " in plan.partition("Index Cond: ")[2].partition("\n")[0]


# Locks


def test_one_transaction_locks_a_bounded_number_of_patients(
    store: SqlState, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "MOST_LOCKS", 4)
    people = [Identifier("ward", f"p{number}", "MR") for number in range(10)]
    links = [link(people[0], who, "merge", 0) for who in people[1:6]]
    store.record(batch(0, *(fact(who, "lumbar-puncture") for who in people), links=links))
    first = store.assess(T0, OPENING, nothing)
    assert (first.cases, first.due, first.busy) == (1, 6, 4), "a group larger than the bound is taken alone"
    second = store.assess(T0, OPENING, nothing)
    assert (second.cases, second.busy) == (4, 0)


def test_a_patient_of_more_identifiers_than_can_be_locked_is_set_aside(
    store: SqlState, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assessing.group_size, "LARGEST_GROUP", 3)
    people = [Identifier("ward", f"p{number}", "MR") for number in range(5)]
    links = [link(people[0], who, "merge", 0) for who in people[1:]]
    store.record(batch(0, *(fact(who, "lumbar-puncture") for who in (*people, BEN)), links=links))
    assert [case.patients for case in judge(store, nothing)] == [(BEN,)]
    (item,) = store.quarantined()
    assert item.reason == "a patient of more than 3 identifiers"
    assert store.next_due_ms() is None


def test_a_busy_patient_stays_due_and_the_others_are_judged(
    store: SqlState, other: psycopg.Connection
) -> None:
    store.record(batch(0, fact(ANNA, "lumbar-puncture"), fact(BEN, "lumbar-puncture")))
    (anna,) = store.find(ANNA.value)
    other.execute("SELECT pg_advisory_xact_lock(%s)", [anna])
    done = store.assess(T0, OPENING, nothing)
    assert (done.due, done.cases, done.busy) == (1, 1, 1)
    other.rollback()
    done = store.assess(T0, OPENING, nothing)
    assert (done.due, done.cases, done.busy) == (1, 1, 0)


def test_an_lp_that_is_over_is_let_go_unless_somebody_is_at_it(
    store: SqlState, other: psycopg.Connection
) -> None:
    puncture = fact(ANNA, "lumbar-puncture")
    store.record(batch(0, puncture))
    judge(store, raising(puncture))
    store.drop_recent(T0 + DAY_MS, [], T0 + DAY_MS)
    (anna,) = store.find(ANNA.value)
    other.execute("SELECT pg_advisory_xact_lock(%s)", [anna])
    store.drop_over(T0 + DAY_MS)
    assert store.episodes() == (1, 0)
    other.rollback()
    store.drop_over(T0 + DAY_MS)
    assert store.episodes() == (0, 0)


def test_a_worker_that_stands_still_in_an_assessment_loses_its_patients(state_url: str) -> None:
    slow, quick = SqlState(state_url), SqlState(state_url)
    slow.record(batch(0, fact(ANNA, "lumbar-puncture")))
    seen: list[int] = []

    def stand_still(_case: object) -> Verdict:
        done = quick.assess(T0, OPENING, nothing)
        assert (done.cases, done.due) == (0, 0), "its due row and its patient are held"
        # From now on, and in this transaction only: the others may take their time on a busy machine.
        slow._db._conn.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = '200ms'")
        while not seen:
            threading.Event().wait(0.05)
            seen.extend([1] * quick.assess(T0, OPENING, nothing).cases)
        return raising(fact(ANNA, "lumbar-puncture"))(_case)

    with pytest.raises(TemporaryError):
        slow.assess(T0, OPENING, stand_still)
    assert slow.alerts() == ()
    assert slow.record(batch(1, fact(ANNA, "gcs")))
    slow.close()
    quick.close()
