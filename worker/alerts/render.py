"""Write an alert version once, for every output. Pure: no I/O, no clock.

It names possible causes and considerations with their basis, never a diagnosis or an order. Source: the rule catalogue
(`alert_text`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from worker.alerts.evidence import hours_between, render_evidence, render_identifiers, words_of
from worker.alerts.transitions import LP_VOID, RULE_GONE
from worker.correlate.baseline import WHY_HE_CAME
from worker.correlate.places import NOWHERE, Whereabouts
from worker.model.alert import AlertState
from worker.model.finding import RuleStatus, Severity
from worker.model.time import to_rfc3339

if TYPE_CHECKING:
    from collections.abc import Sequence

    from worker.alerts.documents import (
        AlertDocument,
        AlsoOpenDocument,
        CircumstanceDocument,
        ContextDocument,
        EvidenceDocument,
        HistoryDocument,
        LocationDocument,
        PlaceDocument,
        PunctureDocument,
        ReplayLine,
        RuleDocument,
    )
    from worker.alerts.taken_back import TakenBack
    from worker.correlate.places import Place
    from worker.model.alert import Alert, HistoryLine
    from worker.model.fact import Fact, Identifier
    from worker.model.finding import Finding
    from worker.rules.circumstances import Beside

DISCLAIMER = "decision support - not a diagnosis"
NOT_REVIEWED = "not clinically reviewed"
REVIEWED = "clinically reviewed"
NOT_WELL = "This does not mean that the patient is well: assess the patient as you otherwise would."
TAKEN_BACK = "What this alert rested on was corrected or taken back. " + NOT_WELL
STANDS_OTHERWISE = (
    "What this alert rested on was not corrected; what is known now no longer makes it an alert. " + NOT_WELL
)
PARTED = (
    "Numbers of the patient were parted: what this alert rested on was told under a number that is not this patient's. "
    + NOT_WELL
)
LP_TAKEN_BACK = "The record of the lumbar puncture was corrected, cancelled or taken back. " + NOT_WELL
RULE_NOT_IN_USE = (
    "Nothing that this alert rested on was corrected; its rule is not in use any more. " + NOT_WELL
)
TIME_UNCERTAIN = (
    "The time of the lumbar puncture is uncertain; hours count from the earliest possible instant."
)
UNIT_NOT_KNOWN = "unit not known"
LEFT = "discharged; not observed since {at}"
PRESUMED = "No record of a lumbar puncture is on file; it is presumed from a CSF specimen."


@dataclass(frozen=True, slots=True)
class RuleText:
    """What a rule says to people, in the words of the pack.

    Shape: `misses` what the rule cannot see; `sources` as cited ("NICE NG240, 2024"); `is_reviewed` by a site's own reviewers.
    """

    title: str
    possible_causes: tuple[str, ...] = ()
    considerations: tuple[str, ...] = ()
    check: tuple[str, ...] = ()
    misses: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    is_reviewed: bool = False


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What an alert shows beside itself.

    Shape: `identifiers` of the patient, merged ones included; `others` findings of the patient (context of the same LP and
    what is folded into the alert are shown); `titles` of rules by id; `missing` sentences on data that are not on
    file; `folded_ids` the alerts that told of folded findings, by rule; `taken_back` the facts of a withdrawn alert that no
    longer stand, `became_known` those that decide now; `circumstances` what stands beside every alert of the LP; `also_open`
    the other alerts of the LP that are open, of which those that the context shows are left out; `encounter` the number of the
    visit that the patient is on, empty without one, and `whereabouts` where; `pack_digest` of the pack in use; `reason` of the
    change that made this version; `came_back_with` the keys of statements on why the patient came back after the LP, which are
    no baseline.
    """

    identifiers: tuple[Identifier, ...] = ()
    pack_digest: str = ""
    encounter: str = ""
    whereabouts: Whereabouts = NOWHERE
    reason: str = ""
    others: tuple[Finding, ...] = ()
    titles: Mapping[str, str] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    folded_ids: Mapping[str, Sequence[str]] = field(default_factory=dict)
    taken_back: tuple[TakenBack, ...] = ()
    became_known: tuple[Fact, ...] = ()
    circumstances: tuple[Beside, ...] = ()
    also_open: tuple[Alert, ...] = ()
    came_back_with: frozenset[tuple[str, str, str]] = frozenset()


