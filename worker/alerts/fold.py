"""Fold a finding into a stronger one of the same lumbar puncture (LP): one problem, one alert. Pure: no I/O, no clock.

Folds depend on findings, never on alerts: when the stronger finding goes away, the folded one stands by itself again.
What folds whole chains folds transitively. A finding that is sent to people is never folded into one that is not (a
shadow rule): silence would follow from something that nobody sees. Nor does a finding fold a more severe one: an infant's fever
stays emergent when it lasts (ADR 0008).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from worker.model.finding import RuleStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from worker.model.finding import Finding


def fold(findings: Iterable[Finding], folds: Mapping[str, Sequence[str]]) -> tuple[Finding, ...]:
    """Set `folded_by` of every finding to the stronger rule into which it is folded, or to "".

    Shape: `folds` gives for a rule the weaker rules it folds; `findings` of one patient group, any order, all LPs; the outcome
    in the same order. Of several stronger findings that stand unfolded, the most severe is named, then the first by name.
    """
    known = tuple(findings)
    if len(known) == 1 and not known[0].folded_by:
        return known
    stronger = folding_rules(folds) if known else {}
    by_lp: dict[int, dict[str, Finding]] = {}
    for finding in known:
        by_lp.setdefault(finding.episode.anchor_ms, {})[finding.rule] = finding
    return tuple(_folded(finding, by_lp[finding.episode.anchor_ms], stronger) for finding in known)


def folding_rules(folds: Mapping[str, Sequence[str]]) -> dict[str, frozenset[str]]:
    """Return for each weaker rule every rule that folds it, at any depth."""
    stronger: dict[str, set[str]] = {}
    for parent in folds:
        for child in _below(parent, folds):
            stronger.setdefault(child, set()).add(parent)
    return {child: frozenset(parents) for child, parents in stronger.items()}


def _below(parent: str, folds: Mapping[str, Sequence[str]]) -> set[str]:
    found: set[str] = set()
    waiting = list(folds.get(parent, ()))
    while waiting:
        child = waiting.pop()
        if child not in found and child != parent:
            found.add(child)
            waiting.extend(folds.get(child, ()))
    return found


def _folded(
    finding: Finding, standing: Mapping[str, Finding], stronger: Mapping[str, frozenset[str]]
) -> Finding:
    parents = _parents(finding, standing, stronger)
    tops = [parent for parent in parents if not _parents(parent, standing, stronger)]
    best = min(tops, key=lambda parent: (-parent.severity, parent.rule), default=None)
    name = "" if best is None else best.rule
    return finding if finding.folded_by == name else replace(finding, folded_by=name)


def _parents(
    finding: Finding,
    standing: Mapping[str, Finding],
    stronger: Mapping[str, frozenset[str]],
) -> list[Finding]:
    return [
        standing[rule]
        for rule in stronger.get(finding.rule, frozenset())
        if rule in standing and _may_fold(standing[rule], finding)
    ]


def _may_fold(parent: Finding, child: Finding) -> bool:
    is_seen = parent.status is not RuleStatus.SHADOW or child.status is RuleStatus.SHADOW
    return is_seen and parent.severity >= child.severity
