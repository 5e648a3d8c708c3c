"""Separators as messages declare them in MSH-1 and MSH-2."""

from __future__ import annotations

import pytest

from worker.decode.hl7v2 import decode_message, read_separators
from worker.model.errors import DecodeError


def test_usual_separators_are_read_in_the_order_of_the_standard() -> None:
    found = read_separators("|^~\\&")
    assert (found.field, found.component, found.repetition, found.escape, found.subcomponent) == tuple(
        "|^~\\&"
    )
    assert found.is_regular


def test_truncation_character_is_taken_from_the_fifth_place() -> None:
    found = read_separators("|^~\\&#")
    assert found.truncation == "#"
    assert found.is_regular


def test_other_separators_are_honoured_in_every_segment() -> None:
    message = decode_message(b"MSH$%*!@$LAB$H$$$20260101$$ORU%R01$7\rPID$1$$42%%%H@1.2@ISO*43")
    pid = message.all("PID")[0]
    assert message.peek.message_type == "ORU^R01"
    assert [repeat.component(1) for repeat in pid.repeats(3)] == ["42", "43"]
    assert pid.value(3, 4, 2) == "1.2"


@pytest.mark.parametrize("declared", ["|", "|^", "|^~", "|^~\\"])
def test_truncated_encoding_characters_are_completed_as_usual(declared: str) -> None:
    found = read_separators(declared)
    assert (found.component, found.repetition, found.escape, found.subcomponent) == tuple("^~\\&")
    assert not found.is_regular


@pytest.mark.parametrize("declared", ["|^~\\\\&", "|^~&"])
def test_backslash_that_was_doubled_or_lost_is_repaired(declared: str) -> None:
    found = read_separators(declared)
    assert (found.escape, found.subcomponent) == ("\\", "&")
    assert not found.is_regular


def test_repaired_separators_are_an_issue_of_the_message() -> None:
    issues = decode_message(b"MSH|^~&|A|B\rPID|1").issues
    assert [(issue.place, issue.subject) for issue in issues] == [("MSH-2", "encoding characters repaired")]


@pytest.mark.parametrize(
    "declared", ["|&&&&", "A^~\\&", " ^~\\&", "|^~\\&amp;", "|^|\\&", "\x01^~\\&", "¦^~\\&"]
)
def test_separators_that_cannot_separate_are_refused(declared: str) -> None:
    with pytest.raises(DecodeError) as caught:
        read_separators(declared)
    assert caught.value.place in {"MSH-1", "MSH-2"}


def test_default_that_the_message_uses_otherwise_is_left_out() -> None:
    found = read_separators("&^~")
    assert found.subcomponent not in "&^~\\|"
