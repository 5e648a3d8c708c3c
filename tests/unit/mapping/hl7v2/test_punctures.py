"""Lumbar punctures in orders, reports and procedure lists."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import pytest

from worker.model.fact import (
    Assertion,
    AssertionStatus,
    Coded,
    Fact,
    Puncture,
    PunctureSource,
    PunctureStatus,
)
from worker.model.message import IssueKind, Reading
from worker.model.time import from_rfc3339
from worker.notes.reader import NoteDocument, NotePuncture, NoteReader, NoteReading

Read = Callable[..., Reading]


class Asked(NoteReader, Protocol):
    """A note reader that keeps what it was asked."""

    documents: list[NoteDocument]


MakeReader = Callable[..., Asked]
LP = "277762005^Lumbar puncture^SCT"


def order(
    control: str = "NW", status: str = "IP", at: str = "", end: str = "", result: str = ""
) -> list[str]:
    return [
        f"ORC|{control}|P1|F1||{status}||||20260105100000+0000",
        f"OBR|1|P1|F1|{LP}|||{at}|{end}|||||||||||||||||{result}",
    ]


def puncture(reading: Reading) -> Fact:
    (fact,) = [fact for fact in reading.facts if fact.concept == "lumbar-puncture"]
    return fact


def status_of(reading: Reading) -> PunctureStatus:
    value = puncture(reading).value
    assert isinstance(value, Puncture)
    return value.status


AT, END = "20260105110000+0000", "20260105112000+0000"


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        (order("NW", "IP"), PunctureStatus.PLANNED),
        (order("NW", "SC"), PunctureStatus.PLANNED),
        (order("SC", "CM", AT), PunctureStatus.COMPLETED),
        (order("SC", "DC", AT), PunctureStatus.ATTEMPTED),
        (order("DC", "", AT), PunctureStatus.ATTEMPTED),
        (order("SC", "DC"), PunctureStatus.CANCELLED),
        (order("DC", ""), PunctureStatus.CANCELLED),
        (order("NW", "CA"), PunctureStatus.CANCELLED),
        (order("OC", "CA", AT), PunctureStatus.CANCELLED),
        (order("CA", "", AT), PunctureStatus.CANCELLED),
        (order("SC", "CM", AT, result="X"), PunctureStatus.CANCELLED),
        (order("RE", "", AT, result="F"), PunctureStatus.COMPLETED),
    ],
)
def test_an_order_says_what_became_of_the_puncture(
    read: Read, lines: list[str], status: PunctureStatus
) -> None:
    reading = read(*lines, kind="ORM^O01")
    assert status_of(reading) is status
    assert puncture(reading).key == "default|order|P1"


def test_an_order_gives_numbers_time_and_end(read: Read) -> None:
    fact = puncture(read(*order("SC", "CM", AT, END), kind="ORM^O01"))
    assert fact.value == Puncture(PunctureStatus.COMPLETED, PunctureSource.ORDER, ("P1", "F1"))
    assert fact.effective.start_ms == from_rfc3339("2026-01-05T11:00:00Z")
    assert fact.effective.last_ms == from_rfc3339("2026-01-05T11:20:00Z")


@pytest.mark.parametrize("end", ["", "20260105100000+0000", "later"])
def test_an_end_that_cannot_be_is_left_out(read: Read, end: str) -> None:
    assert puncture(read(*order("SC", "CM", AT, end), kind="ORM^O01")).effective.end_ms is None


def test_a_cancellation_is_a_higher_version_of_the_order_at_one_time(read: Read) -> None:
    done = puncture(read(*order("SC", "CM", AT), kind="ORM^O01"))
    void = puncture(read(*order("OC", "CA", AT), kind="ORM^O01"))
    assert void.key == done.key
    assert void.version > done.version


def test_text_of_an_order_says_that_the_needle_passed(read: Read, reader: MakeReader) -> None:
    known = {"attempted": NoteReading((), NotePuncture(PunctureStatus.ATTEMPTED, 2))}
    text = "OBX|1|TX|LPTEXT^Remark^L||LP attempted, no CSF obtained||||||F"
    value = puncture(read(*order("SC", "CM", AT), text, kind="ORM^O01", notes=reader(known))).value
    assert value == Puncture(PunctureStatus.ATTEMPTED, PunctureSource.ORDER, ("P1", "F1"), 2)


def test_a_cancelled_order_stays_cancelled_whatever_its_text_says(read: Read, reader: MakeReader) -> None:
    known = {"done": NoteReading((), NotePuncture(PunctureStatus.COMPLETED))}
    text = "OBX|1|TX|LPTEXT^Remark^L||LP done||||||F"
    reading = read(*order("OC", "CA", AT), text, kind="ORM^O01", notes=reader(known))
    assert status_of(reading) is PunctureStatus.CANCELLED


def test_an_order_without_number_gives_nothing(read: Read) -> None:
    assert len(read(f"OBR|1|||{LP}", kind="ORM^O01").facts) == 1


@pytest.mark.parametrize("at", ["20990101", "20260105123000+0000", "yesterday", "00010101"])
@pytest.mark.parametrize(
    ("control", "state", "status"),
    [
        ("SC", "CM", PunctureStatus.COMPLETED),
        ("SC", "DC", PunctureStatus.ATTEMPTED),
        ("OC", "CA", PunctureStatus.CANCELLED),
    ],
)
def test_what_was_done_or_called_off_is_not_lost_by_an_impossible_time(
    read: Read, at: str, control: str, state: str, status: PunctureStatus
) -> None:
    reading = read(*order(control, state, at), kind="ORM^O01")
    assert status_of(reading) is status
    fact = puncture(reading)
    assert (fact.effective.origin, fact.effective.start_ms) == ("ORC-9", from_rfc3339("2026-01-05T10:00:00Z"))
    is_called_off_plan = control == "OC" and at.startswith("20")
    assert [issue.kind for issue in reading.issues] == ([] if is_called_off_plan else [IssueKind.BAD_TIME])


@pytest.mark.parametrize(
    ("at", "kinds"), [("20260107090000+0000", []), ("20990101", []), ("tomorrow", [IssueKind.BAD_TIME])]
)
def test_a_plan_lies_ahead_and_counts_from_when_it_was_filed(
    read: Read, at: str, kinds: list[IssueKind]
) -> None:
    reading = read(*order("NW", "SC", at), kind="ORM^O01")
    assert status_of(reading) is PunctureStatus.PLANNED
    assert puncture(reading).effective.start_ms == from_rfc3339("2026-01-05T10:00:00Z")
    assert [issue.kind for issue in reading.issues] == kinds
    assert not any(issue.is_quarantined for issue in reading.issues)


def test_a_puncture_of_some_month_opens_nothing(read: Read) -> None:
    reading = read(*order("SC", "CM", "202511"), kind="ORM^O01")
    assert not [fact for fact in reading.facts if fact.concept == "lumbar-puncture"]
    assert [issue.kind for issue in reading.issues] == [IssueKind.BAD_TIME]


@pytest.mark.parametrize("end", ["20990105110000+0000", "20260105123000+0000", "20260106111000+0000"])
def test_an_end_that_lies_ahead_or_a_day_away_moves_no_window(read: Read, end: str) -> None:
    reading = read(*order("SC", "CM", AT, end), kind="ORM^O01")
    assert puncture(reading).effective.last_ms == from_rfc3339("2026-01-05T11:00:00Z")
    assert [issue.kind for issue in reading.issues] == [IssueKind.BAD_TIME]


def test_orders_for_other_things_say_nothing(read: Read) -> None:
    assert len(read("ORC|NW|P1", "OBR|1|P1||CBC^Blood count^L", kind="ORM^O01").facts) == 1


def test_a_report_with_text_is_a_note_of_the_puncture(read: Read, reader: MakeReader) -> None:
    known = {"abandoned": NoteReading((), NotePuncture(PunctureStatus.ATTEMPTED, 3))}
    text = "OBX|1|TX|28570-0^Procedure note^LN||LP abandoned after 3 attempts||||||F"
    fact = puncture(read(*order("RE", "CM", AT, result="F"), text, notes=reader(known)))
    assert fact.value == Puncture(PunctureStatus.ATTEMPTED, PunctureSource.NOTE, ("P1", "F1"), 3)
    assert fact.key == "default|document|F1|lumbar-puncture"


def test_a_report_whose_text_was_posted_as_wrong_takes_its_puncture_back(
    read: Read, reader: MakeReader
) -> None:
    text = "OBX|1|TX|28570-0^Procedure note^LN||LP done||||||W"
    reading = read(*order("RE", "CM", AT, result="C"), text, notes=reader())
    taken = [(fact.concept, fact.is_deleted) for fact in reading.facts if fact.concept != "birth-date"]
    assert taken == [("note", True)]


def test_a_report_without_text_is_a_record_of_the_procedure(read: Read) -> None:
    fact = puncture(read(*order("RE", "CM", AT, result="F")))
    assert fact.value == Puncture(PunctureStatus.COMPLETED, PunctureSource.PROCEDURE, ("P1", "F1"))


PV1 = "PV1|1|I|||||||||||||||||V7|||||||||||||||||||||||||20260105080000+0000"


def procedures(read: Read, *pr1: str) -> list[Fact]:
    reading = read("EVN|A08|20260105115000+0000", PV1, *pr1, kind="ADT^A08")
    return [fact for fact in reading.facts if fact.concept in {"lumbar-puncture", "blood-patch"}]


@pytest.mark.parametrize("code", [f"|{LP}", "SNMCT|277762005^Lumbar puncture", "|62270^Spinal puncture^C4"])
def test_a_listed_procedure_is_a_record(read: Read, code: str) -> None:
    (fact,) = procedures(read, f"PR1|1|{code}|x|20260105110000+0000||30")
    assert fact.value == Puncture(PunctureStatus.COMPLETED, PunctureSource.PROCEDURE)
    assert fact.effective.last_ms - fact.effective.start_ms == 30 * 60_000
    assert fact.effective.origin == "PR1-5"


def test_a_procedure_listed_again_keeps_its_key(read: Read) -> None:
    pr1 = f"PR1|1||{LP}|x|20260105110000+0000"
    keys = {fact.key for _ in range(2) for fact in procedures(read, pr1)}
    assert keys == {"default|PR1|277762005|20260105110000+0000"}


def test_a_procedure_with_a_number_of_its_own_keeps_its_key_when_its_time_moves(read: Read) -> None:
    numbered = "PR1|1||{code}|x|{at}" + "|" * 14 + "77"
    texts = [numbered.format(code=LP, at=f"202601051{hour}0000+0000") for hour in (0, 1)]
    assert {fact.key for text in texts for fact in procedures(read, text)} == {"default|PR1|#77"}


@pytest.mark.parametrize("minutes", ["", "0", "-5", "long", "99999"])
def test_a_length_that_cannot_be_is_left_out(read: Read, minutes: str) -> None:
    (fact,) = procedures(read, f"PR1|1||{LP}|x|20260105110000+0000||{minutes}")
    assert fact.effective.end_ms is None


def test_a_date_only_procedure_has_no_end(read: Read) -> None:
    (fact,) = procedures(read, f"PR1|1||{LP}|x|20260105||30")
    assert fact.effective.is_date_only
    assert fact.effective.end_ms is None


def test_a_procedure_can_be_taken_back_and_others_are_passed_over(read: Read) -> None:
    deleted = f"PR1|1||{LP}|x|20260105110000+0000{'|' * 15}D"
    assert [fact.is_deleted for fact in procedures(read, deleted, "PR1|2||X^Other^L|x|20260105")] == [True]


def test_a_blood_patch_is_done(read: Read) -> None:
    (fact,) = procedures(read, "PR1|1||62273^Epidural blood patch^C4|x|20260105110000+0000")
    assert (fact.concept, fact.value) == ("blood-patch", Coded("done", "Epidural blood patch"))


@pytest.mark.parametrize(
    ("code", "at", "filed"),
    [
        (LP, "20990101", ["MSH-7"]),
        (LP, "20260105123000+0000", ["MSH-7"]),
        (LP, "00010101", []),
        (LP, "2019", []),
        ("62273^Epidural blood patch^C4", "20990101", []),
    ],
)
def test_a_procedure_at_an_impossible_time_is_quarantined_a_puncture_of_today_is_watched(
    read: Read, code: str, at: str, filed: list[str]
) -> None:
    reading = read(PV1, f"PR1|1||{code}|x|{at}", kind="ADT^A08")
    assert [(issue.kind, issue.is_quarantined) for issue in reading.issues] == [(IssueKind.BAD_TIME, True)]
    concepts = {"lumbar-puncture", "blood-patch"}
    assert [fact.effective.origin for fact in reading.facts if fact.concept in concepts] == filed


def test_a_length_that_reaches_ahead_of_the_message_is_left_out(read: Read) -> None:
    (fact,) = procedures(read, f"PR1|1||{LP}|x|20260105110000+0000||90")
    assert fact.effective.end_ms is None


@pytest.mark.parametrize(("segment", "number"), [(0, 16), (1, 31), (1, 13)])
def test_an_order_says_why_it_was_made(read: Read, reader: MakeReader, segment: int, number: int) -> None:
    said = "Fever and confusion since Monday"
    confusion = ("confusion", Assertion(AssertionStatus.PRESENT))
    notes = reader({said: NoteReading((confusion,))})
    lines = order("SC", "CM", "20260105100000+0000")
    fields = lines[segment].split("|")
    fields += [""] * (number + 1 - len(fields))
    fields[number] = said if number == 13 else f"^{said}"
    lines[segment] = "|".join(fields)
    facts = {fact.concept: fact for fact in read(*lines, kind="ORM^O01", notes=notes).facts}
    assert facts["lp-indication"].value == Coded("recorded", said)
    assert facts["confusion"].value == Assertion(AssertionStatus.PRESENT, ("baseline",))
    assert facts["confusion"].group == facts["lp-indication"].group


def test_an_order_without_a_reason_says_no_more(read: Read) -> None:
    reading = read(*order("SC", "CM", "20260105100000+0000"), kind="ORM^O01")
    assert [fact.concept for fact in reading.facts if fact.concept != "birth-date"] == ["lumbar-puncture"]
