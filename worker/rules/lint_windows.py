"""Compare the windows of a rule: its own, those of its readings, and how long its alert lasts. Pure: no I/O, no clock."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, TypeAlias

from worker.rules.bounds import window_of

if TYPE_CHECKING:
    from worker.decode.located_yaml import Path
    from worker.rules.clauses import CountSpec, EpisodeClause, FindingSpec, ReadingSpec
    from worker.rules.context import Window
    from worker.rules.library import Scope
    from worker.rules.spec import RuleSpec

_FactSpec: TypeAlias = "ReadingSpec | FindingSpec | CountSpec"


def lint_windows(spec: RuleSpec, window: Window, expires_ms: int, scope: Scope) -> None:
    """Check that what can open an alert lies in the rule's window, and that the alert lasts as long.

    Shape: a reading may look back further than the rule where another part of the condition lies in the window. What looks
    back to before the LP opens an alert at the LP.
    """
    if expires_ms < window.last_ms:
        message = "the alert ends before the window of the rule does; what comes in between is told to nobody"
        scope.problem(("lasts",), f"{message}; lengthen it, or shorten `window`")
    for path, fact in _facts(spec.when, ("when",)):
        if fact.window is None:
            continue
        own = window_of(fact.window, (*path, "window"), scope)
        if own.last_ms > window.last_ms:
            end = "to" if fact.window.to is not None else "before"
            said = scope.words(fact.window.to or fact.window.before or "")
            scope.problem(
                (*path, "window", end),
                f"this reading reaches to {said} after the LP, and the rule ends earlier; shorten it, or lengthen `window`",
            )
    opens_ms = _opens_ms(spec.when, window, scope)
    if opens_ms is not None and max(opens_ms, 0) < window.first_ms:
        _tell_early(spec, window, scope)


def _tell_early(spec: RuleSpec, window: Window, scope: Scope) -> None:
    for path, fact in _facts(spec.when, ("when",)):
        if fact.window is None or window_of(fact.window, path, scope).first_ms >= window.first_ms:
            continue
        start = "from" if fact.window.from_ is not None else "after"
        said = scope.words(fact.window.from_ or fact.window.after or "")
        scope.problem(
            (*path, "window", start),
            f"this reading begins at {said} after the LP and would open an alert before the window of the rule does; "
            "begin both at the same time",
        )


def _facts(clause: EpisodeClause, path: Path) -> Iterator[tuple[Path, _FactSpec]]:
    """Go through the readings, findings and counts on which a condition rests; not those that must not be."""
    for name in ("reading", "finding", "count"):
        fact = getattr(clause, name)
        if fact is not None:
            yield (*path, name), fact
    for name in ("all", "any"):
        for at, part in enumerate(getattr(clause, name) or ()):
            yield from _facts(part, (*path, name, at))


def _opens_ms(clause: EpisodeClause, window: Window, scope: Scope) -> int | None:
    """Return from when after the LP a condition can hold; None where it does not say, or counts from another LP."""
    starts: list[int | None] = []
    for name in ("reading", "finding", "count"):
        fact = getattr(clause, name)
        if fact is not None:
            own = window if fact.window is None else window_of(fact.window, (), scope)
            is_same = own.starts_with_series == window.starts_with_series
            starts.append(own.first_ms if is_same else None)
    starts += [_opens_ms(part, window, scope) for part in clause.all or ()]
    if clause.any:
        parts = [_opens_ms(part, window, scope) for part in clause.any]
        known = [each for each in parts if each is not None]
        starts.append(min(known) if len(known) == len(parts) else None)
    return max((each for each in starts if each is not None), default=None)
