"""Turn the rule files of a pack into a rule book. Pure: no I/O, no clock."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from worker.decode.located_yaml import Problems, by_place
from worker.model.finding import RuleStatus, Severity
from worker.rules.bounds import window_of
from worker.rules.circumstances import circumstance_of
from worker.rules.clauses import MissingSpec
from worker.rules.compile import compile_episode, compile_reading
from worker.rules.expected import Needs, expected_of
from worker.rules.library import Library, Scope, Term, Terms, Uses, terms_of
from worker.rules.lint import lint_files, lint_rule
from worker.rules.lint_reach import lint_folds_meet
from worker.rules.lint_windows import lint_windows
from worker.rules.rule import Circumstance, Cited, Clause, Expected, Rule, RuleBook, RuleText, Total
from worker.rules.rule_files import RuleFiles, read_rule_files

if TYPE_CHECKING:
    from worker.mapping.pack import MappingPack
    from worker.rules.clauses import EpisodeClause
    from worker.rules.spec import LowerSpec, RaiseSpec, RemarkSpec, RuleSpec

_NONE: Mapping[str, Rule] = MappingProxyType({})
_LONGEST_MS = 90 * 86_400_000
"""The longest that an LP is watched by any rule of the catalogue; where an alert lasts as long as its LP."""


def parse_rulebook(layers: Sequence[Mapping[str, str]], mapping: MappingPack) -> RuleBook:
    """Read, lint and compile the rules of a pack, lowest layer first.

    Shape: each layer is `{path: text}`; a later layer's rule, definition or source replaces the one with the same id, and
    `disabled: true` removes a rule. Retired rules are checked and left out.
    Raises: PackError with every problem of every file, one line each: "file:line:column: message".
    """
    return compile_rules(layers, terms_of(mapping))


def compile_rules(layers: Sequence[Mapping[str, str]], terms: Terms) -> RuleBook:
    """Do what `parse_rulebook` does, for concepts that are given as terms."""
    problems = Problems()
    return compile_files(read_rule_files(layers, problems), terms, problems)


def compile_files(
    files: RuleFiles, terms: Terms, problems: Problems, compiled: Mapping[str, Rule] = _NONE
) -> RuleBook:
    """Lint and compile rule files that are read already; `problems` hold those of reading them.

    Shape: `compiled` are rules of these files that were compiled before, when they and the definitions that they use were the
    same; they are taken as they are. A rule that refers to one that changed is asked for no less than before.
    Raises: PackError with every problem.
    """
    totals = tuple(_totals(files, terms, problems))
    known = dict(terms) | {total.concept: Term("quantity", total.unit) for total in totals}
    shared = {name: param for name, (param, _) in files.params.items()}
    library = Library(
        known,
        files.definitions,
        shared,
        files.kinds,
        files.sums,
        frozenset(files.rules),
        frozenset(files.disabled),
        problems,
    )
    lint_files(files, library, frozenset(compiled))
    expected = tuple(
        expected_of(spec, (name,), located, library) for name, (spec, located) in files.expected.items()
    )
    beside = tuple(
        circumstance_of(spec, name, located, library) for name, (spec, located) in files.circumstances.items()
    )
    named = dict(zip(files.circumstances, beside, strict=True))
    rules = [compiled.get(spec.id) or _rule(spec, files, library, named) for spec, _ in files.rules.values()]
    by_id = {rule.id: rule for rule in rules}
    lint_folds_meet(by_id, files, problems)
    ordered = _in_order(by_id, files, problems)
    problems.lines[:] = sorted(dict.fromkeys(problems.lines), key=by_place)
    problems.raise_if_any()
    observed = _observed(expected, files)
    kept = tuple(
        replace(rule, needs_observation=bool(rule.hits & observed.concepts) or observed.of_rule(rule.id))
        for rule in ordered
        if rule.status is not RuleStatus.RETIRED
    )
    idle = {rule.id: "retired" for rule in ordered if rule.status is RuleStatus.RETIRED}
    idle |= dict.fromkeys(files.disabled, "disabled")
    expected = tuple(
        replace(each, rules=frozenset(rule.id for rule in kept if _is_blind_without(rule, each)))
        for each in expected
    )
    return RuleBook(kept, totals, expected, idle, beside, files.kinds)


def _observed(expected: Sequence[Expected], files: RuleFiles) -> Needs:
    """Tell which rules can hold only where somebody looks at the patient; the others go on by visits and results."""
    return Needs(
        frozenset[str]().union(*(each.needed_by for each in expected if not each.is_once)),
        {name: spec.when for name, (spec, _) in files.rules.items()},
        {name: spec.where for name, (spec, _, _) in files.definitions.items()},
    )


def _is_blind_without(rule: Rule, expected: Expected) -> bool:
    """Tell whether silence blinds a rule: it reads the input, and not only to say how bad is what visits or results tell."""
    return bool(rule.inputs & expected.needed_by) and (expected.is_once or rule.needs_observation)


def _totals(files: RuleFiles, terms: Terms, problems: Problems) -> Iterator[Total]:
    for name, spec in files.sums.items():
        unknown = [part for part in (*spec.parts, spec.without or spec.parts[0]) if part not in terms]
        for part in unknown:
            problems.add("rules/definitions.yaml:1:1", f"sum '{name}': unknown concept '{part}'")
        if unknown:
            continue
        letters = spec.part_letters or spec.parts
        unit = terms[spec.parts[0]].unit
        yield Total(name, unit, spec.parts, letters, spec.without or "", spec.qualifier or "")


def _rule(spec: RuleSpec, files: RuleFiles, library: Library, beside: Mapping[str, Circumstance]) -> Rule:
    _, located = files.rules[spec.id]
    uses = Uses(concepts={"lumbar-puncture"})
    outer = Scope(library, located, spec.params, uses)
    window = window_of(spec.window, ("window",), outer)
    when = compile_episode(
        spec.when, ("when",), Scope(library, located, spec.params, uses, window, spec.unless)
    )
    inner = Scope(library, located, spec.params, uses, window, concepts=tuple(sorted(uses.hits)))
    raises = tuple(
        _clause(clause, ("raise", at), inner, Severity[clause.to.upper()])
        for at, clause in enumerate(spec.raise_)
    )
    lowers = tuple(
        _clause(
            clause,
            ("lower", at),
            inner,
            Severity.EMERGENT if clause.to is None else Severity[clause.to.upper()],
            is_one_lower=clause.by is not None,
        )
        for at, clause in enumerate(spec.lower)
    )
    remarks = tuple(_clause(clause, ("remarks", at), inner) for at, clause in enumerate(spec.remarks))
    rise = None
    if spec.renotify is not None:
        path = ("renotify", "rise")
        rise = inner.limit(spec.renotify.rise, inner.unit(path), path).value
        if rise <= 0:
            inner.problem(
                path, f"'{spec.renotify.rise}' is not above zero; every further reading would be told again"
            )
    shadow = () if spec.shadow_when is None else spec.shadow_when.rests_on
    inner.check_concepts(shadow, ("shadow_when", "rests_on"))
    expires_ms = _expires_ms(spec, window.last_ms, inner)
    for at, name in enumerate(spec.asks_for):
        if name not in beside:
            inner.problem(
                ("asks_for", at), f"unknown circumstance '{name}'; name one of those in definitions.yaml"
            )
    lint_windows(spec, window, expires_ms, outer)
    lint_rule(spec, located, library, uses)
    return Rule(
        spec.id,
        spec.version,
        RuleStatus(spec.status),
        Severity[spec.severity.upper()],
        _text(spec, files),
        window,
        expires_ms,
        when,
        frozenset(uses.concepts),
        frozenset(uses.rules),
        raises,
        lowers,
        remarks,
        frozenset(shadow),
        rise,
        spec.folds,
        frozenset(uses.hits),
        spec.opens == "nothing",
        frozenset(spec.context_of),
        uses.is_timed,
        unless=tuple(uses.suppressors),
        asks_for=tuple(beside[name] for name in spec.asks_for if name in beside),
    )


def _clause(
    spec: RaiseSpec | LowerSpec | RemarkSpec,
    path: tuple[str | int, ...],
    scope: Scope,
    to: Severity = Severity.INFO,
    *,
    is_one_lower: bool = False,
) -> Clause:
    return Clause(compile_reading(spec.when, (*path, "when"), scope), spec.say, to, is_one_lower)


def _expires_ms(spec: RuleSpec, last_ms: int, scope: Scope) -> int:
    """Return when the alert expires, from the LP: a gap in observations lasts until the next one could be judged."""
    if spec.lasts == "episode":
        return max(_LONGEST_MS, last_ms)
    if spec.lasts != "window":
        return scope.duration_ms(spec.lasts, ("lasts",))
    spans = [
        scope.duration_ms(missing.gap, ("when",)) + scope.duration_ms(missing.grace, ("when",))
        for missing in _missing(spec.when)
    ]
    return last_ms + max(spans, default=0)


def _missing(clause: EpisodeClause) -> Iterator[MissingSpec]:
    if clause.missing is not None:
        yield clause.missing
    for part in (*(clause.all or ()), *(clause.any or ())):
        yield from _missing(part)


def _text(spec: RuleSpec, files: RuleFiles) -> RuleText:
    review: str = spec.review.status
    if spec.review.by:
        review = f"{review} by {spec.review.by}, {spec.review.on}"
    cited = tuple(
        Cited(key, source.cite, source.year, source.read)
        for key in spec.sources
        if (source := files.sources.get(key)) is not None
    )
    return RuleText(
        spec.title,
        spec.says.possible_causes,
        spec.says.considerations,
        spec.says.check,
        spec.misses,
        spec.false_positives,
        spec.seeds,
        cited,
        review,
        spec.says.education,
    )


def _in_order(rules: Mapping[str, Rule], files: RuleFiles, problems: Problems) -> list[Rule]:
    """Put each rule after those it refers to, and give it their inputs too."""
    done: dict[str, Rule] = {}
    waiting = dict(sorted(rules.items()))
    while waiting:
        ready = [name for name, rule in waiting.items() if not (rule.refers_to & waiting.keys())]
        if not ready:
            for name in waiting:
                problems.add(
                    files.rules[name][1].place(("when",)), "rules refer to each other in a circle; break it"
                )
            break
        for name in ready:
            rule = waiting.pop(name)
            inherited = (done[other].inputs for other in rule.refers_to if other in done)
            done[name] = replace(rule, inputs=rule.inputs.union(*inherited))
    return list(done.values())
