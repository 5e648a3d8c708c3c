"""`kill -9` at any moment: nothing acknowledged is lost, nothing is told twice, and the findings are those of a quiet run.

A worker takes a simulated hospital over MLLP and is killed again and again: while it starts, while it stores and
acknowledges, while it reads, assesses and delivers, and while it drains. The sender does what interface engines do: it connects
again and sends again what was not acknowledged. LPWATCH_TEST_KILLS sets how often it is killed (50).
"""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.forked import Forked
from worker.cli.main import main
from worker.decode.mllp import MllpReader, frame
from worker.model.message import OutcomeKind
from worker.sources.files import read_files
from worker.storage.intake import SqlJournal
from worker.storage.state import SqlState

pytestmark = [pytest.mark.slow, pytest.mark.integration]

KILLS = int(os.environ.get("LPWATCH_TEST_KILLS", "50"))  # noqa: TID251  how long a test takes is set from outside
SEED = int(os.environ.get("LPWATCH_TEST_KILL_SEED", "1"))  # noqa: TID251  see above
MESSAGES = 300
WINDOW = 20
START_S = 120.0
STORED = (b"MSA|AA", b"MSA|AR", b"MSA|CA", b"MSA|CR")


@dataclass
class Worker:
    """`lpwatch run` on one data folder, started as often as needed."""

    folder: Path
    process: Forked | None = None
    logs: list[Path] = field(default_factory=list)

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def notices(self) -> Path:
        return self.folder / "notices.ndjson"

    @property
    def ready(self) -> Path:
        return self.folder / "ready.json"

    def start(self) -> None:
        self.ready.unlink(missing_ok=True)
        log = self.folder / f"log{len(self.logs)}.ndjson"
        self.logs.append(log)
        options = ["--data", self.data, "--mllp", "127.0.0.1:0", "--clock", "messages"]
        outputs = ["--out", self.notices, "--ready-file", self.ready]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("LPWATCH_")}  # noqa: TID251  PATH and the like
        self.process = Forked(["run", *map(str, [*options, *outputs])], environment, log)

    def address(self) -> tuple[str, int]:
        """Wait until messages are accepted."""
        deadline = time.monotonic() + START_S
        while not self.ready.exists():
            assert self.process is not None
            assert self.process.poll() is None, self.logs[-1].read_text(encoding="utf-8")
            assert time.monotonic() < deadline, "the worker does not start"
            time.sleep(0.01)
        host, _, port = json.loads(self.ready.read_text(encoding="utf-8"))["mllp"].rpartition(":")
        return host, int(port)

    def kill(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def end(self) -> int:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=START_S)


@dataclass
class Sender:
    """An interface engine: messages in order, a window of them unacknowledged, sent again after a break."""

    bodies: Sequence[bytes]
    acknowledged: int = 0

    @property
    def is_done(self) -> bool:
        return self.acknowledged == len(self.bodies)

    def send(self, address: tuple[str, int], stop_after: int) -> None:
        """Send until so many more are acknowledged, or all, or the connection breaks."""
        goal = min(len(self.bodies), self.acknowledged + stop_after)
        reader = MllpReader(1_000_000)
        sent = self.acknowledged
        try:
            with socket.create_connection(address, timeout=30) as connection:
                while self.acknowledged < goal:
                    upto = min(len(self.bodies), self.acknowledged + WINDOW)
                    connection.sendall(b"".join(map(frame, self.bodies[sent:upto])))
                    sent = upto
                    data = connection.recv(65_536)
                    if not data:
                        return
                    for answer in reader.feed(data):
                        assert isinstance(answer, bytes)
                        assert any(code in answer for code in STORED), "the store failed"
                        self.acknowledged += 1
        except OSError:
            return


