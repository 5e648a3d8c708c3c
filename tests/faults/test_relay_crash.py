"""A relay that dies between any two statements, or with a send under way, sends nothing twice and loses nothing."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.integration.alert_topics import LEASE, SINK, SOURCE, check_copies, put, read_topic, relay_of
from tests.topics import make_topic
from worker.sinks.kafka import KafkaSink
from worker.sinks.receipt import Arrivals, Receipt, Shipment
from worker.storage.migrate import upgrade
from worker.storage.state import SqlState

pytestmark = [pytest.mark.integration, pytest.mark.slow]

DONE_S = 240.0


class Died(BaseException):
    """Stands for the end of the process."""


class Countdown:
    """Count the moments of a run, and let it die at one of them."""

    def __init__(self, dies_at: int | None) -> None:
        self.dies_at = dies_at
        self.count = 0

    def __call__(self, *_arguments: object) -> None:
        self.count += 1
        if self.count == self.dies_at:
            raise Died


class MortalSink(KafkaSink):
    """A sink whose process may die before a send, after it, and between two stretches of a read-back."""

    def __init__(self, bootstrap: str, moment: Countdown) -> None:
        super().__init__({"bootstrap_servers": bootstrap}, SOURCE, timeout_s=3, settle_s=0.05)
        self.moment = moment

    def arrivals(self, target: str, since: Mapping[int, int]) -> Iterator[Arrivals]:
        self.moment()
        for stretch in super().arrivals(target, since):
            yield stretch
            self.moment()

    def send(self, target: str, shipments: Sequence[Shipment]) -> list[Receipt]:
        self.moment()
        receipts = super().send(target, shipments)
        self.moment()
        return receipts


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgresql":
        return request.getfixturevalue("state_url")
    made = f"sqlite:///{tmp_path / 'state.db'}"
    upgrade(made, "state")
    return made


def live(url: str, bootstrap: str, dies_at: int | None = None) -> bool:
    """Let a relay work until nothing is left or its process dies; tell whether it died."""
    moment = Countdown(dies_at)
    store = SqlState(url)
    sink = MortalSink(bootstrap, moment)
    relay = relay_of(store, bootstrap, owner=uuid.uuid4().hex, sink=sink)
    engine = store._db._engine
    for name in ("before_cursor_execute", "commit"):
        sa.event.listen(engine, name, moment)
    end_s = time.monotonic() + DONE_S
    try:
        while relay.step().sent or store.count_waiting(SINK):
            # Where the machine stands still a send takes too long, and is put off.
            assert time.monotonic() < end_s, "notices wait for ever"
        relay._lease.give_back()
    except Died:
        raw = store._db._conn.connection.dbapi_connection
        store._db._conn.invalidate()  # the connection goes as it is: nothing is committed on the way out
        raw.close()
        return True
    else:
        store.close()
        return False
    finally:
        sink.close()
        engine.dispose()


def end_lease(url: str) -> None:
    """Let the time of the dead relay's lease pass."""
    engine = sa.create_engine(url)
    with engine.begin() as conn:
        conn.execute(sa.text("UPDATE lease SET until_ms = 0 WHERE name = :name"), {"name": LEASE})
    engine.dispose()


def test_a_death_at_any_moment_makes_no_second_copy(url: str, kafka: str) -> None:
    topics = [make_topic(kafka), make_topic(kafka)]
    expected: list[str] = []
    moment, has_died = 0, True
    while has_died:
        # Every moment with PostgreSQL, where relays run; every third with SQLite, which walks the same way.
        moment += 1 if url.startswith("postgresql") else 3
        alerts = [f"t{moment}a", f"t{moment}b"]
        rows = [(topic, alert, version) for topic in topics for alert in alerts for version in (1, 2)]
        writer = SqlState(url)
        # The first trial meets topics that were never written, the others know where they end.
        put(writer, rows)
        writer.close()
        expected += [f"{alert}.{version}" for alert in alerts for version in (1, 2)]
        has_died = live(url, kafka, moment)
        end_lease(url)
        if moment % 3 == 0:
            live(url, kafka, moment // 2)
            end_lease(url)
        live(url, kafka)
    assert moment > 30
    for topic in topics:
        check_copies(read_topic(kafka, topic), expected)


def test_a_death_at_any_moment_of_the_first_sends_to_a_topic_makes_no_second_copy(
    url: str, kafka: str
) -> None:
    for dies_at in range(1, 40, 2):
        topic = make_topic(kafka, 1)
        writer = SqlState(url)
        put(writer, [(topic, f"n{dies_at}", version) for version in (1, 2, 3)])
        writer.close()
        live(url, kafka, dies_at)
        end_lease(url)
        live(url, kafka)
        check_copies(read_topic(kafka, topic), [f"n{dies_at}.{version}" for version in (1, 2, 3)])
