"""Find clauses that can never hold: their times, ages, numbers or words exclude each other. Pure: no I/O, no clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from worker.model.finding import Severity
from worker.rules.library import Library, Scope, Uses
from worker.rules.reach import Domain
from worker.rules.reach_walk import Walk

if TYPE_CHECKING:
    from worker.decode.located_yaml import Located, Path, Problems
    from worker.rules.rule import Rule
    from worker.rules.rule_files import RuleFiles
    from worker.rules.spec import DefinitionSpec, LowerSpec, RaiseSpec, RemarkSpec, RuleSpec, UnlessSpec


def lint_reach(spec: RuleSpec, located: Located, library: Library) -> None:
    """Check one rule: its condition, and every clause about its hits."""
    scope = Scope(library, located, spec.params, Uses())
    walk = Walk(scope)
    walk.window = spec.window
    walk.episode(spec.when, ("when",), Domain())
    hits = tuple(dict.fromkeys(walk.hits))
    for key, clauses in _about_hits(spec).items():
        for at, clause in enumerate(clauses):
            if hits:
                walk.reading(clause.when, (key, at, "when"), hits)
    _check_severities(spec, located, library.problems)


def lint_definition_reach(
    name: str, spec: DefinitionSpec, located: Located, path: Path, library: Library
) -> None:
    """Check one definition by itself."""
    walk = Walk(Scope(library, located, spec.params, Uses(), stack=(name,)))
    if spec.of:
        concepts = frozenset(concept for concept in spec.of if concept in library.terms)
        walk.reading(spec.where, (*path, "where"), (Domain(concepts),))
    else:
        walk.episode(spec.where, (*path, "where"), Domain())


def lint_folds_meet(rules: Mapping[str, Rule], files: RuleFiles, problems: Problems) -> None:
    """Check that a rule and one that it folds can be open at the same time after one LP."""
    for rule in rules.values():
        for at, name in enumerate(rule.folds):
            folded = rules.get(name)
            if folded is None:
                continue
            if _opens_ms(rule) > folded.expires_ms or _opens_ms(folded) > rule.expires_ms:
                place = files.rules[rule.id][1].place(("folds", at))
                problems.add(
                    place, f"'{name}' is never open at the same time; take it away, or check the windows"
                )


def _opens_ms(rule: Rule) -> int:
    return min(rule.window.first_ms, 0) if rule.window.starts_with_series else rule.window.first_ms


def _about_hits(spec: RuleSpec) -> Mapping[str, Sequence[UnlessSpec | RaiseSpec | LowerSpec | RemarkSpec]]:
    return {"unless": spec.unless, "raise": spec.raise_, "lower": spec.lower, "remarks": spec.remarks}


def _check_severities(spec: RuleSpec, located: Located, problems: Problems) -> None:
    own = Severity[spec.severity.upper()]
    highest = max([own, *(Severity[clause.to.upper()] for clause in spec.raise_)])
    for at, raised in enumerate(spec.raise_):
        if Severity[raised.to.upper()] <= own:
            place = located.place(("raise", at, "to"))
            problems.add(place, f"the rule is {spec.severity} by itself; this raises nothing")
    for at, lowered in enumerate(spec.lower):
        if lowered.to is not None and Severity[lowered.to.upper()] >= highest:
            place = located.place(("lower", at, "to"))
            problems.add(place, f"the rule is never above {highest.name.lower()}; this lowers nothing")
