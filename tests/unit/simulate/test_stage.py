"""Playing a ward: the pace, the file of notices as it grows, and what the view shows of it."""

from __future__ import annotations

import json
from pathlib import Path

from rich.console import Console

from worker.cli import demo_view
from worker.model.time import HOUR_MS, from_rfc3339
from worker.simulate.pace import Pace, busy_ward, paced
from worker.simulate.stage import Scene, Tail

START = from_rfc3339("2026-02-02T06:00:00Z")


def _line(version: int, state: str = "raised", severity: str = "urgent") -> str:
    alert = {
        "alert_id": "a1",
        "version": version,
        "state": state,
        "severity": severity,
        "reason": "raised",
        "patient": [{"value": "9", "type": "NI"}, {"value": "700", "type": "MR"}],
        "lp": {"at": "2026-02-02T08:00:00Z", "hours_at_evidence": 4.25},
        "rule": {"id": "fever-single", "title": "Fever", "status": "draft"},
        "evidence": [
            {
                "concept": "body-temperature",
                "value": 38.6,
                "unit": "Cel",
                "effective_at": "2026-02-02T12:15:00Z",
                "source": {"ignored": True},
            }
        ],
        "updated_at": "2026-02-02T12:30:00Z",
    }
    return json.dumps({"id": f"n{version}", "alert_id": "a1", "version": version, "alert": alert}) + "\n"


def test_a_pace_turns_hours_of_the_ward_into_seconds() -> None:
    pace = Pace(START, 2 * HOUR_MS / 1_000)
    assert pace.due_s(START + 10 * HOUR_MS) == 5.0
    assert pace.instant_ms(5.0) == START + 10 * HOUR_MS


def test_the_same_seed_plays_the_same_ward() -> None:
    firsts = [next(paced(busy_ward(3), 1.0)[1]) for _ in range(2)]
    assert firsts[0] == firsts[1]


def test_only_whole_lines_are_read_and_each_once(tmp_path: Path) -> None:
    path = tmp_path / "notices.ndjson"
    tail = Tail(path)
    assert list(tail.read()) == []
    whole, torn = _line(1), _line(2)
    path.write_text(whole + torn[:40], encoding="utf-8")
    assert [alert.version for alert in tail.read()] == [1]
    path.write_text(whole + torn, encoding="utf-8")
    assert [alert.version for alert in tail.read()] == [2]
    assert list(tail.read()) == []


def _scene(tmp_path: Path, *lines: str) -> Scene:
    path = tmp_path / "notices.ndjson"
    path.write_text("".join(lines), encoding="utf-8")
    scene = Scene(START, sent=12, accepted=11)
    for alert in Tail(path).read():
        scene.alerts[alert.alert_id] = alert
    return scene


def test_the_headline_counts_open_alerts_by_severity(tmp_path: Path) -> None:
    shown = demo_view.headline(_scene(tmp_path, _line(1)))
    assert "12 messages sent, 11 acknowledged" in shown
    assert "open: 1 urgent" in shown
    assert "open: none" in demo_view.headline(_scene(tmp_path, _line(1), _line(2, "withdrawn")))


def test_a_line_tells_who_what_when_and_why(tmp_path: Path) -> None:
    (alert,) = _scene(tmp_path, _line(1)).alerts.values()
    assert demo_view.line(alert) == (
        "2026-02-02 12:30 URGENT Fever [raised] patient 700, 4.2 h after LP: body-temperature 38.6 Cel at 12:15"
    )


def test_the_view_fits_the_terminal(tmp_path: Path) -> None:
    console = Console(width=120, height=30, record=True, file=(tmp_path / "out").open("w", encoding="utf-8"))
    console.print(demo_view.picture(_scene(tmp_path, _line(1)), 10))
    console.print(demo_view.picture(Scene(START), 10))
    shown = console.export_text()
    console.file.close()
    assert "body-temperature 38.6 Cel" in shown
    assert "waiting for the first alert" in shown
