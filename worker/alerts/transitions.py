"""How one alert answers to the finding it stands for: the table of states as functions. Pure: no I/O, no clock.

| alert is | finding stands | finding is folded | finding is gone |
|---|---|---|---|
| not there | raised; expired at once where its window is over, told before only if fresh | - | - |
| open | escalated, updated or only kept fresh; expired when its window ends | superseded | withdrawn |
| expired | kept fresh; raised again where its window lasts after all | superseded | withdrawn |
| withdrawn, superseded | raised again, expired at once where its window is over | - | - |
| resolved | raised again only on later evidence after the quiet time, or on a higher severity | - | - |

So an alert that no clinician resolved says at any time what the last findings say, whatever came between: open or expired
where its finding stands, superseded where it is folded, withdrawn where it is gone.

A notice goes out on a raise, a rise of severity, a stated worsening, fresh evidence of what was only listed and a withdrawal
of what was told; without paging, where its severity sinks because what was told was corrected or taken back, and where a merge
or its undoing changed whom an open alert is about, or which alerts it speaks for. A shadow rule's alert is stored, never told.

Source: the rule catalogue (refractory, closing); that a higher severity ends the quiet time early is a house choice.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from worker.model.alert import Alert, AlertChange, AlertState, LastTold
from worker.model.finding import RuleStatus, Severity

if TYPE_CHECKING:
    from worker.alerts.policy import Policy
    from worker.model.finding import Finding
    from worker.model.time import EpochMs

RAISED = "raised"
RAISED_AGAIN = "evidence stands again"
UNFOLDED = "no longer folded"
REOPENED = "evidence after the resolution"
REOPENED_WORSE = "higher severity after the resolution"
WINDOW_MOVED = "window lasts again"
KNOWN_LATE = "window had ended when it became known"
WINDOW_ENDED = "window ended"
SEVERITY_RAISED = "severity raised"
SEVERITY_LOWERED = "severity lowered"
SEVERITY_CORRECTED = "severity lowered by a correction"
WORSENED = "worsened beyond what was told"
NOW_FRESH = "fresh evidence of what was listed"
NOW_TOLD = "rule is told now"
KEPT_FRESH = "evidence updated"
FOLDED = "folded into {rule}"
EVIDENCE_GONE = "evidence withdrawn"
LP_VOID = "lumbar puncture void"
RULE_GONE = "rule retired"
RENAMED = "numbers of the patient joined or parted"
LP_JOINED = "lumbar puncture joined with another"

_PRECISION = 6
"""Digits to which peaks are compared: 38.9 - 38.4 is a rise of 0.5."""


@dataclass(frozen=True, slots=True)
class Now:
    """The instant of an assessment, the policy that holds, and all numbers of the patient (authority, value)."""

    as_of_ms: EpochMs
    policy: Policy
    names: tuple[tuple[str, str], ...] = ()


def is_paging(finding: Finding, severity: Severity, now: Now) -> bool:
    """Tell whether a notice about a finding pages, or is only listed.

    Evidence that is old when it becomes known, a gap that is already closed and context never page.
    """
    if finding.status is RuleStatus.SHADOW or severity is Severity.INFO or finding.gap_closed:
        return False
    return now.as_of_ms - finding.latest_ms <= now.policy.page_max_age_ms


def raise_alert(alert_id: str, episode_id: str, finding: Finding, now: Now) -> tuple[AlertChange, ...]:
    """Open an alert for a finding; where its window was over before anybody knew, it expires at once.

    Fresh evidence is told all the same: a reading of the last hour, charted when the window had just ended, is no history.
    """
    fresh = Alert(
        alert_id=alert_id,
        episode_id=episode_id,
        rule=finding.rule,
        rule_version=finding.rule_version,
        status=finding.status,
        state=AlertState.RAISED,
        severity=finding.severity,
        version=0,
        raised_at_ms=now.as_of_ms,
        updated_at_ms=now.as_of_ms,
        finding=finding,
        paged=False,
    )
    raised = _told(_visible(fresh, AlertState.RAISED, RAISED, now), now)
    if not _is_over(finding, now):
        return (raised,)
    if not is_paging(finding, finding.severity, now):
        return (_visible(fresh, AlertState.EXPIRED, KNOWN_LATE, now),)
    return (raised, _visible(raised.alert, AlertState.EXPIRED, KNOWN_LATE, now))


def follow(
    alert: Alert, finding: Finding, now: Now, *, is_joined: bool = False, is_corrected: bool = False
) -> AlertChange | None:
    """Bring an alert up to date with its finding, which stands; None where nothing changes.

    Shape: `is_joined` where it speaks from now on for another alert that was told, whose LP turned out to be the same;
    `is_corrected` where something that it told of stands no longer as it was told.
    """
    if finding.folded_by:
        if not still_speaks(alert):
            return None
        reason = FOLDED.format(rule=finding.folded_by)
        return _visible(_fresh(alert, finding), AlertState.SUPERSEDED, reason, now)
    if _is_over(finding, now):
        return _follow_over(alert, finding, now)
    if alert.state.is_open:
        return _follow_open(alert, finding, now, is_joined=is_joined, is_corrected=is_corrected)
    return _reopen(alert, finding, now)


def withdraw(alert: Alert, reason: str, now: Now) -> AlertChange | None:
    """Close an alert whose basis went away, also one that expired on it; told where anybody was told of it."""
    if not still_speaks(alert):
        return None
    change = _visible(alert, AlertState.WITHDRAWN, reason, now)
    was_told = alert.notified_severity is not None
    return replace(change, is_noticed=was_told)


def supersede(alert: Alert, reason: str, now: Now) -> AlertChange | None:
    """Close an alert for which another speaks, also one that expired."""
    return _visible(alert, AlertState.SUPERSEDED, reason, now) if still_speaks(alert) else None


def may_break_silence(resolved: Alert, finding: Finding, policy: Policy) -> str:
    """Return why a finding may be told although a clinician resolved `resolved`, "" where it may not."""
    resolved_ms = resolved.updated_at_ms
    if finding.latest_ms > resolved_ms + policy.quiet_ms:
        return REOPENED
    if finding.latest_ms > resolved_ms and finding.severity > resolved.severity:
        return REOPENED_WORSE
    return ""


def _reopen(alert: Alert, finding: Finding, now: Now) -> AlertChange | None:
    reason = {
        AlertState.WITHDRAWN: RAISED_AGAIN,
        AlertState.SUPERSEDED: UNFOLDED,
        AlertState.EXPIRED: WINDOW_MOVED,
    }.get(alert.state) or may_break_silence(alert, finding, now.policy)
    if not reason:
        return None
    return _told(_visible(_fresh(alert, finding), AlertState.RAISED, reason, now), now)


def _follow_over(alert: Alert, finding: Finding, now: Now) -> AlertChange | None:
    """Let an alert expire, or keep an expired one fresh: a correction counts after the window as well."""
    fresh = _fresh(alert, finding)
    if alert.state.is_open:
        return _visible(fresh, AlertState.EXPIRED, WINDOW_ENDED, now)
    if alert.state in {AlertState.WITHDRAWN, AlertState.SUPERSEDED}:
        return _visible(fresh, AlertState.EXPIRED, KNOWN_LATE, now)
    if alert.state is AlertState.RESOLVED or fresh == alert:
        return None
    return AlertChange(fresh, KEPT_FRESH, is_visible=False, is_noticed=False)


def still_speaks(alert: Alert) -> bool:
    """Tell whether an alert says that its finding stands: it is open, or its window is over."""
    return alert.state.is_open or alert.state is AlertState.EXPIRED


def _follow_open(
    alert: Alert, finding: Finding, now: Now, *, is_joined: bool, is_corrected: bool
) -> AlertChange | None:
    fresh = _fresh(alert, finding)
    if finding.severity > alert.severity:
        return _told(_visible(fresh, AlertState.ESCALATED, SEVERITY_RAISED, now), now)
    if alert.notified_severity is None and _is_told(finding):
        return _told(_visible(fresh, AlertState.UPDATED, NOW_TOLD, now), now)
    if _has_worsened(alert, finding, now.policy):
        return _told(_visible(fresh, AlertState.UPDATED, WORSENED, now), now)
    if not alert.paged and _pages(fresh, now) and not _pages(alert, now):
        return _told(_visible(fresh, AlertState.UPDATED, NOW_FRESH, now), now)
    is_lower, is_renamed = finding.severity < alert.severity, _is_renamed(alert, now)
    if is_lower or is_renamed or (is_joined and _is_told(finding)):
        state = alert.state if alert.state is AlertState.ACKNOWLEDGED else AlertState.UPDATED
        lowered = SEVERITY_CORRECTED if is_corrected else SEVERITY_LOWERED
        reason = lowered if is_lower else RENAMED if is_renamed else LP_JOINED
        change = _visible(fresh, state, reason, now)
        is_news = (
            is_renamed or is_joined or (is_lower and is_corrected and alert.notified_severity is not None)
        )
        return _told_quietly(change, now) if is_news else change
    if fresh == alert:
        return None
    return AlertChange(fresh, KEPT_FRESH, is_visible=False, is_noticed=False)


def _fresh(alert: Alert, finding: Finding) -> Alert:
    """Put the finding into the alert; what was told cannot be worse than what is known now."""
    told, peak = alert.notified_severity, alert.notified_peak
    return replace(
        alert,
        rule_version=finding.rule_version,
        status=finding.status,
        severity=finding.severity,
        finding=finding,
        notified_severity=None if told is None else min(told, finding.severity),
        notified_peak=None if peak is None or finding.peak is None else min(peak, finding.peak),
    )


def _visible(alert: Alert, state: AlertState, reason: str, now: Now) -> AlertChange:
    changed = replace(alert, state=state, version=alert.version + 1, updated_at_ms=now.as_of_ms)
    return AlertChange(changed, reason, is_visible=True, is_noticed=False)


def _told(change: AlertChange, now: Now) -> AlertChange:
    """Make a change one that sends a notice, unless its rule is told to nobody."""
    alert = change.alert
    if not _is_told(alert.finding):
        return change
    told = replace(
        alert,
        paged=alert.paged or is_paging(alert.finding, alert.severity, now),
        notified_severity=alert.severity,
        notified_peak=alert.finding.peak,
        last_told=LastTold(now.as_of_ms, alert.finding, now.names),
    )
    return replace(change, alert=told, is_noticed=True)


def _told_quietly(change: AlertChange, now: Now) -> AlertChange:
    """Do the same for what changes nothing of how soon somebody must look."""
    told = _told(change, now)
    return replace(told, alert=replace(told.alert, paged=change.alert.paged))


def _is_renamed(alert: Alert, now: Now) -> bool:
    """Tell whether who was told knows the patient by a number that is another's now, or not by one more of the same authority.

    A number of an authority that had none is no news: every feed brings its own.
    """
    told = alert.last_told
    if told is None or not told.names or not now.names or not _is_told(alert.finding):
        return False
    authorities = {authority for authority, _ in told.names}
    new = set(now.names).difference(told.names)
    return not set(told.names).issubset(now.names) or any(authority in authorities for authority, _ in new)


def _pages(alert: Alert, now: Now) -> bool:
    return is_paging(alert.finding, alert.severity, now)


def _is_told(finding: Finding) -> bool:
    return finding.status is not RuleStatus.SHADOW


def _is_over(finding: Finding, now: Now) -> bool:
    return now.as_of_ms >= finding.window_end_ms


def _has_worsened(alert: Alert, finding: Finding, policy: Policy) -> bool:
    rise = policy.renotify_rise.get(finding.rule)
    if rise is None or alert.notified_peak is None or finding.peak is None or not _is_told(finding):
        return False
    return round(finding.peak - alert.notified_peak, _PRECISION) >= round(rise, _PRECISION)
