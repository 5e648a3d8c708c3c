"""Escape sequences in text."""

from __future__ import annotations

import pytest

from worker.decode.hl7v2 import read_separators
from worker.decode.hl7v2.escapes import escape, unescape

USUAL = read_separators("|^~\\&")


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("a\\F\\b", "a|b"),
        ("a\\S\\b", "a^b"),
        ("a\\T\\b", "a&b"),
        ("a\\R\\b", "a~b"),
        ("a\\E\\b", "a\\b"),
        ("a\\P\\b", "a#b"),
        ("a\\.br\\b", "a\nb"),
        ("a\\.sp\\b", "a\nb"),
        ("a\\.sp+3\\b", "a\n\n\nb"),
        ("a\\.ce\\b", "a\nb"),
        ("a\\.sk 2\\b", "a\\.sk 2\\b"),
        ("a\\.sk2\\b", "a  b"),
        ("\\.in+4\\a\\.ti-2\\b\\.fi\\c\\.nf\\", "abc"),
        ("\\H\\loud\\N\\ quiet", "loud quiet"),
        ("a\\X0D0A\\b", "a\nb"),
        ("a\\X0D\\b\\X0A\\c", "a\nb\nc"),
        ("38\\XC2B0\\C", "38°C"),
        ("38\\XB0\\C", "38°C"),
        ("\\E\\F\\E\\", "\\F\\"),
        ("\\\\F\\", "\\|"),
    ],
)
def test_known_sequences_are_decoded(written: str, meant: str) -> None:
    assert unescape(written, USUAL) == meant


@pytest.mark.parametrize(
    "text",
    [
        "pain\\back\\leg weak",
        "C:\\notes\\lp.txt",
        "\\",
        "\\\\",
        "a\\X\\b",
        "a\\X0\\b",
        "a\\XZZ\\b",
        "a\\C2842\\b",
        "a\\M24A1B2\\b",
        "a\\Z12\\b",
        "a\\f\\b",
        "a\\.br b",
        "a\\.xx\\b",
    ],
)
def test_unknown_or_broken_sequences_stay_as_they_stand(text: str) -> None:
    assert unescape(text, USUAL) == text


def test_escapes_follow_the_separators_of_the_message() -> None:
    other = read_separators("$%*!@")
    assert unescape("a!F!b!S!c\\F\\", other) == "a$b%c\\F\\"


def test_hexadecimal_bytes_are_read_in_the_character_set_of_the_message() -> None:
    assert unescape("\\XE9\\", read_separators("|^~\\&", "iso8859-5")) == "щ"


def test_space_command_cannot_blow_up_a_message() -> None:
    assert unescape("\\.sp999999999\\", USUAL) == "\\.sp999999999\\"


def test_written_text_reads_the_same() -> None:
    text = "a|b^c&d~e\\f\nline \\F\\ two"
    written = escape(text, USUAL)
    assert not set(written) & set("|^&~\n")
    assert unescape(written, USUAL) == text
