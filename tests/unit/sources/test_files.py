"""Messages from files and folders."""

from __future__ import annotations

import errno
import gzip
import json
import os
import tracemalloc
from pathlib import Path

import pytest

from worker.decode.mllp import frame
from worker.model.errors import ConfigError
from worker.model.message import Form, RawMessage
from worker.sources.files import SkippedFile, read_files


def _message(control_id: str, line_end: str = "\r") -> bytes:
    lines = [f"MSH|^~\\&|LAB|NORTH|||20260105080000||ORU^R01|{control_id}|P|2.5.1", "PID|1||A1", ""]
    return line_end.join(lines).encode()


def _resource(number: int) -> dict[str, object]:
    return {"resourceType": "Observation", "id": f"o{number}"}


def _read(*paths: Path, max_bytes: int = 1_000_000) -> tuple[list[RawMessage], list[SkippedFile]]:
    skipped: list[SkippedFile] = []
    messages = read_files(paths, received_at_ms=7, on_skipped=skipped.append, max_bytes=max_bytes)
    return list(messages), skipped


def _ids(messages: list[RawMessage]) -> list[str]:
    return [message.body.split(b"|")[9].decode() for message in messages]


@pytest.mark.parametrize("line_end", ["\r", "\n", "\r\n"])
def test_messages_of_a_file_with_any_line_end_are_read(tmp_path: Path, line_end: str) -> None:
    path = tmp_path / "feed.dat"
    path.write_bytes(_message("m1", line_end) + _message("m2", line_end))
    messages, _ = _read(path)
    assert _ids(messages) == ["m1", "m2"]
    assert {(each.form, each.transport, each.received_at_ms) for each in messages} == {
        (Form.HL7V2, "file", 7)
    }


def test_the_truth_of_a_simulated_hospital_is_passed_over_and_told(tmp_path: Path) -> None:
    (tmp_path / "hospital.hl7").write_bytes(_message("m1"))
    truth = tmp_path / "truth.ndjson"
    truth.write_text('{"patient":[{"authority":"NORTH","value":"1"}],"lp_at":[]}\n', encoding="utf-8")
    messages, skipped = _read(tmp_path)
    assert _ids(messages) == ["m1"]
    assert [each.path for each in skipped] == [truth]
    with pytest.raises(ConfigError, match="simulated hospital"):
        _read(truth)


