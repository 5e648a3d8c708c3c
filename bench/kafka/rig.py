"""A broker, a database and roles of lpwatch as processes, for benchmarks."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from kafka import KafkaProducer
from kafka.admin import KafkaAdminClient, NewTopic

from tools.kafka_local import KafkaLocal
from tools.postgres_local import PostgresLocal
from worker.storage.migrate import upgrade

PATIENCE_S = 600.0
_TICKS_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Servers:
    """Where the broker and the cluster are, and a folder for what roles write."""

    bootstrap: str
    postgres: PostgresLocal
    folder: Path

    def database(self, name: str) -> str:
        """Make a database with the tables of the state, and give its address."""
        with psycopg.connect(plain(self.postgres.url()), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"')
        url = self.postgres.url(name)
        upgrade(url, "state")
        return url

    def topic(self, name: str, partitions: int) -> str:
        """Make a topic."""
        admin = KafkaAdminClient(bootstrap_servers=self.bootstrap)
        admin.create_topics([NewTopic(name, partitions, 1)])
        admin.close()
        return name

    def fill(self, topic: str, bodies: Sequence[bytes], partitions: int) -> None:
        """Put messages into a topic, shuffled over its partitions, with the headers of the gateway."""
        producer = KafkaProducer(bootstrap_servers=self.bootstrap, linger_ms=20, batch_size=256 * 1024)
        received = b"%d" % (time.time_ns() // 1_000_000)
        headers = [("lpwatch-received-at", received), ("lpwatch-transport", b"mllp:2575")]
        for number, body in enumerate(bodies):
            producer.send(topic, body, headers=headers, partition=number * 31 % partitions)
        producer.flush()
        producer.close()


@contextmanager
def servers(folder: Path) -> Iterator[Servers]:
    """Start a broker and a cluster, and stop them."""
    with KafkaLocal() as kafka, PostgresLocal() as postgres:
        yield Servers(kafka.bootstrap, postgres, folder)


class Program:
    """A process whose use of the processor is known."""

    def __init__(self, command: Sequence[str], log: Path) -> None:
        """Start it."""
        environment = {key: value for key, value in os.environ.items() if not key.startswith("LPWATCH_")}
        with log.open("ab") as out:
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=out, env=environment)
        self.log = log

    def cpu_s(self) -> float:
        """Give the seconds of processor time that it has used."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS_S

    def end(self) -> str:
        """Stop it, and give what it wrote."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.send_signal(signal.SIGCONT)
        out, _ = self.process.communicate(timeout=60)
        return out.decode()


def role(servers: Servers, name: str, kind: str, settings: Mapping[str, object]) -> Program:
    """Start a role of lpwatch, and wait until it is ready."""
    (program,) = roles(servers, [name], kind, settings)
    return program


def roles(servers: Servers, names: Sequence[str], kind: str, settings: Mapping[str, object]) -> list[Program]:
    """Start processes of one role at once, and wait until all are ready."""
    started: list[tuple[Program, Path]] = []
    for name in names:
        config, ready = servers.folder / f"{name}.yaml", servers.folder / f"{name}.ready"
        ready.unlink(missing_ok=True)
        given = {"kafka_bootstrap_servers": servers.bootstrap, "ready_file": str(ready), **settings}
        config.write_text(json.dumps(given), encoding="utf-8")
        command = [sys.executable, "-m", "worker.cli", kind, "--config", str(config)]
        started.append((Program(command, servers.folder / f"{name}.log"), ready))
    programs = [program for program, _ in started]
    try:
        for program, ready in started:
            _await_ready(program, ready)
    except BaseException:
        for program in programs:
            program.end()
        raise
    return programs


def _await_ready(program: Program, ready: Path) -> None:
    await_until(lambda: ready.exists() or program.process.poll() is not None)
    if program.process.poll() is not None:
        raise RuntimeError(program.log.read_text(encoding="utf-8"))


def consumed(connection: psycopg.Connection) -> int:
    """Give how many messages of topics are ingested."""
    row = connection.execute("SELECT coalesce(sum(next), 0) FROM position").fetchone()
    return int(row[0]) if row else 0


def await_until(is_true: Callable[[], bool], every_s: float = 0.02) -> None:
    """Wait until something is true."""
    deadline_s = time.monotonic() + PATIENCE_S
    while not is_true():
        if time.monotonic() > deadline_s:
            raise TimeoutError
        time.sleep(every_s)


def plain(url: str) -> str:
    """Give the address as the driver takes it."""
    return url.replace("+psycopg", "")
