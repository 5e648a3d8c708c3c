"""Join the records that tell of one lumbar puncture (LP). Pure: no I/O, no clock.

Two records are of one LP when the first row that fits them says so; records are the completed and attempted ones only.

| records | are one LP when |
|---|---|
| with an order number in common, of different sources | less than 72 h apart |
| with an order number in common, of one source | at most 6 h apart: a standing order numbers several LPs |
| one of them date-only | the other is on that day |
| two CSF specimens, or two notes | at most 6 h apart: tubes, addenda |
| two procedures, or two orders, of one feed | in the same minute: one record under two codes |
| a note that has only a filing time, and another source | the note is filed from 6 h before to 24 h after |
| of different sources, or of different feeds | at most 6 h apart |

A source of two feeds counts as two sources: both may tell of one LP, and none of them tells of it twice. Joining starts with
the nearest pair and never puts two records of one source into one LP that the table keeps apart, so daily LPs stay apart
however many records lie between them. Two records of different sources that a third one joins are at most 12 h apart, or as
far as an order number ties one of them to that LP. Times are compared as intervals (a procedure from 10:00 to
10:30 is 5 min from 10:35).

A cancelled or planned record takes no part: a cancellation under the same key is a version of that record, one of the same feed
that names the order by another of its numbers only takes it back too, and a cancelled order says nothing about an LP that
another record documents. A time no more exact than a month opens nothing.

Source: the rule catalogue's binding tolerance of 6 h and series of 72 h; the other spans are house choices.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from worker.model.fact import Puncture, PunctureSource, PunctureStatus
from worker.model.time import HOUR_MS, MINUTE_MS, Precision

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from worker.correlate.limits import Limits
    from worker.model.fact import Fact
    from worker.model.time import ClinicalTime, EpochMs

PUNCTURE_CONCEPT = "lumbar-puncture"
FILING_MS = 24 * HOUR_MS
"""A note that has no time of its own is filed within this span after the LP (house choice)."""

PRECEDENCE = {source: rank for rank, source in enumerate(PunctureSource)}
_OPENING = frozenset({PunctureStatus.COMPLETED, PunctureStatus.ATTEMPTED})
_MANY_PER_PUNCTURE = frozenset({PunctureSource.SPECIMEN, PunctureSource.NOTE})

# Times of sending, filing or resulting: a statement made then says nothing of when it was clinically true.
_FILED = frozenset(
    {
        *("MSH-7", "BHS-7", "FHS-7", "EVN-2", "EVN-6", "ORC-9", "OBR-22"),
        *("TXA-4", "TXA-6", "TXA-7", "TXA-8", "TXA-22"),
    },
)
_FILED_SUFFIXES = (
    ".date",
    ".issued",
    ".authoredOn",
    ".recorded",
    ".recordedDate",
    ".lastUpdated",
    ".timestamp",
)


@dataclass(frozen=True, slots=True)
class Record:
    """One record of an LP, ready to be compared."""

    fact: Fact
    puncture: Puncture

    @property
    def rank(self) -> tuple[int, EpochMs, tuple[str, str], str]:
        """Return the order of records within an LP: precedence of the source, time, key."""
        fact = self.fact
        return (PRECEDENCE[self.puncture.source], fact.effective.start_ms, fact.patient.key, fact.key)


@dataclass(frozen=True, slots=True)
class _Known:
    """How near the records are that belong together, by their positions, and how wide an LP may get."""

    gaps: dict[tuple[int, int], tuple[int, int]]
    widest_ms: int


def is_filed(time: ClinicalTime) -> bool:
    """Tell whether a time is only that of sending, filing or resulting."""
    return time.origin in _FILED or f".{time.origin}".endswith(_FILED_SUFFIXES)


def opening_records(facts: Iterable[Fact]) -> tuple[Record, ...]:
    """Return the records that open an LP, in their one order."""
    told = [Record(fact, fact.value) for fact in facts if isinstance(fact.value, Puncture)]
    void = [record for record in told if record.puncture.status is PunctureStatus.CANCELLED]
    records = [
        record
        for record in told
        if record.puncture.status in _OPENING
        and record.fact.effective.precision >= Precision.DAY
        and not any(_takes_back(other, record) for other in void)
    ]
    return tuple(sorted(records, key=lambda record: record.rank))


def _takes_back(void: Record, record: Record) -> bool:
    """Tell whether a cancellation is of this order, though it names fewer of its numbers."""
    named = void.puncture.numbers
    return (
        bool(named)
        and void.puncture.source is record.puncture.source is PunctureSource.ORDER
        and void.fact.source.feed == record.fact.source.feed
        and set(named) <= set(record.puncture.numbers)
        and void.fact.version > record.fact.version
    )


def join_records(records: Sequence[Record], limits: Limits) -> tuple[tuple[Record, ...], ...]:
    """Group records into LPs; each group keeps the order of `records` (sorted by `rank`)."""
    known = _Known({}, 2 * limits.binding_ms)
    known.gaps.update(
        ((i, j), gap)
        for i in range(len(records))
        for j in range(i + 1, len(records))
        if (gap := _gap(records[i], records[j], limits)) is not None
    )
    groups: list[set[int]] = [{i} for i in range(len(records))]
    for i, j in sorted(known.gaps, key=lambda pair: (known.gaps[pair], _when(records, pair), pair)):
        one, other = groups[i], groups[j]
        if one is not other and _may_join(one, other, records, known):
            one |= other
            for member in other:
                groups[member] = one
    unique = {id(group): group for group in groups}.values()
    return tuple(tuple(records[i] for i in sorted(group)) for group in unique)


def _when(records: Sequence[Record], pair: tuple[int, int]) -> EpochMs:
    """Prefer the earlier of two joins that are equally near."""
    return min(records[i].fact.effective.start_ms for i in pair)


def _gap(one: Record, other: Record, limits: Limits) -> tuple[int, int] | None:
    """Return how near two records of one LP are (strength, span), None where the table keeps them apart."""
    span = _span_of(one, other)
    is_one_source = _is_one_source(one, other)
    if _share_number(one, other):
        allowed = limits.binding_ms if is_one_source else limits.series_ms - 1
        return (0, span) if span <= allowed else None
    if one.fact.effective.is_date_only or other.fact.effective.is_date_only:
        return (1, 0) if span == 0 else None
    if is_one_source:
        is_near = span <= limits.binding_ms if _has_many(one) else _minute(one) == _minute(other)
        return (1, span) if is_near else None
    if span <= limits.binding_ms or _is_filed_after(one, other) or _is_filed_after(other, one):
        return (1, span)
    return None


def _is_one_source(one: Record, other: Record) -> bool:
    is_one_feed = one.fact.source.feed == other.fact.source.feed
    return one.puncture.source is other.puncture.source and (is_one_feed or _has_many(one))


def _has_many(record: Record) -> bool:
    return record.puncture.source in _MANY_PER_PUNCTURE


def _share_number(one: Record, other: Record) -> bool:
    return not set(one.puncture.numbers).isdisjoint(other.puncture.numbers)


def _minute(record: Record) -> int:
    return record.fact.effective.last_ms // MINUTE_MS


def _is_filed_after(note: Record, other: Record) -> bool:
    time = note.fact.effective
    is_note = note.puncture.source is PunctureSource.NOTE and is_filed(time)
    return is_note and 0 <= time.start_ms - other.fact.effective.last_ms < FILING_MS


def _span(one: ClinicalTime, other: ClinicalTime) -> int:
    (first_start, first_end), (second_start, second_end) = _interval(one), _interval(other)
    return max(0, first_start - second_end, second_start - first_end)


def _interval(time: ClinicalTime) -> tuple[EpochMs, EpochMs]:
    return (time.start_ms, time.latest_ms - 1 if time.is_date_only else max(time.start_ms, time.last_ms))


def _may_join(one: set[int], other: set[int], records: Sequence[Record], known: _Known) -> bool:
    both = one | other
    numbered = {
        i
        for pair, (strength, _) in known.gaps.items()
        if strength == 0 and both.issuperset(pair)
        for i in pair
    }
    return not any(
        (min(i, j), max(i, j)) not in known.gaps
        and (
            _is_one_source(records[i], records[j])
            or (not {i, j} & numbered and _span_of(records[i], records[j]) > known.widest_ms)
        )
        for i in one
        for j in other
    )


def _span_of(one: Record, other: Record) -> int:
    return _span(one.fact.effective, other.fact.effective)
