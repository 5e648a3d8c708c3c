"""Find the lumbar punctures (LPs) of one patient group in its current facts. Pure: no I/O, no clock.

1. Completed and attempted records are joined into LPs (`joining`), and each LP gets its time (`anchors`).
2. CSF results with a value that lie within 6 h of no LP open *presumed* LPs: fluid was obtained, whatever the orders say, a
   cancelled one included. The first specimen gives the time; later ones within 6 h of it join. Opening pressure alone opens
   none, nor does fluid from a shunt, a drain or a ventricle. A result that has only a time of filing or sending opens one only
   where no LP lies in the 14 days before it: a late culture is not a new puncture.
3. LPs in one minute are one. LPs less than 72 h apart are a series; each ends where the next begins.

Source: the rule catalogue (anchor, series, lp_time); 14 days for results without a specimen time is a house choice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from worker.correlate.anchors import Anchor, choose_anchor, near_fluid
from worker.correlate.index import FactIndex, is_lumbar, rank_fact
from worker.correlate.joining import PUNCTURE_CONCEPT, Record, is_filed, join_records, opening_records
from worker.correlate.limits import DEFAULT_LIMITS
from worker.model.episode import Episode
from worker.model.fact import Coded, PunctureStatus, Quantity
from worker.model.time import DAY_MS, MINUTE_MS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from worker.correlate.limits import Limits
    from worker.model.fact import Fact
    from worker.model.time import EpochMs

LATE_RESULT_MS = 14 * DAY_MS
"""A CSF result without a specimen time belongs to an LP at most this much earlier (house choice)."""


@dataclass(frozen=True, slots=True)
class _Draft:
    """An LP before it knows its neighbours."""

    anchor: Anchor
    records: tuple[Record, ...]
    fluid: tuple[Fact, ...]

    @property
    def at_ms(self) -> EpochMs:
        return self.anchor.time.last_ms


def find_episodes(facts: Iterable[Fact] | FactIndex, limits: Limits = DEFAULT_LIMITS) -> tuple[Episode, ...]:
    """Return the LPs of one patient group, sorted by anchor.

    Shape: `facts` current facts in any order, or their index. `Episode.records` holds the joined LP facts (`Puncture`)
    first and then the CSF facts bound to the LP, so that a presumed LP keeps its identity when it is documented later.
    """
    index = facts if isinstance(facts, FactIndex) else FactIndex(facts)
    fluid = _fluid(index)
    groups = join_records(opening_records(index.series(PUNCTURE_CONCEPT).facts), limits)
    drafts = [_draft(group, near_fluid(group, fluid, limits.binding_ms)) for group in groups]
    drafts.extend(_presumed(drafts, fluid, limits))
    return _finish(_merge_same_minute(drafts), fluid, limits)


def _fluid(index: FactIndex) -> tuple[Fact, ...]:
    """Return the CSF results that show that fluid was obtained by a needle, by time."""
    concepts = [concept for concept in index.concepts if concept.startswith("csf-")]
    return tuple(
        sorted(
            (
                fact
                for concept in concepts
                for fact in index.series(concept).facts
                if isinstance(fact.value, (Quantity, Coded)) and is_lumbar(fact)
            ),
            key=rank_fact,
        ),
    )


def _draft(records: tuple[Record, ...], fluid: tuple[Fact, ...]) -> _Draft:
    return _Draft(choose_anchor(records, fluid), records, ())


def _presumed(drafts: Sequence[_Draft], fluid: Sequence[Fact], limits: Limits) -> list[_Draft]:
    """Open presumed LPs; results with a time of their own first, because those without may belong to them."""
    opened: list[_Draft] = []
    for are_filed in (False, True):
        group: list[Fact] = []
        for fact in fluid:
            if is_filed(fact.effective) is not are_filed:
                continue
            if _is_accounted_for(fact, (*drafts, *opened), limits, are_filed=are_filed):
                continue
            if group and fact.effective.start_ms - group[0].effective.start_ms > limits.binding_ms:
                opened.append(_Draft(choose_anchor((), group), (), tuple(group)))
                group = []
                if _is_accounted_for(fact, (*drafts, *opened), limits, are_filed=are_filed):
                    continue
            group.append(fact)
        if group:
            opened.append(_Draft(choose_anchor((), group), (), tuple(group)))
    return opened


def _is_accounted_for(fact: Fact, drafts: Sequence[_Draft], limits: Limits, *, are_filed: bool) -> bool:
    at_ms = fact.effective.start_ms
    late_ms = LATE_RESULT_MS if are_filed else limits.binding_ms
    return any(-limits.binding_ms <= at_ms - draft.at_ms <= late_ms for draft in drafts)


def _merge_same_minute(drafts: Iterable[_Draft]) -> list[_Draft]:
    merged: list[_Draft] = []
    for draft in sorted(drafts, key=lambda draft: (draft.at_ms, [record.rank for record in draft.records])):
        if merged and merged[-1].at_ms // MINUTE_MS == draft.at_ms // MINUTE_MS:
            first = merged.pop()
            records = tuple(sorted((*first.records, *draft.records), key=lambda record: record.rank))
            merged.append(_Draft(first.anchor, records, (*first.fluid, *draft.fluid)))
        else:
            merged.append(draft)
    return merged


def _finish(drafts: Sequence[_Draft], fluid: Sequence[Fact], limits: Limits) -> tuple[Episode, ...]:
    anchors = [draft.at_ms for draft in drafts]
    bound: list[list[Fact]] = [[] for _ in drafts]
    for fact in fluid:
        position = nearest_anchor(anchors, fact.effective.start_ms, limits.binding_ms)
        if position is not None:
            bound[position].append(fact)
    episodes = []
    start_ms = 0
    for position, draft in enumerate(drafts):
        if position == 0 or anchors[position] - anchors[position - 1] >= limits.series_ms:
            start_ms = anchors[position]
        until_ms = anchors[position + 1] if position + 1 < len(anchors) else None
        episodes.append(_episode(draft, bound[position], start_ms, until_ms))
    return tuple(episodes)


def nearest_anchor(anchors: Sequence[EpochMs], at_ms: EpochMs, span_ms: int) -> int | None:
    """Return the position of the anchor nearest to an instant, None where none is within `span_ms`.

    Of two equally near the later: fluid is drawn before the documented end of its LP.
    """
    if not anchors:
        return None
    distance, position = min((abs(at_ms - anchor), -position) for position, anchor in enumerate(anchors))
    return -position if distance <= span_ms else None


def _episode(draft: _Draft, bound: Sequence[Fact], start_ms: EpochMs, until_ms: EpochMs | None) -> Episode:
    statuses = {record.puncture.status for record in draft.records}
    is_attempt = bool(statuses) and PunctureStatus.COMPLETED not in statuses
    fluid = sorted(
        {(*fact.patient.key, fact.key): fact for fact in (*draft.fluid, *bound)}.values(), key=rank_fact
    )
    return Episode(
        anchor=draft.anchor.time,
        status=PunctureStatus.ATTEMPTED if is_attempt else PunctureStatus.COMPLETED,
        records=(*(record.fact for record in draft.records), *fluid),
        is_presumed=not draft.records,
        is_time_uncertain=draft.anchor.is_uncertain,
        series_start_ms=start_ms,
        until_ms=until_ms,
    )
