"""Whole documents, a file for each kind: what they state of the patient, and what they only seem to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from worker.notes.reader import NoteReading

Read = Callable[..., NoteReading]
FOLDER = Path(__file__).parent / "documents"
KINDS = {
    path.stem: YAML(typ="safe").load(path.read_text(encoding="utf-8"))["documents"]
    for path in FOLDER.glob("*.yaml")
}
DOCUMENTS = [document for _, documents in sorted(KINDS.items()) for document in documents]
STATED = {"present", "uncertain", "resolved"}


def marked(document: dict[str, object]) -> object:
    """Mark a document that is not read yet as it should be: once it is, its `open` must go."""
    marks = [pytest.mark.xfail(reason=str(document["open"]), strict=True)] if "open" in document else []
    return pytest.param(document, id=str(document["id"]), marks=marks)


@pytest.mark.parametrize("document", [marked(document) for document in DOCUMENTS])
def test_a_document_states_of_the_patient_what_it_says(read: Read, document: dict[str, object]) -> None:
    """`states`: all that is there, in doubt or gone, with its qualifiers in any order; `denies`: what must be absent."""
    said = read(document["text"]).assertions
    stated = {" ".join((name, one.status, *one.qualifiers)) for name, one in said if one.status in STATED}
    wanted = {" ".join((*each.split()[:2], *sorted(each.split()[2:]))) for each in document["states"]}
    assert stated == wanted
    assert {name for name, one in said if one.status == "absent"} >= set(document.get("denies", ()))


def test_each_kind_has_documents_of_both_countries() -> None:
    for kind, documents in KINDS.items():
        assert len(documents) >= 6, kind
        assert {document["from"] for document in documents} == {"British", "American"}, kind
