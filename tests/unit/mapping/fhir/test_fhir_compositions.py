"""Compositions become notes by the narrative of their sections. Tests worker.mapping.fhir.compositions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import pytest

from worker.model.message import IssueKind, Reading
from worker.model.time import from_rfc3339
from worker.notes.reader import NoteDocument

Read = Callable[..., Reading]
AT = "2026-01-05T08:00:00Z"
DIV = '<div xmlns="http://www.w3.org/1999/xhtml">{}</div>'


class Notes(Protocol):
    documents: list[NoteDocument]


def section(title: str, html: str, *inner: dict[str, object]) -> dict[str, object]:
    text = {"status": "generated", "div": DIV.format(html)}
    return {"title": title, "text": text, **({"section": list(inner)} if inner else {})}


def composition(*sections: dict[str, object], **elements: object) -> dict[str, object]:
    return {
        "resourceType": "Composition",
        "id": "c1",
        "meta": {"lastUpdated": "2026-01-05T08:05:00Z"},
        "status": "final",
        "type": {"coding": [{"system": "http://loinc.org", "code": "11506-3", "display": "Progress note"}]},
        "subject": {"reference": "Patient/p1"},
        "date": AT,
        "title": "Ward round",
        "section": list(sections),
        **elements,
    }


def test_sections_are_read_in_order_with_their_titles(read: Read, notes: Notes) -> None:
    inner = section("Plan", "<ul><li>headache: review</li></ul>")
    reading = read(composition(section("Exam", "<table><tr><td>Rash</td><td>No</td></tr></table>", inner)))

    assert notes.documents == [
        NoteDocument("c1", "Progress note", "Exam\nRash: No\nPlan\n- headache: review", "progress-note")
    ]
    assert [(fact.concept, fact.key) for fact in reading.facts] == [
        ("note", "default|Composition|c1"),
        ("headache", "default|Composition|c1|headache|1"),
    ]
    assert reading.facts[0].effective.start_ms == from_rfc3339(AT)
    assert reading.facts[0].group is not None


def test_a_composition_without_words_is_said(read: Read) -> None:
    reading = read(composition({"title": "Exam"}))

    assert [fact.concept for fact in reading.facts] == ["note", "unread-note"]
    assert [(issue.kind, issue.place, issue.subject) for issue in reading.issues] == [
        (IssueKind.UNREADABLE_TEXT, "Composition.section", "no content")
    ]


def test_a_section_that_cannot_be_read_is_said_beside_the_others(read: Read, notes: Notes) -> None:
    reading = read(composition(section("Exam", "headache"), section("Plan", "<b>" * 300 + "x")))

    assert [document.text for document in notes.documents] == ["Exam\nheadache\nPlan"]
    assert [issue.subject for issue in reading.issues] == ["nested too deeply"]


@pytest.mark.parametrize(
    "elements",
    [
        {"identifier": {"system": "urn:x", "value": "1"}, "subject": {"reference": "Patient/p1"}},
        {"identifier": [{"system": "urn:x", "value": "1"}], "subject": [{"reference": "Patient/p1"}]},
    ],
)
def test_both_versions_of_fhir_are_read(read: Read, elements: dict[str, object]) -> None:
    document = composition(section("Exam", "headache"), **elements)
    del document["id"]

    assert read(document).facts[0].key == "default|Composition|urn:x#1"


def test_a_composition_about_several_is_about_nobody(read: Read) -> None:
    both = [{"reference": "Patient/p1"}, {"reference": "Patient/p2"}]

    assert read(composition(section("Exam", "headache"), subject=both)).facts == ()


@pytest.mark.parametrize(
    "relation",
    [
        {"code": "replaces", "targetReference": {"reference": "Composition/c0"}},
        {"type": "replaces", "resourceReference": {"reference": "Composition/c0"}},
    ],
)
def test_a_composition_that_replaces_another_takes_it_back(read: Read, relation: dict[str, object]) -> None:
    facts = read(composition(section("Exam", "quiet"), relatesTo=[relation])).facts

    assert [(fact.key, fact.is_deleted) for fact in facts] == [
        ("default|Composition|c1", False),
        ("default|Composition|c0", True),
    ]


def test_a_composition_entered_in_error_takes_its_words_back(read: Read, notes: Notes) -> None:
    (fact,) = read(composition(section("Exam", "headache"), status="entered-in-error")).facts

    assert (fact.concept, fact.is_deleted, notes.documents) == ("note", True, [])
