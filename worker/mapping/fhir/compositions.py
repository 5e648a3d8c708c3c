"""Documents whose text stands in sections. Pure: no I/O, no clock. Source: HL7 FHIR R4 and R5, `Composition`.

The title of each section is a line of its own, then its narrative; coded entries come as resources of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from worker.decode.documents import EMPTY, Extract, read_html
from worker.decode.fhir.resources import Composition, CompositionTarget, Section
from worker.mapping.fhir.codes import codings_of, title_of
from worker.mapping.fhir.documents import Words, add_note, key_replaced, kind_of_note
from worker.mapping.fhir.statement import Stated, Statement


def map_composition(document: Composition, statement: Statement) -> None:
    """Read the narrative of every section; a document that replaces another takes that one back."""
    codings = codings_of(document.type)
    if statement.scope.feed.is_skipped_note(codings):
        return
    effective = statement.when((Stated("date", document.date),))
    if effective is None:
        return
    title = title_of(document.type) or document.title or ""
    kind = kind_of_note(statement, codings, document.type)
    relations = () if statement.status.is_deleted else document.relates_to or ()
    replaced = tuple(key for relation in relations if (key := _replaced_key(relation, statement)))
    words = Words(title, kind, read_sections(document.section or ()), "section", replaces=replaced)
    add_note(statement, words, effective, document.id or "")


def read_sections(sections: Iterable[Section]) -> Extract:
    """Return the text of sections, those inside others behind them; a section without narrative is only a title."""
    lines: list[str] = []
    gap = ""
    has_text = False
    for section in _all_sections(sections):
        read = read_html((section.text.div if section.text else None) or "")
        gap = gap or (read.problem if read.problem != EMPTY else "")
        has_text = has_text or read.text != ""
        lines += [text for text in (section.title, read.text) if text]
    if not has_text:
        return Extract(problem=gap or "no content")
    return Extract("\n".join(lines), gap=gap)


def _all_sections(sections: Iterable[Section]) -> Iterator[Section]:
    for section in sections:
        yield section
        yield from _all_sections(section.section or ())


def _replaced_key(relation: CompositionTarget, statement: Statement) -> str:
    target = relation.target_reference or relation.resource_reference
    return key_replaced(relation.code or relation.type, target, "Composition", statement)
