"""Reading vignettes: inheritance, defaults, and errors that say where."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from worker.model.errors import PackError
from worker.model.fact import AssertionStatus
from worker.model.finding import Severity
from worker.model.time import HOUR_MS, from_rfc3339
from worker.simulate.happenings import Revision
from worker.simulate.vignettes import Vignette, parse_vignettes

T0 = from_rfc3339("2026-01-05T08:00Z")


def _one(facts: str, rest: str = "", patient: str = "{age_y: 40}") -> Vignette:
    text = f"scenarios:\n- {{id: X1, title: t, patient: {patient}, facts: [{facts}], alerts: []{rest}}}\n"
    return parse_vignettes({"x.yaml": text})[0]


def _refused(facts: str, rest: str = "", patient: str = "{age_y: 40}") -> str:
    with pytest.raises(PackError) as caught:
        _one(facts, rest, patient)
    return str(caught.value)


def test_all_sixty_vignettes_are_read(root: Path) -> None:
    text = (root / "mappings/tests/scenarios.yaml").read_text(encoding="utf-8")
    vignettes = parse_vignettes({"scenarios.yaml": text})
    assert [vignette.vignette_id for vignette in vignettes] == [f"S{number:02d}" for number in range(1, 61)]


def test_receipt_time_is_the_clinical_time_unless_said_otherwise() -> None:
    vignette = _one("{c: gcs, t: -2, v: 15}, {c: csf-wbc, t: 0.2, recv: 2, v: 5}")
    assert [one.received_at_ms - T0 for one in vignette.happenings] == [-2 * HOUR_MS, 2 * HOUR_MS]
    assert vignette.happenings[1].at_ms - T0 == 12 * 60_000


def test_a_correction_inherits_what_it_does_not_say() -> None:
    vignette = _one("{c: crp, id: a, t: 3, v: 40, u: mg/L}, {op: correct, of: a, recv: 5, v: 4}")
    first, second = vignette.happenings
    assert (second.name, second.concept, second.at_ms, second.unit) == (
        first.name,
        "crp",
        first.at_ms,
        "mg/L",
    )
    assert (second.value, second.revision) == (4, Revision.CORRECTED)
    assert first.is_revised


def test_a_retraction_repeats_the_value_that_it_takes_back() -> None:
    vignette = _one("{c: crp, id: a, t: 3, v: 40}, {op: retract, of: a, recv: 5}")
    assert (vignette.happenings[1].value, vignette.happenings[1].revision) == (40, Revision.RETRACTED)


def test_the_clock_stops_at_the_last_receipt_or_at_until() -> None:
    assert _one("{c: gcs, t: 1, recv: 4, v: 15}, {c: gcs, t: 3, v: 15}").until_ms == T0 + 4 * HOUR_MS
    assert _one("{c: gcs, t: 1, v: 15}", ", until: 12").until_ms == T0 + 12 * HOUR_MS


@pytest.mark.parametrize(
    ("patient", "born"),
    [
        ("{age_y: 40}", date(1986, 1, 5)),
        ("{age_d: 40}", date(2025, 11, 26)),
        ("{age_d: 0}", date(2026, 1, 5)),
    ],
)
def test_the_birth_date_is_t0_minus_the_age(patient: str, born: date) -> None:
    assert _one("{c: lumbar-puncture, t: 0}", patient=patient).birth_date == born


def test_gold_readings_are_kept_by_document_and_text() -> None:
    vignette = _one(
        "{c: note, id: n, t: 1, text: 'No  rash.', extract: [{f: purpuric-rash, s: absent, q: [right, left]}]}"
    )
    ((finding, assertion),) = vignette.gold["X1-n"]["No rash."].assertions
    assert (finding, assertion.status) == ("purpuric-rash", AssertionStatus.ABSENT)
    assert assertion.qualifiers == ("left", "right")


def test_an_expected_alert_keeps_its_whole_course() -> None:
    text = """scenarios:
- id: X
  title: t
  patient: {age_y: 1}
  facts: []
  alerts: [{rule: r, sev: urgent, at: 1, escalate: {sev: emergent, at: 2}, downgrade: {sev: routine, at: 3}, retract_at: 4}]
