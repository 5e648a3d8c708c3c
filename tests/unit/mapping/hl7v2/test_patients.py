"""Patients: numbers, birth dates, merges, links. HL7 v2.5.1 ch. 3."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from worker.mapping.pack import MappingPack
from worker.model.fact import Identifier, Moment
from worker.model.message import OutcomeKind, Reading
from worker.model.time import Precision, from_rfc3339

Read = Callable[..., Reading]
MERGES = ["A18", "A30", "A34", "A36", "A39", "A40", "A46", "A47"]
MOVES = ["A43", "A44", "A45"]
AT_MS = from_rfc3339("2026-01-05T12:00:00Z")


def pairs(reading: Reading) -> list[tuple[str, str, str, int]]:
    return [(link.first.value, link.second.value, link.kind, link.stated_at_ms) for link in reading.links]


def test_every_number_of_a_patient_is_kept_and_linked(read: Read) -> None:
    reading = read(kind="ADT^A31", pid="PID|1||P1^^^HOSP^MR~N9^^^&1.2.3&ISO^NI||||1980")
    assert reading.patients == (Identifier("HOSP", "P1", "MR"), Identifier("1.2.3", "N9", "NI"))
    assert pairs(reading) == [("P1", "N9", "same-pid", AT_MS)]


def test_a_number_without_authority_takes_type_then_facility(read: Read) -> None:
    assert read(kind="ADT^A31", pid="PID|1||P1^^^^MR").patients[0].authority == "MR"
    assert read(kind="ADT^A31", pid="PID|1||P1").patients[0].authority == "CITY"


def test_old_senders_keep_the_number_in_pid_2_or_4(read: Read) -> None:
    assert read(kind="ADT^A31", pid="PID|1|P2^^^HOSP").patients[0].value == "P2"
    assert read(kind="ADT^A31", pid="PID|1||||P4").outcome.kind is OutcomeKind.DEAD_LETTERED
    assert read(kind="ADT^A31", pid="PID|1|||P4^^^HOSP").patients[0].value == "P4"


@pytest.mark.parametrize(
    "pid", ["PID|1", 'PID|1||""', "PID|1||0000000", "PID|1||UNKNOWN^^^HOSP", "PID|1||^^^HOSP"]
)
def test_a_message_without_a_usable_number_is_dead_lettered(read: Read, pid: str) -> None:
    outcome = read(kind="ADT^A31", pid=pid).outcome
    assert (outcome.kind, outcome.reason, outcome.place) == (
        OutcomeKind.DEAD_LETTERED,
        "no usable patient number",
        "PID[1]-3",
    )


def test_a_message_without_pid_is_dead_lettered(read: Read) -> None:
    outcome = read(kind="ADT^A31", pid="").outcome
    assert (outcome.kind, outcome.place) == (OutcomeKind.DEAD_LETTERED, "PID")


def test_a_birth_date_is_a_fact_of_its_precision(read: Read) -> None:
    (fact,) = read(kind="ADT^A31", pid="PID|1||P1||||197503").facts
    at_ms = from_rfc3339("1975-03-01T00:00:00Z")
    assert (fact.concept, fact.value, fact.key) == ("birth-date", Moment(at_ms), "default|PID-7")
    assert fact.effective.precision is Precision.MONTH


@pytest.mark.parametrize("born", ["21000101", "1975-03-01"])
def test_an_impossible_birth_date_is_an_issue(read: Read, born: str) -> None:
    reading = read(kind="ADT^A31", pid=f"PID|1||P1||||{born}")
    assert reading.facts == ()
    assert [(issue.place, issue.is_quarantined) for issue in reading.issues] == [("PID[1]-7", False)]


def test_a_deleted_birth_date_is_none(read: Read) -> None:
    reading = read(kind="ADT^A31", pid='PID|1||P1||||""')
    assert (reading.facts, reading.issues) == ((), ())


@pytest.mark.parametrize(("triggers", "kind"), [(MERGES, "merge"), (MOVES, "moved")])
def test_a_merge_links_the_prior_numbers_with_the_kept_one(
    read: Read, triggers: list[str], kind: str
) -> None:
    for trigger in triggers:
        reading = read("MRG|OLD^^^HOSP^MR~OLD2^^^HOSP^MR", kind=f"ADT^{trigger}")
        assert pairs(reading) == [("P1", "OLD", kind, AT_MS), ("P1", "OLD2", kind, AT_MS)]
        assert [patient.value for patient in reading.patients] == ["P1", "OLD", "OLD2"]


def test_a_number_that_moves_leaves_the_other_numbers_of_its_patient(read: Read) -> None:
    pid = "PID|1||M1^^^HOSP^MR~E2^^^EPI^PI"
    reading = read("MRG|M1^^^HOSP^MR~E1^^^EPI^PI~N1^^^NHS^NI", kind="ADT^A43", pid=pid)
    assert pairs(reading) == [
        ("M1", "E2", "same-pid", AT_MS),
        ("M1", "E1", "unlink", AT_MS),
        ("M1", "N1", "unlink", AT_MS),
        ("E1", "N1", "same-pid", AT_MS),
    ]


@pytest.mark.parametrize(
    ("pid", "mrg", "expected"),
    [
        ("P1^^^HOSP^MR", "OLD", {("P1", "CITY", "OLD"), ("P1", "HOSP", "OLD")}),
        ("P1^^^HOSP^MR", "OLD^^^^MR", {("P1", "MR", "OLD"), ("P1", "HOSP", "OLD")}),
        ("P1^^^HOSP^MR~N1^^^NHS^NI", "OLD^^^^NI", {("P1", "NI", "OLD"), ("P1", "NHS", "OLD")}),
        ("P1^^^HOSP^MR", "OLD^^^^NI", {("P1", "NI", "OLD")}),
        ("P1^^^HOSP^MR", "0000", None),
    ],
)
def test_a_prior_number_without_authority_has_that_of_the_kept_one_too(
    read: Read, pid: str, mrg: str, expected: set[tuple[str, str, str]] | None
) -> None:
    reading = read(f"MRG|{mrg}", kind="ADT^A40", pid=f"PID|1||{pid}")
    if expected is None:
        assert reading.outcome.place == "MRG[1]-1"
        return
    merged = [link for link in reading.links if link.kind == "merge" and link.second.value == "OLD"]
    assert {(link.first.value, link.second.authority, link.second.value) for link in merged} == expected


def test_a_kept_number_without_authority_has_that_of_the_prior_one_too(read: Read) -> None:
    reading = read("MRG|OLD^^^HOSP^MR", kind="ADT^A40", pid="PID|1||P1")
    joined = {(link.first.key, link.second.key) for link in reading.links}
    assert joined == {(("CITY", "P1"), ("HOSP", "OLD")), (("CITY", "P1"), ("HOSP", "P1"))}


@pytest.mark.parametrize("mrg", ["MRG||||OLD^^^HOSP", "MRG||OLD^^^HOSP"])
def test_old_senders_keep_the_prior_number_in_mrg_4_or_2(read: Read, mrg: str) -> None:
    assert pairs(read(mrg, kind="ADT^A34")) == [("P1", "OLD", "merge", AT_MS)]


def test_patients_part_with_all_their_numbers(read: Read) -> None:
    """Which of their numbers joined them, a message that parts them need not know."""
    reading = read("PID|2||P2^^^HOSP~N2^^^NHS", kind="ADT^A37", pid="PID|1||P1^^^HOSP~N1^^^NHS")
    parted = {(link.first.value, link.second.value) for link in reading.links if link.kind == "unlink"}
    assert parted == {("P1", "P2"), ("P1", "N2"), ("N1", "P2"), ("N1", "N2")}


def test_each_merge_of_a_message_belongs_to_the_patient_before_it(read: Read) -> None:
    reading = read("MRG|OLD1^^^HOSP", "PID|2||P2^^^HOSP", "MRG|OLD2^^^HOSP", kind="ADT^A40")
    assert pairs(reading) == [("P1", "OLD1", "merge", AT_MS), ("P2", "OLD2", "merge", AT_MS)]


def test_a_merge_that_names_no_prior_number_is_dead_lettered(read: Read) -> None:
    outcome = read("MRG|", kind="ADT^A40").outcome
    assert (outcome.kind, outcome.place) == (OutcomeKind.DEAD_LETTERED, "MRG[1]-1")


def test_newborn_numbers_are_not_merged(read: Read, site: Callable[[str], MappingPack]) -> None:
    pack = site("identity: {never_join_numbers: ['^NB']}")
    assert pairs(read("MRG|NB7^^^HOSP", kind="ADT^A40", using=pack)) == []


def test_a_merge_with_itself_links_nothing(read: Read) -> None:
    assert pairs(read("MRG|P1^^^HOSP", kind="ADT^A40")) == []


@pytest.mark.parametrize(("trigger", "kind"), [("A24", "merge"), ("A37", "unlink")])
def test_two_patients_can_be_linked_and_unlinked(read: Read, trigger: str, kind: str) -> None:
    reading = read("PID|2||P2^^^HOSP", kind=f"ADT^{trigger}")
    assert pairs(reading) == [("P1", "P2", kind, AT_MS)]


def test_the_event_may_stand_in_evn_alone(read: Read) -> None:
    assert pairs(read("EVN|A40", "MRG|OLD^^^HOSP", kind="ADT")) == [("P1", "OLD", "merge", AT_MS)]


def test_diagnoses_of_a_message_with_two_patients_are_nobodys(read: Read) -> None:
    dg1 = "DG1|1||G03.9^Meningitis^I10|||A"
    assert "meningitis" in {fact.concept for fact in read(dg1, kind="ADT^A08").facts}
    assert "meningitis" not in {fact.concept for fact in read("PID|2||P2", dg1, kind="ADT^A24").facts}