def test_a_file_of_messages_that_is_called_truth_is_read(tmp_path: Path) -> None:
    (tmp_path / "truth.ndjson").write_text(json.dumps(_resource(1)) + "\n", encoding="utf-8")
    assert len(_read(tmp_path)[0]) == 1


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le"])
def test_marks_and_wide_encodings_are_recognised(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "feed.hl7"
    path.write_bytes(_message("m1").decode().encode(encoding))
    assert _ids(_read(path)[0]) == ["m1"]


def test_batch_with_envelope_gives_its_messages(tmp_path: Path) -> None:
    path = tmp_path / "batch.hl7"
    path.write_bytes(b"FHS|^~\\&|X\rBHS|^~\\&|X\r" + _message("m1") + _message("m2") + b"BTS|2\rFTS|1\r")
    assert _ids(_read(path)[0]) == ["m1", "m2"]


def test_compressed_file_is_known_by_content_and_not_by_name(tmp_path: Path) -> None:
    path = tmp_path / "feed.hl7"
    path.write_bytes(gzip.compress(_message("m1")))
    assert _ids(_read(path)[0]) == ["m1"]


def test_mllp_capture_is_cut_into_its_frames(tmp_path: Path) -> None:
    path = tmp_path / "capture.mllp.gz"
    path.write_bytes(gzip.compress(b"\n".join(frame(_message(f"m{number}")) for number in range(5_000))))
    assert len(_read(path)[0]) == 5_000


def test_damaged_frames_of_a_capture_come_with_their_fault(tmp_path: Path) -> None:
    path = tmp_path / "capture.mllp"
    path.write_bytes(frame(_message("m1")) + frame(b"MSH|" + b"x" * 5_000) + b"\x0bMSH|cut")
    messages, _ = _read(path, max_bytes=1_000)
    assert [message.fault for message in messages] == [
        "",
        "frame larger than the limit",
        "frame without an end block",
    ]


def test_json_document_is_one_message(tmp_path: Path) -> None:
    path = tmp_path / "bundle.txt"
    path.write_text(json.dumps(_resource(1), indent=2), encoding="utf-8")
    (message,), _ = _read(path)
    assert (message.form, json.loads(message.body)) == (Form.FHIR, _resource(1))


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\n\n"])
def test_each_line_of_ndjson_is_one_message(tmp_path: Path, line_end: str) -> None:
    path = tmp_path / "export.json"
    path.write_text(
        line_end.join(json.dumps(_resource(number)) for number in range(3)), encoding="utf-8", newline=""
    )
    messages, _ = _read(path)
    assert [json.loads(message.body)["id"] for message in messages] == ["o0", "o1", "o2"]


def test_ndjson_with_lines_longer_than_a_chunk_is_read(tmp_path: Path) -> None:
    path = tmp_path / "export.ndjson"
    long = json.dumps({**_resource(1), "text": "x" * 3_000_000})
    path.write_text(f"{json.dumps(_resource(0))}\n{long}\n{json.dumps(_resource(2))}\n", encoding="utf-8")
    messages, _ = _read(path, max_bytes=4_000_000)
    assert [json.loads(message.body)["id"] for message in messages] == ["o0", "o1", "o2"]


def test_bad_line_of_ndjson_is_a_message_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "export.ndjson"
    path.write_text(f"{json.dumps(_resource(0))}\n{{broken\n{json.dumps(_resource(2))}\n", encoding="utf-8")
    assert len(_read(path)[0]) == 3


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("size", [2_000, 200_000, 3_000_000])
def test_line_of_ndjson_that_is_too_long_is_set_aside_and_the_others_are_read(
    tmp_path: Path, place: int, size: int
) -> None:
    path = tmp_path / "export.ndjson"
    lines = [json.dumps(_resource(number)) for number in range(2)]
    lines.insert(place, json.dumps({**_resource(9), "text": "x" * size}))
    path.write_text("\n".join(lines), encoding="utf-8")
    messages, _ = _read(path, max_bytes=1_000)
    assert [json.loads(message.body)["id"] for message in messages if not message.fault] == ["o0", "o1"]
    assert messages[place].fault == "message larger than the limit"
    assert messages[place].body == lines[place].encode()[:1_000]
    assert messages[place].form is Form.FHIR


def test_lines_that_never_end_fill_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "export.ndjson.gz"
    path.write_bytes(gzip.compress(b'{"a": 1}\n{"b": "' + b"x" * 60_000_000))
    tracemalloc.start()
    messages, _ = _read(path, max_bytes=100_000)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [message.fault for message in messages] == ["", "message larger than the limit"]
    assert peak < 10_000_000


@pytest.mark.parametrize("end", ["", "\n", "\n\n"])
def test_document_in_one_long_line_is_one_message(tmp_path: Path, end: str) -> None:
    path = tmp_path / "bundle.json"
    document = json.dumps({**_resource(1), "text": "x" * 300_000})
    path.write_text(document + end, encoding="utf-8")
    (message,), _ = _read(path)
    assert message.body.strip() == document.encode()


def test_first_line_longer_than_a_look_at_the_file_does_not_swallow_the_others(tmp_path: Path) -> None:
    path = tmp_path / "export.ndjson"
    long = json.dumps({**_resource(0), "text": "x" * 300_000})
    path.write_text(f"{long}\n{json.dumps(_resource(1))}\n", encoding="utf-8")
    messages, _ = _read(path)
    assert [json.loads(message.body)["id"] for message in messages] == ["o0", "o1"]


@pytest.mark.parametrize("indent", [None, 2])
def test_document_that_is_too_long_is_set_aside(tmp_path: Path, indent: int | None) -> None:
    path = tmp_path / "bundle.json"
    path.write_text(json.dumps({**_resource(1), "text": "x" * 5_000}, indent=indent), encoding="utf-8")
    (message,), _ = _read(path, max_bytes=1_000)
    assert (message.fault, len(message.body)) == ("message larger than the limit", 1_000)


def test_hl7_message_that_is_too_long_is_set_aside_and_the_others_are_read(tmp_path: Path) -> None:
    path = tmp_path / "feed.hl7"
    path.write_bytes(_message("m1") + _message("m2") + b"NTE|1||" + b"x" * 5_000 + b"\r" + _message("m3"))
    messages, _ = _read(path, max_bytes=1_000)
    assert _ids(messages) == ["m1", "m2", "m3"]
    assert [message.fault for message in messages] == ["", "message larger than the limit", ""]


def test_folders_are_walked_in_sorted_order(tmp_path: Path) -> None:
    for name in ("b/2.hl7", "a/1.hl7", "c.hl7"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(_message(name))
    assert _ids(_read(tmp_path)[0]) == ["a/1.hl7", "b/2.hl7", "c.hl7"]


def test_file_of_a_folder_that_holds_no_messages_is_reported(tmp_path: Path) -> None:
    (tmp_path / "LICENSE").write_text("Permission is hereby granted", encoding="utf-8")
    (tmp_path / "empty.hl7").write_bytes(b"\r\n")
    (tmp_path / "feed.hl7").write_bytes(_message("m1"))
    messages, skipped = _read(tmp_path)
    assert len(messages) == 1
    assert skipped == [
        SkippedFile(tmp_path / "LICENSE", "neither HL7 v2 nor FHIR JSON"),
        SkippedFile(tmp_path / "empty.hl7", "the file is empty"),
    ]


def test_named_file_that_holds_no_messages_is_an_error_that_says_what_to_give(tmp_path: Path) -> None:
    path = tmp_path / "notes.docx"
    path.write_bytes(b"PK\x03\x04")
    with pytest.raises(ConfigError, match=r"notes\.docx: neither .* give HL7 v2"):
        _read(path)


def test_segments_without_a_header_are_read_so_that_they_end_as_a_dead_letter(tmp_path: Path) -> None:
    path = tmp_path / "fragment.txt"
    path.write_bytes(b"PID|1||A1\rOBX|1|TX|1||x\r")
    (message,), _ = _read(path)
    assert message.body.startswith(b"PID|1||A1")


def test_missing_path_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"absent: no such file"):
        _read(tmp_path / "absent")


def test_cut_gzip_file_is_named_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "cut.gz"
    path.write_bytes(gzip.compress(os.urandom(200_000))[:1_000])
    with pytest.raises(ConfigError, match=r"cut\.gz: damaged or cut gzip file; fetch it again"):
        _read(path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_file_without_permission_is_named(tmp_path: Path) -> None:
    path = tmp_path / "secret.hl7"
    path.write_bytes(_message("m1"))
    path.chmod(0)
    with pytest.raises(ConfigError, match="no permission"):
        _read(path)


def test_folder_without_permission_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ward").mkdir()
    (tmp_path / "ward" / "a.hl7").write_bytes(_message("m1"))
    listing = os.scandir

    def deny(path: str | Path) -> object:
        if Path(path).name == "ward":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return listing(path)

    monkeypatch.setattr(os, "scandir", deny)
    with pytest.raises(ConfigError, match="ward: cannot be listed: Permission denied"):
        _read(tmp_path)


def test_recorded_feed_gives_every_message(shared: Path) -> None:
    messages, skipped = _read(shared / "feeds" / "simhospital" / "lp.mllp.gz")
    assert (len(messages), skipped) == (2_154, [])


def test_every_file_of_the_shared_feeds_is_read_or_reported(shared: Path) -> None:
    messages, skipped = _read(shared / "feeds" / "hl7", shared / "feeds" / "fhir")
    assert len(messages) > 1_000
    assert {file.path.suffix for file in skipped} <= {
        "",
        ".txt",
        ".md",
        ".fsh",
        ".yaml",
        ".xml",
        ".json",
        ".hl7",
    }


@pytest.mark.parametrize("start", [_message("m1"), b'{"resourceType": "Patient", "id": "'])
def test_file_that_is_too_large_unpacked_is_refused_before_it_fills_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, start: bytes
) -> None:
    monkeypatch.setattr("worker.sources.files._MAX_WHOLE", 100_000)
    (tmp_path / "a.gz").write_bytes(gzip.compress(start + b"A" * 200_000))
    with pytest.raises(ConfigError, match=r"a\.gz: .*larger than"):
        list(read_files([tmp_path / "a.gz"], received_at_ms=0, on_skipped=print))
