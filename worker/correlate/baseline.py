"""How a patient was before the lumbar puncture (LP), and what is new against that. Pure: no I/O, no clock.

| about | baseline | span before the LP |
|---|---|---|
| a quantity (temperature, pain, back pain) | its values; their highest or last | 24 h |
| headache and neck pain scores | the same | 72 h |
| GCS, ACVPU | the last value | 30 d |
| a finding in a note | the last statement; and every statement qualified baseline or chronic, whenever filed | 30 d |

Source: house choices of the rule catalogue (`Limits`). A statement in a section that says why the patient came has no clinical
time of its own: it is taken as older than every dated statement, unless the patient came for it after the LP.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from worker.correlate.index import rank_fact
from worker.correlate.stays import IN_HOUSE
from worker.model.fact import Assertion, AssertionStatus, Quantity
from worker.model.time import HOUR_MS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from worker.correlate.view import EpisodeView
    from worker.model.fact import Fact

NO_BASELINE = "no baseline recorded - may predate the LP"
"""The remark of an alert that has nothing to compare with."""

WHY_HE_CAME = "baseline"
"""The qualifier of what stands in a section on why the patient came."""
_OLD = frozenset({WHY_HE_CAME, "chronic"})
_WORSE = frozenset({"worsening", "progressive", "worsening-despite-treatment"})
_GONE = frozenset({AssertionStatus.ABSENT, AssertionStatus.RESOLVED})
_THERE = frozenset({AssertionStatus.PRESENT, AssertionStatus.UNCERTAIN})


class Newness(StrEnum):
    """Say how a finding after the LP compares with the patient before it; all but the last count as new."""

    NEW = "new"
    UNDOCUMENTED = "no baseline"
    WORSE = "stated worsening"
    RETURNED = "returned after being normal"
    AT_BASELINE = "already present before the LP"

    @property
    def is_new(self) -> bool:
        """Tell whether a rule may count the finding."""
        return self is not Newness.AT_BASELINE


@dataclass(frozen=True, slots=True)
class Comparison:
    """A finding against its baseline: the verdict and the statement that decided, where one did."""

    newness: Newness
    basis: Fact | None = None


def baseline_facts(view: EpisodeView, concept: str, hours: float | None = None) -> tuple[Fact, ...]:
    """Return the facts of a concept before the LP that count as its baseline, by clinical time.

    `hours` overrides the span of the table above.
    """
    span_ms = view.limits.baseline_ms(concept) if hours is None else round(hours * HOUR_MS)
    return view.before((concept,), span_ms)


def baseline_last(view: EpisodeView, concept: str, hours: float | None = None) -> Fact | None:
    """Return the last baseline fact of a concept, None where there is none."""
    facts = baseline_facts(view, concept, hours)
    return facts[-1] if facts else None


def baseline_highest(view: EpisodeView, concept: str, hours: float | None = None) -> Fact | None:
    """Return the baseline fact with the highest number, the newest of equals; None where there is none.

    A number with a comparator counts with its bound; the caller settles what it proves.
    """
    numbered = [
        (fact.value.value, rank_fact(fact), fact)
        for fact in baseline_facts(view, concept, hours)
        if isinstance(fact.value, Quantity)
    ]
    return max(numbered, key=lambda entry: entry[:2])[2] if numbered else None


def qualifiers_of(view: EpisodeView, fact: Fact) -> frozenset[str]:
    """Return the qualifiers of a fact, those of its assertion included.

    Why the patient came is baseline of an LP that was done then or later. Once he came back after the LP it is what happened
    since: a note of the return, or a letter about it.
    """
    stated = _stated(fact)
    return stated - {WHY_HE_CAME} if is_why_he_came_back(view, fact) else stated


def is_why_he_came_back(view: EpisodeView, fact: Fact) -> bool:
    """Tell whether a statement says why the patient came back after the LP, and so is no baseline of it."""
    return WHY_HE_CAME in _stated(fact) and _is_of_return(view, fact)


def _stated(fact: Fact) -> frozenset[str]:
    own = fact.value.qualifiers if isinstance(fact.value, Assertion) else ()
    return frozenset((*fact.qualifiers, *own))


def _is_of_return(view: EpisodeView, fact: Fact) -> bool:
    at_ms = fact.effective.start_ms
    return any(
        stay.start_ms <= at_ms
        and (stay.encounter_class in IN_HOUSE or at_ms < stay.start_ms + view.limits.visit_ms)
        for stay in view.returns
    )


def is_stated_old(view: EpisodeView, fact: Fact) -> bool:
    """Tell whether a statement itself says that the finding is baseline or chronic."""
    return not qualifiers_of(view, fact).isdisjoint(_OLD)


def present_at_baseline(
    view: EpisodeView, concepts: Iterable[str], span_ms: int | None = None
) -> tuple[Fact, ...]:
    """Return the statements by which a finding was there before the LP, oldest first; empty where it was not.

    A dated statement counts only while no later one before the LP says that the finding is gone. `span_ms` overrides the
    span of the table above for dated statements; one that says itself that it is old counts as ever.
    """
    asked = (tuple(concepts), span_ms)
    found = view.at_baseline.get(asked)
    if found is None:
        found = view.at_baseline[asked] = _present_at_baseline(view, *asked)
    return found


def _present_at_baseline(view: EpisodeView, names: tuple[str, ...], span_ms: int | None) -> tuple[Fact, ...]:
    stated = tuple(
        fact for fact in _statements(view, names) if is_stated_old(view, fact) and _has(fact, _THERE)
    )
    dated = [fact for fact in _dated_before(view, names, span_ms) if not is_stated_old(view, fact)]
    told = [fact for fact in dated if _has(fact, _GONE | {AssertionStatus.PRESENT})]
    if told and _has(told[-1], _GONE):
        return ()
    return (*stated, *(fact for fact in told if _has(fact, {AssertionStatus.PRESENT})))


def compare(
    view: EpisodeView, fact: Fact, concepts: Iterable[str] = (), span_ms: int | None = None
) -> Comparison:
    """Tell how one finding after the LP compares with the baseline.

    `concepts` are all that count as the same finding (its kinds); the fact's own concept when empty. `span_ms` as
    `present_at_baseline` takes it.
    """
    names = tuple(concepts) or (fact.concept,)
    qualifiers = qualifiers_of(view, fact)
    if WHY_HE_CAME in qualifiers or ("chronic" in qualifiers and qualifiers.isdisjoint(_WORSE)):
        return Comparison(Newness.AT_BASELINE, fact)
    if not qualifiers.isdisjoint(_WORSE):
        return Comparison(Newness.WORSE, fact)
    before = present_at_baseline(view, names, span_ms)
    if not before:
        known = [told for told in _dated_before(view, names, span_ms) if _has(told, _GONE)]
        return Comparison(Newness.NEW, known[-1]) if known else Comparison(Newness.UNDOCUMENTED)
    gone = [told for told in _own_before(view, names, fact) if _has(told, _GONE)]
    if gone:
        return Comparison(Newness.RETURNED, gone[-1])
    return Comparison(Newness.AT_BASELINE, before[-1])


def _statements(view: EpisodeView, concepts: tuple[str, ...]) -> tuple[Fact, ...]:
    """Return every statement from the look-back on, those of this LP included."""
    return view.between(concepts, view.anchor_ms - view.limits.baseline_finding_ms, view.until_ms)


def _dated_before(
    view: EpisodeView, concepts: tuple[str, ...], span_ms: int | None = None
) -> tuple[Fact, ...]:
    return view.before(concepts, view.limits.baseline_finding_ms if span_ms is None else span_ms)


def _own_before(view: EpisodeView, concepts: tuple[str, ...], fact: Fact) -> tuple[Fact, ...]:
    return view.between(concepts, view.anchor_ms, fact.effective.start_ms - 1)


def _has(fact: Fact, statuses: Iterable[AssertionStatus]) -> bool:
    return isinstance(fact.value, Assertion) and fact.value.status in statuses
