"""`lpwatch why` and `why-not` from the outside."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from worker.model.time import from_rfc3339
from worker.runtime.bootstrap import migrate
from worker.runtime.clock import MessageClock, WallClock
from worker.runtime.engine import Engine
from worker.runtime.inlet import JournalInlet
from worker.runtime.offline import load_pack, program
from worker.sources.files import read_files
from worker.storage.memory_journal import MemoryJournal
from worker.storage.state import SqlState

Run = Callable[..., Result]


def _json(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def taken_in(folder: Path, paths: Sequence[Path]) -> Path:
    """Make a data folder into which a worker took these files."""
    folder.mkdir()
    migrate(folder)
    state = SqlState(f"sqlite:///{folder / 'state.db'}")
    journal = MemoryJournal(read_files(paths, received_at_ms=0, on_skipped=lambda _: None))
    Engine([JournalInlet(journal)], state, program(load_pack()), MessageClock()).drain()
    state.close()
    return folder


@pytest.fixture
def data(ward: Path, tmp_path: Path) -> Path:
    """Give a data folder into which a worker took the ward."""
    return taken_in(tmp_path / "data", [ward])


def test_why_shows_the_rule_its_evidence_and_the_puncture(lpwatch: Run, ward: Path) -> None:
    result = lpwatch("why", "A1", "--at", "2026-01-05T13:00:00Z", "--from", ward)
    assert result.exit_code == 0, result.output
    assert "lumbar puncture 2026-01-05T08:00:00Z" in result.stdout
    assert "fever-single" in result.stdout
    assert "38.9 Cel" in result.stdout


def test_why_before_the_fever_was_received_finds_nothing(lpwatch: Run, ward: Path) -> None:
    document = _json(lpwatch("why", "A1", "--at", "2026-01-05T11:59:00Z", "--from", ward, "--json"))
    assert document["rules"] == []
    assert [lp["at"] for lp in document["lps"]] == ["2026-01-05T08:00:00Z"]


def test_why_reads_a_data_folder_the_same(lpwatch: Run, ward: Path, data: Path) -> None:
    at = ["--at", "2026-01-05T13:00:00Z", "--json"]
    from_data = _json(lpwatch("why", "urn:example:north|A1", *at, "--data", data))
    (alert,) = from_data["alerts"]
    from_data["alerts"] = []
    assert from_data == _json(lpwatch("why", "A1", *at, "--from", ward))
    assert from_data["rules"][0]["rule"] == "fever-single"
    raised = {
        "at": "2026-01-05T12:00:00Z",
        "version": 1,
        "state": "raised",
        "severity": "urgent",
        "reason": "raised",
    }
    assert (alert["rule"], alert["ever_paged"], alert["history"]) == ("fever-single", True, [raised])


def test_data_folder_answers_for_a_past_minute(lpwatch: Run, data: Path) -> None:
    document = _json(lpwatch("why", "A1", "--at", "2026-01-05T09:00:00Z", "--json", "--data", data))
    assert (document["facts"], document["rules"]) == (1, [])


def test_a_data_folder_tells_what_became_of_an_alert_by_then(lpwatch: Run, data: Path) -> None:
    at = "2026-01-05T13:00:00Z"
    told = lpwatch("why", "A1", "--at", at, "--data", data).stdout
    assert (
        "lumbar puncture 2026-01-05T08:00:00Z (completed, from Procedure.performedPeriod), 5 h earlier"
        in told
    )
    assert "  alert of fever-single (" in told
    assert "    2026-01-05T12:00:00Z raised, urgent\n" in told
    assert "never paged" not in told
    before = _json(lpwatch("why", "A1", "--at", "2026-01-05T11:59:00Z", "--data", data, "--json"))
    assert before["alerts"] == []


def test_where_no_rule_holds_it_says_what_to_ask(lpwatch: Run, ward: Path) -> None:
    told = lpwatch("why", "A2", "--at", "2026-01-05T13:00:00Z", "--from", ward).stdout
    assert "  no rule holds of it by then; `lpwatch why-not` tells what each saw" in told


def test_an_lp_that_became_known_later_is_named(lpwatch: Run, data: Path) -> None:
    told = lpwatch("why-not", "A1", "--at", "2026-01-05T07:00:00Z", "--data", data).stdout
    assert "later: a lumbar puncture became known at 2026-01-05T08:00:00Z; --at then answers for it" in told
    assert "no lumbar puncture was known by then" in told
    by_then = _json(lpwatch("why-not", "A1", "--at", "2026-01-05T08:00:00Z", "--data", data, "--json"))
    assert by_then["later"] == []


def test_where_the_instant_is_outside_the_window_of_a_rule_it_says_so(lpwatch: Run, ward: Path) -> None:
    late = ["--at", "2026-03-05T13:00:00Z", "--from", ward]
    over = lpwatch("why", "A1", *late).stdout
    assert "its time was over at 2026-01-12T08:00:00Z: its alert ended then, the finding stands" in over
    asked = ["why-not", "A2", "--rule"]
    over = lpwatch(*asked, "fever-single", *late).stdout
    assert "its window ended at 2026-01-12T08:30:00Z; what was true or taken until then counts," in over
    early = lpwatch(*asked, "crp-persistent-pain", "--at", "2026-01-05T13:00:00Z", "--from", ward).stdout
    assert "its window begins at 2026-01-12T08:30:00Z" in early
    within = lpwatch(*asked, "fever-single", "--at", "2026-01-05T13:00:00Z", "--from", ward).stdout
    assert "its window" not in within


def test_without_an_instant_it_answers_for_now(
    lpwatch: Run, ward: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(WallClock, "now_ms", lambda _: from_rfc3339("2026-01-05T13:00:00Z"))
    assert _json(lpwatch("why", "A1", "--from", ward, "--json")) == _json(
        lpwatch("why", "A1", "--from", ward, "--json", "--at", "2026-01-05T13:00Z")
    )


def test_a_rule_in_shadow_is_said_to_be_told_to_nobody(lpwatch: Run, ward: Path) -> None:
    at = ["--at", "2026-01-05T13:00:00Z", "--from", ward]
    assert "in shadow: stored" in lpwatch("why-not", "A2", "--rule", "no-temp-6h", *at).stdout
    assert "in shadow" not in lpwatch("why-not", "A2", "--rule", "fever-single", *at).stdout


def test_why_not_gives_the_reading_that_decided(lpwatch: Run, ward: Path) -> None:
    result = lpwatch(
        "why-not", "A2", "--rule", "fever-single", "--at", "2026-01-05T13:00:00Z", "--from", ward
    )
    assert "does not hold" in result.stdout
    assert "37.2 Cel" in result.stdout


@pytest.mark.parametrize("command", ["why", "why-not"])
def test_values_set_aside_are_told_with_their_reason(
    lpwatch: Run, ward: Path, set_aside: Path, command: str
) -> None:
    at = ["--at", "2026-01-05T13:00:00Z", "--from", ward, "--from", set_aside]
    told = _json(lpwatch(command, "A2", *at, "--json"))["set_aside"]
    assert [(each["kind"], each["subject"], each["place"]) for each in told] == [
        ("missing-unit", "body-temperature", "Observation.value"),
        ("implausible", "body-temperature", "Observation.value"),
        ("unmapped-code", "urn:example:codes|TEMPX", "Observation.code"),
    ]
    text = lpwatch(command, "A2", *at).stdout
    assert "set aside: 1 of body-temperature: missing-unit, received 2026-01-05T" in text
    assert "set aside: 1 of urn:example:codes|TEMPX: unmapped-code" in text
    assert "386" not in text


def test_data_folder_tells_what_was_set_aside_and_which_codes_nobody_mapped(
    lpwatch: Run, ward: Path, set_aside: Path, tmp_path: Path
) -> None:
    folder = taken_in(tmp_path / "worker", [ward, set_aside])
    at = ["--at", "2026-01-05T13:00:00Z", "--json"]
    told = _json(lpwatch("why-not", "A2", *at, "--data", folder))["set_aside"]
    from_files = _json(lpwatch("why-not", "A2", *at, "--from", ward, "--from", set_aside))["set_aside"]
    assert [each["kind"] for each in told] == ["missing-unit", "implausible", "unmapped-code"]
    assert told[:2] == from_files[:2]
    named = ("kind", "subject", "received_at", "feed")
    assert [told[2][name] for name in named] == [from_files[2][name] for name in named]
    assert _json(lpwatch("why-not", "A1", *at, "--data", folder))["set_aside"] == []
    text = lpwatch("why-not", "A2", *at[:2], "--data", folder).stdout
    assert "TEMPX: unmapped-code, received 2026-01-05T12:00:00Z (feed default)" in text


def test_values_set_aside_of_others_or_received_later_are_not_told(
    lpwatch: Run, ward: Path, set_aside: Path
) -> None:
    files = ["--from", ward, "--from", set_aside, "--json"]
    assert _json(lpwatch("why-not", "A1", "--at", "2026-01-05T13:00:00Z", *files))["set_aside"] == []
    assert _json(lpwatch("why-not", "A2", "--at", "2026-01-05T11:59:00Z", *files))["set_aside"] == []


def test_why_not_of_one_rule_tells_what_may_be_its_concepts(
    lpwatch: Run, ward: Path, set_aside: Path
) -> None:
    files = ["--at", "2026-01-05T13:00:00Z", "--from", ward, "--from", set_aside, "--json"]
    told = {
        rule: {
            each["subject"] for each in _json(lpwatch("why-not", "A2", "--rule", rule, *files))["set_aside"]
        }
        for rule in ("fever-single", "csf-cells")
    }
    unknown = "urn:example:codes|TEMPX"
    assert told == {"fever-single": {"body-temperature", unknown}, "csf-cells": {unknown}}


def test_why_not_lists_every_rule_that_does_not_hold(lpwatch: Run, ward: Path) -> None:
    arguments = ["A1", "--at", "2026-01-05T13:00:00Z", "--from", ward, "--json"]
    not_held = {each["rule"] for each in _json(lpwatch("why-not", *arguments))["rules"]}
    held = {each["rule"] for each in _json(lpwatch("why", *arguments))["rules"]}
    assert held == {"fever-single"}
    assert not_held
    assert not not_held & held


def test_patient_without_a_puncture_is_said_to_have_none(lpwatch: Run, ward: Path) -> None:
    result = lpwatch("why-not", "A3", "--at", "2026-01-05T13:00:00Z", "--from", ward)
    assert "no lumbar puncture was known" in result.stdout


def test_unknown_patient_ends_with_code_1(lpwatch: Run, ward: Path) -> None:
    result = lpwatch("why", "A9", "--at", "2026-01-05T13:00:00Z", "--from", ward)
    assert result.exit_code == 1
    assert "no message named this patient" in result.stderr


def test_number_of_several_authorities_must_be_qualified(lpwatch: Run, ward: Path) -> None:
    lines = ward.read_text(encoding="utf-8")
    ward.write_text(lines + lines.replace("urn:example:north", "urn:example:south"), encoding="utf-8")
    at = ["--at", "2026-01-05T13:00:00Z", "--from", ward]
    result = lpwatch("why", "A1", *at)
    assert result.exit_code == 2
    assert "urn:example:south" in result.stderr
    assert lpwatch("why", "urn:example:south|A1", *at).exit_code == 0


def test_unknown_rule_is_a_usage_error_that_lists_the_rules(lpwatch: Run, ward: Path) -> None:
    result = lpwatch("why-not", "A1", "--rule", "fevr", "--at", "2026-01-05T13:00:00Z", "--from", ward)
    assert result.exit_code == 2
    assert "fever-single" in result.stderr


@pytest.mark.parametrize("given", [[], ["--data", ".", "--from", "."]])
def test_data_folder_or_files_must_be_given_and_not_both(lpwatch: Run, given: list[str]) -> None:
    result = lpwatch("why", "A1", "--at", "2026-01-05T13:00:00Z", *given)
    assert result.exit_code == 2
    assert "give one of --data, --database and --config, or --from" in result.stderr


def test_folder_without_a_database_is_a_configuration_error(lpwatch: Run, tmp_path: Path) -> None:
    result = lpwatch("why", "A1", "--at", "2026-01-05T13:00:00Z", "--data", tmp_path)
    assert result.exit_code == 3
    assert "lpwatch run --data" in result.stderr
