"""`lpwatch replay` from the outside."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from worker.runtime import replay

Run = Callable[..., Result]


def _json(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_json_gives_the_summary_and_nothing_else(lpwatch: Run, ward: Path) -> None:
    summary = _json(lpwatch("replay", ward, "--json"))
    assert summary.pop("seconds") > 0
    assert summary == {
        "messages": {"received": 5, "processed": 5, "ignored": 0, "dead_lettered": 0},
        "ignored": {},
        "episodes": {"n": 2, "presumed": 0},
        "alerts": {"by_rule": {"fever-single": 1}, "by_severity": {"urgent": 1}},
        "unmapped": [],
        "set_aside": [],
    }


def test_alerts_file_holds_each_alert_in_its_final_state(lpwatch: Run, ward: Path, tmp_path: Path) -> None:
    assert lpwatch("replay", ward, "--alerts", tmp_path / "alerts.ndjson").exit_code == 0
    (line,) = (tmp_path / "alerts.ndjson").read_text(encoding="utf-8").splitlines()
    alert = json.loads(line)
    assert set(alert) == {
        "patient",
        "rule",
        "severity",
        "state",
        "status",
        "paged",
        "lp_at",
        "effective_at",
        "raised_at",
        "updated_at",
        "evidence",
        "history",
    }
    assert alert["patient"] == [{"authority": "urn:example:north", "value": "A1", "type": ""}]
    assert (alert["lp_at"], alert["raised_at"]) == ("2026-01-05T08:00:00Z", "2026-01-05T12:00:00Z")
    assert [set(entry) for entry in alert["history"]] == [{"at", "version", "state", "severity", "reason"}]


@pytest.mark.parametrize(
    "disturbance",
    [["--shuffle", 7], ["--duplicate", 0.9], ["--split", 2], ["--restart", 2], ["--split", 100]],
)
def test_disturbances_give_the_same_alerts(lpwatch: Run, ward: Path, disturbance: list[object]) -> None:
    undisturbed = _json(lpwatch("replay", ward, "--json"))
    disturbed = _json(lpwatch("replay", ward, "--json", *disturbance))
    assert disturbed["alerts"] == undisturbed["alerts"]
    assert disturbed["episodes"] == undisturbed["episodes"]


def test_what_was_found_is_compared_with_the_feed_as_recorded(lpwatch: Run, ward: Path) -> None:
    assert "compared" not in _json(lpwatch("replay", ward, "--json"))
    compared = _json(lpwatch("replay", ward, "--json", "--shuffle", 7, "--duplicate", 0.5))["compared"]
    assert compared == {"findings": 1, "differing": []}
    told = lpwatch("replay", ward, "--split", 2)
    assert (told.exit_code, told.stdout.splitlines()[-1]) == (
        0,
        "1 findings as recorded; none differ when disturbed so",
    )


def test_what_differs_is_told_and_the_exit_code_says_so(
    lpwatch: Run, ward: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = replay.disturbed
    lost = lambda messages, how: list(whole(messages, how))[: 3 if how.batch_size else None]  # noqa: E731
    monkeypatch.setattr(replay, "disturbed", lost)
    told = lpwatch("replay", ward, "--split", 2)
    assert told.exit_code == 1
    line = "only as recorded: urn:example:north A1: LP 2026-01-05T08:00:00Z fever-single urgent: body-temperature"
    assert line in told.stdout
    assert "1 findings as recorded; 1 differ when disturbed so" in told.stdout
    result = lpwatch("replay", ward, "--split", 2, "--json")
    assert result.exit_code == 1
    (one,) = json.loads(result.stdout)["compared"]["differing"]
    assert (one["only"], one["rule"], one["evidence"][0]["concept"]) == (
        "as recorded",
        "fever-single",
        "body-temperature",
    )


def test_until_lets_windows_end(lpwatch: Run, ward: Path, tmp_path: Path) -> None:
    alerts = tmp_path / "alerts.ndjson"
    assert lpwatch("replay", ward, "--alerts", alerts, "--until", "2026-02-05T00:00:00Z").exit_code == 0
    assert json.loads(alerts.read_text(encoding="utf-8"))["state"] == "expired"


def test_instant_without_an_offset_is_a_usage_error_with_an_example(lpwatch: Run, ward: Path) -> None:
    result = lpwatch("replay", ward, "--until", "2026-02-05 00:00")
    assert result.exit_code == 2
    assert "2026-01-05T08:00:00Z" in result.stderr


def test_people_get_tables_and_are_told_of_files_that_were_not_read(lpwatch: Run, ward: Path) -> None:
    (ward.parent / "notes.txt").write_text("nothing", encoding="utf-8")
    result = lpwatch("replay", ward.parent)
    assert "fever-single" in result.stdout
    assert "received" in result.stdout
    assert "notes.txt: neither HL7 v2 nor FHIR JSON" in result.stderr


def test_values_set_aside_are_told_with_their_reason_and_never_with_a_value(
    lpwatch: Run, ward: Path, set_aside: Path
) -> None:
    summary = _json(lpwatch("replay", ward, set_aside, "--json"))
    assert summary["set_aside"] == [
        {"kind": "implausible", "feed": "default", "subject": "body-temperature", "n": 1},
        {"kind": "missing-unit", "feed": "default", "subject": "body-temperature", "n": 1},
    ]
    text = lpwatch("replay", ward, set_aside).stdout
    assert "Set aside" in text
    assert "missing-unit" in text
    assert "386" not in text


def test_broken_pack_ends_with_code_3_and_its_place(lpwatch: Run, ward: Path, tmp_path: Path) -> None:
    folder = tmp_path / "ours" / "rules"
    folder.mkdir(parents=True)
    (folder / "bad.yaml").write_text("id: bad\nfoo: 1\n", encoding="utf-8")
    result = lpwatch("replay", ward, "--pack", tmp_path / "ours", "--json")
    assert result.exit_code == 3
    assert result.stdout == ""
    assert "rules/bad.yaml:" in result.stderr
