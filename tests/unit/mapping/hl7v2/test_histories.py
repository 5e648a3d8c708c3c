"""Problems, diagnoses and allergies. HL7 v2.5.1 ch. 3, 6, 12."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from worker.mapping.pack import MappingPack
from worker.model.fact import Assertion, AssertionStatus, Fact
from worker.model.message import IssueKind, Reading

Read = Callable[..., Reading]
AT = "20260105110000+0000"
MENINGITIS = "G03.9^Meningitis, unspecified^I10"


def findings(reading: Reading) -> list[Fact]:
    return [fact for fact in reading.facts if isinstance(fact.value, Assertion) or fact.is_deleted]


def test_a_problem_is_an_assertion_since_its_onset(read: Read) -> None:
    prb = f"PRB|AD|{AT}|{MENINGITIS}|PR1|||20260105090000+0000|||||||||20260105080000+0000"
    (fact,) = findings(read(prb, kind="PPR^PC1"))
    assert (fact.concept, fact.value) == ("meningitis", Assertion(AssertionStatus.PRESENT))
    assert (fact.effective.origin, fact.key) == ("PRB-16", "default|PRB|PR1")


def test_a_resolved_problem_says_so(read: Read) -> None:
    (fact,) = findings(read(f"PRB|UP|{AT}|{MENINGITIS}|PR1|||{AT}||20260105113000+0000", kind="PPR^PC2"))
    assert fact.value == Assertion(AssertionStatus.RESOLVED)
    assert fact.effective.end_ms is not None


@pytest.mark.parametrize("action", ["DE", "UN"])
def test_a_deleted_problem_is_taken_back(read: Read, action: str) -> None:
    (fact,) = findings(read(f"PRB|{action}|{AT}|{MENINGITIS}|PR1", kind="PPR^PC3"))
    assert fact.is_deleted


@pytest.mark.parametrize(
    ("dg1", "key", "origin"),
    [
        (f"DG1|1||{MENINGITIS}||{AT}", "default|DG1|G03.9", "DG1-5"),
        ("DG1|1|I10|G03.9^Meningitis", "default|DG1|G03.9", "MSH-7"),
        (f"DG1|1||{MENINGITIS}||{AT}{'|' * 15}D77", "default|DG1|D77", "DG1-5"),
    ],
)
def test_a_coded_diagnosis_is_an_assertion(read: Read, dg1: str, key: str, origin: str) -> None:
    (fact,) = findings(read(dg1, kind="ADT^A08"))
    assert (fact.concept, fact.key, fact.effective.origin) == ("meningitis", key, origin)


def test_diagnoses_nobody_mapped_are_passed_over(read: Read) -> None:
    reading = read("DG1|1||E11.9^Diabetes^I10", "DG1|2||G97.2^After shunting^I10", "DG1|3", kind="ADT^A08")
    assert (findings(reading), reading.issues) == ([], ())


def test_a_diagnosis_in_the_future_is_quarantined(read: Read) -> None:
    reading = read(f"DG1|1||{MENINGITIS}||20990101", kind="ADT^A08")
    assert [issue.kind for issue in reading.issues] == [IssueKind.BAD_TIME]


def test_an_allergy_counts_where_the_feed_maps_its_substance(
    read: Read, site: Callable[[str], MappingPack]
) -> None:
    pack = site("codes: [{code: NSAID, concept: nsaid-allergy, qualifiers: [severe]}]")
    (fact,) = findings(read("AL1|1|DA|NSAID^NSAIDs^L", kind="ADT^A08", using=pack))
    assert (fact.concept, fact.value) == ("nsaid-allergy", Assertion(AssertionStatus.PRESENT, ("severe",)))


def test_problems_of_two_patients_are_nobodys(read: Read) -> None:
    reading = read(f"PRB|AD|{AT}|{MENINGITIS}|PR1", "PID|2||P2", kind="PPR^PC1")
    assert findings(reading) == []


@pytest.mark.parametrize(
    ("segment", "kind"),
    [("AL1|1|DA|3355^diclofenac^RXNORM", "ADT^A08"), ("IAM|1|DA|3355^diclofenac^RXNORM||||A1", "ADT^A60")],
)
def test_an_allergy_to_a_drug_is_one_to_its_class(read: Read, segment: str, kind: str) -> None:
    (fact,) = findings(read(segment, kind=kind))
    assert (fact.concept, fact.value) == ("nsaid-allergy", Assertion(AssertionStatus.PRESENT))


def test_an_allergy_to_a_drug_whose_class_has_no_finding_says_nothing(read: Read) -> None:
    assert findings(read("AL1|1|DA|11289^Warfarin^RXNORM", kind="ADT^A08")) == []
