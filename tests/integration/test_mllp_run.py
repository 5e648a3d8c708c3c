"""`lpwatch run` as a process: from an MLLP message to a notice, restarts, refusals, and what never reaches an output."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.messages import fever, message, temperature
from tests.integration.worker_process import START_S, Running
from worker.decode.mllp import frame

pytestmark = pytest.mark.integration

PLANTED = ("Testperson", "Zaphira", "47110815", "19520229", "woke up drenched")


@pytest.fixture
def start(tmp_path: Path) -> Iterator[object]:
    """Give a function that starts a worker; every worker is gone when the test ends."""
    workers: list[Running] = []

    def begin(*options: str, is_afresh: bool = False) -> Running:
        workers.append(Running(tmp_path, *options, is_afresh=is_afresh))
        return workers[-1]

    yield begin
    for worker in workers:
        if worker.process.poll() is None:
            worker.process.kill()
            worker.process.wait()


def test_fever_after_a_puncture_ends_as_a_notice_and_the_worker_drains(start) -> None:  # noqa: ANN001
    worker = start(is_afresh=True)
    answers = worker.send(*fever())
    assert [b"MSA|AA|" in answer for answer in answers] == [True, True]
    assert worker.get("/readyz") == "ok\n"
    assert worker.end() == 0
    (notice,) = worker.notices()
    assert notice["alert"]["rule"]["id"] == "fever-single"
    assert notice["alert"]["lp"]["at"] == "2026-01-05T08:10:00Z"


def test_restart_goes_on_where_the_worker_stopped(start) -> None:  # noqa: ANN001
    first = start()
    first.send(fever()[0])
    assert first.end() == 0
    second = start()
    second.send(fever()[1])
    assert second.end() == 0
    third = start()
    third.addresses()
    assert third.end() == 0
    assert [notice["version"] for notice in third.notices()] == [1]


def test_stdout_gets_notices_only(start) -> None:  # noqa: ANN001
    worker = start("--stdout")
    worker.send(*fever())
    assert worker.end() == 0
    lines = (worker.folder / "stdout").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["alert"]["rule"]["id"] for line in lines] == ["fever-single"]


def test_nothing_of_a_patient_reaches_logs_metrics_or_health_pages(start) -> None:  # noqa: ANN001
    worker = start()
    note = "woke up drenched"
    worker.send(
        *fever(),
        temperature("m3", "20260105130000", "Testperson", "Zaphira"),
        message("ORU^R01", "Testperson", "Zaphira", "OBX|1|NM|47110815||19520229|woke up drenched"),
        message("ZZZ^Z99", "m4", "20260105130000", f"OBX|1|TX|||{note}"),
        frame(b"PID|1||47110815^^^NORTH||Testperson^Zaphira"),
        b"Testperson Zaphira 47110815",
        b"\x0bMSH|^~\\&|Testperson",
    )
    pages = worker.get("/metrics") + worker.get("/readyz") + worker.get("/healthz")
    assert worker.end() == 0
    told = (
        worker.log.read_text(encoding="utf-8")
        + (worker.folder / "stdout").read_text(encoding="utf-8")
        + pages
    )
    assert [planted for planted in PLANTED if planted in told] == []
    assert all(json.loads(line)["event"] for line in worker.log.read_text(encoding="utf-8").splitlines())


def test_metrics_account_for_every_message(start) -> None:  # noqa: ANN001
    worker = start()
    worker.send(*fever(), message("ZZZ^Z99", "m4", "20260105130000"), frame(b"PID|1"))
    metrics = worker.get("/metrics")
    deadline = time.monotonic() + START_S
    while not _is_caught_up(metrics, 4) and time.monotonic() < deadline:
        metrics = worker.get("/metrics")
    assert _sum(metrics, "lpwatch_messages_received_total") == 4
    assert _sum(metrics, "lpwatch_messages_total") == 4
    assert _sum(metrics, 'lpwatch_ack_seconds_count{code="AA"}') == 3
    assert worker.end() == 0


def _is_caught_up(metrics: str, count: int) -> bool:
    return _sum(metrics, "lpwatch_messages_total") >= count and _sum(metrics, "lpwatch_journal_lag") == 0


def _sum(metrics: str, name: str) -> float:
    lines = [line for line in metrics.splitlines() if line.startswith(name) and not line.startswith("#")]
    return sum(float(line.rpartition(" ")[2]) for line in lines)


def test_second_worker_on_the_same_folder_is_refused(start) -> None:  # noqa: ANN001
    first = start()
    first.addresses()
    second = start()
    assert second.process.wait(timeout=START_S) == 3
    assert "another worker uses this data folder" in second.log.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--mllp", "0.0.0.0:0"], "plaintext"),
        (["--http", "0.0.0.0:0"], "plaintext"),
        (["--mllp", "2575"], "HOST:PORT"),
    ],
)
def test_unsafe_or_wrong_listener_ends_with_code_3(start, options: list[str], reason: str) -> None:  # noqa: ANN001
    worker = start(*options)
    assert worker.process.wait(timeout=START_S) == 3
    assert reason in worker.log.read_text(encoding="utf-8")
