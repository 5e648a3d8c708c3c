"""Relays that are killed, or that work at the same time, make no second copy and lose nothing.

LPWATCH_TEST_RELAY_KILLS sets how often one is killed (25).
"""

from __future__ import annotations

import os
import random
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from multiprocessing.context import ForkServerContext

import pytest
import sqlalchemy as sa

from tests.faults.relay_process import end_lease, kill, leads, start
from tests.forked import forks
from tests.integration.alert_topics import SINK, Ends, check_copies, put, read_topic
from tests.topics import make_topic
from worker.storage.state import SqlState

pytestmark = [pytest.mark.integration, pytest.mark.slow]

KILLS = int(os.environ.get("LPWATCH_TEST_RELAY_KILLS", "25"))  # noqa: TID251  how long a test takes is set from outside
DONE_S = 240.0
LEASE_S = 60.0


@pytest.fixture(scope="module")
def context() -> ForkServerContext:
    return forks()


@pytest.fixture
def writer(state_url: str) -> Iterator[SqlState]:
    store = SqlState(state_url)
    yield store
    store.close()


def rows(topics: list[str], turn: int) -> list[tuple[str, str, int]]:
    """Give new versions of old alerts, and new alerts."""
    alerts = [(f"old{number}", turn + 1) for number in range(3)] + [(f"new{turn}-{n}", 1) for n in range(40)]
    return [(topic, alert, version) for alert, version in alerts for topic in topics]


def wait_until(is_so: Callable[[], object], what: str) -> None:
    end = time.monotonic() + DONE_S
    while not is_so():
        assert time.monotonic() < end, what
        time.sleep(0.01)


def wait_for_the_end(writer: SqlState) -> None:
    wait_until(lambda: not writer.count_waiting(SINK), "notices wait for ever")


def is_in_doubt(writer: SqlState, ends: Ends, notices: int) -> bool:
    """Tell whether the topics hold notices that nobody has marked as sent."""
    waiting = writer.count_waiting(SINK)
    return ends.count() > notices - waiting


@contextmanager
def nobody_marks(url: str) -> Iterator[int]:
    """Hold the rows of all notices that wait, and give how many: what a relay sends meanwhile stays in doubt."""
    engine = sa.create_engine(url)
    with engine.connect() as conn:
        yield len(conn.execute(sa.text("SELECT notice FROM outbox WHERE NOT is_sent FOR UPDATE")).all())
    engine.dispose()


def test_kills_make_no_second_copy(
    context: ForkServerContext, writer: SqlState, state_url: str, kafka: str
) -> None:
    topics = [make_topic(kafka, 3), make_topic(kafka, 1)]
    ends = Ends(kafka, topics)
    chance = random.Random(7)  # noqa: S311 - when to kill
    expected: set[str] = set()
    in_doubt = 0
    for turn in range(KILLS):
        process = start(context, state_url, kafka)
        wait_until(partial(leads, state_url, process.name), "it never leads")
        made = rows(topics, turn)
        expected |= {f"{alert}.{version}" for _, alert, version in made}
        put(writer, made)
        # The first send comes after a read-back, the next ones while the relay is warm.
        time.sleep(chance.uniform(0.0, 1.5 if turn % 2 else 0.6))
        more = [(topic, alert, version + KILLS) for topic, alert, version in made if alert.startswith("new")]
        expected |= {f"{alert}.{version}" for _, alert, version in more}
        put(writer, more)
        if turn % 5:
            time.sleep(chance.uniform(0.0, 0.08))
            kill(process)
        else:
            is_held = False
            while not is_held:  # the relay may have sent and marked all before anybody could hold a row
                with nobody_marks(state_url) as held:
                    is_held = bool(held)
                    if is_held:
                        notices = len(expected) * len(topics)
                        wait_until(partial(is_in_doubt, writer, ends, notices), "nobody sends")
                        kill(process)
                if not is_held:
                    late = [(topic, f"late{len(expected)}", 1) for topic in topics]
                    expected |= {f"{alert}.{version}" for _, alert, version in late}
                    put(writer, late)
        in_doubt += is_in_doubt(writer, ends, len(expected) * len(topics))
        end_lease(state_url, process.name)
    last = start(context, state_url, kafka)
    wait_for_the_end(writer)
    kill(last)
    ends.close()
    for topic in topics:
        check_copies(read_topic(kafka, topic), expected)
    told = f"kills {KILLS}, {in_doubt} of them with sends that nobody had marked"
    sys.stderr.write(f"\n{told}; {len(expected)} notices to each of 2 topics, each there once\n")
    assert in_doubt >= KILLS // 5, "too few kills met a send"


def test_of_two_relays_one_sends_and_the_other_takes_over(
    context: ForkServerContext, writer: SqlState, state_url: str, kafka: str
) -> None:
    topics = [make_topic(kafka, 2), make_topic(kafka, 2)]
    expected: set[str] = set()
    # A relay that is halted for longer than its lease may send what another has sent: here none is taken for halted.
    relays = [start(context, state_url, kafka, LEASE_S) for _ in range(2)]
    for turn in range(20):
        made = rows(topics, turn)
        expected |= {f"{alert}.{version}" for _, alert, version in made}
        put(writer, made)
        time.sleep(0.5)
        if turn in (5, 12):
            dead = relays.pop(0)
            kill(dead)
            end_lease(state_url, dead.name)
            relays.append(start(context, state_url, kafka, LEASE_S))
    wait_for_the_end(writer)
    for relay in relays:
        kill(relay)
    for topic in topics:
        check_copies(read_topic(kafka, topic), expected)
