"""Let workers consume a backlog, and tell what it took: several that share a topic and a database, or each with its own."""

from __future__ import annotations

import signal
import threading
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Self

import psycopg

from bench.kafka.rig import Program, Servers, await_until, consumed, plain, roles

PARTITIONS = 12
_WARM = 0.25
_SAMPLE_S = 0.02


@dataclass(frozen=True)
class Run:
    """What a run of workers took, for each message after the first few."""

    wall_us: float
    cpu_us: float
    lock_share: float
    facts: float

    @property
    def rate(self) -> float:
        """Give the messages of a second."""
        return 1e6 / self.wall_us


@dataclass(frozen=True)
class Site:
    """A topic with its messages, the database that they go to, and how many workers take them there."""

    name: str
    bodies: Sequence[bytes]
    partitions: int
    workers: int


def together(name: str, bodies: Sequence[bytes], workers: int) -> list[Site]:
    """Give one site for all workers."""
    return [Site(name, bodies, PARTITIONS, workers)]


def apart(name: str, bodies: Sequence[bytes], workers: int) -> list[Site]:
    """Give each worker a site of its own: the machine is as busy, and nobody waits for another or looks for his work."""
    return [
        Site(f"{name}_{number}", bodies[number::workers], PARTITIONS // workers, 1)
        for number in range(workers)
    ]


def run_workers(rig: Servers, sites: Sequence[Site]) -> Run:
    """Let the workers of all sites consume; they are stopped until all is in the topics, then begin together."""
    count = sum(len(site.bodies) for site in sites)
    with ExitStack() as opened:
        programs: list[Program] = []
        connections = []
        for site in sites:
            url = rig.database(site.name)
            topic = rig.topic(site.name, site.partitions)
            settings = {"database": url, "kafka_group": site.name, "kafka_hl7_topics": [topic]}
            names = [f"{site.name}_{number}" for number in range(site.workers)]
            for program in roles(rig, names, "worker", settings):
                opened.callback(program.end)
                programs.append(program)
            connections.append(opened.enter_context(psycopg.connect(plain(url), autocommit=True)))
        for site, connection in zip(sites, connections, strict=True):
            await_until(lambda: _parts(connection) == site.partitions)  # noqa: B023 - called at once
        for program in programs:
            program.process.send_signal(signal.SIGSTOP)
        for site in sites:
            rig.fill(site.name, site.bodies, site.partitions)
        for program in programs:
            program.process.send_signal(signal.SIGCONT)
        return _watch(rig, sites, programs, connections, count)


def _watch(
    rig: Servers,
    sites: Sequence[Site],
    programs: Sequence[Program],
    connections: Sequence[psycopg.Connection],
    count: int,
) -> Run:
    def done() -> int:
        return sum(consumed(connection) for connection in connections)

    await_until(lambda: done() >= count * _WARM)
    begun, begun_s, cpu_s = done(), time.perf_counter(), _cpu_s(programs)
    with _Locks(plain(rig.postgres.url()), [site.name for site in sites]) as locks:
        await_until(lambda: done() >= count)
        wall_s, cpu_s = time.perf_counter() - begun_s, _cpu_s(programs) - cpu_s
    facts = sum(_facts(connection) for connection in connections)
    rest = count - begun
    return Run(wall_s / rest * 1e6, cpu_s / rest * 1e6, locks.share, facts / count)


def _parts(connection: psycopg.Connection) -> int:
    """Give how many partitions have a worker that found nothing left in them."""
    row = connection.execute("SELECT count(*) FROM position WHERE caught_up_ms > 0").fetchone()
    return int(row[0]) if row else 0


def _facts(connection: psycopg.Connection) -> int:
    row = connection.execute("SELECT count(*) FROM recent_fact").fetchone()
    return int(row[0]) if row else 0


def _cpu_s(programs: Sequence[Program]) -> float:
    return sum(program.cpu_s() for program in programs)


class _Locks:
    """Sample what the sessions of databases wait for."""

    def __init__(self, url: str, databases: Sequence[str]) -> None:
        self._url = url
        self._databases = list(databases)
        self._seen: Counter[bool] = Counter()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._sample)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    @property
    def share(self) -> float:
        """Give the share of samples of sessions at work in which one waited for a lock of another."""
        return self._seen[True] / max(1, self._seen.total())

    def _sample(self) -> None:
        with psycopg.connect(self._url, autocommit=True) as connection:
            while not self._end.wait(_SAMPLE_S):
                rows = connection.execute(
                    "SELECT wait_event_type FROM pg_stat_activity WHERE datname = ANY (%s)"
                    " AND application_name = 'lpwatch' AND state IN ('active', 'idle in transaction')",
                    [self._databases],
                )
                self._seen.update(kind == "Lock" for (kind,) in rows)
