"""Fields, repeats and components by the numbers of the standard."""

from __future__ import annotations

import pytest

from worker.decode.hl7v2 import Field, Segment, decode_message, read_separators

USUAL = read_separators("|^~\\&")


def _segment(line: str) -> Segment:
    return Segment(line[:3], 1, line.split("|"), USUAL)


def test_header_counts_its_separator_as_field_one() -> None:
    msh = decode_message(b"MSH|^~\\&|LAB|H|||20260101").segments[0]
    assert [msh.raw(number) for number in (0, 1, 2, 3, 4, 7)] == ["MSH", "|", "^~\\&", "LAB", "H", "20260101"]


def test_fields_beyond_the_end_are_empty() -> None:
    segment = _segment("PID|1")
    assert segment.raw(30) == ""
    assert segment.value(30) == ""
    assert segment.repeats(30) == ()
    assert not segment.field(30)
    assert not segment.has(30)


def test_components_and_subcomponents_are_unescaped_one_by_one() -> None:
    segment = _segment("PID|1||42\\T\\7^^^HOSP&1.2.3&ISO^MR~9^^^NAT")
    field = segment.field(3)
    assert field.component(1) == "42&7"
    assert (field.component(4), field.component(4, 2), field.component(4, 3)) == ("HOSP", "1.2.3", "ISO")
    assert field.component(5) == "MR"
    assert (field.component(6), field.component(1, 2), field.component(4, 9)) == ("", "", "")
    assert [repeat.component(4) for repeat in segment.repeats(3)] == ["HOSP", "NAT"]


@pytest.mark.parametrize("line", ["OBX|1|CE|8310-5^Temp^LN||x", "OBX|1|CE|8310-5^Temp^LN||x~y&z"])
@pytest.mark.parametrize("component", [1, 2, 3, 4])
def test_the_short_way_equals_the_long_way(line: str, component: int) -> None:
    segment = _segment(line)
    assert segment.value(3, component) == segment.field(3).component(component)
    assert segment.value(5, component) == segment.field(5).component(component)
    assert segment.value(3, component, 2) == segment.field(3).component(component, 2)


def test_text_is_never_split() -> None:
    segment = _segment("OBX|1|TX|n||L4^L5 & S1 ~ weak \\T\\ numb")
    assert segment.text(5) == "L4^L5 & S1 ~ weak & numb"
    assert segment.field(5).text() == segment.text(5)


def test_repeats_of_a_text_can_be_asked_for() -> None:
    assert _segment("OBX|1|NM|n||60~120").field(5).text_repeats == ("60", "120")
    assert _segment("OBX|1|NM|n||60~120").text(5) == "60~120"


def test_quotation_marks_of_a_deletion_stay() -> None:
    segment = _segment('OBX|1|NM|n||""')
    assert segment.has(5)
    assert segment.value(5) == segment.text(5) == '""'


def test_field_knows_whether_anything_stands_in_it() -> None:
    assert Field("x", USUAL)
    assert not Field("", USUAL)


def test_leading_components_come_at_once() -> None:
    segment = _segment("OBX|1|CE|8310-5^T\\T\\P^LN^x&y|a")
    assert segment.components(3, 3) == ("8310-5", "T&P", "LN")
    assert segment.components(3, 6) == ("8310-5", "T&P", "LN", "x", "", "")
    assert segment.components(4, 2) == ("a", "")
    assert segment.components(30, 2) == ("", "")
    assert _segment("PID|1||42^^^A~43").repeats(3)[0].components(4) == ("42", "", "", "A")
    assert _segment("PID|1||42^^^A~43").components(3, 1) == ("42",)


def test_fields_can_be_read_as_a_row() -> None:
    segment = _segment("OBX|1|NM|a||5")
    assert list(segment.fields(7)) == ["OBX", "1", "NM", "a", "", "5", "", ""]
    assert segment.fields(2)[5] == "5"
    assert segment.line == "OBX|1|NM|a||5"
