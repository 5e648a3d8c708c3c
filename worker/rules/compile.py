"""Compile clauses of rule files into predicates. Pure: no I/O, no clock.

Two tables say which key builds which predicate: one for clauses about the LP, one for clauses about a fact r. A key of the
first may stand in a clause of the second; it then gives the same answer for every r.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from worker.rules.bounds import age_limits, number_limits, value_limits, window_of
from worker.rules.clauses import (
    RELATIONS,
    BaselineFindingSpec,
    Bounds,
    CountSpec,
    DrugSpec,
    EpisodeClause,
    FindingSpec,
    MissingSpec,
    PunctureSpec,
    ReadingClause,
    ReadingSpec,
    WindowSpec,
)
from worker.rules.compile_reading import BUILDERS, check_statements
from worker.rules.context import EpisodeNode, ReadingNode, Window
from worker.rules.library import Scope, Uses
from worker.rules.predicates.baseline import BaselineFinding, New
from worker.rules.predicates.episode import Age, Documented, Drug, OtherRule, Reading, StandIn
from worker.rules.predicates.logic import (
    EpisodeAll,
    EpisodeAny,
    EpisodeNot,
    Named,
    OfEpisode,
    ReadingAll,
    ReadingAny,
    ReadingNot,
    Unless,
)
from worker.rules.predicates.missing import Missing
from worker.rules.predicates.value import Asserted, Compare, OfConcept, Qualified

if TYPE_CHECKING:
    from worker.decode.located_yaml import Path

_ANY_TIME = Window(0, 0, words="any time")
_FIELDS = {"all": "all", "any": "any", "not_": "not", "is_": "is", "with_": "with"}


def compile_episode(clause: EpisodeClause, path: Path, scope: Scope) -> EpisodeNode:
    """Compile a clause about the LP; problems are collected, not raised."""
    parts = []
    for name, value in _given(clause):
        here = (*path, name)
        if name in {"all", "any"}:
            parts.append(_episode_list(name, value, here, scope))
        elif name == "not":
            parts.append(EpisodeNot(compile_episode(value, here, replace(scope, unless=()))))
        elif name == "is":
            parts.append(_episode_definition(value, here, scope))
        elif name in EPISODE_BUILDERS:
            parts.append(EPISODE_BUILDERS[name](value, here, scope))
        else:
            scope.problem(here, f"'{name}' is about one reading; put it into `where` of a reading or finding")
    return parts[0] if len(parts) == 1 else EpisodeAll(tuple(parts))


def compile_reading(clause: ReadingClause | None, path: Path, scope: Scope) -> ReadingNode:
    """Compile a clause about r; nothing stands for "always"."""
    if clause is None:
        return ReadingAll(())
    scope = replace(scope, is_about_fact=True)
    if clause.concept is not None:
        kept = scope.check_concepts(clause.concept, (*path, "concept"))
        scope = scope.about(tuple(concept for concept in scope.concepts if concept in kept))
        if not scope.concepts:  # r can be none of them here, so the rest need not make sense
            return OfConcept(frozenset(kept))
    parts = [
        _reading_part(name, value, (*path, name), scope)
        for name, value in _given(clause)
        if name not in RELATIONS
    ]
    if bounds := {name: value for name, value in _given(clause) if name in RELATIONS}:
        unit = scope.unit(path)
        parts.insert(0, Compare(value_limits(Bounds(**bounds), unit, path, scope), unit))
    return parts[0] if len(parts) == 1 else ReadingAll(tuple(parts))


def _given(clause: EpisodeClause) -> list[tuple[str, Any]]:  # each key has its own type; the builder knows it
    """Return the keys that a clause states, in the order of the language."""
    stated = clause.model_fields_set
    fields = type(clause).model_fields
    return [(_FIELDS.get(name, name), getattr(clause, name)) for name in fields if name in stated]


def _reading_part(name: str, value: Any, path: Path, scope: Scope) -> ReadingNode:  # noqa: ANN401 - see _given
    if name in {"all", "any"}:
        parts = tuple(compile_reading(part, (*path, at), scope) for at, part in enumerate(value))
        return ReadingAll(parts) if name == "all" else ReadingAny(parts)
    if name == "not":
        return ReadingNot(compile_reading(value, path, scope))
    if name == "is":
        return _reading_definition(value, path, scope)
    if name in EPISODE_BUILDERS:
        return OfEpisode(EPISODE_BUILDERS[name](value, path, scope))
    return BUILDERS[name](value, path, scope, compile_reading)


def _episode_list(name: str, clauses: tuple[EpisodeClause, ...], path: Path, scope: Scope) -> EpisodeNode:
    parts = tuple(compile_episode(part, (*path, at), scope) for at, part in enumerate(clauses))
    return EpisodeAll(parts) if name == "all" else EpisodeAny(parts)


def _open_definition(name: str, path: Path, scope: Scope) -> tuple[ReadingClause, Path, Scope] | None:
    """Return the clause of a definition with its place and scope; its numbers are its own."""
    if name not in scope.library.definitions:
        scope.problem(path, f"unknown definition '{name}'; add it to definitions.yaml")
        return None
    if name in scope.stack:
        scope.problem(path, f"definition '{name}' rests on itself; break the circle")
        return None
    spec, located, start = scope.library.definitions[name]
    inner = replace(
        scope,
        located=located,
        params=spec.params,
        window=None,
        stack=(*scope.stack, name),
        where=f"{name}.",
        rule=scope.rule or scope,
    )
    return spec.where, (*start, "where"), inner


def _episode_definition(name: str, path: Path, scope: Scope) -> EpisodeNode:
    opened = _open_definition(name, path, scope)
    if opened is None:
        return EpisodeAll(())
    clause, place, inner = opened
    if scope.library.definitions[name][0].of:
        scope.problem(path, f"definition '{name}' is about a reading; put it into `where` of a reading")
        return EpisodeAll(())
    return EpisodeAll((compile_episode(clause, place, inner),), name)


def _reading_definition(name: str, path: Path, scope: Scope) -> ReadingNode:
    opened = _open_definition(name, path, scope)
    if opened is None:
        return ReadingAll(())
    clause, place, inner = opened
    of = scope.library.definitions[name][0].of
    if not of:
        return OfEpisode(EpisodeAll((compile_episode(clause, place, replace(inner, unless=())),), name))
    if name in scope.library.named:
        node, uses = scope.library.named[name]
    else:
        uses = Uses()
        node = Named(compile_reading(clause, place, replace(inner, uses=uses).about(of)), name)
        scope.library.named[name] = (node, uses)
    scope.uses.concepts.update(uses.concepts)
    scope.uses.rules.update(uses.rules)
    scope.uses.is_timed |= uses.is_timed
    if not set(scope.concepts) <= set(of):
        strangers = ", ".join(sorted(set(scope.concepts) - set(of)))
        scope.problem(path, f"definition '{name}' is not about {strangers}; add it to its `of`")
    return node


def _window(spec: WindowSpec | None, path: Path, scope: Scope) -> Window:
    if spec is not None:
        return window_of(spec, (*path, "window"), scope)
    if scope.window is None:
        scope.problem(path, "needs a window of its own, because a definition has none")
        return _ANY_TIME
    return scope.window


def _hit_concepts(of: tuple[str, ...], path: Path, scope: Scope) -> tuple[str, ...]:
    """Check the concepts of a reading, and note them as hits when it stands in `when` itself."""
    concepts = scope.library.with_kinds(scope.check_concepts(of, (*path, "of")))
    scope.uses.concepts.update(concepts)
    if not scope.concepts:
        scope.uses.hits.update(concepts)
    return concepts


def _suppressed(where: tuple[ReadingNode, ...], concepts: tuple[str, ...], scope: Scope) -> ReadingNode:
    """Join `where` with what suppresses the hits of the rule."""
    inner = (scope.rule or scope).about(concepts)
    clauses = [
        compile_reading(spec.when, ("unless", at, "when"), inner) for at, spec in enumerate(scope.unless)
    ]
    scope.uses.suppressors.extend(clauses)
    unless = (Unless(clause, spec.say) for clause, spec in zip(clauses, scope.unless, strict=True))
    parts = (*where, *unless)
    return parts[0] if len(parts) == 1 else ReadingAll(parts)


def _reading(spec: ReadingSpec, path: Path, scope: Scope) -> EpisodeNode:
    concepts = _hit_concepts(spec.of, path, scope)
    check_statements(concepts, spec.where, path, scope)
    where = compile_reading(spec.where, (*path, "where"), scope.about(concepts))
    window = _window(spec.window, path, scope)
    label = f"reading of {' or '.join(concepts)} {window.words}"
    node = StandIn if all(scope.library.is_stand_in(concept) for concept in concepts) else Reading
    wanted, joined = scope.library.wanted(concepts), _suppressed((where,), concepts, scope)
    return node(concepts, wanted, window, joined, is_finding=False, label=label)


def _finding(spec: FindingSpec, path: Path, scope: Scope) -> EpisodeNode:
    concepts = _hit_concepts(spec.of, path, scope)
    parts: list[ReadingNode] = [Asserted(frozenset(spec.status))]
    if spec.with_:
        parts.append(Qualified(frozenset(spec.with_), is_with=True))
    if spec.without:
        parts.append(Qualified(frozenset(spec.without), is_with=False))
    if spec.where is not None:
        parts.append(compile_reading(spec.where, (*path, "where"), scope.about(concepts)))
    if spec.new:
        parts.append(New(_same_findings(spec.of, scope), _baseline_span_ms(spec, path, scope)))
        scope.uses.concepts.update(("encounter",))
    elif spec.baseline_from is not None:
        scope.problem((*path, "baseline_from"), "has no use where the finding need not be new; remove it")
    scope.uses.concepts.add("note")
    window = _window(spec.window, path, scope)
    label = f"finding {' or '.join(concepts)} {window.words}"
    wanted, joined = scope.library.wanted(concepts), _suppressed(tuple(parts), concepts, scope)
    return Reading(concepts, wanted, window, joined, is_finding=True, label=label)


def _baseline_span_ms(spec: FindingSpec, path: Path, scope: Scope) -> int | None:
    """Return how long before the LP a dated statement counts as the baseline, None for as long as the findings of all rules."""
    if spec.baseline_from is None:
        return None
    here = (*path, "baseline_from")
    from_ms = scope.duration_ms(spec.baseline_from, here)
    if from_ms >= 0:
        scope.problem(here, "the baseline lies before the LP; give hours below zero")
    return -from_ms


def _same_findings(of: tuple[str, ...], scope: Scope) -> Mapping[str, tuple[str, ...]]:
    """Return for each concept all that count as the same finding against the baseline."""
    same: dict[str, tuple[str, ...]] = {}
    for concept in of:
        group = scope.library.with_kinds((concept,))
        for name in group:
            same.setdefault(name, group)
    return same


def _count(spec: CountSpec, path: Path, scope: Scope) -> EpisodeNode:
    concepts = _hit_concepts(spec.of, path, scope)
    check_statements(concepts, spec.where, path, scope)
    where = compile_reading(spec.where, (*path, "where"), scope.about(concepts))
    window = _window(spec.window, path, scope)
    count = scope.count(spec.readings, (*path, "readings"))
    apart_ms = 0 if spec.apart is None else scope.span_ms(spec.apart, (*path, "apart"))
    apart = "" if spec.apart is None else f", {scope.words(spec.apart)} apart"
    label = f"at least {count} readings of {' or '.join(concepts)}{apart} {window.words}"
    joined = _suppressed((where,), concepts, scope)
    wanted = scope.library.wanted(concepts)
    return Reading(concepts, wanted, window, joined, is_finding=False, label=label, spaced=(count, apart_ms))


def _missing(spec: MissingSpec, path: Path, scope: Scope) -> EpisodeNode:
    concepts = scope.check_concepts(spec.of, (*path, "of"))
    inputs = ("encounter", "discharge", "lumbar-puncture")
    scope.uses.is_timed |= scope.is_about_fact
    scope.uses.concepts.update(inputs)
    if not scope.concepts:
        scope.uses.hits.update((*concepts, *inputs))
    gap_ms = scope.span_ms(spec.gap, (*path, "gap"))
    grace_ms = scope.span_ms(spec.grace, (*path, "grace"))
    label = f"no {' or '.join(concepts)} for {scope.words(spec.gap)}, judged {scope.words(spec.grace)} later"
    window = _window(None, path, scope)
    return Missing(concepts, window, gap_ms, grace_ms, frozenset(spec.encounter), label)


def _age(spec: Bounds, path: Path, scope: Scope) -> EpisodeNode:
    scope.uses.concepts.add("birth-date")
    return Age(age_limits(spec, path, scope))


def _rule(name: str, path: Path, scope: Scope) -> EpisodeNode:
    scope.uses.rules.add(name)
    if name not in scope.library.rules:
        is_off = name in scope.library.disabled
        scope.problem(
            path,
            f"rule '{name}' is disabled in this pack; disable or replace this rule too"
            if is_off
            else f"unknown rule '{name}'; name a rule of the pack",
        )
    return OtherRule(name)


def _drug(spec: DrugSpec, path: Path, scope: Scope) -> EpisodeNode:
    concepts = _hit_concepts(spec.of, path, scope)
    parts: list[ReadingNode] = []
    if spec.with_:
        parts.append(Qualified(frozenset(spec.with_), is_with=True))
    if spec.without:
        parts.append(Qualified(frozenset(spec.without), is_with=False))
    during = window_of(spec.during, (*path, "during"), scope)
    active_ms = scope.span_ms(spec.active_for, (*path, "active_for"))
    label = f"{' or '.join(concepts)} active {during.words} (a dose acts {scope.words(spec.active_for)})"
    return Drug(concepts, active_ms, during, _suppressed(tuple(parts), concepts, scope), label)


def _puncture(spec: PunctureSpec, path: Path, scope: Scope) -> EpisodeNode:
    scope.uses.concepts.add("lumbar-puncture")
    if not scope.concepts:
        scope.uses.hits.add("lumbar-puncture")
    if spec.passes is None and spec.is_traumatic is None:
        scope.problem(path, "needs is_traumatic or passes")
    passes = None if spec.passes is None else number_limits(spec.passes, "1", (*path, "passes"), scope)
    return Documented(is_traumatic=bool(spec.is_traumatic), passes=passes)


def _baseline_finding(spec: BaselineFindingSpec, path: Path, scope: Scope) -> EpisodeNode:
    concepts = scope.library.with_kinds(scope.check_concepts(spec.of, (*path, "of")))
    scope.uses.concepts.update(concepts)
    return BaselineFinding(concepts, frozenset(spec.with_))


EPISODE_BUILDERS: Mapping[str, Callable[[Any, Path, Scope], EpisodeNode]] = MappingProxyType(
    {  # Any: each builder takes the shape of its own key
        "age": _age,
        "rule": _rule,
        "reading": _reading,
        "finding": _finding,
        "count": _count,
        "missing": _missing,
        "active_drug": _drug,
        "puncture": _puncture,
        "baseline_finding": _baseline_finding,
    },
)
"""Key of an episode clause → what builds its predicate."""
