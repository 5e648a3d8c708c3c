"""Documents become notes, and notes what they state. Tests worker.mapping.fhir.documents and attachments."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Protocol

import pytest

from worker.correlate.versions import current_facts
from worker.decode.documents import read_html
from worker.model.fact import Assertion, Puncture, PunctureSource, PunctureStatus
from worker.model.message import IssueKind, Reading
from worker.model.time import from_rfc3339
from worker.notes.reader import NoteDocument, NotePuncture

Read = Callable[..., Reading]
AT, UPDATED = "2026-01-05T08:00:00Z", "2026-01-05T08:05:00Z"


class Notes(Protocol):
    documents: list[NoteDocument]
    puncture: NotePuncture | None
    is_cut: bool
    headings: tuple[tuple[str, ...], ...]


def base64_of(text: str | bytes) -> str:
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


def attachment(text: str | bytes, content_type: str | None = "text/plain") -> dict[str, object]:
    return {"attachment": {"contentType": content_type, "data": base64_of(text)}}


def document(*content: dict[str, object], **elements: object) -> dict[str, object]:
    return {
        "resourceType": "DocumentReference",
        "id": "d1",
        "meta": {"lastUpdated": UPDATED},
        "status": "current",
        "type": {"coding": [{"system": "http://loinc.org", "code": "11506-3", "display": "Progress note"}]},
        "subject": {"reference": "Patient/p1"},
        "date": AT,
        "content": list(content),
        **elements,
    }


def test_a_document_is_a_note_and_what_it_states(read: Read, notes: Notes) -> None:
    reading = read(document(attachment("Severe headache, headache on standing")))

    assert notes.documents == [
        NoteDocument("d1", "Progress note", "Severe headache, headache on standing", "progress-note")
    ]
    assert [
        (fact.concept, fact.key.removeprefix("default|DocumentReference|")) for fact in reading.facts
    ] == [
        ("note", "d1"),
        ("headache", "d1|headache|1"),
        ("headache", "d1|headache|2"),
    ]
    assert reading.facts[0].value is None
    assert not reading.facts[0].is_deleted
    assert isinstance(reading.facts[1].value, Assertion)
    assert {fact.effective.start_ms for fact in reading.facts} == {from_rfc3339(AT)}


def test_a_version_of_a_document_replaces_the_older_as_a_whole(read: Read) -> None:
    reading = read(document(attachment("headache")))

    (group,) = {fact.group for fact in reading.facts}
    assert group is not None
    assert (group.key, group.replaces, group.stated_at) == (
        "default|DocumentReference|d1",
        True,
        (from_rfc3339(UPDATED), 2),
    )


@pytest.mark.parametrize(
    "elements",
    [
        {"status": "entered-in-error"},
        {"status": "superseded"},
        {"status": "superseded", "docStatus": "amended"},
        {"docStatus": "entered-in-error"},
    ],
)
def test_a_document_taken_back_states_nothing(read: Read, notes: Notes, elements: dict[str, object]) -> None:
    (fact,) = read(document(attachment("headache"), **elements)).facts

    assert (fact.concept, fact.is_deleted) == ("note", True)
    assert fact.group is not None
    assert notes.documents == []


def test_the_status_of_the_document_itself_is_shown(read: Read) -> None:
    assert read(document(attachment("x"), docStatus="preliminary")).facts[0].result_status == "preliminary"
    assert read(document(attachment("x"), docStatus="amended")).facts[0].result_status == "corrected"


@pytest.mark.parametrize("code", ["replaces", {"coding": [{"code": "replaces"}]}])
def test_a_document_that_replaces_another_takes_it_back(read: Read, code: object) -> None:
    relation = {"code": code, "target": {"reference": "DocumentReference/d0"}}

    facts = read(document(attachment("no words"), relatesTo=[relation])).facts

    assert [(fact.key, fact.is_deleted) for fact in facts] == [
        ("default|DocumentReference|d1", False),
        ("default|DocumentReference|d0", True),
    ]
    assert facts[1].group is not None
    assert facts[1].group.key == facts[1].key


@pytest.mark.parametrize("code", ["appends", "transforms", "signs", None])
def test_a_document_that_adds_to_another_leaves_it_alone(read: Read, code: str | None) -> None:
    relation = {"code": code, "target": {"reference": "DocumentReference/d0"}}

    facts = read(document(attachment("no words"), relatesTo=[relation])).facts

    assert [(fact.key, fact.is_deleted) for fact in facts] == [("default|DocumentReference|d1", False)]


@pytest.mark.parametrize(
    "target",
    [
        "DocumentReference/d0",
        "DocumentReference/d0/_history/2",
        "https://fhir.example/r4/DocumentReference/d0",
    ],
)
@pytest.mark.parametrize(
    "later",
    [
        {"id": "d1", "content": [attachment("quiet")]},
        {"id": "d0", "status": "superseded"},
        {"id": "d0", "status": "entered-in-error"},
    ],
)
def test_a_document_that_was_replaced_or_withdrawn_states_nothing_whatever_comes_first(
    read: Read, later: dict[str, object], target: str
) -> None:
    relation = {"code": "replaces", "target": {"reference": target}}
    first = read(document(attachment("headache"), id="d0")).facts
    second = read(
        document(**{"meta": {"lastUpdated": "2026-01-06T08:00:00Z"}, "relatesTo": [relation], **later})  # type: ignore[arg-type] # elements
    ).facts

    for facts in ([*first, *second], [*second, *first]):
        stands = [fact.key for fact in current_facts(facts).facts]
        assert stands == (["default|DocumentReference|d1"] if later["id"] == "d1" else [])


def test_a_version_that_says_what_it_replaces_and_of_which_text_it_is(read: Read) -> None:
    relation = {"code": "replaces", "target": {"reference": "DocumentReference/d0"}}
    marks = [
        read(document(attachment(text), **more)).facts[0].qualifiers
        for text, more in [("headache", {}), (" headache ", {}), ("headache", {"relatesTo": [relation]})]
    ]

    assert marks[0] == marks[1] == marks[2][:1]
    assert marks[2][1:] == ("replaces:default|DocumentReference|d0",)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (attachment("plain", "text/plain; charset=utf-8"), "plain"),
        (attachment("naïve".encode("iso-8859-1"), "text/plain; charset=ISO-8859-1"), "naïve"),
        (attachment("naïve".encode("utf-16"), 'text/plain; charset="utf-16"'), "naïve"),
        (attachment("no type", None), "no type"),
        (attachment("odd charset", "text/plain; charset=zlib"), "odd charset"),
        (attachment("<html><body><p>one</p><p>two</p></body></html>", "text/html"), "one\ntwo"),
        (attachment("<p>x</p>", "application/xhtml+xml"), "x"),
        (attachment(r"{\rtf1\ansi night\par round}", "application/rtf"), "night\nround"),
        ({"attachment": {"contentType": "text/plain", "data": "aGVhZG\n FjaGU="}}, "headache"),
    ],
)
def test_text_is_read_from_plain_and_html_attachments(
    read: Read, notes: Notes, content: dict[str, object], text: str
) -> None:
    read(document(content))

    assert [given.text for given in notes.documents] == [text]


def test_a_text_in_no_known_charset_is_read_and_said_so(read: Read, notes: Notes) -> None:
    reading = read(document(attachment(b"na\xefve")))

    assert notes.documents[0].text == "naïve"
    assert [(issue.kind, issue.is_quarantined) for issue in reading.issues] == [(IssueKind.CHARSET, False)]


@pytest.mark.parametrize(
    ("content", "subject"),
    [
        (attachment(b"%PDF-1.7", "application/pdf"), "pdf broken"),
        (attachment(b"%PDF-1.7", None), "pdf broken"),
        (attachment(b"\x89PNG", "image/png"), "image/png"),
        (attachment(b"\x00\x01", None), "unknown media type"),
        (attachment(b"\xff", None), "unknown media type"),
        (attachment(b"x", "Invented Person"), "unknown media type"),
        ({"attachment": {"contentType": "text/plain", "data": "%%%"}}, "not valid base64"),
        ({"attachment": {"contentType": "text/plain", "data": "\u00e9"}}, "not valid base64"),
        ({"attachment": {"url": "https://fhir.example/Binary/1"}}, "content elsewhere"),
        ({"attachment": {"contentType": "text/plain"}}, "no content"),
        ({}, "no content"),
    ],
)
def test_what_cannot_be_read_is_kept_and_the_note_still_stands(
    read: Read, content: dict[str, object], subject: str
) -> None:
    reading = read(document(content))

    assert [fact.concept for fact in reading.facts] == ["note", "unread-note"]
    assert [(issue.kind, issue.subject, issue.is_quarantined) for issue in reading.issues] == [
        (IssueKind.UNREADABLE_TEXT, subject, True)
    ]


def test_a_version_that_cannot_be_read_takes_nothing_back(read: Read) -> None:
    later = {"meta": {"lastUpdated": "2026-01-06T08:00:00Z"}}
    first = read(document(attachment("headache"))).facts
    scanned = read(document(attachment(b"%PDF", "application/pdf"), **later)).facts
    withdrawn = read(document(status="entered-in-error", meta={"lastUpdated": "2026-01-07T08:00:00Z"})).facts

    assert [fact.concept for fact in current_facts([*scanned, *first]).facts] == [
        "note",
        "headache",
        "unread-note",
    ]
    assert current_facts([*withdrawn, *scanned, *first]).facts == ()


@pytest.mark.parametrize(
    ("content", "standing"),
    [(b"%PDF", ["headache", "unread-note"]), ("quiet night", [])],
)
def test_only_what_was_read_takes_the_place_of_another_document(
    read: Read, content: bytes | str, standing: list[str]
) -> None:
    relation = {"code": "replaces", "target": {"reference": "DocumentReference/d1"}}
    first = read(document(attachment("headache"))).facts
    form = attachment(content, "application/pdf" if content == b"%PDF" else "text/plain")
    later = document(form, id="d2", meta={"lastUpdated": "2026-01-06T08:00:00Z"})
    second = read({**later, "relatesTo": [relation]}).facts
    stands = current_facts([*first, *second]).facts
    assert [fact.concept for fact in stands if fact.concept != "note"] == standing


def test_of_several_formats_the_readable_one_is_read(read: Read, notes: Notes) -> None:
    reading = read(
        document(attachment(b"%PDF", "application/pdf"), attachment("headache"), attachment("again"))
    )

    assert [given.text for given in notes.documents] == ["headache"]
    assert reading.issues == ()


def test_a_document_the_feed_does_not_want_is_left_alone(read: Read) -> None:
    consent = {"coding": [{"system": "urn:local", "code": "CONSENT"}]}

    assert read(document(attachment("headache"), type=consent), transport="fhir-test").facts == ()


@pytest.mark.parametrize(
    ("elements", "at"),
    [
        ({"date": None, "context": {"period": {"start": AT}}}, AT),
        ({"date": None, "period": {"start": AT}, "context": [{"reference": "Encounter/1"}]}, AT),
        ({"date": None}, UPDATED),
    ],
)
def test_a_document_without_a_date_has_its_period_or_version(
    read: Read, elements: dict[str, object], at: str
) -> None:
    assert read(document(attachment("x"), **elements)).facts[0].effective.start_ms == from_rfc3339(at)


def test_an_attachment_knows_when_it_was_written_and_what_it_is_called(read: Read, notes: Notes) -> None:
    content = attachment("x")
    content["attachment"] |= {"creation": AT, "title": "Night round"}  # type: ignore[operator] # a dict in a dict

    reading = read(document(content, date=None, type=None))

    assert reading.facts[0].effective.start_ms == from_rfc3339(AT)
    assert notes.documents[0].title == "Night round"


@pytest.mark.parametrize(
    "elements", [{"type": {"text": "Lumbar puncture"}}, {"content": [attachment("\nLUMBAR PUNCTURE\nL3/4")]}]
)
def test_a_note_titled_as_a_puncture_is_a_record_of_one(read: Read, elements: dict[str, object]) -> None:
    facts = read(document(**{"content": [attachment("L3/4")], **elements})).facts  # type: ignore[arg-type]

    puncture = next(fact for fact in facts if fact.concept == "lumbar-puncture")
    assert puncture.value == Puncture(PunctureStatus.COMPLETED, PunctureSource.NOTE)
    assert puncture.key == "default|DocumentReference|d1|lumbar-puncture"


@pytest.mark.parametrize(
    ("code", "title", "said", "expected"),
    [
        ("28570-0", "Procedure note", PunctureStatus.ATTEMPTED, PunctureStatus.ATTEMPTED),
        ("28570-0", "Procedure note", None, None),
        ("11506-3", "Progress note", PunctureStatus.COMPLETED, None),
        ("11506-3", "Lumbar puncture:", PunctureStatus.ATTEMPTED, PunctureStatus.ATTEMPTED),
        ("11506-3", "Lumbar puncture", PunctureStatus.COMPLETED, PunctureStatus.COMPLETED),
    ],
)
def test_only_a_note_about_the_procedure_tells_of_it(
    read: Read,
    notes: Notes,
    code: str,
    title: str,
    said: PunctureStatus | None,
    expected: PunctureStatus | None,
) -> None:
    notes.puncture = NotePuncture(said, 2, is_traumatic=True) if said else None
    kind = {"coding": [{"system": "http://loinc.org", "code": code}], "text": title}

    facts = read(document(attachment("words"), type=kind)).facts

    found = [fact.value for fact in facts if fact.concept == "lumbar-puncture"]
    assert found == ([Puncture(expected, PunctureSource.NOTE, (), 2, is_traumatic=True)] if expected else [])


def test_a_note_of_a_puncture_gives_its_time_of_day(read: Read, notes: Notes) -> None:
    notes.puncture = NotePuncture(PunctureStatus.COMPLETED, clock=(7, 40))

    facts = read(document(attachment("headache"), type={"text": "Lumbar puncture"})).facts

    assert [(fact.concept, fact.effective.start_ms) for fact in facts[1:]] == [
        ("headache", from_rfc3339(AT)),
        ("lumbar-puncture", from_rfc3339("2026-01-05T07:40:00Z")),
    ]


def test_an_addendum_to_a_note_of_the_lp_stands_at_the_day_of_its_heading(read: Read, notes: Notes) -> None:
    notes.headings = ((), ("day", "2"))
    later = {"meta": {"lastUpdated": "2026-01-07T15:00:00Z"}}
    words = attachment("headache. Addendum day 2: headache")

    def times() -> list[int]:
        facts = read(document(words, **later, type={"text": "Lumbar puncture procedure note"})).facts
        return [fact.effective.start_ms for fact in facts if fact.concept == "headache"]

    assert times() == [from_rfc3339(AT), from_rfc3339("2026-01-07T08:00:00Z")]
    progress = [fact for fact in read(document(words, **later)).facts if fact.concept == "headache"]
    assert {fact.effective.start_ms for fact in progress} == {from_rfc3339(AT)}


def report(**elements: object) -> dict[str, object]:
    return {
        "resourceType": "DiagnosticReport",
        "id": "d1",
        "meta": {"lastUpdated": UPDATED},
        "status": "final",
        "code": {"text": "CT head"},
        "subject": {"reference": "Patient/p1"},
        "effectiveDateTime": AT,
        **elements,
    }


def test_a_report_is_read_by_its_conclusion_and_its_form(read: Read, notes: Notes) -> None:
    form = attachment("no bleed")["attachment"]

    read(report(conclusion="Normal.", presentedForm=[form], basedOn=[{"reference": "ServiceRequest/r1"}]))

    assert [(given.title, given.text) for given in notes.documents] == [("CT head", "Normal.\nno bleed")]


def test_a_report_with_an_unreadable_form_is_read_by_its_conclusion(read: Read, notes: Notes) -> None:
    form = attachment(b"%PDF", "application/pdf")["attachment"]

    assert [
        (issue.kind, issue.subject, issue.is_quarantined)
        for issue in read(report(conclusion="Normal.", presentedForm=[form])).issues
    ] == [(IssueKind.UNREADABLE_TEXT, "pdf broken", False)]
    assert [issue.subject for issue in read(report(presentedForm=[form])).issues] == ["pdf broken"]
    assert [given.text for given in notes.documents] == ["Normal."]


def test_a_report_without_words_says_nothing(read: Read) -> None:
    assert read(report()).facts == ()
    assert read(report(status="registered", conclusion="x")).facts == ()


def test_a_report_taken_back_takes_its_words_back(read: Read) -> None:
    (fact,) = read(report(status="entered-in-error")).facts

    assert (fact.concept, fact.is_deleted, fact.key) == ("note", True, "default|DiagnosticReport|d1")


def message(**elements: object) -> dict[str, object]:
    return {
        "resourceType": "Communication",
        "id": "m1",
        "meta": {"lastUpdated": UPDATED},
        "status": "completed",
        "subject": {"reference": "Patient/p1"},
        "sent": AT,
        "payload": [{"contentString": "headache"}],
        **elements,
    }


def test_a_message_is_read_only_where_the_feed_says_that_it_is_a_note(read: Read, notes: Notes) -> None:
    category = [{"coding": [{"system": "urn:local", "code": "NURSE"}]}]

    wanted = read(message(category=category), transport="fhir-test")
    other = read(message(), transport="fhir-test")

    assert [fact.concept for fact in wanted.facts] == ["note", "headache"]
    assert other.facts == ()
    assert [given.kind for given in notes.documents] == ["nursing-note"]


def test_a_message_may_carry_its_words_as_an_attachment(read: Read, notes: Notes) -> None:
    topic = {"coding": [{"system": "urn:local", "code": "NURSE", "display": "Handover"}]}
    payload = [
        {"contentString": "<p>no fever</p>"},
        {"contentAttachment": attachment("quiet night")["attachment"]},
    ]

    read(message(topic=topic, payload=payload), transport="fhir-test")

    assert [(given.title, given.text) for given in notes.documents] == [("Handover", "no fever\nquiet night")]


def test_an_observation_whose_code_is_a_note_is_read_as_one(read: Read, notes: Notes) -> None:
    note = {
        "resourceType": "Observation",
        "id": "n1",
        "meta": {"lastUpdated": UPDATED},
        "status": "final",
        "code": {"coding": [{"system": "urn:local", "code": "NURSE"}]},
        "subject": {"reference": "Patient/p1"},
        "effectiveDateTime": AT,
        "valueString": "headache",
    }

    reading = read(note, transport="fhir-test")

    assert [fact.concept for fact in reading.facts] == ["note", "headache"]
    assert notes.documents[0].document_id == "n1"


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<style>p {color: red}</style><script>alert(1)</script><p>seen</p>", "seen"),
        ("a<br>b<br/>c", "a\nb\nc"),
        ("&lt;7 &amp; rising", "<7 & rising"),
        ("<td>Temp</td><td>38</td>", "Temp: 38"),
        ("<p>open <b>tag", "open tag"),
        ("</script>after", "after"),
        ("<title>hidden</title>shown", "shown"),
        ("", ""),
    ],
)
def test_html_is_reduced_to_what_a_person_reads(html: str, text: str) -> None:
    assert read_html(html).text == text


def test_a_document_too_long_to_be_read_whole_is_an_issue(read: Read, notes: Notes) -> None:
    notes.is_cut = True
    reading = read(document(attachment("headache")))

    assert [fact.concept for fact in reading.facts] == ["note", "headache", "unread-note"]
    assert [(issue.kind, issue.place, issue.subject) for issue in reading.issues] == [
        (
            IssueKind.UNREADABLE_TEXT,
            "DocumentReference.content",
            "text beyond the first 262144 characters",
        )
    ]
