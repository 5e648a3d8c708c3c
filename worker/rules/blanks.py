"""What an alert did not see and somebody could bring, and data that decide nothing. Pure: no I/O, no clock."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from worker.model.finding import Truth
from worker.rules.circumstances import lacking_of
from worker.rules.predicates.lacking import NO_DATA, NOT_DOCUMENTED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from worker.model.fact import Fact
    from worker.model.finding import Finding
    from worker.rules.context import Blank
    from worker.rules.evaluate import Evaluation
    from worker.rules.rule import Expected

_Evaluations = Mapping[str, "Evaluation"]


def missing_beside(
    finding: Finding, evaluations: Iterable[Evaluation], charted: frozenset[str] = frozenset()
) -> tuple[str, ...]:
    """Say what is not on file that could change the alert of a finding, and what its rule asks the reader to look for.

    Shape: one sentence for each reason, with the inputs it is said of ("no data: acvpu, gcs"), sorted, no repeats. An input
    could change the alert where it may raise its severity, suppress it, or make a rule hold that folds it. Nothing is said
    of what cannot be there yet, nor of `charted` concepts (what is watched at the bedside) once their time is over. Values
    that are on file and decide nothing are named whatever rule they are for, unless it is told to nobody.
    """
    here = {each.rule.id: each for each in evaluations if each.context.anchor_ms == finding.episode.anchor_ms}
    inputs: dict[str, set[str]] = {}
    for blank in (*_bearing(finding, here), *_on_file(here)):
        is_over = blank.until_ms is not None and blank.until_ms < here[finding.rule].context.as_of_ms
        names = set(blank.inputs) - (charted if is_over else frozenset())
        if names or not (blank.inputs or is_over):
            inputs.setdefault(blank.reason, set()).update(names)
    _say_once(inputs)
    return tuple(
        f"{reason}: {', '.join(sorted(names))}" if names else reason
        for reason, names in sorted(inputs.items())
    )


def charted_of(expected: Iterable[Expected]) -> frozenset[str]:
    """Return the concepts that are watched at the bedside: nobody can bring them for a time that has passed."""
    return frozenset(name for each in expected if not each.is_once for name in each.heard)


def _say_once(inputs: dict[str, set[str]]) -> None:
    """Leave out of "no data" what the record of the LP lacks as well."""
    unseen = inputs.pop(NO_DATA, set()) - inputs.get(NOT_DOCUMENTED, set())
    if unseen:
        inputs[NO_DATA] = unseen


def _bearing(finding: Finding, here: _Evaluations) -> Iterator[Blank]:
    """Give what is not on file and could change the alert."""
    own = here.get(finding.rule)
    if own is None:
        return
    seen: set[str] = {finding.rule}
    for blank in (*_own(finding, own), *_of_stronger(finding, here)):
        yield from _resolved(blank, here, seen)


def _own(finding: Finding, own: Evaluation) -> Iterator[Blank]:
    rule, context = own.rule, own.context
    yield from lacking_of(context, rule.asks_for)
    if rule.severity > finding.severity:
        yield from rule.when.blanks(context)
    clauses = [*rule.unless, *(clause.when for clause in rule.raises if clause.to > finding.severity)]
    for fact in _hits(own):
        for clause in clauses:
            yield from clause.lacks(fact, context)


def _hits(evaluation: Evaluation) -> Iterable[Fact]:
    outcome = evaluation.rule.when.ask(evaluation.context)
    return {id(hit.fact): hit.fact for hit in outcome.hits}.values()


def _of_stronger(finding: Finding, here: _Evaluations) -> Iterator[Blank]:
    """Give what the rules lack that would speak in place of the alert."""
    for name in _stronger(finding.rule, here):
        evaluation = here[name]
        could_fold = evaluation.truth is not Truth.TRUE and evaluation.rule.highest >= finding.severity
        if could_fold and evaluation.is_told:
            yield from evaluation.rule.when.blanks(evaluation.context)


def _stronger(rule: str, here: _Evaluations) -> Iterator[str]:
    """Give the rules that fold a rule, at any depth."""
    waiting, seen = [rule], {rule}
    while waiting:
        weaker = waiting.pop()
        for name, evaluation in here.items():
            if name not in seen and weaker in evaluation.rule.folds:
                seen.add(name)
                waiting.append(name)
                yield name


def _resolved(blank: Blank, here: _Evaluations, seen: set[str]) -> Iterator[Blank]:
    """Give a blank, or what the rule lacks that it names; each rule once."""
    if not blank.rule:
        yield blank
        return
    evaluation = here.get(blank.rule)
    if evaluation is None or blank.rule in seen:
        return
    seen.add(blank.rule)
    for inner in evaluation.rule.when.blanks(evaluation.context):
        yield from _resolved(inner, here, seen)


def _on_file(here: _Evaluations) -> Iterator[Blank]:
    """Give the values that leave a rule unknown because they decide nothing."""
    for evaluation in here.values():
        if evaluation.truth is Truth.UNKNOWN and evaluation.is_told:
            blanks = evaluation.rule.when.blanks(evaluation.context)
            yield from (blank for blank in blanks if blank.is_on_file)
