"""The processes of an installation on a message bus, each of which may be killed and started again."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from tests.forked import Forked
from tools.kafka_local import KafkaLocal
from tools.postgres_local import PostgresLocal

START_S = 300.0


class Victim(Protocol):
    """What can be killed, and comes back."""

    def kill(self) -> None: ...

    def start(self) -> None:
        """Begin to start again; servers are there when this returns."""
        ...

    def wait_ready(self) -> None: ...


class RoleProcess:
    """`lpwatch gateway`, `worker` or `deliver`, set up by the environment alone."""

    def __init__(self, role: str, folder: Path, settings: Mapping[str, str], *options: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.ready = folder / "ready.json"
        self.log = folder / "log.ndjson"
        self.process: Forked | None = None
        self._arguments = [role, *options, "--ready-file", str(self.ready)]
        others = {name: value for name, value in os.environ.items() if not name.startswith("LPWATCH_")}  # noqa: TID251  PATH and the like
        self._environment = {
            **others,
            **{f"LPWATCH_{name.upper()}": value for name, value in settings.items()},
        }

    def start(self) -> None:
        self.ready.unlink(missing_ok=True)
        self.process = Forked(self._arguments, self._environment, self.log)

    def wait_ready(self) -> None:
        deadline = time.monotonic() + START_S
        while not self.ready.exists():
            assert self.process is not None
            assert self.process.poll() is None, f"ended by itself:\n{self.tail()}"
            assert time.monotonic() < deadline, f"does not start:\n{self.tail()}"
            time.sleep(0.01)

    def addresses(self) -> dict[str, str]:
        self.wait_ready()
        return json.loads(self.ready.read_text(encoding="utf-8"))

    def kill(self) -> None:
        assert self.process is not None
        assert self.process.poll() is None, f"ended by itself:\n{self.tail()}"
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def end(self) -> int:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=START_S)

    def discard(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def tail(self) -> str:
        return self.log.read_text(encoding="utf-8")[-3_000:]


class Broker:
    """The broker: all topics, those of messages and those of alerts."""

    def __init__(self, kafka: KafkaLocal) -> None:
        self._kafka = kafka

    def kill(self) -> None:
        self._kafka.kill()

    def start(self) -> None:
        self._kafka.restart()

    def wait_ready(self) -> None:
        self._kafka.wait_ready()


class DatabaseServer:
    """PostgreSQL, with every process that serves a connection."""

    def __init__(self, postgres: PostgresLocal) -> None:
        self._postgres = postgres

    def kill(self) -> None:
        self._postgres.kill()

    def start(self) -> None:
        self._postgres.restart()

    def wait_ready(self) -> None:
        """Nothing to wait for."""
