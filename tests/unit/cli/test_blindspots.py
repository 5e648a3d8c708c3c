"""`lpwatch blindspots` from the outside, on a data folder that a worker wrote."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from tests.unit.cli.conftest import temperature
from tests.unit.cli.test_why import taken_in
from worker.model.time import from_rfc3339
from worker.runtime.clock import WallClock

Run = Callable[..., Result]


@pytest.fixture
def data(ward: Path, set_aside: Path, tmp_path: Path) -> Path:
    """Give a data folder: A1 has fever, A2 one temperature that can be used and three that cannot."""
    return taken_in(tmp_path / "data", [ward, set_aside])


def _lps(result: Result) -> dict[str, dict[str, Any]]:
    assert result.exit_code == 0, result.output
    return {lp["patient"][0]["value"]: lp for lp in json.loads(result.stdout)["lps"]}


def _kinds(lp: dict[str, Any], rule: str) -> set[str]:
    return {spot["kind"] for spot in lp["spots"] if rule in spot["rules"]}


def test_silence_begins_when_the_pack_expects_something(lpwatch: Run, data: Path) -> None:
    before = _lps(lpwatch("blindspots", "--at", "2026-01-05T21:59:00Z", "--data", data, "--json"))
    after = _lps(lpwatch("blindspots", "--at", "2026-01-05T22:00:00Z", "--data", data, "--json"))
    assert "stale" not in _kinds(before["A2"], "fever-single")
    (stale,) = [spot for spot in after["A2"]["spots"] if spot["kind"] == "stale"]
    assert (stale["since"], stale["last"]["value"]) == ("2026-01-05T22:00:00Z", "37.2 Cel")
    assert "fever-single" in stale["rules"]
    assert stale["feed_last_received_at"] == "2026-01-05T12:00:00Z"


def test_what_was_set_aside_is_told_with_the_rules_that_miss_it(lpwatch: Run, data: Path) -> None:
    found = _lps(lpwatch("blindspots", "--at", "2026-01-05T22:00:00Z", "--data", data, "--json"))
    told = {spot["what"] for spot in found["A2"]["spots"] if spot["kind"] == "unmapped"}
    assert {
        "missing-unit: body-temperature",
        "implausible: body-temperature",
        "unmapped-code: urn:example:codes|TEMPX",
    } <= told
    assert not any(spot["kind"] == "unmapped" for spot in found["A1"]["spots"]), (
        "nothing of his was set aside"
    )


def test_a_rule_that_holds_is_not_blind_for_its_patient(lpwatch: Run, data: Path) -> None:
    found = _lps(lpwatch("blindspots", "--at", "2026-01-06T12:00:00Z", "--data", data, "--json"))
    assert _kinds(found["A1"], "fever-single") == set()
    assert "silent" in _kinds(found["A1"], "altered-consciousness")


def test_nobody_is_told_of_whom_nothing_was_known_yet_or_whose_windows_ended(
    lpwatch: Run, data: Path
) -> None:
    for at in ("2026-01-05T07:00:00Z", "2026-05-01T00:00:00Z"):
        assert _lps(lpwatch("blindspots", "--at", at, "--data", data, "--json")) == {}
        told = lpwatch("blindspots", "--at", at, "--data", data).stdout
        assert f"at {at}: no LP is watched, so there is nothing to be blind of" in told
        assert "the newest LP on file is of 2026-01-05T08:30:00Z; --at 2026-01-05T12:00:00Z," in told


def test_without_a_blind_spot_it_says_when_it_looked_and_how_many_are_watched(
    lpwatch: Run, data: Path
) -> None:
    at = "2026-01-05T12:30:00Z"
    told = lpwatch("blindspots", "--at", at, "--data", data, "--kind", "left").stdout
    assert f"at {at}: 2 LPs are watched, none with such a blind spot" in told
    assert "the newest LP" not in told
    document = json.loads(
        lpwatch("blindspots", "--at", at, "--data", data, "--kind", "left", "--json").stdout
    )
    assert (document["at"], document["watched"], document["lps"]) == (at, 2, [])
    assert document["newest_lp_at"] == "2026-01-05T08:30:00Z"
    assert document["last_received_at"] == "2026-01-05T12:00:00Z"


def test_the_count_of_watched_lps_stands_below_the_list(lpwatch: Run, data: Path) -> None:
    told = lpwatch("blindspots", "--at", "2026-01-05T22:00:00Z", "--data", data).stdout
    assert told.rstrip().splitlines()[-1] == "at 2026-01-05T22:00:00Z: 2 LPs are watched, 2 with blind spots"
    ward = lpwatch("blindspots", "--at", "2026-01-05T22:00:00Z", "--data", data, "--unit", "A3").stdout
    assert "2 LPs are watched, none of them on A3" in ward


def test_an_lp_known_but_not_yet_done_is_not_watched(lpwatch: Run, data: Path) -> None:
    document = json.loads(
        lpwatch("blindspots", "--at", "2026-01-05T08:10:00Z", "--data", data, "--json").stdout
    )
    assert document["watched"] == 1


def test_a_look_at_now_on_an_old_recording_tells_of_at(lpwatch: Run, data: Path) -> None:
    result = lpwatch("blindspots", "--data", data)
    assert "no LP is watched" in result.stdout
    assert "--at 2026-01-05T12:00:00Z," in result.stdout


def test_without_at_a_store_that_heard_nothing_for_long_tells_of_at(
    lpwatch: Run, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(WallClock, "now_ms", lambda _: from_rfc3339("2026-01-07T12:00:00Z"))
    told = lpwatch("blindspots", "--data", data).stdout
    assert "at 2026-01-07T12:00:00Z: 2 LPs are watched, 2 with blind spots" in told
    assert "the last message was received 2026-01-05T12:00:00Z, 48 h ago; --at 2026-01-05T12:00:00Z" in told
    monkeypatch.setattr(WallClock, "now_ms", lambda _: from_rfc3339("2026-01-05T22:00:00Z"))
    assert "the last message" not in lpwatch("blindspots", "--data", data).stdout
    asked = lpwatch("blindspots", "--data", data, "--at", "2026-01-07T12:00:00Z").stdout
    assert "the last message" not in asked, "who gives an instant means it"


def test_an_empty_store_has_no_lp_to_look_at(lpwatch: Run, tmp_path: Path) -> None:
    empty = taken_in(tmp_path / "empty", [])
    told = lpwatch("blindspots", "--at", "2026-01-05T12:00:00Z", "--data", empty)
    assert told.stdout.splitlines() == [
        "at 2026-01-05T12:00:00Z: no LP is watched, so there is nothing to be blind of",
        "no LP is on file",
    ]


def test_no_feed_is_heard_after_the_instant_that_is_looked_at(
    lpwatch: Run, ward: Path, set_aside: Path, tmp_path: Path
) -> None:
    later = tmp_path / "later.ndjson"
    reading = temperature("l", "A9", "2026-01-09T10:00:00Z", 37.0)
    later.write_text(json.dumps(reading) + "\n", encoding="utf-8")
    data = taken_in(tmp_path / "more", [ward, set_aside, later])
    at = ["--at", "2026-01-05T22:00:00Z", "--data", data]
    (stale,) = [
        spot
        for spot in _lps(lpwatch("blindspots", *at, "--json"))["A2"]["spots"]
        if spot["kind"] == "stale" and "fever-single" in spot["rules"]
    ]
    assert (stale["feed"], stale["feed_last_received_at"]) == ("default", None)
    told = lpwatch("blindspots", *at).stdout
    assert "by feed default\n" in told
    assert "2026-01-09" not in told


def test_kinds_rules_and_wards_narrow_the_list(lpwatch: Run, data: Path) -> None:
    at = ["--at", "2026-01-06T12:00:00Z", "--data", data, "--json"]
    stale = _lps(lpwatch("blindspots", *at, "--kind", "stale"))
    assert {spot["kind"] for lp in stale.values() for spot in lp["spots"]} == {"stale"}
    fever = _lps(lpwatch("blindspots", *at, "--rule", "fever-single"))
    assert set(fever) == {"A2"}
    assert _lps(lpwatch("blindspots", *at, "--unit", "A3")) == {}
    assert lpwatch("blindspots", *at, "--rule", "fever").exit_code == 2


def test_people_read_who_is_blind_since_when_and_why(lpwatch: Run, data: Path) -> None:
    text = lpwatch("blindspots", "--at", "2026-01-05T22:00:00Z", "--data", data).stdout
    assert "urn:example:north|A2: lumbar puncture 2026-01-05T08:30:00Z, 13.5 h ago" in text
    assert "stale since 2026-01-05T22:00:00Z: no temperature any more; expected within 12 h" in text
    assert "last body-temperature 37.2 Cel of 2026-01-05T10:00:00Z by feed" in text
    assert "LPs with blind spots" in text
    assert "386" not in text


def test_without_a_database_it_says_what_to_give(lpwatch: Run) -> None:
    assert lpwatch("blindspots").exit_code == 2
