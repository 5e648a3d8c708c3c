"""The worker finds what was planted in the synthetic hospital, and nothing else, whatever the interfaces do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from worker.model.message import Form, RawMessage
from worker.pipeline import Pack
from worker.runtime.offline import load_pack, memory_store, program
from worker.runtime.replay import UNDISTURBED, Disturbance, ReplayReport, replay
from worker.simulate.hospital import quirks
from worker.simulate.hospital.quirks import QUIRKS, Quirks
from worker.simulate.hospital.rates import Rates
from worker.simulate.hospital.truth import PatientTruth
from worker.simulate.hospital.ward import Hospital, Settings
from worker.storage.records import AlertRecord

# More goes wrong than in life, so that a few patients show everything.
BUSY = {
    "has-lp": 0.9,
    "cns-infection-among-lps": 0.3,
    "fever-in-medical-inpatients": 0.6,
    "fever-two-days": 0.4,
    "incident-delirium-older-inpatients": 0.4,
    "older": 0.6,
    "pain-spike": 0.3,
    "missed-temperatures": 0.3,
    "inr-gt-1.4": 0.2,
    "platelets-lt50": 0.1,
    "lp-cancelled": 0.1,
}


OPEN = {"raised", "updated", "escalated"}


@dataclass(frozen=True)
class Run:
    report: ReplayReport
    records: tuple[AlertRecord, ...]
    truths: tuple[PatientTruth, ...]


@pytest.fixture(scope="module")
def pack() -> Pack:
    return load_pack()


def _run(pack: Pack, settings: Settings, disturbance: Disturbance = UNDISTURBED) -> Run:
    hospital = Hospital(settings)
    messages = [
        RawMessage(written.body, settings.form, "simulated", written.received_at_ms)
        for written in hospital.messages()
    ]
    store = memory_store()
    report = replay(messages, program(pack), lambda: store, disturbance=disturbance)
    return Run(report, tuple(store.alerts()), hospital.finished())


def _alerts_of(truth: PatientTruth, records: Iterable[AlertRecord]) -> dict[str, AlertRecord]:
    # By number alone: HL7 v2 and FHIR name authorities otherwise, and no number of one is a number of another.
    numbers = {identifier.value for identifier in truth.identifiers}
    return {
        record.alert.rule: record
        for record in records
        if numbers & {identifier.value for identifier in record.patients}
    }


def _wrong(run: Run, *, is_in_order: bool) -> list[str]:
    """Compare the alerts of every patient with the truth.

    Out of order, an alert may rest for a while on half of the facts: then only those that stand are compared.
    """
    wrong = []
    for truth in run.truths:
        found = _alerts_of(truth, run.records)
        who = f"{truth.identifiers[-1].value} {truth.quirks} {truth.traps}"
        for one in truth.expected:
            record = found.pop(one.rule, None)
            state = None if record is None else record.alert.state.value
            severity = None if record is None else record.alert.severity.name.lower()
            if one.ending == "stands":
                is_right = state in {*OPEN, "expired"} and severity == one.severity
            else:
                is_right = state == one.ending if is_in_order else state not in OPEN
            if not is_right:
                wrong.append(f"{who}: expected {one}, got {state} {severity}")
        wrong += [
            f"{who}: extra {rule} {record.alert.state}"
            for rule, record in found.items()
            if is_in_order or record.alert.state.is_open
        ]
    return wrong


def _meaning(found: object) -> object:
    """Leave out of evidence where it was read: which message, and which of its fields or elements.

    The record of an LP has a result status in one form and an order's in the other.
    """
    if isinstance(found, dict):
        is_lp = found.get("concept") == "lumbar-puncture"
        left_out = {"source", "origin", "result_status"} if is_lp else {"source", "origin"}
        return {name: _meaning(one) for name, one in found.items() if name not in left_out}
    return [_meaning(one) for one in found] if isinstance(found, list) else found


def _findings(run: Run) -> list[Any]:
    """Give what alerts say of whom, in an order that no form decides; a patient by the numbers that both forms know."""
    known = {identifier.value for truth in run.truths for identifier in truth.identifiers}
    found = [
        (
            sorted({number["value"] for number in alert["patient"]} & known),
            alert["lp_at"],
            alert["rule"],
            alert["severity"],
            alert["state"],
            alert["effective_at"],
            _meaning(alert["evidence"]),
        )
        for alert in run.report.alerts
    ]
    return sorted(found, key=repr)


@pytest.mark.parametrize("form", Form)
@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_what_was_planted_is_found_and_traps_stay_silent(pack: Pack, seed: int, form: Form) -> None:
    run = _run(pack, Settings(seed, patients=20, rates=Rates(BUSY), form=form))
    assert run.report.dead_lettered == {}
    assert run.report.failed == {}
    assert len([one for truth in run.truths for one in truth.expected]) > 10
    assert _wrong(run, is_in_order=True) == []


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3, 11))
def test_both_forms_of_one_hospital_give_the_same_findings(pack: Pack, seed: int) -> None:
    settings = Settings(seed, patients=12, rates=Rates(BUSY))
    told = _run(pack, settings)
    told_in_fhir = _run(pack, replace(settings, form=Form.FHIR))
    assert told.truths == told_in_fhir.truths
    assert told_in_fhir.report.summary["messages"]["ignored"] == 0
    assert len(_findings(told)) > 5
    assert _findings(told_in_fhir) == _findings(told)


@pytest.mark.slow
@pytest.mark.parametrize("form", Form)
@pytest.mark.parametrize("first", [0.0, 1.0])
def test_a_mistyped_fever_is_withdrawn_and_never_raised_when_its_correction_came_first(
    pack: Pack, first: float, form: Form
) -> None:
    calm = {**BUSY, "febrile-before-lp": 0.0, "fever-in-medical-inpatients": 0.0, "lp-cancelled": 0.0}
    habits = Quirks({"mistyped": 1.0, "correction-first": first})
    run = _run(pack, Settings(3, patients=8, habits=habits, rates=Rates(calm), form=form))
    withdrawn = [one for truth in run.truths for one in truth.expected if one.ending == "withdrawn"]
    trapped = [truth for truth in run.truths if "correction-before-original" in truth.traps]
    assert (len(withdrawn) > 2, len(trapped) > 2) == (first == 0.0, first == 1.0)
    assert _wrong(run, is_in_order=True) == []


@pytest.mark.slow
@pytest.mark.parametrize("form", Form)
@pytest.mark.parametrize("name", [name for name in QUIRKS if name != "batch"])
def test_no_quirk_alone_hides_or_makes_an_alert(pack: Pack, name: str, form: Form) -> None:
    habits = Quirks({name: 0.5, "mistyped": 0.5} if name == "correction-first" else {name: 0.5})
    run = _run(pack, Settings(3, patients=10, habits=habits, rates=Rates(BUSY), form=form))
    assert run.report.dead_lettered == {}
    assert _wrong(run, is_in_order=True) == []


@pytest.mark.parametrize("form", Form)
@pytest.mark.parametrize("seed", [5, pytest.param(6, marks=pytest.mark.slow)])
def test_any_order_and_repetition_find_the_same(pack: Pack, seed: int, form: Form) -> None:
    settings = Settings(seed, patients=8, rates=Rates(BUSY), form=form)
    run = _run(pack, settings, Disturbance(shuffle_seed=seed, duplicate_p=0.2, batch_size=200))
    assert run.report.dead_lettered == {}
    assert _wrong(run, is_in_order=False) == []


@pytest.mark.parametrize("form", Form)
def test_a_hospital_without_quirks_leaves_no_code_unmapped(pack: Pack, form: Form) -> None:
    run = _run(pack, Settings(9, patients=6, habits=quirks.NONE, rates=Rates(BUSY), form=form))
    assert run.report.summary["unmapped"] == []
    assert _wrong(run, is_in_order=True) == []
