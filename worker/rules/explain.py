"""Write a trace for people and for programs. Pure: no I/O, no clock.

This is shown to clinicians who may see the patient's values; it is never logged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

from worker.model.fact import Assertion
from worker.model.finding import RuleStatus, Truth
from worker.model.passage import passage_of
from worker.model.time import to_rfc3339
from worker.rules.evaluate import SAY
from worker.rules.words import describe_value

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from worker.model.fact import Fact
    from worker.model.finding import Trace
    from worker.model.time import EpochMs
    from worker.rules.evaluate import Evaluation, Weighed
    from worker.rules.rule import Rule

_MARKS = {Truth.TRUE: "yes", Truth.FALSE: "no ", Truth.UNKNOWN: "?  "}
_INDENT = "  "


class FactDocument(TypedDict):
    """One fact that decided, as JSON."""

    concept: str
    value: str
    effective_at: str
    feed: str
    message_id: str
    place: str


class TraceDocument(TypedDict):
    """A trace as JSON."""

    truth: str
    label: str
    reason: str
    facts: list[FactDocument]
    children: list[TraceDocument]


class WeighedDocument(TypedDict):
    """What raises or lowers the severity, or adds a remark, and whether it holds, as JSON."""

    effect: str
    says: str
    holds: str
    trace: TraceDocument


class EvaluationDocument(TypedDict):
    """What one rule says of one LP, as JSON."""

    rule: str
    version: int
    title: str
    status: str
    opens_alert: bool
    education: list[str]
    lp_at: str
    window_begins_at: str
    window_ends_at: str
    holds: str
    severity: str | None
    own_severity: str
    weighed: list[WeighedDocument]
    remarks: list[str]
    next_change_at: str | None
    trace: TraceDocument


def explain_lines(evaluation: Evaluation) -> list[str]:
    """Write why a rule holds, does not hold or cannot tell, one line for each step."""
    rule, finding = evaluation.rule, evaluation.finding
    verdict = {Truth.TRUE: "holds", Truth.FALSE: "does not hold", Truth.UNKNOWN: "cannot tell"}[
        evaluation.truth
    ]
    level = f", {_level(evaluation)}" if finding else ""
    lines = [f"{rule.id} v{rule.version}: {verdict}{level} ({rule.text.title})"]
    lines.extend(_silence_lines(rule))
    lines.extend(f"{_INDENT}{line}" for line in _window_lines(evaluation))
    lines.extend(trace_lines(evaluation.trace, 1))
    for weighed in evaluation.weighed:
        lines.extend(_weighed_lines(weighed))
    if finding is not None:
        lines.extend(f"{_INDENT}says: {remark}" for remark in finding.remarks)
        lines.extend(f"{_INDENT}in a note: {line}" for line in _note_lines(finding.evidence))
    if evaluation.awaits_feeds_until_ms is not None:
        lines.append(f"{_INDENT}waits for the feeds up to {to_rfc3339(evaluation.awaits_feeds_until_ms)}")
    if evaluation.next_change_at_ms is not None:
        lines.append(f"{_INDENT}{_next_line(evaluation, evaluation.next_change_at_ms)}")
    return lines


def _note_lines(facts: Iterable[Fact]) -> Iterator[str]:
    """Write what notes say of a finding, the words marked: "confusion: «Confused» since noon."."""
    for fact in facts:
        if isinstance(fact.value, Assertion) and fact.value.sentence:
            yield f"{fact.concept}: {passage_of(fact.value).marked}"


def _window_lines(evaluation: Evaluation) -> Iterator[str]:
    """Say where the instant stands to the window of the rule, unless it is within, and that nobody is told of a shadow."""
    rule, finding, context = evaluation.rule, evaluation.finding, evaluation.context
    if (finding.status if finding else rule.status) is RuleStatus.SHADOW:
        yield "in shadow: stored and counted, told to nobody"
    first_ms, last_ms = rule.window.bounds(context)
    if context.as_of_ms < first_ms:
        yield f"its window begins at {to_rfc3339(first_ms)}"
    elif finding is not None and not rule.is_silent and context.as_of_ms >= finding.window_end_ms:
        yield f"its time was over at {to_rfc3339(finding.window_end_ms)}: its alert ended then, the finding stands"
    elif finding is None and context.as_of_ms > last_ms:
        yield f"its window ended at {to_rfc3339(last_ms)}; what was true or taken until then counts, however late it comes"


def _next_line(evaluation: Evaluation, next_ms: EpochMs) -> str:
    """Say what time alone changes: the alert expires, or a gap falls due."""
    if evaluation.finding is not None and next_ms == evaluation.finding.window_end_ms:
        return f"its alert expires at {to_rfc3339(next_ms)}"
    return f"may change by time alone at {to_rfc3339(next_ms)}"


def _level(evaluation: Evaluation) -> str:
    """Write the severity of a finding, and that of its rule where it is another."""
    own = evaluation.rule.severity
    severity = own if evaluation.finding is None else evaluation.finding.severity
    return (
        severity.name.lower() if severity == own else f"{severity.name.lower()}, by itself {own.name.lower()}"
    )


def _weighed_lines(weighed: Weighed) -> list[str]:
    """Write what a clause does to the severity of a hit; of one that does not hold only that it does not.

    What is only said stands below, with what else is.
    """
    if weighed.effect == SAY:
        return []
    head = f"{_INDENT}{_MARKS[weighed.trace.truth]} {weighed.effect}: {weighed.say}"
    return [head] if weighed.trace.truth is Truth.FALSE else [head, *trace_lines(weighed.trace, 2)]


def _silence_lines(rule: Rule) -> list[str]:
    if not rule.is_silent:
        return []
    alerts = f"; context of {', '.join(sorted(rule.context_of))}" if rule.context_of else ""
    told = [f"{_INDENT}for the patient: {sentence}" for sentence in rule.text.education]
    return [f"{_INDENT}opens no alert{alerts}", *told]


def trace_lines(trace: Trace, depth: int = 0) -> list[str]:
    """Write a trace, indented by its depth."""
    reason = f": {trace.reason}" if trace.reason else ""
    lines = [f"{_INDENT * depth}{_MARKS[trace.truth]} {trace.label}{reason}"]
    for child in trace.children:
        lines.extend(trace_lines(child, depth + 1))
    return lines


def explain_document(evaluation: Evaluation) -> EvaluationDocument:
    """Return the same for programs."""
    finding, next_ms = evaluation.finding, evaluation.next_change_at_ms
    first_ms, last_ms = evaluation.rule.window.bounds(evaluation.context)
    return {
        "rule": evaluation.rule.id,
        "version": evaluation.rule.version,
        "title": evaluation.rule.text.title,
        "status": (finding.status if finding else evaluation.rule.status).value,
        "opens_alert": not evaluation.rule.is_silent,
        "education": list(evaluation.rule.text.education),
        "lp_at": to_rfc3339(evaluation.context.anchor_ms),
        "window_begins_at": to_rfc3339(first_ms),
        "window_ends_at": to_rfc3339(last_ms),
        "holds": evaluation.truth.value,
        "severity": finding.severity.name.lower() if finding else None,
        "own_severity": evaluation.rule.severity.name.lower(),
        "weighed": [
            {
                "effect": each.effect,
                "says": each.say,
                "holds": each.trace.truth.value,
                "trace": trace_document(each.trace),
            }
            for each in evaluation.weighed
        ],
        "remarks": list(finding.remarks) if finding else [],
        "next_change_at": None if next_ms is None else to_rfc3339(next_ms),
        "trace": trace_document(evaluation.trace),
    }


def trace_document(trace: Trace) -> TraceDocument:
    """Return a trace for programs."""
    return {
        "truth": trace.truth.value,
        "label": trace.label,
        "reason": trace.reason,
        "facts": [_fact(fact) for fact in trace.facts],
        "children": [trace_document(child) for child in trace.children],
    }


def _fact(fact: Fact) -> FactDocument:
    return {
        "concept": fact.concept,
        "value": describe_value(fact),
        "effective_at": to_rfc3339(fact.effective.start_ms),
        "feed": fact.source.feed,
        "message_id": fact.source.message_id,
        "place": fact.source.place,
    }
