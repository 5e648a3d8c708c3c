"""Write facts as evidence that a reader can check against the chart. Pure: no I/O, no clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.model.fact import Assertion, Coded, EncounterValue, Location, Moment, Puncture, Quantity
from worker.model.passage import Passage, cut_around, passage_of
from worker.model.time import HOUR_MS, to_rfc3339

if TYPE_CHECKING:
    from collections.abc import Collection

    from worker.alerts.documents import EvidenceDocument, IdentifierDocument
    from worker.model.fact import Fact, Identifier, Value
    from worker.model.time import EpochMs

_HOURS_DIGITS = 2


def hours_between(start_ms: EpochMs, end_ms: EpochMs) -> float:
    """Return hours, rounded for reading."""
    return round((end_ms - start_ms) / HOUR_MS, _HOURS_DIGITS)


def render_evidence(
    fact: Fact, anchor_ms: EpochMs, *, did_not_count: Collection[str] = (), is_worded: bool = True
) -> EvidenceDocument:
    """Write one fact; `anchor_ms` is the time of its LP, `did_not_count` are qualifiers that nobody shall read with it.

    Where it is not `is_worded`, the words of a note or visit are left out: they no longer stand.
    """
    value = fact.value
    passage = _passage(fact) if is_worded else Passage("")
    quantity = value if isinstance(value, Quantity) else None
    stated = value.qualifiers if isinstance(value, Assertion) else ()
    document: EvidenceDocument = {
        "concept": fact.concept,
        "value": _plain(value),
        "unit": quantity.unit if quantity else "",
        "comparator": str(quantity.comparator) if quantity else "",
        "reported": value.reported if isinstance(value, (Quantity, Coded)) else "",
        "effective_at": to_rfc3339(fact.effective.start_ms),
        "precision": fact.effective.precision.name.lower(),
        "origin": fact.effective.origin,
        "hours_since_lp": hours_between(anchor_ms, fact.effective.start_ms),
        "qualifiers": sorted({*fact.qualifiers, *stated}.difference(did_not_count)),
        "specimen": fact.specimen,
        "result_status": fact.result_status,
        "sentence": passage.text,
        "source": {
            "feed": fact.source.feed,
            "message_id": fact.source.message_id,
            "place": fact.source.place,
        },
    }
    if isinstance(value, Assertion) and passage.end:
        document["note"] = {
            "title": cut_around(value.title).text,
            "section": value.section,
            "phrase_start": passage.start,
            "phrase_end": passage.end,
        }
    return document


def words_of(fact: Fact) -> str:
    """Return the words that say it: the sentence of a note, or why a patient came; of a discharge the reason is its kind."""
    match fact.value:
        case Assertion(sentence=sentence):
            return sentence
        case EncounterValue(reason=reason) if fact.concept == "encounter":
            return reason
        case _:
            return ""


def render_identifiers(identifiers: tuple[Identifier, ...]) -> list[IdentifierDocument]:
    """Write all identifiers of a patient, sorted, each once."""
    unique = {identifier.key: identifier for identifier in sorted(identifiers)}
    return [
        {"authority": identifier.authority, "value": identifier.value, "type": identifier.type}
        for identifier in unique.values()
    ]


def _passage(fact: Fact) -> Passage:
    return passage_of(fact.value) if isinstance(fact.value, Assertion) else cut_around(words_of(fact))


def _plain(value: Value) -> float | str | None:
    match value:
        case Quantity():
            return value.value
        case Coded():
            return value.code
        case Assertion() | Puncture():
            return str(value.status)
        case EncounterValue():
            return value.encounter_class
        case Location():
            return value.unit
        case Moment():
            return to_rfc3339(value.at_ms)
        case None:
            return None