"""
    (course,) = parse_vignettes({"x.yaml": text})[0].expected
    assert course.escalated is not None
    assert course.downgraded is not None
    assert (course.raised.severity, course.escalated.severity) == (Severity.URGENT, Severity.EMERGENT)
    assert (course.downgraded.at_ms, course.withdrawn_at_ms) == (T0 + 3 * HOUR_MS, T0 + 4 * HOUR_MS)


@pytest.mark.parametrize(
    ("facts", "complaint"),
    [
        ("{c: temperature, t: 1, v: 2}", "unknown concept 'temperature'"),
        ("{c: gcs, t: 1}", "a gcs needs a value"),
        ("{c: gcs, v: 15}", "key 't' is missing"),
        ("{c: note, t: 1}", "a note needs its 'text'"),
        ("{op: correct, of: a, recv: 1, v: 2}", "'of' names no earlier fact: 'a'"),
        ("{c: gcs, id: a, t: 1, v: 15}, {op: correct, of: a, recv: 2}", "a correction needs what changed"),
        ("{c: gcs, id: a, t: 1, v: 15}, {op: retract, of: a}", "needs 'recv'"),
        ("{c: gcs, id: a, t: 1, v: 15}, {c: gcs, id: a, t: 2, v: 15}", "id 'a' stands twice"),
        ("{c: gcs, of: a, t: 1, v: 15}", "'of' needs an 'op'"),
        ("{c: gcs, t: 1, v: 15, status: completed}", "only a lumbar-puncture has a 'status'"),
        ("{c: gcs, t: 1, v: 15, extract: []}", "only a note has an 'extract'"),
        ("{c: gcs, t: 1, v: 15, colour: red}", "unknown key 'colour'"),
        ("{c: gcs, t: 99999999, v: 15}", "less than or equal to"),
        ("{c: gcs, t: -1.0e+12, v: 15}", "greater than or equal to"),
        ("{c: gcs, t: 1, recv: .inf, v: 15}", "not a plain decimal number"),
        ("{c: gcs, t: .nan, v: 15}", "not a plain decimal number"),
    ],
)
def test_a_wrong_fact_is_named_with_its_place(facts: str, complaint: str) -> None:
    message = _refused(facts)
    assert complaint in message
    assert message.startswith("x.yaml:2:")


def test_a_wrong_patient_or_start_is_named() -> None:
    assert "exactly one of age_y and age_d" in _refused("", patient="{age_y: 4, age_d: 3}")
    assert "'t0' must be a date-time" in _refused("", rest=", t0: yesterday")


def test_an_id_that_stands_twice_is_refused() -> None:
    text = "scenarios:\n- &a {id: X1, title: t, patient: {age_y: 4}, facts: [], alerts: []}\n- *a\n"
    with pytest.raises(PackError, match="vignette 'X1' stands also at"):
        parse_vignettes({"x.yaml": text})


def test_errors_of_all_files_are_shown_at_once() -> None:
    with pytest.raises(PackError) as caught:
        parse_vignettes({"a.yaml": "scenarios: 3\n", "b.yaml": "other: []\n"})
    assert "a.yaml:" in str(caught.value)
    assert "b.yaml:" in str(caught.value)


@pytest.mark.parametrize(
    ("fact", "problem"),
    [
        ("{c: gcs, t: 1, v: 15, q: [flush]}", "only a drug or an encounter has 'q'"),
        ("{c: encounter, t: 1, v: inpatient, q: [topical]}", "an encounter has no 'q' but planned"),
        ("{c: crp, t: 1, v: 4, specimen: shunt}", "only a result of CSF has a 'specimen'"),
        ("{c: crp, t: 1, v: 4, precision: day}", "only a lumbar-puncture has a 'precision'"),
        ("{c: acvpu, t: 1, v: A, u: none}", "only a quantity has a unit to leave out"),
        ("{c: crp, t: 1, v: 4, lp: {passes: 2}}", "only a note has an 'lp'"),
    ],
)
def test_a_key_that_the_concept_cannot_have_is_refused(fact: str, problem: str) -> None:
    assert problem in _refused(fact)
