from __future__ import annotations

import io
import json
from contextlib import closing
from pathlib import Path

import pytest

from worker.model.alert import Notice
from worker.model.errors import ConfigError, TemporaryError
from worker.sinks.stream import NdjsonSink, StreamSink


def notice(number: int, version: int = 1) -> Notice:
    return Notice(f"a{number}.{version}", f"a{number}", version, b'{"rule": "fever-single"}')


def send(path: Path, *notices: Notice) -> None:
    """Send notices as a new process would."""
    with closing(NdjsonSink(path)) as sink:
        sink.send(notices)


def ids(path: Path) -> list[str]:
    return [json.loads(line)["id"] for line in path.read_text(encoding="utf-8").splitlines()]


def test_a_line_names_its_notice_and_holds_the_alert(tmp_path: Path) -> None:
    path = tmp_path / "notices.ndjson"
    send(path, notice(1, 2))
    assert json.loads(path.read_bytes()) == {
        "id": "a1.2",
        "alert_id": "a1",
        "version": 2,
        "alert": {"rule": "fever-single"},
    }


def test_a_notice_sent_again_is_written_once(tmp_path: Path) -> None:
    path = tmp_path / "notices.ndjson"
    with closing(NdjsonSink(path)) as sink:
        sink.send([notice(1)])
        sink.send([notice(1), notice(2)])
    assert ids(path) == ["a1.1", "a2.1"]


def test_a_notice_sent_again_after_a_restart_is_written_once(tmp_path: Path) -> None:
    path = tmp_path / "notices.ndjson"
    send(path, notice(1))
    send(path, notice(1), notice(2))
    assert ids(path) == ["a1.1", "a2.1"]


@pytest.mark.parametrize("kept", range(1, 60, 7))
def test_a_line_torn_by_a_crash_is_written_again_whole(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "notices.ndjson"
    send(path, notice(1), notice(2))
    whole = path.read_bytes()
    first = whole.index(b"\n") + 1
    path.write_bytes(whole[: first + kept])
    send(path, notice(2), notice(3))
    assert ids(path) == ["a1.1", "a2.1", "a3.1"]


def test_a_file_that_cannot_be_opened_is_tried_again(tmp_path: Path) -> None:
    path = tmp_path / "later" / "notices.ndjson"
    sink = NdjsonSink(path)
    with pytest.raises(TemporaryError):
        sink.send([notice(1)])
    path.parent.mkdir()
    sink.send([notice(1)])
    sink.close()
    assert ids(path) == ["a1.1"]


@pytest.mark.parametrize(
    "content", [b"somebody's notes", b"a line\n", b"a line\nand half of one", b'{"id": 1}\n']
)
def test_a_file_of_something_else_is_refused_and_left_as_it_is(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"notes\.txt"):
        NdjsonSink(path).check()
    with closing(NdjsonSink(path)) as sink:
        for _ in range(2):
            with pytest.raises(TemporaryError):
                sink.send([notice(1)])
    assert path.read_bytes() == content


def test_a_file_that_cannot_be_written_is_told_beforehand(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        NdjsonSink(tmp_path / "absent" / "notices.ndjson").check()


def test_a_last_line_of_zeros_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "notices.ndjson"
    send(path, notice(1))
    path.write_bytes(path.read_bytes() + bytes(50))
    send(path, notice(2))
    assert ids(path) == ["a1.1", "a2.1"]


def test_a_stream_gets_one_line_for_each_notice() -> None:
    stream = io.BytesIO()
    StreamSink(stream).send([notice(1), notice(2)])
    assert [json.loads(line)["id"] for line in stream.getvalue().splitlines()] == ["a1.1", "a2.1"]


def test_a_closed_stream_is_away_for_now() -> None:
    stream = io.BytesIO()
    stream.close()
    with pytest.raises(TemporaryError):
        StreamSink(stream).send([notice(1)])
