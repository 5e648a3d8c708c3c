"""`lpwatch why --at` says what was known then: not what was corrected, documented, joined or dropped since."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from tests.unit.cli.conftest import SYSTEM, puncture, resource, temperature
from tests.unit.cli.test_why import taken_in
from tests.unit.rules.pack import default_layer
from worker.cli.why_known import known_from
from worker.model.alert import AlertState
from worker.model.time import HOUR_MS
from worker.pipeline import Pack, assess
from worker.runtime.clock import MessageClock
from worker.runtime.engine import Engine
from worker.runtime.inlet import JournalInlet
from worker.runtime.offline import memory_store, program
from worker.sources.files import read_files
from worker.storage.memory_journal import MemoryJournal
from worker.storage.state import SqlState

Run = Callable[..., Result]
Ask = Callable[..., dict[str, Any]]


def received(document: dict[str, object], at: str) -> dict[str, object]:
    """Let a resource come later than what it tells of."""
    return {**document, "meta": {"lastUpdated": at}}


def stay(patient: str, start: str) -> dict[str, object]:
    code = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "IMP"}
    return {
        **resource("Encounter", f"e-{patient}", patient, start),
        "status": "in-progress",
        "class": code,
        "period": {"start": start},
    }


def joined(one: str, other: str, at: str) -> dict[str, object]:
    link = {"other": {"identifier": {"system": SYSTEM, "value": other}}, "type": "replaces"}
    return {
        "resourceType": "Patient",
        "id": one,
        "meta": {"lastUpdated": at},
        "identifier": [{"system": SYSTEM, "value": one}],
        "link": [link],
    }


@pytest.fixture
def asked(lpwatch: Run, tmp_path: Path) -> Callable[[Sequence[dict[str, object]]], Ask]:
    """Give what makes a data folder of documents, and asks it and the file the same."""

    def take(documents: Sequence[dict[str, object]]) -> Ask:
        path = tmp_path / "stream.ndjson"
        path.write_text("".join(json.dumps(each) + "\n" for each in documents), encoding="utf-8")
        folder = taken_in(tmp_path / "data", [path])

        def ask(command: str, patient: str, at: str, *more: str) -> dict[str, Any]:
            told = []
            for source in (["--data", folder], ["--from", path]):
                result = lpwatch(command, patient, "--at", at, "--json", *more, *source)
                assert result.exit_code == 0, result.output
                told.append(json.loads(result.stdout))
            from_data, from_file = told
            for name in ("facts", "lps", "rules", "set_aside"):
                assert from_data[name] == from_file[name]
            return from_data

        return ask

    return take


def held(document: dict[str, Any]) -> list[str]:
    return [each["rule"] for each in document["rules"]]


def test_a_value_that_was_corrected_later_stands_until_then(asked: Callable[..., Ask]) -> None:
    fever = temperature("t", "B1", "2026-01-05T10:00:00Z", 39.4)
    corrected = {**received(fever, "2026-01-05T14:00:00Z"), "status": "corrected"}
    corrected["valueQuantity"] = {**fever["valueQuantity"], "value": 37.4}  # type: ignore[dict-item] # of our own making
    ask = asked([puncture("B1", "2026-01-05T08:00:00Z"), fever, corrected])
    assert held(ask("why", "B1", "2026-01-05T13:59:00Z")) == ["fever-single"]
    assert held(ask("why", "B1", "2026-01-05T14:00:00Z")) == []


def test_an_lp_that_was_documented_later_was_not_known_before(asked: Callable[..., Ask]) -> None:
    late = received(puncture("B1", "2026-01-05T08:00:00Z"), "2026-01-05T15:00:00Z")
    ask = asked([temperature("t", "B1", "2026-01-05T10:00:00Z", 39.4), late])
    assert ask("why", "B1", "2026-01-05T14:00:00Z")["lps"] == []
    after = ask("why", "B1", "2026-01-05T15:00:00Z")
    assert (held(after), after["lps"][0]["at"]) == (["fever-single"], "2026-01-05T08:00:00Z")


def test_numbers_that_were_joined_later_were_two_patients_before(asked: Callable[..., Ask]) -> None:
    ask = asked(
        [
            puncture("B1", "2026-01-05T08:00:00Z"),
            temperature("t", "B2", "2026-01-05T10:00:00Z", 39.4),
            joined("B1", "B2", "2026-01-05T14:00:00Z"),
        ]
    )
    before = ask("why", "B1", "2026-01-05T13:00:00Z")
    assert (held(before), "B2" in {each["value"] for each in before["patient"]}) == ([], False)
    (later,) = before["later"]
    assert later.startswith("joined with urn:example:north|B2 later;")
    joined_now = ask("why", "B2", "2026-01-05T14:00:00Z")
    assert (held(joined_now), joined_now["later"]) == (["fever-single"], [])


def test_of_several_lps_each_is_answered_for_itself(asked: Callable[..., Ask]) -> None:
    second = {**puncture("B1", "2026-01-10T08:00:00Z"), "id": "second"}
    ask = asked(
        [
            puncture("B1", "2026-01-05T08:00:00Z"),
            temperature("a", "B1", "2026-01-05T10:00:00Z", 37.0),
            second,
            temperature("b", "B1", "2026-01-10T10:00:00Z", 39.0),
        ]
    )
    rules = ask("why-not", "B1", "2026-01-10T12:00:00Z", "--rule", "fever-single")["rules"]
    assert [(each["lp_at"], each["holds"]) for each in rules] == [
        ("2026-01-05T08:00:00Z", "false"),
        ("2026-01-10T08:00:00Z", "true"),
    ]


def test_what_was_not_done_falls_due_at_its_minute_and_a_late_chart_undoes_it(
    asked: Callable[..., Ask],
) -> None:
    charted = received(temperature("t", "B1", "2026-01-05T13:00:00Z", 37.0), "2026-01-05T18:00:00Z")
    ask = asked([stay("B1", "2026-01-05T06:00:00Z"), puncture("B1", "2026-01-05T08:00:00Z"), charted])
    assert held(ask("why", "B1", "2026-01-05T15:29:00Z")) == []
    assert held(ask("why", "B1", "2026-01-05T15:30:00Z")) == ["no-temp-6h"]
    assert held(ask("why", "B1", "2026-01-05T18:00:00Z")) == [], "the next gap falls due at 20:30"


def test_a_folded_rule_names_the_stronger_one_from_the_minute_it_held(asked: Callable[..., Ask]) -> None:
    ask = asked(
        [
            puncture("B1", "2026-01-05T08:00:00Z"),
            temperature("a", "B1", "2026-01-06T10:00:00Z", 38.6),
            temperature("b", "B1", "2026-01-06T18:00:00Z", 38.7),
        ]
    )
    first = ask("why", "B1", "2026-01-06T12:00:00Z")["rules"]
    assert [(each["rule"], each["folded_by"]) for each in first] == [("fever-single", "")]
    both = {each["rule"]: each["folded_by"] for each in ask("why", "B1", "2026-01-06T18:00:00Z")["rules"]}
    assert both == {"fever-single": "fever-ongoing-after-day1", "fever-ongoing-after-day1": ""}


def test_a_baseline_from_before_the_lp_is_seen(asked: Callable[..., Ask]) -> None:
    fevers = [
        temperature(f"t{hour}", "B1", f"2026-01-05T{hour:02}:00:00Z", value)
        for hour, value in ((6, 39.0), (10, 39.2))
    ]
    ask = asked([fevers[0], puncture("B1", "2026-01-05T08:00:00Z"), fevers[1]])
    assert held(ask("why", "B1", "2026-01-05T12:00:00Z")) == [], (
        "febrile before the LP, and not clearly higher"
    )


def test_an_lp_that_was_only_planned_is_named(lpwatch: Run, tmp_path: Path) -> None:
    path = tmp_path / "planned.ndjson"
    planned = {**puncture("A9", "2026-01-05T08:00:00Z"), "status": "preparation"}
    path.write_text(
        json.dumps({**planned, "meta": {"lastUpdated": "2026-01-05T08:30:00Z"}}), encoding="utf-8"
    )
    told = lpwatch("why-not", "A9", "--at", "2026-01-05T13:00:00Z", "--from", path).stdout
    assert "  a record of one at 2026-01-05T08:00:00Z: planned (" in told


def test_alerts_of_an_lp_that_was_void_are_told_apart(lpwatch: Run, tmp_path: Path) -> None:
    done = puncture("B1", "2026-01-05T08:00:00Z")
    void = received({**done, "status": "entered-in-error"}, "2026-01-05T12:00:00Z")
    path = tmp_path / "stream.ndjson"
    fever = temperature("t", "B1", "2026-01-05T10:00:00Z", 39.4)
    path.write_text("".join(json.dumps(each) + "\n" for each in (done, fever, void)), encoding="utf-8")
    folder = taken_in(tmp_path / "data", [path])
    told = lpwatch("why", "B1", "--at", "2026-01-05T13:00:00Z", "--data", folder).stdout
    assert "no lumbar puncture was known by then" in told
    assert "  a record of one at 2026-01-05T08:00:00Z: taken back (" in told
    shown = told[told.index("of lumbar punctures that do not stand") :]
    assert "alert of fever-single (" in shown
    assert "2026-01-05T12:00:00Z withdrawn, urgent: lumbar puncture void" in shown


def test_facts_of_a_patient_without_an_lp_are_said_to_be_gone_after_a_week(
    lpwatch: Run, tmp_path: Path
) -> None:
    documents = [
        temperature("t", "B1", "2026-01-05T10:00:00Z", 39.4),
        temperature("u", "B2", "2026-01-20T10:00:00Z", 37.0),
    ]
    path = tmp_path / "stream.ndjson"
    path.write_text("".join(json.dumps(each) + "\n" for each in documents), encoding="utf-8")
    folder = taken_in(tmp_path / "data", [path])
    told = lpwatch("why-not", "B1", "--at", "2026-01-05T12:00:00Z", "--data", folder)
    assert (
        "gone: what was received before 2026-01-13T10:00:00Z is no longer known, but for baselines"
        in told.stdout
    )
    recent = lpwatch("why-not", "B1", "--at", "2026-01-19T12:00:00Z", "--data", folder)
    assert "gone:" not in recent.stdout


def test_facts_of_an_lp_that_is_over_are_said_to_be_gone(lpwatch: Run, tmp_path: Path) -> None:
    path = tmp_path / "stream.ndjson"
    path.write_text(json.dumps(puncture("B1", "2026-01-05T08:00:00Z")) + "\n", encoding="utf-8")
    folder = taken_in(tmp_path / "data", [path])
    state = SqlState(f"sqlite:///{folder / 'state.db'}")
    later_ms = state.latest_ms() + 3_000 * HOUR_MS
    state.drop_recent(later_ms, [], later_ms)
    state.drop_over(later_ms)
    state.close()
    told = lpwatch("why", "B1", "--at", "2026-01-05T12:00:00Z", "--data", folder)
    assert "gone: the facts of LPs that are over were let go of (2026-01-05T08:00:00Z)" in told.stdout


def test_a_rule_that_the_pack_retired_or_disabled_is_named_so(
    lpwatch: Run, ward: Path, tmp_path: Path
) -> None:
    site = tmp_path / "site"
    (site / "rules").mkdir(parents=True)
    text = default_layer()["rules/csf-pressure.yaml"].replace("status: shadow", "status: retired")
    (site / "rules" / "csf-pressure.yaml").write_text(text, encoding="utf-8")
    (site / "rules" / "off.yaml").write_text("id: purpuric-rash\ndisabled: true\n", encoding="utf-8")
    for rule, word in (
        ("csf-pressure", "retired"),
        ("purpuric-rash", "disabled"),
        ("fever", "no rule fever"),
    ):
        asked = ["--rule", rule, "--at", "2026-01-05T13:00:00Z", "--from", ward, "--pack", site]
        result = lpwatch("why-not", "A1", *asked)
        assert (result.exit_code, word in result.stderr) == (2, True)


def test_why_agrees_with_what_the_worker_told_at_every_minute_of_a_hospital(
    lpwatch: Run, default_pack: Pack, tmp_path: Path
) -> None:
    """Every line of every alert's history: the rule holds at the minute at which it was told, and not once it is withdrawn."""
    path = tmp_path / "ward.hl7"
    often = ("has-lp", "spinal-haematoma-30d", "fever-two-days", "cns-infection-among-lps", "pain-spike")
    more = ["--rates", ",".join(f"{name}=0.5" for name in often), "--quirks", "all,merge=0.5,mistyped=0.5"]
    assert lpwatch("simulate", "--seed", 11, "--patients", 16, "--out", path, *more).exit_code == 0
    store, journal = (
        memory_store(),
        MemoryJournal(read_files([path], received_at_ms=0, on_skipped=lambda _: None)),
    )
    Engine([JournalInlet(journal)], store, program(default_pack), MessageClock()).drain()
    checked = 0
    for record in store.alerts():
        who = f"{record.patients[0].authority}|{record.patients[0].value}"
        for line in record.history:
            known = known_from(store, who, line.at_ms)
            found = assess(known.facts, default_pack, line.at_ms, line.at_ms).findings
            holds = any(
                each.rule == record.alert.rule
                and each.episode.anchor_ms == record.alert.finding.episode.anchor_ms
                for each in found
            )
            if line.state is AlertState.WITHDRAWN:
                assert not holds, (record.alert.rule, line)
            elif line.state.is_open:
                assert holds, (record.alert.rule, line)
            checked += 1
    assert checked > 15
