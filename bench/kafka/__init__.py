"""Kafka → facts in PostgreSQL: one worker against a bare loop, several workers, and the way to the alert topic.

`python -m bench kafka [--quick]`. A broker and a cluster of their own; workers are `lpwatch worker`, the bare loop is a process
that consumes with kafka-python and COPYs the same rows.
"""

from __future__ import annotations

import json
import pickle
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Self

import psycopg

from bench.kafka.bare import COLUMNS, TABLE
from bench.kafka.latency import measure_latency
from bench.kafka.messages import patients_messages
from bench.kafka.rig import Program, Servers, await_until, consumed, plain, role, servers

PARTITIONS = 12
PATIENTS = 10_000
_WARM = 0.15
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


def main(*, quick: bool = False) -> None:
    """Measure, and print one table for each question."""
    if quick:
        measure(6_000, 1, 150)
    else:
        measure(40_000, 3, 1_000)


def measure(count: int, rounds: int, probes: int) -> None:
    """Measure with so many messages, that often, and so many alerts on their way."""
    with tempfile.TemporaryDirectory(prefix="lpwatch-bench-") as folder, servers(Path(folder)) as rig:
        Path(folder).chmod(0o755)
        bodies = list(patients_messages(count, PATIENTS))
        print(f"{count:,} messages of {PATIENTS:,} patients, mean {sum(map(len, bodies)) // count:,} bytes")
        runs = {
            workers: [_work(rig, bodies, workers, turn) for turn in range(rounds)] for workers in (1, 2, 4)
        }
        bare = [_bare(rig, count, turn) for turn in range(rounds)]
        _print_one(runs[1], bare)
        _print_several(runs)
        measure_latency(rig, median(run.rate for run in runs[1]) / 2, probes)


def _work(rig: Servers, bodies: list[bytes], workers: int, turn: int) -> Run:
    """Let workers consume a topic into a database; they are stopped until all is in the topic, then begin together."""
    name, count = f"work_{workers}_{turn}", len(bodies)
    topic, url = rig.topic(name, PARTITIONS), rig.database(name)
    settings = {"database": url, "kafka_group": name, "kafka_hl7_topics": [topic]}
    with psycopg.connect(plain(url), autocommit=True) as connection:
        programs = [role(rig, f"{name}_{number}", "worker", settings) for number in range(workers)]
        await_until(lambda: _parts(connection) == PARTITIONS)
        for program in programs:
            program.process.send_signal(signal.SIGSTOP)
        rig.fill(topic, bodies, PARTITIONS)
        for program in programs:
            program.process.send_signal(signal.SIGCONT)
        await_until(lambda: consumed(connection) >= count * _WARM)
        begun, begun_s, cpu_s = consumed(connection), time.perf_counter(), _cpu_s(programs)
        with _Locks(plain(url), name) as locks:
            await_until(lambda: consumed(connection) >= count)
            wall_s, cpu_s = time.perf_counter() - begun_s, _cpu_s(programs) - cpu_s
        facts = connection.execute("SELECT count(*) FROM recent_fact").fetchone()
    for program in programs:
        program.end()
    done = count - begun
    return Run(wall_s / done * 1e6, cpu_s / done * 1e6, locks.share, (facts or (0,))[0] / count)


def _parts(connection: psycopg.Connection) -> int:
    """Give how many partitions have a worker that found nothing left in them."""
    row = connection.execute("SELECT count(*) FROM position WHERE caught_up_ms > 0").fetchone()
    return int(row[0]) if row else 0


def _bare(rig: Servers, count: int, turn: int) -> Run:
    """Let the bare loop consume the topic of one worker, and copy the rows that it wrote."""
    topic = f"work_1_{turn}"
    rows_file = rig.folder / "rows.pickle"
    with psycopg.connect(plain(rig.postgres.url(f"work_1_{turn}")), autocommit=True) as connection:
        rows = connection.execute(f"SELECT {', '.join(COLUMNS)} FROM recent_fact").fetchall()  # noqa: S608
        rows_file.write_bytes(pickle.dumps(rows))
        connection.execute(
            f"CREATE TABLE {TABLE} (id bigserial PRIMARY KEY, receipt_day int, patient bigint, "
            "concept int, effective_ms bigint, payload bytea)"
        )
        connection.execute(f"CREATE INDEX ON {TABLE} (patient, concept)")
    command = [sys.executable, "-m", "bench.kafka.bare", rig.bootstrap, topic, str(count)]
    database = plain(rig.postgres.url(f"work_1_{turn}"))
    program = Program([*command, database, str(rows_file)], rig.folder / "bare.log")
    out, _ = program.process.communicate()
    if program.process.returncode:
        raise RuntimeError(program.log.read_text(encoding="utf-8"))
    told = json.loads(out)
    return Run(told["seconds"] / count * 1e6, told["cpu_s"] / count * 1e6, 0, len(rows) / count)


def _cpu_s(programs: list[Program]) -> float:
    return sum(program.cpu_s() for program in programs)


class _Locks:
    """Sample what the sessions of a database wait for."""

    def __init__(self, url: str, database: str) -> None:
        self._url = url
        self._database = database
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
                    "SELECT wait_event_type FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()"
                    " AND state IN ('active', 'idle in transaction')",
                    [self._database],
                )
                self._seen.update(kind == "Lock" for (kind,) in rows)


def _print_one(ours: list[Run], bare: list[Run]) -> None:
    us, theirs = _median(ours), _median(bare)
    print(f"\n{'':34} {'µs/message':>12} {'CPU µs/message':>16}   facts/message")
    print(
        f"{'bare loop, COPY of the same rows':34} {theirs.wall_us:12.1f} {theirs.cpu_us:16.1f}   {theirs.facts:.1f}"
    )
    print(f"{'lpwatch worker':34} {us.wall_us:12.1f} {us.cpu_us:16.1f}   {us.facts:.1f}")
    print(
        f"{'lpwatch takes':34} {us.wall_us / theirs.wall_us:10.2f} × {us.cpu_us / theirs.cpu_us:14.2f} ×   target 2.5 ×"
    )


def _print_several(runs: dict[int, list[Run]]) -> None:
    alone = _median(runs[1])
    print(
        f"\n{'workers':>7} {'messages/s':>12} {'CPU µs/message':>16} {'against one':>12} {'lock wait':>10}   target ±10 %, 5 %"
    )
    for workers, done in runs.items():
        run = _median(done)
        against = run.cpu_us / alone.cpu_us - 1
        print(f"{workers:7} {run.rate:12,.0f} {run.cpu_us:16.1f} {against:+11.1%} {run.lock_share:10.1%}")


def _median(runs: list[Run]) -> Run:
    return Run(
        *(median(getattr(run, name) for run in runs) for name in ("wall_us", "cpu_us", "lock_share", "facts"))
    )
