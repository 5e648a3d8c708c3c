"""What an alert did not see: inputs that had no data, or data that decide nothing. Pure: no I/O, no clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.model.finding import RuleStatus, Truth
from worker.rules.predicates.episode import NO_DATA, NOT_DOCUMENTED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from worker.model.finding import Finding
    from worker.rules.context import Blank
    from worker.rules.evaluate import Evaluation


def missing_beside(finding: Finding, evaluations: Iterable[Evaluation]) -> tuple[str, ...]:
    """Say what was not there for the rule of a finding, and for the rules that could not tell about the same LP.

    Shape: one sentence for each reason, with the inputs it is said of ("no data: acvpu, gcs"), sorted, no repeats. Other
    rules that are told to nobody do not count; nor does what cannot be there yet.
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
    for evaluation in evaluations:
        if evaluation.context.anchor_ms != finding.episode.anchor_ms:
            continue
        is_other = evaluation.rule.id != finding.rule
        if is_other and (
            evaluation.truth is not Truth.UNKNOWN
            or evaluation.rule.status is RuleStatus.SHADOW
            or evaluation.rule.is_silent
        ):
            continue
        yield from evaluation.rule.when.blanks(evaluation.context)
