"""Text of documents inside messages."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.decode.documents import Extract, is_rtf, read_html, rtf_to_text
from worker.mapping import attachments
from worker.mapping.attachments import attachment_text

RTF = (
    r"{\rtf1\ansi\ansicpg1252\deff0{\fonttbl{\f0 Arial;}}{\colortbl;\red0\green0\blue0;}"
    r"{\*\generator Writer;}{\info{\author Nobody}}\f0\fs20 Headache since \b Monday\b0.\par "
    r"Temp 38\'b0C, \u8804?38.5 before.\tab No {\i neck} stiffness\\rash.}"
)
PLAIN = "Headache since Monday.\nTemp 38°C, ≤38.5 before.\tNo neck stiffness\\rash."


def test_rtf_becomes_its_text() -> None:
    assert is_rtf(RTF)
    assert rtf_to_text(RTF) == PLAIN


@pytest.mark.parametrize(
    ("rtf", "text"),
    [
        (r"{\rtf1 a\~b\_c\{d\}}", "a\u00a0b-c{d}"),
        (r"{\rtf1\uc2 \u233??x}", "éx"),
        (r"{\rtf1\uc0 \u233x}", "éx"),
        (r"{\rtf1 \u-3844?}", "\uf0fc"),
        (r"{\rtf1 a\line b\cell c}}}}", "a\nb: c"),
        (r"{\rtf1 a{\pict 0102}b", "ab"),
        (r"{\rtf1 a" + "\r\n" + "b}", "ab"),
        ("", ""),
    ],
)
def test_odd_rtf_is_read_as_far_as_it_goes(rtf: str, text: str) -> None:
    assert rtf_to_text(rtf) == text


def test_html_becomes_its_text() -> None:
    assert read_html(
        "<style>p{}</style><p>No&nbsp;rash<br/>Temp &lt; 38</p><p>Neck <b>stiff</b></p>"
    ).text == ("No\u00a0rash\nTemp < 38\nNeck stiff")


@pytest.mark.parametrize(
    ("data", "subtype", "encoding", "text"),
    [
        ("plain", "txt", "", "plain"),
        (base64.b64encode(b"plain").decode(), "plain", "Base64", "plain"),
        (base64.b64encode("38°".encode("cp1252")).decode(), "TXT", "base64", "38°"),
        (b"plain".hex(), "txt", "Hex", "plain"),
        (base64.b64encode(RTF.encode()).decode(), "rtf", "Base64", PLAIN),
        (RTF, "octet-stream", "", PLAIN),
        ("<p>x</p>", "text/html; charset=utf-8", "", "x"),
    ],
)
def test_an_attachment_gives_its_text(data: str, subtype: str, encoding: str, text: str) -> None:
    assert attachment_text(data, subtype, encoding).text == text


@pytest.mark.parametrize(
    ("data", "subtype", "encoding", "kind"),
    [
        ("JVBERi0=", "pdf", "Base64", "pdf broken"),
        ("x", "image/jpeg", "", "jpeg"),
        ("x", "something private", "", "unknown kind"),
        ("not rtf", "rtf", "", "broken"),
        ("%%%", "txt", "Base64", "broken encoding"),
        ("xyz", "txt", "Hex", "broken encoding"),
    ],
)
def test_an_attachment_without_text_says_why(data: str, subtype: str, encoding: str, kind: str) -> None:
    assert attachment_text(data, subtype, encoding) == Extract(problem=kind)


def test_a_huge_attachment_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attachments, "MAX_CHARACTERS", 3)
    assert attachment_text("long", "txt", "") == Extract(problem="too long")


@given(st.text(alphabet="\\{}'*u0123456789 abpar\n", max_size=60))
def test_no_rtf_crashes(text: str) -> None:
    rtf_to_text("{\\rtf1" + text)
