"""The recorded ward over MLLP into a running worker: every message acknowledged, findings equal to a replay of the file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.integration.worker_process import Running
from worker.alerts.render import replay_line
from worker.model.message import RawMessage
from worker.runtime.bootstrap import read_state
from worker.runtime.offline import load_pack, memory_store, program
from worker.runtime.replay import UNDISTURBED, replay
from worker.simulate.mllp_client import MllpClient
from worker.sources.files import read_files

pytestmark = [pytest.mark.integration, pytest.mark.slow]


def _read(recording: Path) -> Iterator[RawMessage]:
    return read_files([recording], received_at_ms=0, on_skipped=lambda skipped: pytest.fail(str(skipped)))


def test_the_recording_over_mllp_gives_the_findings_of_its_replay(shared: Path, tmp_path: Path) -> None:
    recording = shared / "feeds" / "simhospital" / "lp.mllp.gz"
    worker = Running(tmp_path)
    try:
        host, _, port = worker.addresses()["mllp"].rpartition(":")
        with MllpClient(host, int(port)) as client:
            sent = client.send_all(raw.body for raw in _read(recording))
        assert (sent.messages, sent.accepted) == (2154, 2154)
        assert worker.end() == 0
    finally:
        worker.process.kill()
    expected = replay(_read(recording), program(load_pack()), memory_store, disturbance=UNDISTURBED)
    with closing(read_state(tmp_path / "data")) as state:
        records = state.alerts()
    lines = [replay_line(record.alert, record.patients, record.history) for record in records]
    assert sorted(map(repr, lines)) == sorted(map(repr, expected.alerts))