def render_alert(alert: Alert, text: RuleText, around: Surroundings) -> AlertDocument:
    """Write one alert version as a JSON-ready document; equal alerts give equal documents.

    A withdrawn alert has no causes, considerations or checks: they were those of what no longer stands. Nor does it repeat
    words of a note that no longer stand: they may have been another patient's.
    """
    finding, is_gone = shown_finding(alert), alert.state is AlertState.WITHDRAWN
    gone = {
        _key(was)
        for was, now in around.taken_back
        if is_gone and (now is None or words_of(was) != words_of(now))
    }
    document: AlertDocument = {
        "alert_id": alert.alert_id,
        "episode_id": alert.episode_id,
        "version": alert.version,
        "state": str(alert.state),
        "severity": alert.severity.name.lower(),
        "reason": around.reason,
        "patient": render_identifiers(around.identifiers),
        "encounter": around.encounter,
        "location": _location(around.whereabouts),
        "lp": _puncture(alert, finding),
        "rule": _rule(alert, text),
        "evidence": [
            _evidence(fact, finding, around, is_worded=_key(fact) not in gone) for fact in finding.evidence
        ],
        "effective_at": to_rfc3339(finding.effective_ms),
        "latest_evidence_at": to_rfc3339(finding.latest_ms),
        "raised_at": to_rfc3339(alert.raised_at_ms),
        "updated_at": to_rfc3339(alert.updated_at_ms),
        "window_ends_at": to_rfc3339(finding.window_end_ms),
        "possible_causes": [] if is_gone else list(text.possible_causes),
        "considerations": [] if is_gone else list(text.considerations),
        "check": [] if is_gone else list(text.check),
        "missing": list(around.missing),
        "misses": list(text.misses),
        "remarks": _remarks(finding),
        "also_open": _also_open(finding, around),
        "context": _context(finding, around),
        "circumstances": _circumstances(finding, around),
        "pack": around.pack_digest,
        "disclaimer": DISCLAIMER,
    }
    joined = around.folded_ids.get(alert.rule)
    if joined:
        document["joined"] = list(joined)
    if is_gone:
        document["withdrawal"] = _withdrawal(around)
        document["taken_back"] = [
            {
                "was": _evidence(was, finding, around, is_worded=_key(was) not in gone),
                "now": None if now is None else _evidence(now, finding, around),
            }
            for was, now in around.taken_back
        ]
        document["became_known"] = [_evidence(fact, finding, around) for fact in around.became_known]
    return document


def _withdrawal(around: Surroundings) -> str:
    """Say why an alert no longer stands, and what that does not mean."""
    if around.reason == LP_VOID:
        return LP_TAKEN_BACK
    if around.reason == RULE_GONE:
        return RULE_NOT_IN_USE
    names = {identifier.key for identifier in around.identifiers}
    if names and any(now is None and was.patient.key not in names for was, now in around.taken_back):
        return PARTED
    return TAKEN_BACK if around.taken_back else STANDS_OTHERWISE


def shown_finding(alert: Alert) -> Finding:
    """Return the finding that a notice shows: of a withdrawn alert what was told last, not what was kept since."""
    is_gone = alert.state is AlertState.WITHDRAWN and alert.last_told is not None
    return alert.last_told.finding if is_gone and alert.last_told else alert.finding


def replay_line(
    alert: Alert, identifiers: tuple[Identifier, ...], history: Sequence[HistoryLine]
) -> ReplayLine:
    """Write one alert in its final state as `replay --alerts` promises it; `history` oldest first."""
    finding = alert.finding
    return {
        "patient": render_identifiers(identifiers),
        "rule": alert.rule,
        "severity": alert.severity.name.lower(),
        "state": str(alert.state),
        "status": str(alert.status),
        "paged": alert.paged,
        "lp_at": to_rfc3339(finding.episode.anchor_ms),
        "effective_at": to_rfc3339(finding.effective_ms),
        "raised_at": to_rfc3339(alert.raised_at_ms),
        "updated_at": to_rfc3339(alert.updated_at_ms),
        "evidence": [render_evidence(fact, finding.episode.anchor_ms) for fact in finding.evidence],
        "history": [_history(line) for line in history],
    }


def _history(line: HistoryLine) -> HistoryDocument:
    return {
        "at": to_rfc3339(line.at_ms),
        "version": line.version,
        "state": str(line.state),
        "severity": line.severity.name.lower(),
        "reason": line.reason,
    }


def _key(fact: Fact) -> tuple[str, str, str]:
    return (*fact.patient.key, fact.key)


def _evidence(
    fact: Fact, finding: Finding, around: Surroundings, *, is_worded: bool = True
) -> EvidenceDocument:
    did_not_count = (WHY_HE_CAME,) if _key(fact) in around.came_back_with else ()
    anchor_ms = finding.episode.anchor_ms
    return render_evidence(fact, anchor_ms, did_not_count=did_not_count, is_worded=is_worded)


