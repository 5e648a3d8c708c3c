"""Logs: JSON lines, and nothing of a patient in any of them."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
import structlog

from worker.runtime import clock
from worker.runtime.logs import ALLOWED_KEYS, REPEAT_S, configure_logs

PLANTED = ("Testperson", "Zaphira", "4711-0815", "19520229", "severe headache when standing")


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    handlers = logging.getLogger().handlers
    stream = io.StringIO()
    configure_logs(stream, level="debug")
    yield stream
    structlog.reset_defaults()
    logging.getLogger().handlers = handlers


def _lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_json_with_event_level_and_time(stream: io.StringIO) -> None:
    structlog.get_logger().info("notice_sent", alert="a1", sink="stdout", count=3)
    (line,) = _lines(stream)
    assert (line["event"], line["level"], line["alert"], line["count"]) == ("notice_sent", "info", "a1", 3)
    assert str(line["timestamp"]).endswith("Z")


def test_keys_that_are_not_listed_are_dropped_and_counted() -> None:
    counted: list[int] = []
    stream = io.StringIO()
    configure_logs(stream, on_dropped=counted.append)
    structlog.get_logger().info("patient_seen", patient="Testperson", mrn="4711-0815", feed="x")
    structlog.reset_defaults()
    (line,) = _lines(stream)
    assert line["dropped_keys"] == 2
    assert counted == [2]
    assert line["feed"] == "x"


@pytest.mark.parametrize("planted", PLANTED)
def test_planted_identifiers_never_reach_the_output(stream: io.StringIO, planted: str) -> None:
    log = structlog.get_logger()
    log.warning(event := "could not read " + planted)
    log.info("retry", reason=[event])
    log.info("message_seen", name=planted, body=planted.encode(), patient={"name": planted})
    log.error("failed", error=f"ValueError: {planted} is wrong", exc_info=ValueError(planted))
    log.info("message_seen", reason=["list", planted], place={"a": planted}, feed=ValueError(planted))
    logging.getLogger("library").error("cannot parse %s", planted)
    logging.getLogger("library").error("text", exc_info=ValueError(planted))
    assert len(_lines(stream)) == 7
    assert planted not in stream.getvalue()


def test_error_takes_the_name_of_a_class_only(stream: io.StringIO) -> None:
    structlog.get_logger().error("intake_failed", error="OperationalError")
    structlog.get_logger().error("intake_failed", error="no such table for Testperson")
    assert [line.get("error") for line in _lines(stream)] == ["OperationalError", None]


def test_long_and_many_lined_texts_are_dropped(stream: io.StringIO) -> None:
    structlog.get_logger().info("x", reason="a" * 500, place="MSH|\rPID|")
    (line,) = _lines(stream)
    assert "reason" not in line
    assert "place" not in line


def test_level_silences_what_is_below(stream: io.StringIO) -> None:
    configure_logs(stream, level="warning")
    structlog.get_logger().info("quiet")
    assert _lines(stream) == []


def test_no_listed_key_names_patient_data() -> None:
    suspicious = {
        "patient",
        "name",
        "mrn",
        "identifier",
        "birth_date",
        "text",
        "body",
        "value",
        "note",
        "message",
    }
    assert suspicious & ALLOWED_KEYS == set()


def _foreign(stream: io.StringIO) -> list[tuple[object, object]]:
    lines = [line for line in _lines(stream) if line["event"] == "library_warning"]
    return [(line["source"], line.get("count")) for line in lines]


def test_what_a_library_says_again_and_again_is_told_once(stream: io.StringIO) -> None:
    log = logging.getLogger("kafka.net")
    for number in range(100):
        log.warning("connection %s lost", number)
    assert _foreign(stream) == [("kafka.net", None)]


def test_another_thing_that_a_library_says_is_told_meanwhile(stream: io.StringIO) -> None:
    log = logging.getLogger("kafka.net")
    for _ in range(10):
        log.warning("connection lost")
        log.error("certificate refused")
        logging.getLogger("uvicorn").warning("odd")
    assert _foreign(stream) == [
        ("kafka.net", None),
        ("kafka.net", None),
        ("uvicorn", None),
    ]


def _lose() -> None:
    logging.getLogger("kafka.net").warning("connection lost")


def test_how_often_a_library_said_it_is_told_after_the_time(
    stream: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = 0.0
    monkeypatch.setattr(clock, "time", SimpleNamespace(perf_counter=lambda: now_s))
    for _ in range(5):
        _lose()
    now_s += REPEAT_S
    logging.getLogger("other").warning("odd")  # whoever speaks, what was held back is told
    assert _foreign(stream) == [
        ("kafka.net", None),
        ("other", None),
        ("kafka.net", 4),
    ]
    _lose()
    now_s += REPEAT_S - 1
    _lose()
    assert len(_foreign(stream)) == 3
    now_s += 1
    _lose()
    assert _foreign(stream)[3:] == [("kafka.net", 3)]
