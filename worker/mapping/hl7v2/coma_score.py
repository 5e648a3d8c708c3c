"""The total of a Glasgow coma score that was reported in parts. Pure: no I/O, no clock.

The total is stated only where one report gives all three parts as numbers at one time and no total of its own (an intubated
patient has no verbal part, so no total). A report that corrects only some parts takes the total back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from worker.mapping.hl7v2.context import Context, Draft, Patient, Statement, make_fact
from worker.mapping.hl7v2.versions import CORRECTED, WITHDRAWN
from worker.model.fact import Comparator, Fact, Quantity

_PARTS = ("gcs-eye", "gcs-verbal", "gcs-motor")
_TOTAL = "gcs"


def add_total(context: Context, patient: Patient, facts: Sequence[Fact], order_code: str) -> list[Fact]:
    """Return the facts of one report, with totals of the coma scores in it."""
    parts: dict[int, dict[str, Fact]] = {}
    for fact in facts:
        if fact.concept in _PARTS:
            parts.setdefault(fact.effective.start_ms, {})[fact.concept] = fact
    if not parts or any(fact.concept == _TOTAL for fact in facts):
        return list(facts)
    totals = [
        total
        for found in parts.values()
        if (total := _total(context, patient, found, order_code)) is not None
    ]
    return [*facts, *totals]


def _total(context: Context, patient: Patient, parts: dict[str, Fact], order_code: str) -> Fact | None:
    first = next(iter(parts.values()))
    key = f"{context.feed.id}|{order_code}|gcs-total||{first.effective.start_ms}|1"
    draft = Draft(key, _TOTAL, first.effective, None, first.source.place, first.group)
    is_rank_first = context.feed.is_rank_first
    ranks = [fact.version.major if is_rank_first else fact.version.minor for fact in parts.values()]
    stated_at_ms = first.version.minor if is_rank_first else first.version.major
    values = [fact.value for fact in parts.values() if isinstance(fact.value, Quantity)]
    if len(values) == len(_PARTS) and all(value.comparator is Comparator.EXACT for value in values):
        total = sum(value.value for value in values)
        summed = replace(draft, value=Quantity(total, "{score}", reported=f"{total:g} {{score}}"))
        return make_fact(context, patient, summed, Statement(stated_at_ms, min(ranks), first.result_status))
    if max(ranks) < CORRECTED:
        return None
    return make_fact(context, patient, draft, Statement(stated_at_ms, WITHDRAWN, is_deleted=True))
