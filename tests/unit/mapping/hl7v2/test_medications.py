"""Drugs ordered, dispensed and given. HL7 v2.5.1 ch. 4."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from worker.mapping.pack import MappingPack
from worker.model.fact import Coded, Fact
from worker.model.message import IssueKind, Reading
from worker.model.time import from_rfc3339

Read = Callable[..., Reading]
ORC = "ORC|RE|P5|F5||{status}||||20260105100000+0000"
WARFARIN = "11289^Warfarin^RXNORM"
AT = "20260105110000+0000"
GIVEN = f"RXA|0|1|{AT}|{AT}|{WARFARIN}|1|mg"


def drugs(reading: Reading) -> list[Fact]:
    return [fact for fact in reading.facts if fact.concept in {"anticoagulant", "nsaid"}]


def drug(read: Read, kind: str, *lines: str, status: str = "IP") -> Fact:
    (fact,) = drugs(read(ORC.format(status=status), *lines, kind=kind))
    return fact


def test_a_dose_is_a_fact_of_its_own_time(read: Read) -> None:
    fact = drug(read, "RAS^O17", GIVEN)
    assert (fact.concept, fact.value) == ("anticoagulant", Coded("warfarin", "Warfarin"))
    assert fact.effective.origin == "RXA-3"
    assert fact.key == f"default|order|P5|11289|{from_rfc3339('2026-01-05T11:00:00Z')}"


@pytest.mark.parametrize(
    ("kind", "line", "origin"),
    [
        ("RDE^O11", f"RXE|^^^{AT}|{WARFARIN}|1", "RXE-1"),
        ("RDE^O11", f"RXE||{WARFARIN}|1", "ORC-9"),
        ("RDS^O13", f"RXD|1|{WARFARIN}|{AT}", "RXD-3"),
        ("RGV^O15", f"RXG|1||^^^{AT}|{WARFARIN}", "RXG-3"),
        ("OMP^O09", f"RXO|{WARFARIN}", "ORC-9"),
        ("ORM^O01", f"RXO|{WARFARIN}", "ORC-9"),
    ],
)
def test_an_order_or_dispense_is_a_fact_of_the_order(read: Read, kind: str, line: str, origin: str) -> None:
    fact = drug(read, kind, line)
    assert (fact.key, fact.effective.origin) == ("default|order|P5|11289", origin)


def test_what_was_made_of_a_request_counts_before_the_request(read: Read) -> None:
    assert len(drugs(read(ORC, f"RXO|{WARFARIN}", f"RXE||{WARFARIN}", kind="RDE^O11"))) == 1


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (GIVEN, "CA"),
        (f"{GIVEN}{'|' * 13}RE", "IP"),
        (f"{GIVEN}{'|' * 13}NA", "IP"),
        (f"{GIVEN}{'|' * 13}CP|D", "IP"),
    ],
)
def test_a_dose_that_was_not_given_is_taken_back(read: Read, line: str, status: str) -> None:
    fact = drug(read, "RAS^O17", line, status=status)
    assert (fact.is_deleted, fact.version.minor) == (True, 4)


@pytest.mark.parametrize(
    ("control", "is_deleted"), [("OC", True), ("CA", True), ("DC", False), ("RE", False)]
)
def test_a_cancelled_order_is_taken_back_and_a_stopped_one_was_given(
    read: Read, control: str, *, is_deleted: bool
) -> None:
    reading = read(f"ORC|{control}|P5|F5", f"RXE||{WARFARIN}|1", kind="RDE^O11")
    assert [fact.is_deleted for fact in drugs(reading)] == [is_deleted]


@pytest.mark.parametrize(
    ("line", "qualifiers"),
    [
        (f"RXE||{WARFARIN}|1||||catheter lock", ("flush",)),
        ("RXE||11289^Warfarin prophylactic^RXNORM|1", ("prophylactic",)),
        (f"RXE||{WARFARIN}|1", ()),
    ],
)
def test_words_of_the_order_qualify_the_drug(read: Read, line: str, qualifiers: tuple[str, ...]) -> None:
    assert drug(read, "RDE^O11", line).qualifiers == qualifiers


def test_drugs_nobody_mapped_are_passed_over(read: Read) -> None:
    reading = read(ORC, "RXE||161^Paracetamol^RXNORM|1", "RXR|PO", "RXE||1191^Aspirin^RXNORM", kind="RDE^O11")
    assert (drugs(reading), reading.issues) == ([], ())


def test_a_dose_in_the_future_is_quarantined(read: Read) -> None:
    reading = read(ORC, GIVEN.replace("2026", "2099"), kind="RAS^O17")
    assert [issue.kind for issue in reading.issues] == [IssueKind.BAD_TIME]


def test_a_dose_without_order_is_named_by_drug_and_time(read: Read) -> None:
    (fact,) = drugs(read(f"RXE|^^^{AT}|{WARFARIN}|1", kind="RDE^O11"))
    assert fact.key == f"default|order||11289|{from_rfc3339('2026-01-05T11:00:00Z')}"


def test_a_drug_that_is_only_named_is_a_code_of_the_senders_own(
    read: Read, site: Callable[[str], MappingPack]
) -> None:
    pack = site("codes: [{code: our warfarin, concept: anticoagulant, answer: warfarin}]")
    (fact,) = drugs(
        read(ORC.format(status="IP"), GIVEN.replace(WARFARIN, "^our warfarin"), kind="RAS^O17", using=pack)
    )
    assert (fact.concept, fact.value) == ("anticoagulant", Coded("warfarin", "our warfarin"))


@pytest.mark.parametrize("route", ["TP", "X^Topical"])
def test_a_drug_for_the_skin_says_so_by_its_route(read: Read, route: str) -> None:
    rxa = f"RXA|0|1|{AT}|{AT}|3355^diclofenac^RXNORM|1|{{dose}}"
    (skin, mouth) = drugs(read(rxa, f"RXR|{route}", rxa.replace("1100", "1130"), "RXR|PO", kind="RAS^O17"))
    assert (skin.qualifiers, mouth.qualifiers) == (("topical",), ())
