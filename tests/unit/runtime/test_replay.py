from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from worker.model.message import Form, Issue, IssueKind, Outcome, OutcomeKind, RawMessage, Reading
from worker.runtime.replay import Disturbance, ReplayReport, disturbed, replay
from worker.storage.memory import MemoryState
from worker.storage.migrate import upgrade
from worker.storage.state import SqlState

Script = Facts = Any  # the classes of conftest.py, which cannot be imported by name
At = Callable[[float], int]


def in_memory() -> Callable[[], MemoryState]:
    store = MemoryState()
    return lambda: store


@pytest.fixture
def recording(script: Script, facts: Facts, at: At) -> list[RawMessage]:
    """Two patients, a fever that is taken back, and one that stays."""
    return [
        script.message(at(0), facts.lp(patient="1")),
        script.message(at(1), facts.temp(39, 1, key="t", patient="1")),
        script.message(at(2), facts.lp(patient="2"), facts.temp(38.6, 2, patient="2")),
        script.message(at(3), facts.temp(36.9, 1, key="t", version=2, patient="1")),
        script.message(at(4), facts.temp(37, 4, patient="2")),
    ]


def final(report: ReplayReport) -> list[tuple[object, ...]]:
    """Give what must not depend on the arrival."""
    return sorted(
        (line["rule"], line["lp_at"], line["patient"][0]["value"], line["state"], line["severity"])
        for line in report.alerts
        if line["state"] != "withdrawn"
    )


def test_the_summary_accounts_for_every_message(script: Script, recording: list[RawMessage]) -> None:
    odd = RawMessage(b"odd", Form.HL7V2, "test", 0)
    script.readings[b"odd"] = Reading(
        Outcome(OutcomeKind.IGNORED, "message type ADT^A02"),
        "ward",
        issues=(
            Issue(IssueKind.UNMAPPED_CODE, "OBX[1]-3", "L|X"),
            Issue(IssueKind.IMPLAUSIBLE, "OBX[2]-5", "body-temperature", is_quarantined=True),
            Issue(IssueKind.MISSING_UNIT, "OBX[3]-5", "body-temperature", is_quarantined=True),
            Issue(IssueKind.MISSING_UNIT, "OBX[4]-5", "body-temperature", is_quarantined=True),
        ),
    )
    report = replay([*recording, odd, odd], script, in_memory())
    seconds = report.summary.pop("seconds")
    assert seconds >= 0
    assert report.summary == {
        "messages": {"received": 7, "processed": 5, "ignored": 2, "dead_lettered": 0},
        "ignored": {"message type ADT^A02": 2},
        "episodes": {"n": 2, "presumed": 0},
        "alerts": {"by_rule": {"fever": 2}, "by_severity": {"urgent": 2}},
        "unmapped": [{"kind": "unmapped-code", "feed": "ward", "subject": "L|X", "n": 2}],
        "set_aside": [
            {"kind": "missing-unit", "feed": "ward", "subject": "body-temperature", "n": 4},
            {"kind": "implausible", "feed": "ward", "subject": "body-temperature", "n": 2},
        ],
    }


def test_an_alert_line_gives_the_final_state_and_the_history(
    script: Script, recording: list[RawMessage]
) -> None:
    first, second = replay(recording, script, in_memory()).alerts
    assert (first["state"], second["state"]) == ("withdrawn", "raised")
    assert first["patient"] == [{"authority": "ward", "value": "1", "type": "MR"}]
    assert [(line["at"], line["state"]) for line in first["history"]] == [
        ("2024-10-04T01:00:00Z", "raised"),
        ("2024-10-04T03:00:00Z", "withdrawn"),
    ]


def test_time_runs_on_to_the_given_instant(script: Script, recording: list[RawMessage], at: At) -> None:
    assert replay(recording, script, in_memory()).alerts[1]["state"] == "raised"
    assert replay(recording, script, in_memory(), until_ms=at(24 * 8)).alerts[1]["state"] == "expired"


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_what_disturbs_a_replay_does_not_change_what_stands(
    script: Script, recording: list[RawMessage], tmp_path: Path, seed: int, kind: str
) -> None:
    expected = final(replay(recording, script, in_memory()))
    url = f"sqlite:///{tmp_path / 'state.db'}"
    upgrade(url, "state")
    open_store = in_memory() if kind == "memory" else lambda: SqlState(url, synchronous="OFF", commit_every=3)
    report = replay(
        recording, script, open_store, disturbance=Disturbance(seed, 0.4, seed % 4, seed % 3 or None)
    )
    assert final(report) == expected
    assert report.summary["messages"]["received"] >= 5


def test_a_shuffle_keeps_every_message_and_repeats_some(recording: list[RawMessage]) -> None:
    arriving = list(disturbed(recording * 100, Disturbance(3, 0.2)))
    assert len(arriving) > 540
    assert set(arriving) == set(recording)
    assert arriving == list(disturbed(recording * 100, Disturbance(3, 0.2)))


def test_repeats_without_a_shuffle_come_after_their_originals(recording: list[RawMessage]) -> None:
    arriving = list(disturbed(recording, Disturbance(None, 0.9)))
    assert list(dict.fromkeys(arriving)) == recording
    assert len(arriving) > 5


def test_an_undisturbed_recording_is_not_collected_first(script: Script, recording: list[RawMessage]) -> None:
    served = iter(recording)
    assert disturbed(served, Disturbance(batch_size=2)) is served


def test_progress_is_told(script: Script, recording: list[RawMessage]) -> None:
    told: list[int] = []
    replay(recording, script, in_memory(), on_progress=told.append)
    assert sum(told) == 5


def test_failed_assessments_are_told(script: Script, recording: list[RawMessage]) -> None:
    script.failing = ZeroDivisionError
    failed = replay(recording, script, in_memory()).failed
    assert failed == {"internal error ZeroDivisionError": 2}, "two patients, tried 22 times"


def test_an_empty_recording_gives_an_empty_report(script: Script) -> None:
    report = replay([], script, in_memory())
    assert report.summary["messages"]["received"] == 0
    assert report.alerts == ()
