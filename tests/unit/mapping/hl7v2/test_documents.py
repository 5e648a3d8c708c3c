"""Notes: documents of MDM and note text in results. HL7 v2.5.1 ch. 9."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Protocol

import pytest

from tests.unit.decode.pdf_files import lines, pdf
from worker.correlate.versions import current_facts
from worker.mapping.pack import MappingPack
from worker.model.fact import Assertion, AssertionStatus, Fact, Puncture, PunctureSource, PunctureStatus
from worker.model.message import IssueKind, Reading
from worker.model.time import from_rfc3339
from worker.notes.reader import NoteDocument, NotePuncture, NoteReader, NoteReading

Read = Callable[..., Reading]


class Asked(NoteReader, Protocol):
    """A note reader that keeps what it was asked."""

    documents: list[NoteDocument]


MakeReader = Callable[..., Asked]
EVN = "EVN|T02|20260105115000+0000"
TXA = "TXA|1|PN|TX|20260105110000+0000||||||||DOC7|||||AU||AV"
STIFF = Assertion(AssertionStatus.PRESENT, span=(0, 10), sentence="Neck stiff.")
NOTE = NoteReading((("neck-stiffness", STIFF), ("headache", STIFF), ("neck-stiffness", STIFF)))


def text(line: str, set_id: int = 1, status: str = "F") -> str:
    return f"OBX|{set_id}|TX|11506-3^Progress note^LN||{line}||||||{status}"


def facts(reading: Reading, concept: str = "") -> list[Fact]:
    return [fact for fact in reading.facts if concept in {"", fact.concept} and fact.concept != "birth-date"]


@pytest.fixture
def notes(reader: MakeReader) -> Asked:
    return reader({"Neck stiff": NOTE})


def test_a_document_is_a_note_and_its_findings(read: Read, notes: Asked) -> None:
    reading = read(EVN, TXA, text("Neck stiff."), text("Afebrile.", 2), kind="MDM^T02", notes=notes)
    assert [(fact.concept, fact.key) for fact in facts(reading)] == [
        ("note", "default|document|DOC7"),
        ("neck-stiffness", "default|document|DOC7|neck-stiffness|1"),
        ("headache", "default|document|DOC7|headache|1"),
        ("neck-stiffness", "default|document|DOC7|neck-stiffness|2"),
    ]
    (document,) = notes.documents
    assert (document.document_id, document.title, document.text, document.kind) == (
        "DOC7",
        "PN",
        "Neck stiff.\nAfebrile.",
        "11506-3",
    )


def test_the_time_of_a_note_is_that_of_its_activity(read: Read, notes: Asked) -> None:
    fact = facts(read(EVN, TXA, text("x"), kind="MDM^T02", notes=notes))[0]
    assert (fact.effective.origin, fact.effective.start_ms) == ("TXA-4", from_rfc3339("2026-01-05T11:00:00Z"))
    assert fact.version.major == from_rfc3339("2026-01-05T11:50:00Z")
    untimed = TXA.replace("20260105110000+0000", "")
    assert facts(read(EVN, untimed, text("x"), kind="MDM^T02", notes=notes))[0].effective.origin == "EVN-2"


def test_a_newer_version_of_a_document_replaces_the_older(read: Read, notes: Asked) -> None:
    first = facts(read(EVN, TXA, text("Neck stiff."), kind="MDM^T02", notes=notes))
    later = facts(
        read(EVN.replace("1150", "1155"), TXA, text("Neck soft."), kind="MDM^T08", notes=notes), "note"
    )
    assert all(fact.group is not None and fact.group.replaces for fact in first + later)
    assert {fact.group.key for fact in first + later if fact.group} == {"default|document|DOC7"}
    assert later[0].group is not None
    assert first[0].group is not None
    assert later[0].group.stated_at > first[0].group.stated_at


@pytest.mark.parametrize(
    ("kind", "txa", "obx"),
    [
        ("MDM^T11", TXA, ""),
        ("MDM^T11", TXA.replace("20260105110000+0000", "soon"), ""),
        ("MDM^T02", TXA.replace("|AV", "|CA"), text("Neck stiff.")),
        ("MDM^T03", TXA.replace("|AV", "|OB"), ""),
        ("MDM^T02", TXA, text("Neck stiff.", status="W")),
    ],
)
def test_a_document_can_be_taken_back(read: Read, notes: Asked, kind: str, txa: str, obx: str) -> None:
    reading = read(EVN, txa, *([obx] if obx else []), kind=kind, notes=notes)
    assert [
        (fact.key, fact.concept, fact.is_deleted, fact.version.minor, fact.group and fact.group.replaces)
        for fact in facts(reading)
    ] == [
        ("default|document|DOC7", "note", True, 4, True),
        ("default|document|DOC7|addenda", "note", True, 4, True),
    ]
    assert notes.documents == []


def test_a_replacement_takes_the_parent_document_back(read: Read, notes: Asked) -> None:
    txa = TXA.replace("DOC7||", "DOC8|DOC7|")
    reading = read(EVN, txa, text("Neck soft."), kind="MDM^T10", notes=notes)
    assert [(fact.key, fact.is_deleted) for fact in facts(reading)] == [
        ("default|document|DOC8", False),
        ("default|document|DOC7", True),
        ("default|document|DOC7|addenda", True),
    ]
    assert "replaces:default|document|DOC7" in facts(reading)[0].qualifiers


PICTURE = "OBX|2|ED|11506-3^N^LN||^image^jpeg^Base64^/9j/4AAQ||||||F"


@pytest.mark.parametrize(
    ("later", "standing"),
    [
        ((TXA, PICTURE), ["headache", "neck-stiffness"]),
        ((TXA, text("Leg weakness."), PICTURE), ["headache", "leg-weakness", "neck-stiffness"]),
        ((TXA, text("Neck stiff."), PICTURE), ["headache", "neck-stiffness"]),
        ((TXA, text("Leg weakness.")), ["leg-weakness"]),
        ((TXA.replace("DOC7||", "DOC8|DOC7|"), PICTURE), ["headache", "neck-stiffness"]),
        (
            (TXA.replace("DOC7||", "DOC8|DOC7|"), text("Leg weakness."), PICTURE),
            ["headache", "leg-weakness", "neck-stiffness"],
        ),
        ((TXA.replace("DOC7||", "DOC8|DOC7|"), text("Leg weakness.")), ["leg-weakness"]),
    ],
)
def test_what_was_not_read_takes_nothing_back(
    read: Read, reader: MakeReader, later: tuple[str, ...], standing: list[str]
) -> None:
    def states(finding: str) -> NoteReading:
        said = Assertion(AssertionStatus.PRESENT, (), (0, 1), finding)
        return NoteReading(((finding, said),))

    notes = reader(
        {
            "Neck stiff. Headache.": NoteReading(
                (*states("neck-stiffness").assertions, *states("headache").assertions)
            ),
            "Neck stiff.": states("neck-stiffness"),
            "Leg weakness.": states("leg-weakness"),
        }
    )
    first = read(EVN, TXA, text("Neck stiff. Headache."), kind="MDM^T02", notes=notes).facts
    second = read(EVN.replace("1150", "1155"), *later, kind="MDM^T10", notes=notes).facts
    stands = current_facts([*second, *first]).facts
    assert sorted(fact.concept for fact in stands if isinstance(fact.value, Assertion)) == standing


def test_an_addendum_under_the_same_number_does_not_replace_the_note_nor_other_addenda(
    read: Read, notes: Asked
) -> None:
    texts = ("more", "and more", "more")
    same = [facts(read(EVN, TXA, text(line), kind="MDM^T06", notes=notes))[0] for line in texts]
    assert len({fact.key for fact in same}) == 2
    assert {(fact.group.key, fact.group.replaces) for fact in same if fact.group} == {
        ("default|document|DOC7|addenda", False)
    }
    assert all(fact.key.startswith("default|document|DOC7|addenda|") for fact in same)
    own = facts(read(EVN, TXA.replace("DOC7||", "DOC9|DOC7|"), text("more"), kind="MDM^T06", notes=notes))
    assert [fact.key for fact in own] == ["default|document|DOC9"]


def test_an_addendum_that_names_only_its_parent_belongs_to_that(read: Read, notes: Asked) -> None:
    txa = TXA.replace("DOC7||", "|DOC7|")
    (note,) = facts(read(EVN, txa, text("more"), kind="MDM^T06", notes=notes))
    assert note.group is not None
    assert note.group.key == "default|document|DOC7|addenda"
    unnamed = facts(read(EVN, TXA.replace("DOC7||", "||"), text("more"), kind="MDM^T06", notes=notes))
    assert [fact.group.key == fact.key for fact in unnamed if fact.group] == [True]


def test_a_withdrawal_takes_the_addenda_back_whatever_comes_first(read: Read, notes: Asked) -> None:
    written = facts(read(EVN, TXA, text("Afebrile."), kind="MDM^T02", notes=notes))
    added = facts(read(EVN.replace("1150", "1155"), TXA, text("Neck stiff."), kind="MDM^T06", notes=notes))
    edited = facts(read(EVN.replace("1150", "1156"), TXA, text("Well."), kind="MDM^T08", notes=notes))
    gone = facts(read(EVN.replace("1150", "1158"), TXA, kind="MDM^T11", notes=notes))
    stands = [fact.concept for fact in current_facts([*edited, *added, *written]).facts]
    assert sorted(stands) == ["headache", "neck-stiffness", "neck-stiffness", "note", "note"]
    for order in ([*written, *added, *edited, *gone], [*gone, *edited, *added, *written]):
        assert current_facts(order).facts == ()


def test_the_text_of_a_note_is_known_by_a_digest_only(read: Read, notes: Asked) -> None:
    lines = ("Neck stiff.", "Neck  stiff. ", "Neck soft.")
    first, same, other = (
        facts(read(EVN, TXA, text(line), kind="MDM^T02", notes=notes), "note")[0].qualifiers for line in lines
    )
    assert first == same != other
    assert "Neck" not in repr(first)


def test_a_status_change_without_text_says_nothing(read: Read, notes: Asked) -> None:
    assert facts(read(EVN, TXA, kind="MDM^T03", notes=notes)) == []
    assert facts(read(EVN, kind="MDM^T01", notes=notes)) == []


def test_a_dictated_document_is_preliminary(read: Read, notes: Asked) -> None:
    fact = facts(read(EVN, TXA.replace("|AU|", "|DI|"), text("x"), kind="MDM^T02", notes=notes))[0]
    assert fact.version.minor == 1


def test_a_document_without_number_is_named_by_its_text(read: Read, notes: Asked) -> None:
    keys = {
        facts(read(EVN, TXA.replace("DOC7", ""), text(line), kind="MDM^T02", notes=notes))[0].key
        for line in ("one", "two", "one")
    }
    assert len(keys) == 2


def test_a_document_with_an_impossible_time_is_quarantined(read: Read, notes: Asked) -> None:
    reading = read(
        EVN, TXA.replace("20260105110000", "20990105110000"), text("x"), kind="MDM^T02", notes=notes
    )
    assert facts(reading) == []
    assert [issue.kind for issue in reading.issues] == [IssueKind.BAD_TIME]


def test_a_kind_that_the_feed_skips_is_not_read(
    read: Read, notes: Asked, site: Callable[[str], MappingPack]
) -> None:
    pack = site("notes: {skip: [{code: PN}]}")
    assert facts(read(EVN, TXA, text("Neck stiff."), kind="MDM^T02", notes=notes, using=pack)) == []


OBR = "OBR|1||n1|11506-3^Progress note^LN^^Ward round|||20260105110000+0000"
RTF = base64.b64encode(rb"{\rtf1 Neck stiff.}").decode()


@pytest.mark.parametrize(
    "obx",
    [
        "OBX|1|TX|11506-3^Progress note^LN||Neck stiff.||||||F",
        "OBX|1|FT|11506-3^Progress note^LN||Neck\\.br\\stiff.||||||F",
        "OBX|1||Progress^Progress||^^txt^^Neck stiff.",
        f"OBX|1|ED|11506-3^Progress note^LN||^TEXT^rtf^Base64^{RTF}||||||F",
        "OBX|1|TX|11506-3^Progress note^LN||{\\E\\rtf1 Neck stiff.}||||||F",
        "OBX|1|ST|11506-3^Progress note^LN||Neck stiff.",
    ],
)
def test_note_text_in_a_result_is_read_whatever_way_it_travels(
    read: Read, reader: MakeReader, obx: str
) -> None:
    notes = reader()
    read(OBR, obx, notes=notes)
    (document,) = notes.documents
    assert document.text.split() == ["Neck", "stiff."]
    assert (document.document_id, document.title) == ("n1", "Ward round")


def test_encapsulated_text_may_hold_separators(read: Read, reader: MakeReader) -> None:
    notes = reader()
    read(OBR, "OBX|1||11506-3^N^LN||^^txt^^Temp 38^5 & rising", notes=notes)
    assert notes.documents[0].text == "Temp 38^5 & rising"


def test_lines_and_repeats_of_a_note_become_lines(read: Read, reader: MakeReader) -> None:
    notes = reader()
    read(OBR, "OBX|1|TX|11506-3^N^LN||one~two||||||F", "OBX|2|TX|11506-3^N^LN||three||||||F", notes=notes)
    assert notes.documents[0].text == "one\ntwo\nthree"


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        (("{\\E\\rtf1 No fever.\\E\\par", "\\E\\b Neck stiff.}"), "No fever.\nNeck stiff."),
        (("<table><tr><td>Fever", "<td>No", "</table>"), "Fever: No"),
        (("No <b>fever</b>", "Neck stiff"), "No fever\nNeck stiff"),
        (("Neck", "\\.br\\", " ", "stiff"), "Neck\n\n\n \nstiff"),
    ],
)
def test_a_document_may_go_on_from_line_to_line(
    read: Read, reader: MakeReader, parts: tuple[str, ...], said: str
) -> None:
    notes = reader()
    reading = read(
        EVN, TXA, *(text(part, at) for at, part in enumerate(parts, 1)), kind="MDM^T02", notes=notes
    )
    assert [document.text for document in notes.documents] == [said]
    assert reading.issues == ()


def test_a_document_that_gives_no_text_is_an_issue(read: Read, notes: Asked) -> None:
    reading = read(OBR, "OBX|1|ED|11506-3^N^LN||^application^pdf^Base64^JVBERi0=||||||F", notes=notes)
    assert [(issue.kind, issue.subject, issue.is_quarantined) for issue in reading.issues] == [
        (IssueKind.UNREADABLE_TEXT, "pdf broken", True)
    ]
    (lost,) = facts(reading)
    assert (lost.concept, lost.qualifiers) == ("unread-note", ("unread:unreadable-text: pdf broken",))
    assert reading.issues[0].is_stated


def test_what_cannot_be_read_of_a_document_without_a_number_is_an_issue_only(
    read: Read, notes: Asked
) -> None:
    nameless = OBR.replace("|n1|", "||")
    reading = read(nameless, "OBX|1|ED|11506-3^N^LN||^application^pdf^Base64^JVBERi0=||||||F", notes=notes)
    assert [issue.is_stated for issue in reading.issues] == [False]
    assert facts(reading) == []


@pytest.mark.parametrize(
    ("obx", "subject"),
    [
        (r"OBX|1|RP|11506-3^N^LN||\\files\\n.pdf^HOST^application^pdf||||||F", "content elsewhere"),
        ("OBX|1|ED|11506-3^N^LN||^image^jpeg^Base64^/9j/4AAQ||||||F", "jpeg"),
        ("OBX|1|ED|11506-3^N^LN||^TEXT^txt^Base64^%%%||||||F", "broken encoding"),
    ],
)
def test_what_of_a_document_cannot_be_read_is_said_and_kept(
    read: Read, reader: MakeReader, obx: str, subject: str
) -> None:
    notes = reader()
    reading = read(EVN, TXA, obx, text("Neck stiff.", 2), kind="MDM^T02", notes=notes)
    assert [(issue.kind, issue.place, issue.subject) for issue in reading.issues] == [
        (IssueKind.UNREADABLE_TEXT, "OBX[1]-5", subject)
    ]
    assert reading.issues[0].is_quarantined
    assert [document.text for document in notes.documents] == ["Neck stiff."]


def test_a_pdf_in_an_mdm_is_read_and_its_pictures_are_said(read: Read, reader: MakeReader) -> None:
    notes = reader({"Neck stiff": NOTE})
    content = base64.b64encode(pdf(lines("Neck stiff."), b"/I Do")).decode()
    obx = f"OBX|1|ED|11506-3^N^LN||^application^pdf^Base64^{content}||||||F"
    reading = read(EVN, TXA, obx, kind="MDM^T02", notes=notes)
    assert [document.text for document in notes.documents] == ["Neck stiff."]
    assert [(issue.subject, issue.is_quarantined) for issue in reading.issues] == [
        ("pdf page without text", False)
    ]
    assert [fact.concept for fact in facts(reading)] == [
        "note",
        "neck-stiffness",
        "headache",
        "neck-stiffness",
        "unread-note",
    ]


def test_a_cda_document_in_an_mdm_is_read_by_its_sections(read: Read, reader: MakeReader) -> None:
    notes = reader()
    cda = (
        "MIME-Version: 1.0\nContent-Type: multipart/related; boundary=x\n\n--x\nContent-Type: text/xml\n\n"
        "<ClinicalDocument xmlns='urn:hl7-org:v3'><component><structuredBody><component><section><title>Exam</title>"
        "<text>Neck stiff.</text></section></component></structuredBody></component></ClinicalDocument>\n--x--"
    )
    content = base64.b64encode(cda.encode()).decode()
    obx = f"OBX|1|ED|11506-3^N^LN||^multipart^x-hl7-cda-level-one^Base64^{content}||||||F"
    read(EVN, TXA, obx, kind="MDM^T02", notes=notes)
    assert [document.text for document in notes.documents] == ["Exam\nNeck stiff."]


def test_formatting_commands_of_ft_become_lines_and_blanks(read: Read, reader: MakeReader) -> None:
    notes = reader()
    line = r"\.in+5\No fever\.br\\H\Neck\N\ stiff\.sp2\Pain\.sk3\7\T\10\.ce\end"
    read(OBR, f"OBX|1|FT|11506-3^N^LN||{line}||||||F", notes=notes)
    assert notes.documents[0].text == "No fever\nNeck stiff\n\nPain   7&10\nend"


def test_values_beside_a_note_are_still_read(read: Read, notes: Asked) -> None:
    obr = "OBR|1||n1|V^V^L|||20260105110000+0000"
    lines = (obr, "OBX|1|NM|8310-5^T^LN||38|Cel|||||F", text("Neck stiff.", 2))
    concepts = [fact.concept for fact in facts(read(*lines, notes=notes))]
    assert concepts == ["body-temperature", "note", "neck-stiffness", "headache", "neck-stiffness"]


LP_TITLE = "PROCEDURE: LUMBAR PUNCTURE"


def puncture(reading: Reading) -> Fact | None:
    return next(iter(facts(reading, "lumbar-puncture")), None)


def test_a_title_line_tells_of_a_puncture_at_the_time_of_the_note(read: Read, reader: MakeReader) -> None:
    fact = puncture(read(EVN, TXA, text(LP_TITLE), text("Two attempts.", 2), kind="MDM^T02", notes=reader()))
    assert fact is not None
    assert fact.value == Puncture(PunctureStatus.COMPLETED, PunctureSource.NOTE)
    assert fact.effective.origin == "TXA-4"
    assert fact.key == "default|document|DOC7|lumbar-puncture"


def test_the_text_knows_whether_the_needle_passed(read: Read, reader: MakeReader) -> None:
    known = {LP_TITLE: NoteReading((), NotePuncture(PunctureStatus.ATTEMPTED, 3, is_traumatic=True))}
    fact = puncture(read(EVN, TXA, text(LP_TITLE), kind="MDM^T02", notes=reader(known)))
    assert fact is not None
    assert fact.value == Puncture(PunctureStatus.ATTEMPTED, PunctureSource.NOTE, (), 3, is_traumatic=True)


def test_a_note_of_a_puncture_gives_its_time_of_day_and_nothing_else_moves(
    read: Read, reader: MakeReader
) -> None:
    said = NoteReading(NOTE.assertions[:1], NotePuncture(PunctureStatus.COMPLETED, clock=(10, 15)))
    reading = read(EVN, TXA, text(LP_TITLE), kind="MDM^T02", notes=reader({LP_TITLE: said}))
    fact = puncture(reading)
    assert fact is not None
    assert (fact.effective.origin, fact.effective.start_ms) == (
        "TXA-4, text",
        from_rfc3339("2026-01-05T10:15:00Z"),
    )
    assert facts(reading, "neck-stiffness")[0].effective.origin == "TXA-4"


def test_a_procedure_note_tells_of_a_puncture_by_its_text(read: Read, reader: MakeReader) -> None:
    known = {"LP": NoteReading((), NotePuncture(PunctureStatus.COMPLETED))}
    txa = TXA.replace("|PN|", "|PC|")
    assert puncture(read(EVN, txa, text("LP done."), kind="MDM^T02", notes=reader(known))) is not None
    assert puncture(read(EVN, txa, text("Chest drain."), kind="MDM^T02", notes=reader(known))) is None


def test_a_progress_note_that_mentions_a_puncture_is_no_record_of_one(read: Read, reader: MakeReader) -> None:
    known = {"LP": NoteReading((), NotePuncture(PunctureStatus.COMPLETED))}
    assert puncture(read(EVN, TXA, text("LP done yesterday."), kind="MDM^T02", notes=reader(known))) is None


def test_two_notes_under_one_number_in_one_message_stay_apart(read: Read, notes: Asked) -> None:
    reading = read(OBR, text("Neck stiff."), OBR, text("Neck stiff again."), notes=notes)
    keys = [fact.key for fact in facts(reading, "headache")]
    assert keys == ["default|document|n1|headache|1", "default|document|n1#2|headache|1"]


def test_a_document_too_long_to_be_read_whole_is_an_issue(read: Read, reader: MakeReader) -> None:
    notes = reader({"Neck stiff": NoteReading(NOTE.assertions, is_cut=True)})
    reading = read(EVN, TXA, text("Neck stiff."), kind="MDM^T02", notes=notes)
    assert [(issue.kind, issue.subject) for issue in reading.issues] == [
        (IssueKind.UNREADABLE_TEXT, "text beyond the first 262144 characters")
    ]
    assert [fact.concept for fact in facts(reading)][3:] == ["neck-stiffness", "unread-note"]


def test_an_addendum_to_a_note_of_the_lp_stands_at_the_day_of_its_heading(
    read: Read, reader: MakeReader
) -> None:
    said = NoteReading((("headache", STIFF), ("neck-stiffness", STIFF)), headings=((), ("day", "2")))
    sent = {"kind": "MDM^T08", "at": "20260107150000+0000", "notes": reader({"Neck": said})}
    addendum = text("Addendum day 2: Neck stiff.", 2)
    found = read(EVN, TXA, text(LP_TITLE), addendum, **sent)
    assert [(fact.concept, fact.effective.start_ms) for fact in facts(found)] == [
        ("note", from_rfc3339("2026-01-05T11:00:00Z")),
        ("headache", from_rfc3339("2026-01-05T11:00:00Z")),
        ("neck-stiffness", from_rfc3339("2026-01-07T11:00:00Z")),
        ("lumbar-puncture", from_rfc3339("2026-01-05T11:00:00Z")),
    ]
    (other,) = facts(read(EVN, TXA, text("Progress."), addendum, **sent), "neck-stiffness")
    assert other.effective.start_ms == from_rfc3339("2026-01-05T11:00:00Z")
