"""Kafka → facts in PostgreSQL: one worker against a bare loop, several workers, and the way to the alert topic.

`python -m bench kafka [--quick]`. A broker and a cluster of their own; workers are `lpwatch worker`, the bare loop is a process
that consumes with kafka-python and COPYs the same rows. What it prints are the tables of `docs/performance.md`.

Workers that share a topic and a database are compared with one, and with as many that share nothing, each with a topic and a
database of its own: processor time also grows because the machine is busier (two virtual processors may be one core, caches are
shared), and that is no matter of the program.
"""

from __future__ import annotations

import json
import sys
import tempfile
from dataclasses import astuple
from pathlib import Path
from statistics import median

import msgspec
import psycopg

from bench.kafka.bare import COLUMNS, TABLE
from bench.kafka.latency import measure_latency
from bench.kafka.messages import patients_messages
from bench.kafka.rig import Program, Servers, plain, servers
from bench.kafka.workers import Run, apart, run_workers, together

PATIENTS = 10_000
_SEVERAL = (2, 4)


def main(*, quick: bool = False) -> None:
    """Measure, and print one table for each question."""
    if quick:
        measure(5_000, 1, 100)
    else:
        measure(6_000, 3, 250)


def measure(count: int, rounds: int, probes: int) -> None:
    """Measure with so many messages, that often, and so many alerts on their way."""
    with tempfile.TemporaryDirectory(prefix="lpwatch-bench-") as folder, servers(Path(folder)) as rig:
        Path(folder).chmod(0o755)
        bodies = list(patients_messages(count, PATIENTS))
        print(f"{count:,} messages of {PATIENTS:,} patients, mean {sum(map(len, bodies)) // count:,} bytes")
        ours: dict[int, list[Run]] = {workers: [] for workers in (1, *_SEVERAL)}
        single: dict[int, list[Run]] = {workers: [] for workers in _SEVERAL}
        bare: list[Run] = []
        for turn in range(rounds):
            for workers, runs in ours.items():
                runs.append(run_workers(rig, together(f"work_{workers}_{turn}", bodies, workers)))
            for workers, runs in single.items():
                runs.append(run_workers(rig, apart(f"apart_{workers}_{turn}", bodies, workers)))
            bare.append(_bare(rig, count, f"work_1_{turn}"))
        _print_one(_median(ours[1]), _median(bare))
        _print_several(ours, single)
        measure_latency(rig, probes)


def _bare(rig: Servers, count: int, name: str) -> Run:
    """Let the bare loop consume the topic of one worker, and copy the rows that it wrote."""
    rows_file = rig.folder / "rows.msgpack"
    with psycopg.connect(plain(rig.postgres.url(name)), autocommit=True) as connection:
        rows = connection.execute(f"SELECT {', '.join(COLUMNS)} FROM recent_fact").fetchall()  # noqa: S608
        rows_file.write_bytes(msgspec.msgpack.encode(rows))
        connection.execute(
            f"CREATE TABLE {TABLE} (id bigserial PRIMARY KEY, receipt_day int, patient bigint, "
            "concept int, effective_ms bigint, payload bytea)"
        )
        connection.execute(f"CREATE INDEX ON {TABLE} (patient, concept)")
    command = [sys.executable, "-m", "bench.kafka.bare", rig.bootstrap, name, str(count)]
    program = Program([*command, plain(rig.postgres.url(name)), str(rows_file)], rig.folder / "bare.log")
    out, _ = program.process.communicate()
    if program.process.returncode:
        raise RuntimeError(program.log.read_text(encoding="utf-8"))
    told = json.loads(out)
    return Run(told["seconds"] / count * 1e6, told["cpu_s"] / count * 1e6, 0, len(rows) / count)


def _print_one(us: Run, theirs: Run) -> None:
    print("\n| what | µs/message | CPU µs/message | facts/message |\n|---|---|---|---|")
    for name, run in (("bare loop, COPY of the same rows", theirs), ("lpwatch worker", us)):
        print(f"| {name} | {run.wall_us:,.0f} | {run.cpu_us:,.0f} | {run.facts:.1f} |")
    wall, cpu = us.wall_us / theirs.wall_us, us.cpu_us / theirs.cpu_us
    print(f"| lpwatch takes (target 2.5 ×) | {wall:.1f} × | {cpu:.1f} × | |")


def _print_several(ours: dict[int, list[Run]], single: dict[int, list[Run]]) -> None:
    print(
        "\n| workers | messages/s | CPU µs/message | against one (target ±10 %) | "
        "CPU µs/message of as many that share nothing | against these | lock wait (target 5 %) |\n"
        "|---|---|---|---|---|---|---|"
    )
    alone = _median(ours[1])
    for workers, runs in ours.items():
        run = _median(runs)
        told = f"| {workers} | {run.rate:,.0f} | {run.cpu_us:,.0f} | {run.cpu_us / alone.cpu_us - 1:+.0%} "
        if workers in single:
            control = _median(single[workers])
            told += f"| {control.cpu_us:,.0f} | {run.cpu_us / control.cpu_us - 1:+.0%} "
        else:
            told += "| | "
        print(f"{told}| {run.lock_share:.1%} |")


def _median(runs: list[Run]) -> Run:
    return Run(*map(median, zip(*map(astuple, runs), strict=True)))
