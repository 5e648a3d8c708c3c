"""Add up scores that are reported by their parts: GCS from eye, verbal and motor. Pure: no I/O, no clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.correlate.index import rank_fact
from worker.model.fact import Fact, Quantity

if TYPE_CHECKING:
    from collections.abc import Iterable

    from worker.model.time import EpochMs
    from worker.rules.rule import RuleBook, Total

_Parts = dict["EpochMs", dict[str, Fact]]


def with_totals(facts: Iterable[Fact], book: RuleBook) -> tuple[Fact, ...]:
    """Add the totals that the pack defines to the current facts of one patient group.

    Shape: a total stands at an instant at which all its parts have an exact value and no total is reported. It repeats
    time, source and patient of its last part and says how it came about ("E3 V4 M6").
    """
    known = tuple(facts)
    if not book.totals:
        return known
    by_time: _Parts = {}
    for fact in sorted((fact for fact in known if fact.concept in book.summed), key=rank_fact):
        by_time.setdefault(fact.effective.start_ms, {})[fact.concept] = fact
    made = (
        _total(total, parts)
        for _, parts in sorted(by_time.items())
        for total in book.totals
        if total.concept not in parts
    )
    return (*known, *(fact for fact in made if fact is not None))


def _total(total: Total, parts: dict[str, Fact]) -> Fact | None:
    chosen = [parts[name] for name in total.parts if name in parts]
    numbers = [
        fact.value.value
        for fact in chosen
        if isinstance(fact.value, Quantity) and not fact.value.comparator and fact.value.unit == total.unit
    ]
    if len(numbers) < len(total.parts):
        return None
    written = " ".join(f"{letter}{number:g}" for letter, number in zip(total.letters, numbers, strict=True))
    last = max(chosen, key=rank_fact)
    return Fact(
        patient=last.patient,
        key=f"total|{total.concept}|{last.key}",
        version=max(fact.version for fact in chosen),
        concept=total.concept,
        effective=last.effective,
        value=Quantity(sum(numbers), total.unit, reported=written),
        source=last.source,
        result_status=last.result_status,
        qualifiers=(total.qualifier,) if total.absent and total.absent not in parts else (),
    )