def _puncture(alert: Alert, finding: Finding) -> PunctureDocument:
    episode = finding.episode
    newest_ms = max([finding.effective_ms, *(fact.effective.start_ms for fact in finding.evidence)])
    return {
        "at": to_rfc3339(episode.anchor_ms),
        "precision": episode.anchor.precision.name.lower(),
        "origin": episode.anchor.origin,
        "is_time_uncertain": episode.is_time_uncertain,
        "is_presumed": episode.is_presumed,
        "status": str(episode.status),
        "hours_at_evidence": hours_between(episode.anchor_ms, newest_ms),
        "hours_at_update": hours_between(episode.anchor_ms, alert.updated_at_ms),
        "series_began_at": to_rfc3339(episode.series_start_ms),
    }


def _location(found: Whereabouts) -> LocationDocument:
    now, at_lp = found.now, found.at_lp
    since = None if found.unobserved_since_ms is None else to_rfc3339(found.unobserved_since_ms)
    remark = UNIT_NOT_KNOWN if now is None else ""
    return {
        "now": _place(now),
        "at_lp": None if at_lp is None or at_lp.is_same(now) else _place(at_lp),
        "remark": remark if since is None else LEFT.format(at=since),
        "not_observed_since": since,
    }


def _place(place: Place | None) -> PlaceDocument | None:
    if place is None:
        return None
    location = place.location
    return {
        "unit": location.unit,
        "room": location.room,
        "bed": location.bed,
        "facility": location.facility,
        "since": to_rfc3339(place.since_ms),
    }


def _rule(alert: Alert, text: RuleText) -> RuleDocument:
    is_reviewed = text.is_reviewed and alert.status is RuleStatus.ACTIVE
    return {
        "id": alert.rule,
        "version": alert.rule_version,
        "title": text.title,
        "status": str(alert.status),
        "review": REVIEWED if is_reviewed else NOT_REVIEWED,
        "sources": list(text.sources),
    }


def _remarks(finding: Finding) -> list[str]:
    """Return the rule's remarks and what must be said of the LP itself."""
    own = list(finding.remarks)
    if finding.episode.is_time_uncertain:
        own.append(TIME_UNCERTAIN)
    if finding.episode.is_presumed:
        own.append(PRESUMED)
    return own


def _context(finding: Finding, around: Surroundings) -> list[ContextDocument]:
    """Show what bears on a finding, by rule: context of the same LP, and what is folded into it; no shadow rule."""
    return [_beside(other, finding, around) for other in _bearing(finding, around)]


def _bearing(finding: Finding, around: Surroundings) -> list[Finding]:
    anchor_ms = finding.episode.anchor_ms
    return [
        other
        for other in sorted(around.others, key=lambda other: other.rule)
        if other.episode.anchor_ms == anchor_ms and _bears_on(other, finding)
    ]


def _also_open(finding: Finding, around: Surroundings) -> list[AlsoOpenDocument]:
    """Name the other open alerts of the LP, in their order, without those that the context shows."""
    shown = {other.rule for other in _bearing(finding, around)}
    return [
        {
            "alert_id": other.alert_id,
            "rule": other.rule,
            "title": around.titles.get(other.rule, other.rule),
            "severity": other.severity.name.lower(),
            "raised_at": to_rfc3339(other.raised_at_ms),
        }
        for other in around.also_open
        if other.rule not in shown
    ]


def _circumstances(finding: Finding, around: Surroundings) -> list[CircumstanceDocument]:
    """Show what is known beside the evidence and the context, nothing of it twice."""
    facts = [*finding.evidence, *(fact for other in _bearing(finding, around) for fact in other.evidence)]
    shown = {_key(fact) for fact in facts}
    listed = (
        (title, [fact for fact in known if _key(fact) not in shown]) for title, known in around.circumstances
    )
    return [
        {"title": title, "evidence": [_evidence(fact, finding, around) for fact in left]}
        for title, left in listed
        if left
    ]


def _beside(other: Finding, finding: Finding, around: Surroundings) -> ContextDocument:
    made: ContextDocument = {
        "rule": other.rule,
        "title": around.titles.get(other.rule, other.rule),
        "severity": other.severity.name.lower(),
        "is_folded": other.folded_by == finding.rule,
        "evidence": [_evidence(fact, finding, around) for fact in other.evidence],
    }
    if made["is_folded"]:
        made["alert_ids"] = list(around.folded_ids.get(other.rule, ()))
    return made


def _bears_on(other: Finding, finding: Finding) -> bool:
    if other.rule == finding.rule or other.status is RuleStatus.SHADOW:
        return False
    return other.severity is Severity.INFO or other.folded_by == finding.rule
