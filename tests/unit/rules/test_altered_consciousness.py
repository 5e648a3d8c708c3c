"""The clauses of altered-consciousness that no vignette reaches."""

from __future__ import annotations

import pytest

from tests.unit.correlate.facts import Coded, fact, finding, puncture
from tests.unit.rules.pack import findings
from worker.model.fact import AssertionStatus, Fact, Quantity
from worker.model.finding import Finding, Severity

PRESENT, UNCERTAIN = AssertionStatus.PRESENT, AssertionStatus.UNCERTAIN
NO_BASELINE = "no baseline recorded - may predate the LP"


def told(*facts: Fact) -> Finding | None:
    return findings([puncture(0), *facts]).get("altered-consciousness")


def gcs(hours: float, value: float, concept: str = "gcs") -> Fact:
    return fact(concept, hours, Quantity(value, "{score}"))


def parts(hours: float, eye: float, verbal: float | None, motor: float) -> list[Fact]:
    given = {"gcs-eye": eye, "gcs-verbal": verbal, "gcs-motor": motor}
    return [gcs(hours, value, concept) for concept, value in given.items() if value is not None]


def acvpu(hours: float, letter: str) -> Fact:
    return fact("acvpu", hours, Coded(letter))


@pytest.mark.parametrize(
    ("facts", "severity"),
    [
        ([gcs(-5, 15), gcs(9, 13)], Severity.EMERGENT),
        ([gcs(1, 15), gcs(9, 13)], Severity.EMERGENT),
        ([gcs(9, 13)], Severity.URGENT),
        ([acvpu(-5, "A"), acvpu(9, "V")], Severity.EMERGENT),
        ([acvpu(9, "V")], Severity.URGENT),
        ([finding("confusion", 9)], Severity.EMERGENT),
        ([finding("confusion", 9, UNCERTAIN)], Severity.URGENT),
        ([finding("drowsiness", 9)], Severity.URGENT),
        ([finding("drowsiness", 9), finding("confusion", 9)], Severity.EMERGENT),
    ],
)
def test_severity_follows_certainty_and_baseline(facts: list[Fact], severity: Severity) -> None:
    found = told(*facts)
    assert found is not None
    assert found.severity is severity


def test_no_baseline_is_said() -> None:
    found = told(gcs(9, 13))
    assert found is not None
    assert found.remarks == (NO_BASELINE,)


@pytest.mark.parametrize(
    ("hours", "severity"), [(3, Severity.URGENT), (9, Severity.URGENT), (2.9, Severity.EMERGENT)]
)
def test_sedation_within_six_hours_lowers_by_one_level(hours: float, severity: Severity) -> None:
    found = told(gcs(-5, 15), fact("sedation", hours, Coded("midazolam")), gcs(9, 12))
    assert found is not None
    assert found.severity is severity
    assert ("Sedation given within 6 h before: one level lower." in found.remarks) == (
        severity is Severity.URGENT
    )


def test_chronic_confusion_explains_confusion_and_nothing_deeper() -> None:
    chronic = finding("confusion", 1, PRESENT, "chronic")
    assert told(chronic, acvpu(-5, "A"), acvpu(9, "C")) is None
    assert told(chronic, acvpu(-5, "A"), acvpu(9, "V")) is not None
    assert told(chronic, gcs(-5, 13), gcs(9, 11)) is not None


def test_the_gcs_is_summed_from_its_parts() -> None:
    found = told(*parts(-5, 4, 5, 6), *parts(9, 4, 3, 6))
    assert found is not None
    assert [each.value.reported for each in found.evidence] == ["E4 V5 M6", "E4 V3 M6"]


def test_a_reported_total_is_preferred_to_the_sum() -> None:
    assert told(gcs(-5, 15), gcs(9, 15), *parts(9, 1, 1, 1)) is None


def test_an_intubated_patient_is_compared_by_eyes_and_motor() -> None:
    assert told(*parts(-5, 4, 5, 6), *parts(9, 3, None, 6)) is None
    found = told(*parts(-5, 4, 5, 6), *parts(9, 3, None, 5))
    assert found is not None
    assert found.severity is Severity.EMERGENT
