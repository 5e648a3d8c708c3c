"""Our decoder against python-hl7 and hl7apy on well-formed messages: independent votes on structure and plain fields."""

from __future__ import annotations

import hl7
import pytest
from hl7apy.parser import parse_segment
from hypothesis import given, settings
from hypothesis import strategies as st

from worker.decode.hl7v2 import decode_message

pytestmark = pytest.mark.slow
WORD = st.text("abcXYZ019 .-", min_size=1, max_size=8).map(str.strip).filter(bool)
COMPONENT = st.one_of(WORD, st.just(""), st.lists(WORD, min_size=2, max_size=3).map("&".join))
REPEAT = st.lists(COMPONENT, min_size=1, max_size=4).map("^".join)
FIELD = st.lists(REPEAT, min_size=1, max_size=3).map("~".join)
LINES = st.lists(
    st.tuples(
        st.sampled_from(["PID", "PV1", "OBR", "OBX", "NTE", "ZXX"]), st.lists(FIELD, min_size=1, max_size=9)
    ),
    max_size=8,
)


def _message(lines: list[tuple[str, list[str]]]) -> str:
    header = "MSH|^~\\&|A^1.2^ISO|B|C|D|20260101||ORU^R01|1|P|2.5.1"
    return "\r".join([header, *("|".join([name, *fields]) for name, fields in lines)]) + "\r"


@given(LINES)
def test_segments_and_fields_are_those_of_python_hl7(lines: list[tuple[str, list[str]]]) -> None:
    text = _message(lines)
    theirs = hl7.parse(text)
    ours = decode_message(text.encode())
    assert [segment.name for segment in ours.segments] == [str(segment[0]) for segment in theirs]
    for mine, other in zip(ours.segments[1:], list(theirs)[1:], strict=True):
        for number in range(1, len(other)):
            assert mine.raw(number) == str(other[number])
            assert [repeat.raw for repeat in mine.repeats(number)] == [
                str(repeat) for repeat in other[number] if str(other[number])
            ]


@given(LINES)
def test_components_are_those_of_python_hl7(lines: list[tuple[str, list[str]]]) -> None:
    text = _message(lines)
    theirs = hl7.parse(text)
    for segment in decode_message(text.encode()).segments[1:]:
        other = theirs.segments(segment.name)[segment.index - 1]
        for number in range(1, len(other)):
            for component in (1, 2, 3):
                mine = segment.field(number).component(component)
                assert mine == _of_python_hl7(str(other[number](1)) if len(other[number]) else "", component)


def _of_python_hl7(repeat: str, component: int) -> str:
    parsed = hl7.parse(f"MSH|^~\\&|A\rZZZ|{repeat}\r")
    try:
        return str(parsed.extract_field("ZZZ", 1, 1, 1, component, 1))
    except (IndexError, LookupError):
        return ""


@given(st.lists(FIELD, min_size=4, max_size=12))
@settings(max_examples=15)
def test_structure_of_an_observation_is_that_of_hl7apy(fields: list[str]) -> None:
    line = "|".join(["OBX", "1", "ST", *fields])
    theirs = parse_segment(line, version="2.5.1")
    ours = decode_message(_message([]).encode() + line.encode()).all("OBX")[0]
    for number in (3, 4, 6, 8):
        repeats = list(getattr(theirs, f"obx_{number}")) if ours.has(number) else []
        mine = [repeat.raw.rstrip("^") for repeat in ours.repeats(number)]
        # hl7apy leaves empty components at the end out of some data types and writes them in others
        assert mine == [repeat.to_er7().rstrip("^") for repeat in repeats]
