"""Bring the alerts of a patient group in line with what was found: findings in, changes out. Pure: no I/O, no clock.

There is one alert for each (LP, rule), whatever its state. Reconciling again with the outcome changes nothing, and the
open alerts depend on the last findings alone, except where a clinician resolved one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from worker.alerts.fold import fold, folding_rules
from worker.alerts.taken_back import taken_back
from worker.alerts.transitions import (
    EVIDENCE_GONE,
    LP_JOINED,
    LP_VOID,
    RULE_GONE,
    Now,
    follow,
    may_break_silence,
    raise_alert,
    still_speaks,
    supersede,
    withdraw,
)
from worker.model.alert import Alert, AlertChange, AlertState, HistoryLine

if TYPE_CHECKING:
    from collections.abc import Collection

    from worker.alerts.policy import Policy
    from worker.model.episode import Episode
    from worker.model.fact import Fact
    from worker.model.finding import Finding
    from worker.model.time import EpochMs


@dataclass(frozen=True, slots=True)
class Standing:
    """What else is known of the patient group when alerts are reconciled.

    Shape: `episode_ids` of the LPs that stand (None: not known; then an alert without a finding has lost its evidence);
    `redirects` from ids of LPs that joined another to the id kept; `rules` the rules of the pack (None: not known). `awaiting`
    has the LP of each (LP id, rule) that cannot be answered in full before feeds are read further; `facts` gives what stands
    now of the patient group (None: not known; then nothing counts as corrected).
    """

    episode_ids: Collection[str] | None = None
    redirects: Mapping[str, str] = field(default_factory=dict)
    rules: Collection[str] | None = None
    awaiting: Mapping[tuple[str, str], Episode] = field(default_factory=dict)
    facts: Callable[[], Iterable[Fact]] | None = None


_NOTHING_ELSE = Standing()


def reconcile(
    findings: Iterable[tuple[str, Finding]],
    alerts: Iterable[Alert],
    now: Now,
    new_id: Callable[[], str],
    standing: Standing = _NOTHING_ELSE,
) -> tuple[AlertChange, ...]:
    """Return what changes.

    Shape: `findings` all of one patient group with the id of their LP, folded ones included (`fold`); `alerts` all of the same
    group in any state; `new_id` is called once for each new alert. Changes are sorted by LP, then rule; an alert that
    does not change has none. A rule that awaits feeds takes nothing back: what its alert says stands until they are read.
    """
    found = {(episode_id, finding.rule): finding for episode_id, finding in findings}
    mine, others = _by_place(alerts, standing)
    found = _with_held(found, mine, standing.awaiting, now.policy)
    changes = [supersede(alert, LP_JOINED, now) for alert in others]
    joined = {
        (_kept(change.alert.episode_id, standing), change.alert.rule)
        for change in changes
        if change is not None and change.alert.notified_severity is not None
    }
    silence = _Silence(mine, now.policy)
    for place in sorted(found.keys() | mine.keys(), key=lambda place: _order(place, found, mine)):
        finding, alert = found.get(place), mine.get(place)
        is_silenced = finding is not None and silence.covers(place[0], finding)
        if alert is not None and (alert.state.is_open or not is_silenced):
            changes.append(_change(alert, finding, now, standing, is_joined=place in joined))
        elif alert is None and finding is not None and not finding.folded_by and not is_silenced:
            changes.extend(raise_alert(new_id(), place[0], finding, now))
    return tuple(change for change in changes if change is not None)


def history_line(change: AlertChange) -> HistoryLine:
    """Return the line that a visible change adds to the alert's history."""
    alert = change.alert
    return HistoryLine(alert.updated_at_ms, alert.version, alert.state, alert.severity, change.reason)


_Place = tuple[str, str]


