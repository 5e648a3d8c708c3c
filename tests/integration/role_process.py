"""A role of lpwatch as a process with a settings file of its own, and a plain consumer to look at topics with."""

from __future__ import annotations

import json
import os
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from kafka import KafkaConsumer, TopicPartition
from kafka.consumer.fetcher import ConsumerRecord

from tests.forked import Forked
from tests.integration.worker_process import START_S, exchange


class RoleProcess:
    """One role, started at once; `settings` become its YAML file."""

    def __init__(self, folder: Path, role: str, name: str = "", **settings: object) -> None:
        self.name = name or role
        self.ready = folder / f"{self.name}.ready.json"
        self.ready.unlink(missing_ok=True)
        self.log = folder / f"{self.name}.ndjson"
        config = folder / f"{self.name}.yaml"
        given = {"http": "127.0.0.1:0", "ready_file": str(self.ready), "mllp": "127.0.0.1:0", **settings}
        config.write_text(json.dumps(given), encoding="utf-8")
        # LPWATCH_… of whoever runs the tests must not reach a role under test.
        environment = {
            name: value
            for name, value in os.environ.items()  # noqa: TID251
            if not name.startswith("LPWATCH_")
        }
        self.process = Forked([role, "--config", str(config)], environment, self.log)

    def addresses(self) -> dict[str, str]:
        await_until(lambda: self.ready.exists() or self.process.poll() is not None, self.name)
        assert self.ready.exists(), self.log_text()
        return json.loads(self.ready.read_text(encoding="utf-8"))

    def get(self, page: str, address: str = "") -> tuple[int, str]:
        """Get a page, and its status."""
        try:
            with urllib.request.urlopen(
                f"http://{address or self.addresses()['http']}{page}", timeout=START_S
            ) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def send(self, *frames: bytes) -> list[bytes]:
        """Send frames over one MLLP connection, half-close it, and return all answers."""
        return exchange(self.addresses()["mllp"], frames)

    def end(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=START_S)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def log_text(self) -> str:
        return self.log.read_text(encoding="utf-8")

    def logged(self, *events: str) -> list[dict]:
        lines = [json.loads(line) for line in self.log_text().splitlines() if line.startswith("{")]
        return [line for line in lines if line.get("event") in events]


@contextmanager
def all_ended() -> Iterator[Callable[..., RoleProcess]]:
    """Give what starts roles; every one is gone at the end."""
    started: list[RoleProcess] = []

    def begin(folder: Path, role: str, name: str = "", **settings: object) -> RoleProcess:
        started.append(RoleProcess(folder, role, name, **settings))
        return started[-1]

    try:
        yield begin
    finally:
        for process in started:
            if process.process.poll() is None:
                process.kill()


def await_until(
    is_done: Callable[[], object], what: str, seconds: float = START_S, pause_s: float = 0.02
) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + seconds
    while not is_done():
        assert time.monotonic() < deadline, f"waited too long for {what}"
        time.sleep(pause_s)


def records(brokers: str, topic: str, count: int = 0, seconds: float = START_S) -> list[ConsumerRecord]:
    """Read a topic from its beginning to its present end, waiting until it holds at least `count`."""
    deadline = time.monotonic() + seconds
    with closing(KafkaConsumer(bootstrap_servers=brokers, enable_auto_commit=False)) as consumer:
        partitions = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic) or ()]
        consumer.assign(partitions)
        consumer.seek_to_beginning()
        found: list[ConsumerRecord] = []
        while True:
            for batch in consumer.poll(timeout_ms=200).values():
                found += batch
            ends = consumer.end_offsets(partitions)
            is_read = all(consumer.position(partition) >= end for partition, end in ends.items())
            if is_read and len(found) >= count:
                return found
            assert time.monotonic() < deadline, f"{len(found)} of {count} records"