@pytest.fixture(scope="module")
def bodies(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """Simulate a hospital, with the quirks of real feeds."""
    path = tmp_path_factory.mktemp("load") / "load.mllp"
    result = CliRunner().invoke(
        main, ["simulate", "--seed", "11", "--messages", str(MESSAGES), "--out", str(path)]
    )
    assert result.exit_code == 0, result.output
    found = [message.body for message in read_files([path], received_at_ms=0, on_skipped=lambda _: None)]
    assert len(found) >= MESSAGES
    return found


def _findings(worker: Worker) -> Counter[object]:
    state = SqlState(f"sqlite:///{worker.data / 'state.db'}")
    records = state.alerts()
    state.close()
    return Counter(
        (
            tuple(sorted(each.key for each in record.patients)),
            record.alert.finding.identity,
            record.alert.state,
        )
        for record in records
    )


def _journal(worker: Worker) -> list[bytes]:
    journal = SqlJournal(f"sqlite:///{worker.data / 'intake.db'}")
    stored = [message.body for _, message in journal.read(0, 1_000_000)]
    journal.close()
    return stored


def _ends(worker: Worker) -> dict[str, int]:
    state = SqlState(f"sqlite:///{worker.data / 'state.db'}")
    counts = state.counts()
    state.close()
    kinds = {kind.value for kind in OutcomeKind}
    ends: Counter[str] = Counter()
    for key, count in counts.items():
        if key.stage in kinds:
            ends[key.stage] += count
    return dict(ends)


def _notice_ids(worker: Worker) -> list[str]:
    return [json.loads(line)["id"] for line in worker.notices.read_text(encoding="utf-8").splitlines()]


def _undisturbed(folder: Path, bodies: Sequence[bytes]) -> Worker:
    worker, sender = Worker(folder), Sender(bodies)
    worker.start()
    _send_all(sender, worker)
    assert worker.end() == 0, worker.logs[-1].read_text(encoding="utf-8")
    return worker


def _send_all(sender: Sender, worker: Worker) -> None:
    """Send all that is left; a connection may break where the machine stands still for as long as a sender waits."""
    deadline, address = time.monotonic() + 3 * START_S, worker.address()
    while not sender.is_done:
        assert time.monotonic() < deadline, "messages are not acknowledged"
        sender.send(address, len(sender.bodies))


def _tormented(folder: Path, bodies: Sequence[bytes]) -> tuple[Worker, Sender]:
    """Kill the worker again and again, at moments of every kind, then let it finish."""
    rng = random.Random(SEED)  # noqa: S311  a seed must give the same moments again
    worker, sender = Worker(folder), Sender(bodies)
    started_s = 1.0
    for number in range(KILLS):
        worker.start()
        kind = rng.choice(["starting", "storing", "storing", "working", "draining"])
        if kind == "starting":
            time.sleep(rng.uniform(0, started_s))
            worker.kill()
            continue
        began_s = time.monotonic()
        address = worker.address()
        started_s = time.monotonic() - began_s
        share = (len(bodies) - sender.acknowledged) // max(1, KILLS - number)
        sender.send(address, rng.randint(0, 2 * share + 1))
        if kind == "draining" and worker.process is not None:
            worker.process.send_signal(signal.SIGTERM)
        time.sleep(0 if kind == "storing" else rng.uniform(0, 0.3))
        worker.kill()
    worker.start()
    _send_all(sender, worker)
    assert worker.end() == 0, worker.logs[-1].read_text(encoding="utf-8")
    return worker, sender


def test_killed_worker_loses_nothing_and_tells_nothing_twice(tmp_path: Path, bodies: list[bytes]) -> None:
    (tmp_path / "quiet").mkdir()
    (tmp_path / "killed").mkdir()
    quiet = _undisturbed(tmp_path / "quiet", bodies)
    killed, sender = _tormented(tmp_path / "killed", bodies)

    assert sender.is_done
    stored = _journal(killed)
    assert Counter(bodies) - Counter(stored) == Counter(), "an acknowledged message is not in the journal"
    assert sum(_ends(killed).values()) == len(stored), "a stored message did not end exactly once"
    assert _findings(killed) == _findings(quiet)
    assert _findings(quiet), "the load raises no alert: it proves nothing"
    ids = _notice_ids(killed)
    assert len(ids) == len(set(ids)), "a notice was told twice"
    assert ids
