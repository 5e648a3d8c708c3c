"""Writing HL7 v2: what goes in is in the right field, and comes out of the decoder as it went in."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

import pytest

from worker.decode.hl7v2.message import decode_message
from worker.model.fact import Identifier
from worker.model.time import from_rfc3339
from worker.simulate import hl7_writer as hl7

AT = from_rfc3339("2026-07-01T08:30:00Z")
HEADER = hl7.Header("APP", "SITE", "ORU^R01", "c-1", "20260701083000", "ORU_R01")


def test_text_with_separators_comes_back_whole() -> None:
    nasty = "a|b^c&d~e\\f"
    body = hl7.message(HEADER, [hl7.obx(hl7.Observation("TX", hl7.Code("1"), hl7.escape(nasty)))])
    found = decode_message(body).first("OBX")
    assert found is not None
    assert found.field(5).text() == nasty


def test_a_line_break_in_text_becomes_an_escape() -> None:
    assert hl7.escape("one\r\ntwo\nthree") == "one\\.br\\two\\.br\\three"


def test_header_fields_stand_where_the_standard_puts_them() -> None:
    message = decode_message(hl7.message(HEADER, []))
    assert message.peek.message_type == "ORU^R01"
    assert message.peek.control_id == "c-1"
    assert message.peek.sending_application == "APP"
    assert message.peek.sending_facility == "SITE"


def test_times_are_written_in_the_senders_zone_with_or_without_offset() -> None:
    london = ZoneInfo("Europe/London")
    assert hl7.TimeStyle(london).dtm(AT) == "20260701093000+0100"
    assert hl7.TimeStyle(london, has_offset=False).dtm(AT) == "20260701093000"
    assert hl7.UTC_STYLE.dtm(AT) == "20260701083000+0000"


def test_every_identifier_repeats_in_pid_3() -> None:
    identifiers = (Identifier("SITE", "1", "MR"), Identifier("NAT", "2", "NI"))
    line = hl7.pid(identifiers, hl7.Name("Vale", "Ena", date(1990, 2, 3), "F"))
    assert line == "PID|1||1^^^SITE^MR~2^^^NAT^NI||Vale^Ena||19900203|F"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (hl7.mrg([Identifier("SITE", "T1", "MR")]), "MRG|T1^^^SITE^MR"),
        (hl7.pr1(hl7.Code("1", "LP", "L"), "20260701"), "PR1|1||1^LP^L|LP|20260701"),
        (hl7.nte("wrong patient"), "NTE|1|L|wrong patient"),
        (hl7.spm(hl7.Code("2", "CSF", "SCT"), "20260701"), "SPM|1|||2^CSF^SCT|||||||||||||20260701"),
        (hl7.pv2(hl7.Visit(reason="Fall")), "PV2|||^Fall"),
        (hl7.pv2(hl7.Visit()), ""),
        (hl7.segment("ZZZ", {}), "ZZZ"),
    ],
)
def test_segments_hold_their_fields(line: str, expected: str) -> None:
    assert line == expected


def test_an_order_carries_its_times_and_specimen() -> None:
    order = hl7.Order(
        "P1",
        "F1",
        hl7.Code("9", "X", "L"),
        "20260701",
        "20260702",
        "20260703",
        specimen=hl7.Code("S", "Fluid", "L"),
    )
    fields = hl7.obr(order).split("|")
    assert fields[2:5] == ["P1", "F1", "9^X^L"]
    assert (fields[7], fields[8], fields[15], fields[22], fields[25]) == (
        "20260701",
        "20260702",
        "S&Fluid&L",
        "20260703",
        "F",
    )
    assert hl7.orc(order).split("|")[:6] == ["ORC", "RE", "P1", "F1", "", "CM"]


def test_a_drug_is_written_as_order_and_as_administration() -> None:
    drug = hl7.Code("1", "drug", "L")
    assert hl7.rxa(drug, "20260701").split("|")[3:6] == ["20260701", "20260701", "1^drug^L"]
    assert hl7.rxe(drug, "20260701").split("|")[1:3] == ["^^^20260701", "1^drug^L"]


@pytest.mark.parametrize("line_end", ["\r", "\n", "\r\n"])
def test_any_line_end_can_be_written(line_end: str) -> None:
    body = hl7.message(HEADER, ["PID|1"], line_end)
    assert body.decode().count(line_end) == 2
    assert len(decode_message(body).all("PID")) == 1
