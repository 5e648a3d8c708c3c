"""`lpwatch run` as a process, for tests that talk to it from outside."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterable
from pathlib import Path

from tests.forked import Forked
from worker.decode.mllp import MllpReader

START_S = 120.0


class Running:
    """A worker on a data folder; `is_afresh`: in a Python of its own, as users start it."""

    def __init__(self, folder: Path, *options: str, is_afresh: bool = False) -> None:
        self.folder = folder
        self.ready = folder / "ready.json"
        self.ready.unlink(missing_ok=True)
        self.log = folder / "log.ndjson"
        listening = ["--mllp", "127.0.0.1:0", "--http", "127.0.0.1:0", "--ready-file", str(self.ready)]
        given = ["run", "--data", str(folder / "data"), "--clock", "messages", *listening, *options]
        out = folder / "stdout"
        self.process = _afresh(given, self.log, out) if is_afresh else Forked(given, None, self.log, out)

    def addresses(self) -> dict[str, str]:
        deadline = time.monotonic() + START_S
        while not self.ready.exists():
            assert self.process.poll() is None, self.log.read_text(encoding="utf-8")
            assert time.monotonic() < deadline
            time.sleep(0.01)
        return json.loads(self.ready.read_text(encoding="utf-8"))

    def get(self, page: str) -> str:
        with urllib.request.urlopen(f"http://{self.addresses()['http']}{page}", timeout=START_S) as answer:
            return answer.read().decode()

    def send(self, *frames: bytes) -> list[bytes]:
        """Send frames over one connection, half-close it, and return all answers."""
        return exchange(self.addresses()["mllp"], frames)

    def end(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=START_S)

    def notices(self) -> list[dict]:
        path = self.folder / "data" / "notices.ndjson"
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _afresh(arguments: list[str], err: Path, out: Path) -> subprocess.Popen[bytes]:
    with err.open("ab") as errors, out.open("ab") as output:
        command = [sys.executable, "-m", "worker.cli", *arguments]
        return subprocess.Popen(command, stderr=errors, stdout=output)


def exchange(address: str, frames: Iterable[bytes]) -> list[bytes]:
    """Send frames over one MLLP connection, half-close it, and return all answers."""
    host, _, port = address.rpartition(":")
    reader, answers = MllpReader(1_000_000), []
    with socket.create_connection((host, int(port)), timeout=START_S) as connection:
        connection.sendall(b"".join(frames))
        connection.shutdown(socket.SHUT_WR)
        while data := connection.recv(65_536):
            answers += reader.feed(data)
    return answers
