"""Why a lumbar puncture was ordered: shown beside its alerts, and what it states was there before. Pure: no I/O, no clock."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from msgspec import structs

from worker.mapping.pack import MappingPack
from worker.model.fact import Assertion, Coded
from worker.notes.reader import NoteDocument, NoteReader

INDICATION = "lp-indication"
_BASELINE = "baseline"
_REPORTED_LENGTH = 120


class Indicated(NamedTuple):
    """One thing that the reason of an order says: `part` tells it from the others."""

    part: str
    concept: str
    value: Coded | Assertion


def read_indication(text: str, number: str, pack: MappingPack, notes: NoteReader) -> Iterator[Indicated]:
    """Read the reason of an order in words: the reason itself, then the findings that it names, as baseline.

    Shape: nothing for an empty text, or for a pack without the concept; `number` as for documents.
    """
    said = " ".join(text.split())
    if not said or INDICATION not in pack.concepts:
        return
    yield Indicated(INDICATION, INDICATION, Coded("recorded", said[:_REPORTED_LENGTH]))
    seen: Counter[str] = Counter()
    for finding, assertion in notes.read(NoteDocument(f"{number}|{INDICATION}", "", text)).assertions:
        seen[finding] += 1
        qualifiers = tuple(sorted({*assertion.qualifiers, _BASELINE}))
        part = f"{INDICATION}|{finding}|{seen[finding]}"
        yield Indicated(part, finding, structs.replace(assertion, qualifiers=qualifiers))
