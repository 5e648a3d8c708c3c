"""Relays are woken by what other processes commit, and by nothing that they should not wait for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from threading import Event, Thread
from time import monotonic

import psycopg
import pytest

from tests.integration.alert_topics import put
from tests.integration.role_process import await_until
from tests.unit.runtime.topics import Topics, TopicSink
from tools.postgres_local import PostgresLocal
from worker.model.alert import Notice
from worker.runtime.clock import WallClock
from worker.runtime.lease import HeldLease
from worker.runtime.relay import Relay
from worker.storage import listening
from worker.storage.dialect import open_database
from worker.storage.listening import OutboxBell
from worker.storage.outbox import write_notices
from worker.storage.records import Outgoing
from worker.storage.state import SqlState

pytestmark = pytest.mark.integration

# Who is woken waits for less than half of the time for which nobody waits who is not: machines stand still for seconds.
LONG_S = 300.0
SOON_S = 120.0


@pytest.fixture
def bell(state_url: str) -> Iterator[OutboxBell]:
    """Give a bell that listens already."""
    made = OutboxBell(state_url, "kafka")
    made.wait(LONG_S)
    yield made
    made.close()


@pytest.fixture
def other(state_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(state_url.replace("+psycopg", ""), autocommit=True) as connection:
        yield connection


def took_s(wait: Callable[[], None]) -> float:
    begun_s = monotonic()
    wait()
    return monotonic() - begun_s


def listeners(connection: psycopg.Connection) -> list[int]:
    rows = connection.execute(
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'"
    )
    return [pid for (pid,) in rows]


def test_it_rings_when_notices_are_committed_and_once(store: SqlState, bell: OutboxBell) -> None:
    put(store, [("all", "a", 1), ("all", "b", 1)])
    assert took_s(lambda: bell.wait(LONG_S)) < SOON_S
    assert took_s(lambda: bell.wait(0.05)) >= 0.05


def test_it_is_silent_until_they_are_committed(state_url: str, bell: OutboxBell) -> None:
    engine = open_database(state_url)
    with engine.connect() as conn:
        write_notices(conn, [Outgoing("kafka", "all", "alert", Notice("a.1", "a", 1, b"{}"))], 1)
        assert took_s(lambda: bell.wait(0.1)) >= 0.1
        conn.commit()
        assert took_s(lambda: bell.wait(LONG_S)) < SOON_S
    engine.dispose()


def test_notices_of_another_sink_wake_only_its_own_relay(
    state_url: str, store: SqlState, bell: OutboxBell
) -> None:
    fhir = OutboxBell(state_url, "fhir")
    fhir.wait(LONG_S)
    put(store, [("all", "a", 1)])
    assert took_s(lambda: fhir.wait(0.1)) >= 0.1
    assert took_s(lambda: bell.wait(LONG_S)) < SOON_S
    fhir.close()


def test_another_thread_wakes_it_whether_it_listens_or_rests(bell: OutboxBell) -> None:
    for wait in (bell.wait, bell.rest):
        thread = Thread(target=wait, args=[LONG_S])
        assert took_s(lambda: (thread.start(), bell.ring(), thread.join())) < SOON_S  # noqa: B023
        bell.ring()
        assert took_s(lambda: wait(LONG_S)) < SOON_S, "a ring before is heard, too"  # noqa: B023
        assert took_s(lambda: bell.wait(0.0)) < SOON_S


def test_who_rests_holds_no_connection(bell: OutboxBell, other: psycopg.Connection) -> None:
    assert len(listeners(other)) == 1
    bell.rest(0)
    await_until(lambda: not listeners(other), "the connection to end")
    bell.wait(LONG_S)
    assert len(listeners(other)) == 1


def test_a_lost_connection_is_looked_over_and_made_again(
    store: SqlState, bell: OutboxBell, other: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    (lost,) = listeners(other)
    other.execute("SELECT pg_terminate_backend(%s)", [lost])
    assert took_s(lambda: bell.wait(LONG_S)) < SOON_S, "nobody knows what it missed"
    assert took_s(lambda: bell.wait(LONG_S)) < SOON_S, "it looks often while it is deaf"
    monkeypatch.setattr(listening, "_RETRY_S", 0.0)
    bell.wait(LONG_S)
    assert len(listeners(other)) == 1
    put(store, [("all", "a", 1)])
    assert took_s(lambda: bell.wait(LONG_S)) < SOON_S


@pytest.mark.slow
def test_a_database_that_is_away_keeps_nobody_waiting(own_postgres: PostgresLocal) -> None:
    bell = OutboxBell(own_postgres.url(), "kafka")
    bell.wait(LONG_S)
    own_postgres.kill()
    assert took_s(lambda: bell.wait(LONG_S)) < SOON_S
    assert took_s(lambda: bell.wait(LONG_S)) < SOON_S
    bell.close()


def _relay(url: str, topics: Topics) -> tuple[Relay, SqlState]:
    store, sink = SqlState(url), TopicSink(topics)
    relay = Relay(sink, store, WallClock(), HeldLease(store, "relay:kafka", str(id(store)), 10.0), log=sink)
    relay.bell = OutboxBell(url, "kafka")
    return relay, store


def test_idle_relays_send_what_others_commit_at_once_and_stop_at_once(
    state_url: str, store: SqlState
) -> None:
    topics, stop = Topics(), Event()
    relays = [_relay(state_url, topics) for _ in range(2)]
    threads = [
        Thread(target=relay.run, args=[stop], kwargs={"idle_s": LONG_S, "retry_s": LONG_S})
        for relay, _ in relays
    ]
    begun_s = monotonic()
    for thread in threads:
        thread.start()
    for version in (1, 2, 3):
        put(store, [("all", "a", version)])
        while len(topics.ids("all")) < version and monotonic() - begun_s < SOON_S:
            stop.wait(0.002)
    stop.set()
    for relay, _ in relays:
        relay.wake()
    for thread in threads:
        thread.join()
    assert topics.versions("all", "a") == [1, 2, 3]
    assert monotonic() - begun_s < SOON_S
    for relay, opened in relays:
        relay.bell.close()
        opened.close()
