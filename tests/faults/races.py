"""Four workers on one PostgreSQL, and a rule so simple that whatever goes wrong between them shows in the alerts.

The rule: a patient with an LP and a temperature has one alert, whose version is the number of facts it was judged by. So a lost
message leaves no alert or an old version, two workers at one patient leave two alerts, and a stale read an old version.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from uuid import uuid4

import sqlalchemy as sa

from tests.contract.state_values import OPENING, T0, alert_of, episode_of
from worker.model.alert import AlertChange
from worker.model.errors import TemporaryError
from worker.model.fact import Identifier
from worker.storage.records import Batch, Case, Verdict
from worker.storage.state import SqlState

WORKERS = 4
TRIALS = 1_000
LATER = T0 + 1_000


def a_moment(longest_s: float) -> None:
    """Wait a little, by chance."""
    time.sleep(random.random() * longest_s)  # noqa: S311 - chance is what a race is about


def judge(case: Case) -> Verdict:
    """Apply the rule; it takes a moment, as rules do."""
    a_moment(0.002)
    punctures = sorted(
        (fact for fact in case.facts if fact.concept == "lumbar-puncture"), key=lambda fact: fact.patient
    )
    if not punctures:
        return Verdict()
    known = case.episodes[0].episode_id if case.episodes else uuid4().hex
    episode = episode_of(punctures[0], known)
    if case.alerts:
        ids = [alert.alert_id for alert in case.alerts]
    elif any(fact.concept == "temp" for fact in case.facts):
        ids = [uuid4().hex]
    else:
        ids = []
    changes = tuple(
        AlertChange(
            alert_of(punctures[0], known, id_, len(case.facts)), "told", is_visible=False, is_noticed=False
        )
        for id_ in ids
    )
    return Verdict(episodes=(episode,), changes=changes)


@dataclass
class Outcome:
    """What is there when all is done: trials without an alert, with two and more, with one that was judged by too few facts."""

    lost: int = 0
    doubled: int = 0
    stale: int = 0
    deadlocks: int = 0
    trials: int = 0

    @property
    def is_clean(self) -> bool:
        """Tell whether nothing went wrong."""
        return not (self.lost or self.doubled or self.stale or self.deadlocks)


@dataclass
class Worker:
    """One worker: a connection of its own, a part of the journal of its own."""

    store: SqlState
    part: str
    at: int = 0
    deadlocks: int = 0

    def again(self, work: Callable[[], object]) -> None:
        """Do it until it is done; count how often it ended in a deadlock."""
        while True:
            try:
                work()
            except TemporaryError as error:
                self.deadlocks += "40P01" in str(error.__cause__)
            else:
                return

    def record(self, **content: object) -> None:
        """Ingest one message or some."""
        self.again(lambda: self.store.record(Batch(self.part, self.at, self.at + 1, T0, **content)))
        self.at += 1

    def assess(self, as_of_ms: int = T0, limit: int = 8) -> None:
        """Judge a few who are due."""
        self.again(lambda: self.store.assess(as_of_ms, OPENING, judge, limit=limit))


Turn = Callable[[Worker, int], None]


@dataclass
class Race:
    """Workers that take turns of their own at the same trials."""

    url: str
    prepare: Callable[[SqlState], None] = lambda _store: None
    errors: list[BaseException] = field(default_factory=list)

    def run(self, turns: Sequence[Turn], rounds: range) -> list[Worker]:
        """Let each worker take its turn in each round, all at the same time."""
        engine = sa.create_engine(self.url, isolation_level="AUTOCOMMIT")
        with engine.connect() as conn:
            conn.exec_driver_sql(
                f"ALTER DATABASE {self.url.rpartition('/')[2]} SET deadlock_timeout = '20ms'"
            )
        engine.dispose()
        workers = [
            Worker(SqlState(self.url), f"part {index} from {rounds.start}") for index in range(len(turns))
        ]
        for worker in workers:
            self.prepare(worker.store)
        start = threading.Barrier(len(turns))

        def work(worker: Worker, turn: Turn) -> None:
            try:
                for number in rounds:
                    start.wait(60)
                    turn(worker, number)
            except BaseException as error:  # noqa: BLE001 - told by the test
                self.errors.append(error)
                start.abort()

        threads = [threading.Thread(target=work, args=pair) for pair in zip(workers, turns, strict=True)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if self.errors:
            raise self.errors[0]
        return workers

    def outcome(self, workers: Sequence[Worker], trials: Iterable[tuple[Identifier, int]]) -> Outcome:
        """Judge who is left, and compare the alerts with each trial's patient and number of facts."""
        store = workers[0].store
        while (done := store.assess(LATER, OPENING, judge)).due or done.busy:
            pass
        found: dict[Identifier, list[int]] = {}
        for record in store.alerts():
            for patient in record.patients:
                found.setdefault(patient, []).append(record.alert.version)
        outcome = Outcome(deadlocks=sum(worker.deadlocks for worker in workers))
        for patient, facts in trials:
            outcome.trials += 1
            versions = found.get(patient, [])
            outcome.lost += not versions
            outcome.doubled += len(versions) > 1
            outcome.stale += len(versions) == 1 and versions != [facts]
        return outcome

    @staticmethod
    def end(workers: Sequence[Worker]) -> None:
        """Let go of the connections."""
        for worker in workers:
            worker.store.close()


def counted(store: SqlState) -> Counter[str]:
    """Give how often each subject was counted."""
    return Counter({key.subject: count for key, count in store.counts().items()})
