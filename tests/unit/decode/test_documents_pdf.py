"""The text layer of PDF files, and what is said where there is none."""

from __future__ import annotations

import gc
import sys
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.decode.pdf_files import cells, lines, pdf
from worker.decode.documents import Extract, read_document
from worker.decode.documents import pdf as reader
from worker.decode.documents.fuel import Fuel, SpentError

PICTURE = b"/I Do"
LOCK = b"/Encrypt << /Filter /Standard /V 1 /R 2 /O (%b) /U (%b) /P -4 >> " % (b"o" * 32, b"u" * 32)


def read(content: bytes) -> Extract:
    return read_document(content, "application/pdf")


def test_pages_and_lines_keep_their_order() -> None:
    content = pdf(lines("PROCEDURE: LUMBAR PUNCTURE", "Neck stiffness."), lines("No headache."))

    assert read(content) == Extract("PROCEDURE: LUMBAR PUNCTURE\nNeck stiffness.\nNo headache.")


def test_a_row_of_a_table_is_a_line() -> None:
    assert read(pdf(cells([["Neck stiffness", "No"], ["Headache", "Yes"]]))).text.split("\n") == [
        "Neck stiffness No",
        "Headache Yes",
    ]


def test_a_pdf_is_known_by_its_bytes_whatever_it_is_called() -> None:
    assert read_document(b"\r\n" + pdf(lines("Fever.")), "text/plain").text == "Fever."


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (pdf(PICTURE), "pdf without text"),
        (pdf(b""), "pdf without text"),
        (pdf(), "pdf without text"),
        (pdf(lines("Fever."), trailer=LOCK), "pdf encrypted"),
        (b"%PDF-1.4", "pdf broken"),
        (pdf(lines("Fever."))[:300], "pdf broken"),
        (b"no such thing", "pdf broken"),
        (
            b"%PDF-1.4\nxref\n0 1\n0000000000 65535 f \ntrailer\n<< /Prev 9 /Root 1 0 R >>\nstartxref\n9\n%%EOF",
            "pdf broken",
        ),
    ],
)
def test_a_pdf_that_cannot_be_read_says_why(content: bytes, problem: str) -> None:
    assert read(content) == Extract(problem=problem)


def test_a_page_that_is_only_a_picture_is_said_beside_the_text() -> None:
    assert read(pdf(lines("Fever."), PICTURE)) == Extract("Fever.", gap="pdf page without text")
    assert read(pdf(lines("Fever."), b"")) == Extract("Fever.")


def test_a_pdf_too_large_is_not_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "MAX_BYTES", 100)

    assert read(pdf(lines("Fever."))) == Extract(problem="pdf too long")


def test_what_is_read_before_the_work_is_used_up_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "MAX_CALLS", 120_000)

    found = read(pdf(*[lines("Fever.")] * 60))

    assert found.gap == "rest of a long pdf"
    assert 0 < found.text.count("Fever.") < 60


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(pdf(b"BT /F1 9 Tf " + b"(a) Tj " * 20_000 + b"ET"), id="operators"),
        pytest.param(pdf(b"BT /F1 9 Tf [" + b"(a) -500 " * 20_000 + b"] TJ ET"), id="one array"),
    ],
)
def test_the_work_on_one_page_is_bounded(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr(reader, "MAX_CALLS", 50_000)

    assert read(content) == Extract(problem="pdf too long")


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(pdf(b" " * 8_000_000), id="a stream that unpacks to a thousand times its size"),
        pytest.param(pdf(b"[" * 5_000), id="arrays in arrays"),
        pytest.param(pdf(b"<<" * 5_000), id="dictionaries in dictionaries"),
        pytest.param(pdf(b"q " * 20_000), id="states on states"),
        pytest.param(b"%PDF-1.4\n" + b"1 0 obj\n" * 5_000, id="objects without end"),
        pytest.param(
            b"%PDF-1.4\n1 0 obj\n" + b"(" * 50_000 + b"\nstartxref\n9\n%%EOF", id="strings without end"
        ),
    ],
)
def test_a_hostile_pdf_gives_no_text_and_an_answer(content: bytes) -> None:
    assert read(content).problem.startswith("pdf ")


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_no_changed_bytes_crash_the_reader(data: st.DataObject) -> None:
    content = bytearray(pdf(lines("Fever.")))
    for place in data.draw(st.lists(st.integers(8, len(content) - 1), max_size=12)):
        content[place] = data.draw(st.integers(0, 255))

    found = read(bytes(content))

    assert bool(found.text) != bool(found.problem)


def test_work_is_counted_only_inside_and_given_back() -> None:
    def run_on() -> None:
        for number in count():
            abs(number)

    before = sys.getprofile()

    with pytest.raises(SpentError), Fuel(__name__, 50):
        run_on()

    assert sys.getprofile() is before


def test_the_same_bytes_are_cut_at_the_same_place(monkeypatch: pytest.MonkeyPatch) -> None:
    content = pdf(*[lines("Fever.")] * 60)
    read(content)  # what is looked up once in a process is no work of a document
    monkeypatch.setattr(reader, "MAX_CALLS", 120_000)

    assert read(content) == read(content)


def test_what_python_does_in_between_swallows_no_end(monkeypatch: pytest.MonkeyPatch) -> None:
    def callback(*_told: object) -> None:
        for number in range(100):
            abs(number)

    monkeypatch.setattr(reader, "MAX_CALLS", 50_000)
    gc.callbacks.append(callback)
    try:
        found = read(pdf(b"BT /F1 9 Tf " + b"(a) Tj " * 20_000 + b"ET"))
    finally:
        gc.callbacks.remove(callback)

    assert found == Extract(problem="pdf too long")
