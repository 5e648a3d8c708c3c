"""Compile the keys of clauses about a fact r. Pure: no I/O, no clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeAlias

from worker.rules.bounds import FOREVER_MS, duration_limits, number_limits, span_of, words_of
from worker.rules.clauses import (
    ArrivalSpec,
    BaselineDropSpec,
    BaselineRiseSpec,
    Bounds,
    EarlierSpec,
    HasBaselineSpec,
    MinusSpec,
    NearSpec,
    RatioSpec,
    ReadingClause,
    RiseSpec,
    RisingSpec,
    WorseSpec,
)
from worker.rules.context import ReadingNode
from worker.rules.library import FINDING, Scope
from worker.rules.params import Limit
from worker.rules.predicates.baseline import (
    BaselineHas,
    DropFromBaseline,
    HasBaseline,
    New,
    RiseFromBaseline,
    WorseThanBaseline,
)
from worker.rules.predicates.derived import Minus, RatioTo
from worker.rules.predicates.earlier import Near, PrecededBy, Reach, Rise, Rising, RisingRun
from worker.rules.predicates.stays import Arrival
from worker.rules.predicates.value import Answer, Asserted, OfConcept, Qualified, SinceStart

if TYPE_CHECKING:
    from worker.decode.located_yaml import Path

    CompileReading: TypeAlias = Callable[[ReadingClause | None, Path, Scope], ReadingNode]
    Builder: TypeAlias = Callable[[Any, Path, Scope, CompileReading], ReadingNode]


def check_statements(
    concepts: tuple[str, ...], where: ReadingClause | None, path: Path, scope: Scope
) -> None:
    """Refuse a reading of a finding that does not say which statements count: "absent" is a statement too."""
    findings = [
        name
        for name in concepts
        if scope.library.terms[name].kind == FINDING and not _says_status(where, name, scope)
    ]
    if findings:
        names = ", ".join(findings)
        scope.problem(path, f"{names} may be stated as absent; add `asserted: [present]` to `where`")


def _says_status(
    clause: ReadingClause | None, concept: str, scope: Scope, opened: tuple[str, ...] = ()
) -> bool:
    """Tell whether a clause can hold only of statements that it names, or of no fact of the concept at all."""
    if clause is None:
        return False
    if clause.asserted is not None or (clause.concept is not None and concept not in clause.concept):
        return True
    if any(_says_status(part, concept, scope, opened) for part in clause.all or ()):
        return True
    if clause.any and all(_says_status(part, concept, scope, opened) for part in clause.any):
        return True
    known = scope.library.definitions.get(clause.is_ or "")
    if known is None or clause.is_ in opened:
        return False
    return _says_status(known[0].where, concept, scope, (*opened, clause.is_ or ""))


def _since_lp(spec: Bounds, path: Path, scope: Scope, _compile: CompileReading) -> ReadingNode:
    return SinceStart(span_of(spec, path, scope, -FOREVER_MS), words_of(spec, scope), is_series=False)


def _since_series(spec: Bounds, path: Path, scope: Scope, _compile: CompileReading) -> ReadingNode:
    return SinceStart(span_of(spec, path, scope, -FOREVER_MS), words_of(spec, scope), is_series=True)


def _concept(names: tuple[str, ...], _path: Path, _scope: Scope, _compile: CompileReading) -> ReadingNode:
    return OfConcept(frozenset(names))


def _answer(codes: tuple[str, ...], _path: Path, _scope: Scope, _compile: CompileReading) -> ReadingNode:
    return Answer(frozenset(codes))


def _asserted(statuses: tuple[str, ...], _path: Path, _scope: Scope, _compile: CompileReading) -> ReadingNode:
    return Asserted(frozenset(statuses))


def _with(names: tuple[str, ...], _path: Path, _scope: Scope, _compile: CompileReading) -> ReadingNode:
    return Qualified(frozenset(names), is_with=True)


def _without(names: tuple[str, ...], _path: Path, _scope: Scope, _compile: CompileReading) -> ReadingNode:
    return Qualified(frozenset(names), is_with=False)


def _new(_given: bool, _path: Path, scope: Scope, _compile: CompileReading) -> ReadingNode:  # noqa: FBT001 - the key's value
    scope.uses.concepts.add("encounter")
    return New({})


def _preceded_by(spec: EarlierSpec, path: Path, scope: Scope, compile_where: CompileReading) -> ReadingNode:
    concepts = _others(spec.of, spec.where, path, scope)
    where = compile_where(spec.where, (*path, "where"), scope.about(concepts))
    start = spec.not_before
    not_before_ms = None if start is None else scope.duration_ms(start, (*path, "not_before"))
    before = "any time before" if spec.gap is None else f"{words_of(spec.gap, scope)} before"
    label = f"preceded by {' or '.join(concepts)}, {before}"
    if start is not None:
        label += f", not before {scope.words(start)} from the {spec.counts_from.replace('lp', 'LP')}"
    shortest_ms, longest_ms = (
        (1, FOREVER_MS) if spec.gap is None else span_of(spec.gap, (*path, "gap"), scope, 0)
    )
    reach = Reach(longest_ms, not_before_ms, is_series=spec.counts_from == "series")
    breaker = _breaker(spec.unbroken_by, concepts, path, scope, compile_where)
    return PrecededBy(concepts, shortest_ms, reach, where, label, breaker)


def _breaker(
    clause: ReadingClause | None,
    concepts: tuple[str, ...],
    path: Path,
    scope: Scope,
    compile_where: CompileReading,
) -> ReadingNode | None:
    if clause is None:
        return None
    check_statements(concepts, clause, (*path, "unbroken_by"), scope)
    return compile_where(clause, (*path, "unbroken_by"), scope.about(concepts))


def _near(spec: NearSpec, path: Path, scope: Scope, compile_where: CompileReading) -> ReadingNode:
    concepts = _others(spec.of, spec.where, path, scope)
    where = compile_where(spec.where, (*path, "where"), scope.about(concepts))
    within_ms = scope.span_ms(spec.within, (*path, "within"))
    label = f"{' or '.join(concepts)} within {scope.words(spec.within)}"
    return Near(concepts, scope.library.wanted(concepts), within_ms, where, label)


def _others(of: tuple[str, ...], where: ReadingClause | None, path: Path, scope: Scope) -> tuple[str, ...]:
    concepts = scope.library.with_kinds(scope.check_concepts(of, (*path, "of")))
    scope.uses.concepts.update(concepts)
    check_statements(concepts, where, path, scope)
    return concepts


def _rising(spec: RisingSpec, path: Path, scope: Scope, _compile: CompileReading) -> ReadingNode:
    unit = scope.unit(path)
    count = scope.count(spec.readings, (*path, "readings"))
    within_ms = scope.span_ms(spec.within, (*path, "within"))
    by = number_limits(spec.by, unit, (*path, "by"), scope)
    spanning = None if spec.spanning is None else duration_limits(spec.spanning, (*path, "spanning"), scope)
    start = spec.not_before
    not_before_ms = None if start is None else scope.duration_ms(start, (*path, "not_before"))
    more = " or more" if spec.or_more else ""
    label = f"the last {count}{more} readings within {scope.words(spec.within)} rise strictly, {by.words} in total"
    if spanning is not None:
        label += f", spanning {spanning.words}"
    node = RisingRun if spec.or_more else Rising
    reach = Reach(within_ms, not_before_ms, is_series=spec.counts_from == "series")
    return node(count, reach, by, spanning, unit, label)


def _rise(spec: RiseSpec, path: Path, scope: Scope, _compile: CompileReading) -> ReadingNode:
    unit = scope.unit(path)
    by = number_limits(spec, unit, path, scope)
    within_ms = scope.span_ms(spec.within, (*path, "within"))
    not_before_ms = scope.duration_ms(spec.not_before, (*path, "not_before"))
    return Rise(
        by,
        Reach(within_ms, not_before_ms, is_series=spec.counts_from == "series"),
        unit,
        is_lowest=spec.over == "lowest",
        label=f"rise {by.words} over the {spec.over} reading within {scope.words(spec.within)}",
    )


def _rise_from_baseline(
    spec: BaselineRiseSpec, path: Path, scope: Scope, _compile: CompileReading
) -> ReadingNode:
    unit = scope.unit(path)
    by = number_limits(spec, unit, path, scope)
    is_highest = spec.over == "highest"
    return RiseFromBaseline(
        by, unit, is_highest=is_highest, label=f"rise {by.words} over the {spec.over} baseline value"
    )


def _drop_from_baseline(
    spec: BaselineDropSpec, path: Path, scope: Scope, _compile: CompileReading
) -> ReadingNode:
    unit = scope.unit(path)
    by = number_limits(spec, unit, path, scope)
    first_ms = scope.span_ms(spec.or_first_within, (*path, "or_first_within"))
    assumed = scope.limit(spec.or_assume, unit, (*path, "or_assume"))
    label = (
        f"drop {by.words} from the baseline (else the first within {scope.words(spec.or_first_within)}"
        f" after the LP, else {assumed.value:g})"
    )
    return DropFromBaseline(by, first_ms, assumed, unit, label)


def _worse_than_baseline(spec: WorseSpec, path: Path, scope: Scope, _compile: CompileReading) -> ReadingNode:
    if spec.or_assume not in spec.order:
        scope.problem((*path, "or_assume"), f"'{spec.or_assume}' is not in `order`")
        return WorseThanBaseline(spec.order, spec.order[0])
    return WorseThanBaseline(spec.order, spec.or_assume)


def _has_baseline(spec: HasBaselineSpec, path: Path, scope: Scope, _compile: CompileReading) -> ReadingNode:
    if spec.or_first_within is None:
        return HasBaseline(None)
    return HasBaseline(scope.span_ms(spec.or_first_within, (*path, "or_first_within")))


def _baseline_has(
    clause: ReadingClause, path: Path, scope: Scope, compile_where: CompileReading
) -> ReadingNode:
    return BaselineHas(compile_where(clause, path, scope))


def _arrival(spec: ArrivalSpec, path: Path, scope: Scope, _compile: CompileReading) -> ReadingNode:
    scope.uses.concepts.update(("encounter", "discharge"))
    away_ms = scope.span_ms(spec.away, (*path, "away"))
    classes = " or ".join(spec.encounter)
    label = f"begins at least {scope.words(spec.away)} after any other {classes} stay"
    return Arrival(frozenset(spec.encounter), away_ms, label)


def _minus(spec: MinusSpec, path: Path, scope: Scope, _compile: CompileReading) -> ReadingNode:
    unit = scope.unit(path)
    other_unit = _other_unit(spec.of, path, scope)
    scope.uses.concepts.add("birth-date")
    each = scope.limit(spec.each, "1", (*path, "each"))
    if each.value <= 0:
        scope.problem((*path, "each"), "must be above zero")
        each = Limit(1.0)
    limits = number_limits(spec, unit, path, scope)
    label = f"{limits.words} after 1 is taken off for each {each.value:g} of {spec.of}"
    from_age = Limit(scope.age_days(spec.from_age, (*path, "from_age")))
    return Minus(spec.of, each, from_age, limits, (unit, other_unit), label)


def _ratio_to(spec: RatioSpec, path: Path, scope: Scope, _compile: CompileReading) -> ReadingNode:
    unit = scope.unit(path)
    other_unit = _other_unit(spec.of, path, scope)
    limits = number_limits(spec, "1", path, scope)
    within_ms = scope.span_ms(spec.within, (*path, "within"))
    label = f"ratio to {spec.of} {limits.words}"
    return RatioTo(spec.of, within_ms, limits, (unit, other_unit), label)


def _other_unit(concept: str, path: Path, scope: Scope) -> str:
    known = scope.check_concepts((concept,), (*path, "of"))
    return scope.library.terms[concept].unit if known else ""


BUILDERS: Mapping[str, Builder] = MappingProxyType(
    {
        "minus": _minus,
        "ratio_to": _ratio_to,
        "concept": _concept,
        "answer": _answer,
        "asserted": _asserted,
        "with": _with,
        "without": _without,
        "new": _new,
        "since_lp": _since_lp,
        "since_series": _since_series,
        "preceded_by": _preceded_by,
        "near": _near,
        "rising": _rising,
        "rise": _rise,
        "rise_from_baseline": _rise_from_baseline,
        "drop_from_baseline": _drop_from_baseline,
        "worse_than_baseline": _worse_than_baseline,
        "has_baseline": _has_baseline,
        "baseline_has": _baseline_has,
        "arrival": _arrival,
    },
)
"""Key of a reading clause → what builds its predicate; the four comparisons are built together."""