def _with_held(
    found: Mapping[_Place, Finding],
    alerts: Mapping[_Place, Alert],
    awaiting: Mapping[_Place, Episode],
    policy: Policy,
) -> dict[_Place, Finding]:
    """Let the finding of an alert stand where its rule says less only because feeds are not read far enough."""
    held = {
        place: replace(alerts[place].finding, episode=episode, folded_by="")
        for place, episode in awaiting.items()
        if place in alerts and still_speaks(alerts[place]) and _says_less(found.get(place), alerts[place])
    }
    if not held:
        return dict(found)
    together = {**found, **held}
    return dict(zip(together, fold(together.values(), policy.folds), strict=True))


def _says_less(finding: Finding | None, alert: Alert) -> bool:
    return finding is None or finding.severity < alert.finding.severity


@dataclass(frozen=True, slots=True)
class _Silence:
    """Resolutions by clinicians, which cover what the resolved alert folds."""

    alerts: Mapping[_Place, Alert]
    policy: Policy

    def covers(self, episode_id: str, finding: Finding) -> bool:
        stronger = folding_rules(self.policy.folds).get(finding.rule, frozenset())
        resolved = [self.alerts.get((episode_id, rule)) for rule in sorted(stronger)]
        return any(
            alert is not None
            and alert.state is AlertState.RESOLVED
            and not may_break_silence(alert, finding, self.policy)
            for alert in resolved
        )


def _by_place(alerts: Iterable[Alert], standing: Standing) -> tuple[dict[_Place, Alert], list[Alert]]:
    """Give each (LP, rule) its one alert; the rest are those of LPs that joined another."""
    mine: dict[_Place, Alert] = {}
    others: list[Alert] = []
    for alert in sorted(alerts, key=_seniority):
        place = (_kept(alert.episode_id, standing), alert.rule)
        if place in mine:
            others.append(alert)
        else:
            mine[place] = alert
    return mine, others


def _seniority(alert: Alert) -> tuple[bool, bool, bool, EpochMs, str]:
    """Prefer an open alert, so that nothing closes unseen; then a clinician's resolution; what expired; the oldest."""
    return (
        not alert.state.is_open,
        alert.state is not AlertState.RESOLVED,
        not still_speaks(alert),
        alert.raised_at_ms,
        alert.alert_id,
    )


def _kept(episode_id: str, standing: Standing) -> str:
    seen = {episode_id}
    while (following := standing.redirects.get(episode_id, episode_id)) not in seen:
        seen.add(following)
        episode_id = following
    return episode_id


def _order(
    place: _Place,
    found: Mapping[_Place, Finding],
    mine: Mapping[_Place, Alert],
) -> tuple[EpochMs, str, str]:
    finding = found[place] if place in found else mine[place].finding
    return (finding.episode.anchor_ms, place[1], place[0])


def _change(
    alert: Alert, finding: Finding | None, now: Now, standing: Standing, *, is_joined: bool
) -> AlertChange | None:
    kept = _kept(alert.episode_id, standing)
    moved = alert if kept == alert.episode_id else replace(alert, episode_id=kept)
    change = (
        withdraw(moved, _why_gone(moved, standing), now)
        if finding is None
        else follow(
            moved, finding, now, is_joined=is_joined, is_corrected=_sinks_corrected(moved, finding, standing)
        )
    )
    if change is None and moved is not alert:
        return AlertChange(moved, LP_JOINED, is_visible=False, is_noticed=False)
    return change


def _sinks_corrected(alert: Alert, finding: Finding, standing: Standing) -> bool:
    """Tell whether an alert sinks in severity, and something that it told of was corrected or taken back since."""
    told, facts = alert.last_told, standing.facts
    if told is None or facts is None or finding.severity >= alert.severity:
        return False
    return bool(taken_back(told.finding, facts()))


def _why_gone(alert: Alert, standing: Standing) -> str:
    if standing.episode_ids is not None and alert.episode_id not in standing.episode_ids:
        return LP_VOID
    if standing.rules is not None and alert.rule not in standing.rules:
        return RULE_GONE
    return EVIDENCE_GONE


def visible_history(changes: Iterable[AlertChange]) -> tuple[HistoryLine, ...]:
    """Return the lines of all visible changes, in their order."""
    return tuple(history_line(change) for change in changes if change.is_visible)
