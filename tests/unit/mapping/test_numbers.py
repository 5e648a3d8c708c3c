"""Numbers as sources write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.mapping.numbers import Number, read_number, read_structured
from worker.model.fact import Comparator


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("38.4", Number(38.4)),
        (" 38.4 ", Number(38.4)),
        ("+7", Number(7)),
        ("-100", Number(-100)),
        (".5", Number(0.5)),
        ("1.2e3", Number(1200)),
        ("38,9 C", Number(38.9, rest="C")),
        ("0,45", Number(0.45)),
        ("102.1F oral", Number(102.1, rest="F oral")),
        ("<7", Number(7, Comparator.BELOW)),
        ("> 140", Number(140, Comparator.ABOVE)),
        ("<=0.3", Number(0.3, Comparator.AT_MOST)),
        ("≥5", Number(5, Comparator.AT_LEAST)),
        ("41%", Number(41, rest="%")),
    ],
)
def test_a_number_is_read(text: str, number: Number) -> None:
    assert read_number(text) == number


@pytest.mark.parametrize(
    "text", ["", "?7", "60~120", "60-120", "1:128", "1,200", "7?", "abc", "--", "1e999", "90..5", "١٢"]
)
def test_what_is_no_single_number_is_not_read(text: str) -> None:
    assert read_number(text) is None


@pytest.mark.parametrize(
    ("parts", "number"),
    [
        ((">", "140", "", ""), Number(140, Comparator.ABOVE)),
        (("", "7.5", "", ""), Number(7.5)),
        (("", "60", "-", "120"), None),
        (("", "1", ":", "128"), None),
        (("~", "7", "", ""), None),
        (("", "<7", "", ""), None),
        (("", "", "", ""), None),
    ],
)
def test_a_structured_number_is_read_where_it_is_one(
    parts: tuple[str, str, str, str], number: Number | None
) -> None:
    assert read_structured(*parts) == number


@given(st.floats(allow_nan=False, allow_infinity=False, width=32))
def test_every_plain_number_is_read_back(value: float) -> None:
    found = read_number(repr(value))
    assert found is not None
    assert found.value == value


@given(st.text(max_size=30))
def test_no_text_crashes(text: str) -> None:
    read_number(text)
