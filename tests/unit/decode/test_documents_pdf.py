"""The text layer of PDF files, and what is said where there is none."""

from __future__ import annotations

import gc
import sys
from io import BytesIO
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PdfWriter

from tests.unit.decode.pdf_files import cells, lines, pdf
from worker.decode.documents import Extract, read_document
from worker.decode.documents import pdf as reader
from worker.decode.documents.fuel import Fuel, SpentError

PICTURE = b"/I Do"
LOCK = b"/Encrypt << /Filter /Standard /V 1 /R 2 /O (%b) /U (%b) /P -4 >> " % (b"o" * 32, b"u" * 32)

AES = (
    b"/Encrypt << /Filter /Standard /V 5 /R 6 /Length 256 /O (%b) /U (%b) /OE (%b) /UE (%b) /Perms (%b) /P -4"
    b" /CF << /StdCF << /CFM /AESV3 /Length 32 >> >> /StmF /StdCF /StrF /StdCF >> "
    % (b"o" * 48, b"u" * 48, b"o" * 32, b"u" * 32, b"p" * 16)
)


def read(content: bytes) -> Extract:
    return read_document(content, "application/pdf")


def test_pages_and_lines_keep_their_order() -> None:
    content = pdf(lines("PROCEDURE: LUMBAR PUNCTURE", "Neck stiffness."), lines("No headache."))

    assert read(content) == Extract("PROCEDURE: LUMBAR PUNCTURE\nNeck stiffness.\nNo headache.")


def test_a_row_of_a_table_is_a_line() -> None:
    assert read(pdf(cells([["Neck stiffness", "No"], ["Headache", "Yes"]]))).text.split("\n") == [
        "Neck stiffness: No",
        "Headache: Yes",
    ]


def at(*words: tuple[float, float, str], line_end: bytes = b"") -> bytes:
    """Write words each at its place; some writers end the line behind each."""
    return b"".join(
        b"BT /F1 10 Tf 14 TL 1 0 0 1 %f %f Tm (%b) Tj %b ET\n" % (across, up, word.encode(), line_end)
        for across, up, word in words
    )


@pytest.mark.parametrize(
    ("page", "text"),
    [
        # justified: the gaps between words are narrow
        (at((72, 700, "No"), (92, 700, "fever"), (124, 700, "or"), (141, 700, "rash.")), "No fever or rash."),
        (at((72, 700, "Rash"), (200, 700, "No"), (300, 700, "pale")), "Rash: No; pale"),
        (at((72, 700, "Rash?"), (110, 700, "No"), line_end=b"T*"), "Rash? No"),
        (at((72, 700, "Rash"), (103, 700, "No"), line_end=b"T*"), "Rash: No"),
        (at((72, 700, "R"), (79.2, 700, "ash"), (98.5, 700, "gone"), line_end=b"T*"), "Rash gone"),
        (at((300, 700, "Rash"), (72, 700, "No fever")), "Rash\nNo fever"),
        (at((72, 700, "Rash"), (200, 680, "No")), "Rash\nNo"),
        # the font changes within a line of text
        (
            b"BT /F1 10 Tf 72 700 Td (A rather long line, ) Tj /F1 10 Tf (and more) Tj ET",
            "A rather long line, and more",
        ),
        (b"0 1 -1 0 0 0 cm " + at((72, -70, "Rash"), (200, -70, "No")), "Rash No"),
    ],
)
def test_words_that_stand_far_apart_on_a_line_are_cells(page: bytes, text: str) -> None:
    assert read(pdf(page)).text == text


def test_a_word_broken_at_the_end_of_a_line_is_whole() -> None:
    said = read(
        pdf(lines("New weak-", "ness, neck stiff-", "ness, follow-", "up. L4-", "L5. No -", "pain"))
    ).text
    assert said == "New weakness, neck stiffness, follow-up. L4-\nL5. No -\npain"


def test_a_pdf_that_only_forbids_changes_is_read() -> None:
    writer, written = PdfWriter(clone_from=BytesIO(pdf(lines("Fever.")))), BytesIO()
    writer.encrypt("", "owner", algorithm="RC4-128")
    writer.write(written)
    assert read(written.getvalue()) == Extract("Fever.")


def test_a_page_with_a_large_picture_and_a_stamp_is_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    stamped = pdf(lines("MRN 100200, page 1") + PICTURE)
    assert read(stamped) == Extract("MRN 100200, page 1")
    monkeypatch.setattr(reader, "_SCAN_PIXELS", 1)
    assert read(stamped) == Extract("MRN 100200, page 1", gap="pdf page without text")
    assert read(pdf(lines(*["Neck stiffness, no fever."] * 9) + PICTURE)).gap == ""


def test_the_fields_of_a_form_are_said_to_be_unread() -> None:
    form = pdf(lines("Rash:")).replace(b"/Type /Catalog", b"/Type /Catalog /AcroForm << /Fields [9 0 R] >>")
    assert read(form) == Extract("Rash:", gap="pdf form")


def test_pages_of_figures_cost_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "MAX_CALLS", 20_000)
    assert read(pdf(b"0 0 m 9 9 l S\n" * 9_000, lines("Fever."))) == Extract("Fever.")


def test_a_pdf_is_known_by_its_bytes_whatever_it_is_called() -> None:
    assert read_document(b"\r\n" + pdf(lines("Fever.")), "text/plain").text == "Fever."


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (pdf(PICTURE), "pdf without text"),
        (pdf(b""), "pdf without text"),
        (pdf(), "pdf without text"),
        (pdf(lines("Fever."), trailer=LOCK), "pdf encrypted"),
        (pdf(lines("Fever."), trailer=AES), "pdf encrypted"),
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
