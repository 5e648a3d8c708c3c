"""What an alert did not see: inputs that had no data, or data that decide nothing. Pure: no I/O, no clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.model.finding import RuleStatus, Severity, Truth
from worker.rules.predicates.episode import NO_DATA, NOT_DOCUMENTED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from worker.model.finding import Finding
    from worker.rules.context import Blank
    from worker.rules.evaluate import Evaluation
    from worker.rules.rule import Rule


def missing_beside(finding: Finding, evaluations: Iterable[Evaluation]) -> tuple[str, ...]:
    """Say what was not there for the rule of a finding, and for the rules beside it that could not tell about the same LP.

    Shape: one sentence for each reason, with the inputs it is said of ("no data: acvpu, gcs"), sorted, no repeats. Values that
    decide nothing are named whatever rule they are for; inputs without data only for rules beside it: the emergent ones,
    those that fold it or that it asks, and those that look at nothing else than it does. Rules that are told to nobody do
    not count; nor does what cannot be there yet.
    """
    inputs: dict[str, set[str]] = {}
    for blank in _blanks(finding, evaluations):
        inputs.setdefault(blank.reason, set()).update(blank.inputs)
    _say_once(inputs)
    return tuple(
        f"{reason}: {', '.join(sorted(names))}" if names else reason
        for reason, names in sorted(inputs.items())
    )


def _say_once(inputs: dict[str, set[str]]) -> None:
    """Leave out of "no data" what the record of the LP lacks as well."""
    unseen = inputs.pop(NO_DATA, set()) - inputs.get(NOT_DOCUMENTED, set())
    if unseen:
        inputs[NO_DATA] = unseen


def _blanks(finding: Finding, evaluations: Iterable[Evaluation]) -> Iterator[Blank]:
    here = [each for each in evaluations if each.context.anchor_ms == finding.episode.anchor_ms]
    own = next((each.rule for each in here if each.rule.id == finding.rule), None)
    for evaluation in here:
        blanks = evaluation.rule.when.blanks(evaluation.context)
        if evaluation.rule is own:
            yield from blanks
        elif _could_tell_nobody(evaluation):
            continue
        elif own is None or _is_beside(own, evaluation.rule):
            yield from blanks
        else:
            yield from (blank for blank in blanks if not blank.inputs)


def _could_tell_nobody(evaluation: Evaluation) -> bool:
    rule = evaluation.rule
    return evaluation.truth is not Truth.UNKNOWN or rule.status is RuleStatus.SHADOW or rule.is_silent


def _is_beside(rule: Rule, other: Rule) -> bool:
    return (
        other.severity is Severity.EMERGENT
        or rule.id in other.folds
        or other.id in rule.refers_to
        or other.inputs <= rule.inputs
    )
