"""Compile bounds and windows of a clause. Pure: no I/O, no clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from worker.model.finding import Truth
from worker.rules.clauses import RELATIONS, Bounds, WindowSpec
from worker.rules.context import Window
from worker.rules.interval import Interval, Relation, decide
from worker.rules.params import Limit, Limits
from worker.rules.words import with_unit

if TYPE_CHECKING:
    from worker.decode.located_yaml import Path
    from worker.rules.library import Scope

FOREVER_MS = 200 * 366 * 86_400_000
"""Longer than a life: where a span has no other end."""

_Read = Callable[[str, "Path"], Limit]


def given(bounds: Bounds) -> Iterator[tuple[Relation, str]]:
    """Go through the comparisons that bounds state, in the order of the language."""
    for relation in RELATIONS:
        reference = getattr(bounds, relation)
        if reference is not None:
            yield Relation(relation), reference


def number_limits(bounds: Bounds, unit: str, path: Path, scope: Scope) -> Limits:
    """Compile bounds of a number in one unit."""
    return _limits(bounds, path, scope, lambda reference, place: scope.limit(reference, unit, place))


def value_limits(bounds: Bounds, unit: str, path: Path, scope: Scope) -> Limits:
    """Compile bounds of r itself; a problem for each that tells no plausible values apart."""
    limits = number_limits(bounds, unit, path, scope)
    plausible = _plausible(scope)
    if plausible is not None:
        known = f"{plausible[0]:g} to {with_unit(f'{plausible[1]:g}', unit)}"
        for (relation, limit), (_, reference) in zip(limits.tests, given(bounds), strict=True):
            for value in limit.all_values:
                if how_many := _pointless(plausible, relation, value):
                    said = f"{how_many} plausible value ({known}) is {relation.words} it"
                    scope.problem(
                        (*path, relation.value), f"'{reference}' is {value:g}: {said}; check the number"
                    )
    return limits


def _plausible(scope: Scope) -> tuple[float, float] | None:
    """Return between which values r can be here; None where a concept leaves it open."""
    ranges = [scope.library.terms[concept].plausible for concept in scope.concepts]
    stated = [each for each in ranges if each is not None]
    if not stated or len(stated) < len(ranges):
        return None
    return min(low for low, _ in stated), max(high for _, high in stated)


def _pointless(plausible: tuple[float, float], relation: Relation, value: float) -> str:
    """Return "no" or "every" for a limit beyond the plausible values, and for one at their end that none can cross."""
    answers = {decide(relation, Interval(end, end), value) for end in plausible}
    if answers == {Truth.FALSE}:
        return "no"
    return "" if plausible[0] <= value <= plausible[1] else "every"


def duration_limits(bounds: Bounds, path: Path, scope: Scope) -> Limits:
    """Compile bounds of a duration, in milliseconds."""
    return _limits(bounds, path, scope, lambda reference, place: Limit(scope.duration_ms(reference, place)))


def age_limits(bounds: Bounds, path: Path, scope: Scope) -> Limits:
    """Compile bounds of an age, in days."""
    return _limits(bounds, path, scope, lambda reference, place: Limit(scope.age_days(reference, place)))


def span_of(bounds: Bounds, path: Path, scope: Scope, lowest_ms: int) -> tuple[int, int]:
    """Compile bounds of a duration into its shortest and longest in milliseconds, both counting."""
    shortest, longest = lowest_ms, FOREVER_MS
    for relation, reference in given(bounds):
        span_ms = scope.duration_ms(reference, (*path, relation.value))
        match relation:
            case Relation.ABOVE:
                shortest = max(shortest, span_ms + 1)
            case Relation.AT_LEAST:
                shortest = max(shortest, span_ms)
            case Relation.BELOW:
                longest = min(longest, span_ms - 1)
            case Relation.AT_MOST:
                longest = min(longest, span_ms)
    if shortest > longest:
        scope.problem(path, "no time can be as short and as long; check the two limits")
    return shortest, longest


def words_of(bounds: Bounds, scope: Scope) -> str:
    """Write bounds as traces show them: "at least 4 h and at most 48 h"."""
    return " and ".join(f"{relation.words} {scope.words(reference)}" for relation, reference in given(bounds))


def window_of(spec: WindowSpec, path: Path, scope: Scope) -> Window:
    """Compile a window; `after` and `before` leave out their instant (instants are whole milliseconds)."""
    if spec.from_ is not None:
        first_ms, start = scope.duration_ms(spec.from_, (*path, "from")), f"from {scope.words(spec.from_)}"
    else:
        first_ms, start = (
            _strict(spec.after, (*path, "after"), 1, scope),
            f"after {scope.words(spec.after or '')}",
        )
    if spec.to is not None:
        last_ms, end = scope.duration_ms(spec.to, (*path, "to")), f"to {scope.words(spec.to)}"
    else:
        last_ms, end = (
            _strict(spec.before, (*path, "before"), -1, scope),
            f"before {scope.words(spec.before or '')}",
        )
    if first_ms > last_ms:
        scope.problem(path, "the window ends before it starts; nothing can be in it")
    is_series = spec.counts_from == "series"
    series = " of the first LP of the series" if is_series else ""
    return Window(first_ms, last_ms, is_series, f"{start}{series} {end} after the LP")


def _strict(reference: str | None, path: Path, step: int, scope: Scope) -> int:
    return scope.duration_ms(reference or "", path) + step


def _limits(bounds: Bounds, path: Path, scope: Scope, read: _Read) -> Limits:
    tests = tuple(
        (relation, read(reference, (*path, relation.value))) for relation, reference in given(bounds)
    )
    return Limits(tests, words_of(bounds, scope))
