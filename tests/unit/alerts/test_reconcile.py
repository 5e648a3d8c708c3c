"""What becomes of alerts while findings come and go."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit.alerts.findings import EPISODE, POLICY, Ward, found, now
from tests.unit.correlate.facts import at, puncture, temperature
from worker.alerts.policy import Policy
from worker.alerts.reconcile import Standing, history_line, visible_history
from worker.alerts.transitions import is_paging
from worker.model.alert import AlertState
from worker.model.fact import Fact
from worker.model.finding import RuleStatus, Severity

RAISED, UPDATED, ESCALATED = AlertState.RAISED, AlertState.UPDATED, AlertState.ESCALATED


def test_a_new_finding_raises_an_alert_that_pages() -> None:
    ward = Ward()
    (change,) = ward.assess(10, found())
    assert (change.reason, change.is_visible, change.is_noticed) == ("raised", True, True)
    alert = change.alert
    assert (alert.alert_id, alert.episode_id, alert.version, alert.state) == ("a1", "e1", 1, RAISED)
    assert (alert.paged, alert.notified_severity, alert.notified_peak) == (True, Severity.URGENT, 38.4)
    assert (alert.raised_at_ms, alert.updated_at_ms) == (at(10), at(10))


def test_the_same_finding_again_changes_nothing() -> None:
    ward = Ward()
    ward.assess(10, found())
    assert ward.assess(11, found()) == ()


def test_further_evidence_updates_the_alert_silently() -> None:
    ward = Ward()
    ward.assess(10, found())
    (change,) = ward.assess(12, replace(found(), latest_ms=at(12)))
    assert (change.is_visible, change.is_noticed, change.reason) == (False, False, "evidence updated")
    assert (change.alert.version, change.alert.updated_at_ms, change.alert.finding.latest_ms) == (
        1,
        at(10),
        at(12),
    )


def test_a_higher_severity_escalates_and_is_told() -> None:
    ward = Ward()
    ward.assess(10, found())
    (change,) = ward.assess(12, found(severity=Severity.EMERGENT))
    assert (change.alert.state, change.alert.version, change.is_noticed) == (ESCALATED, 2, True)
    assert change.alert.notified_severity is Severity.EMERGENT


def test_a_lower_severity_is_shown_and_not_told() -> None:
    ward = Ward()
    ward.assess(10, found(severity=Severity.EMERGENT))
    (change,) = ward.assess(12, found())
    assert (change.reason, change.is_visible, change.is_noticed) == ("severity lowered", True, False)
    assert change.alert.severity is Severity.URGENT


@pytest.mark.parametrize(
    ("stands", "reason", "is_told"),
    [
        (temperature(10, 38.4), "severity lowered", False),
        (temperature(10, 37.9), "severity lowered by a correction", True),
        (puncture(0), "severity lowered by a correction", True),
    ],
    ids=["as it was told", "corrected", "taken back"],
)
def test_who_was_told_hears_of_a_severity_that_sinks_by_a_correction(
    stands: Fact, reason: str, *, is_told: bool
) -> None:
    ward = Ward()
    ward.assess(10, found(severity=Severity.EMERGENT))
    facts = Standing(facts=lambda: [*EPISODE.records, stands])
    (change,) = ward.assess(12, found(), standing=facts)
    assert (change.reason, change.is_visible, change.is_noticed) == (reason, True, is_told)
    assert (change.alert.state, change.alert.severity) == (UPDATED, Severity.URGENT)
    (risen,) = ward.assess(14, found(severity=Severity.EMERGENT), standing=facts)
    assert (risen.alert.state, risen.is_noticed) == (ESCALATED, True)


def test_a_severity_that_sinks_by_a_correction_is_told_to_nobody_of_a_shadow_rule() -> None:
    ward = Ward()
    ward.assess(10, found(severity=Severity.EMERGENT, status=RuleStatus.SHADOW))
    ward.assess(12, found(status=RuleStatus.SHADOW), standing=Standing(facts=tuple))
    assert ward.noticed == []


def test_a_severity_that_rises_again_after_a_fall_is_told() -> None:
    ward = Ward()
    ward.assess(10, found(severity=Severity.EMERGENT))
    ward.assess(12, found())
    (change,) = ward.assess(14, found(severity=Severity.EMERGENT))
    assert (change.alert.state, change.is_noticed) == (ESCALATED, True)


def test_an_acknowledged_alert_stays_so_when_its_severity_falls_and_opens_when_it_rises() -> None:
    ward = Ward()
    ward.assess(10, found())
    ward.set(ward.only, state=AlertState.ACKNOWLEDGED)
    (lowered,) = ward.assess(12, found(severity=Severity.ROUTINE))
    assert lowered.alert.state is AlertState.ACKNOWLEDGED
    (raised,) = ward.assess(13, found(severity=Severity.EMERGENT))
    assert raised.alert.state is ESCALATED


@pytest.mark.parametrize(("peak", "is_told"), [(38.8, False), (38.9, True), (39.4, True)])
def test_fever_half_a_degree_above_what_was_told_is_told_again(peak: float, is_told: bool) -> None:  # noqa: FBT001 # a table
    ward = Ward()
    ward.assess(10, found(peak=38.4))
    (change,) = ward.assess(14, found(peak=peak))
    assert change.is_noticed is is_told
    assert (change.alert.state is UPDATED) is is_told


def test_a_worsening_is_measured_from_what_was_told_last_not_from_what_was_seen() -> None:
    ward = Ward()
    for hours, peak in ((10, 38.4), (11, 38.6), (12, 38.8), (13, 38.9)):
        ward.assess(hours, found(peak=peak))
    assert ward.noticed == [("a1", 1), ("a1", 2)]


def test_a_peak_corrected_downwards_is_no_longer_the_measure() -> None:
    ward = Ward()
    ward.assess(10, found(peak=40.4))
    ward.assess(11, found(peak=38.2))
    (change,) = ward.assess(12, found(peak=39.0))
    assert change.is_noticed


def test_a_rule_without_a_stated_rise_is_not_told_again() -> None:
    ward = Ward(Policy())
    ward.assess(10, found(peak=38.4))
    (change,) = ward.assess(12, found(peak=41.0))
    assert not change.is_noticed


def test_a_finding_that_goes_away_withdraws_its_alert_and_says_so() -> None:
    ward = Ward()
    ward.assess(10, found())
    (change,) = ward.assess(15)
    assert (change.alert.state, change.reason) == (AlertState.WITHDRAWN, "evidence withdrawn")
    assert (change.is_noticed, change.alert.version) == (True, 2)
    assert ward.assess(16) == ()


def test_a_void_lp_and_a_retired_rule_are_named_as_reasons() -> None:
    ward = Ward()
    ward.assess(10, found())
    (void,) = ward.assess(14, standing=Standing(episode_ids=frozenset()))
    assert void.reason == "lumbar puncture void"
    other = Ward()
    other.assess(10, found())
    (retired,) = other.assess(14, standing=Standing(episode_ids={"e1"}, rules={"csf-cells"}))
    assert retired.reason == "rule retired"
    third = Ward()
    third.assess(10, found())
    (gone,) = third.assess(14, standing=Standing(episode_ids={"e1"}, rules={"fever-single"}))
    assert gone.reason == "evidence withdrawn"


def test_a_withdrawn_alert_whose_finding_stands_again_is_raised_again() -> None:
    ward = Ward()
    ward.assess(10, found())
    ward.assess(15)
    (change,) = ward.assess(16, found())
    assert (change.alert.state, change.alert.version, change.is_noticed) == (RAISED, 3, True)
    assert change.alert.raised_at_ms == at(10)


def test_a_folded_finding_raises_nothing_and_supersedes_what_was_raised() -> None:
    ward = Ward()
    folded = found(folded_by="fever-ongoing")
    assert ward.assess(10, folded) == ()
    ward.assess(11, found())
    (change,) = ward.assess(12, folded)
    assert (change.alert.state, change.reason) == (AlertState.SUPERSEDED, "folded into fever-ongoing")
    assert (change.is_visible, change.is_noticed) == (True, False)
    assert ward.assess(13, folded) == ()


def test_a_superseded_alert_opens_when_the_stronger_one_is_withdrawn() -> None:
    ward = Ward()
    ward.assess(20, found())
    ward.assess(27, found(folded_by="fever-ongoing"), found("fever-ongoing", 27))
    changes = ward.assess(30, found())
    assert [(change.alert.rule, change.alert.state) for change in changes] == [
        ("fever-ongoing", AlertState.WITHDRAWN),
        ("fever-single", RAISED),
    ]
    assert changes[1].reason == "no longer folded"


def test_an_alert_expires_silently_when_its_window_ends() -> None:
    ward = Ward()
    ward.assess(10, found())
    (change,) = ward.assess(168, found())
    assert (change.alert.state, change.is_visible, change.is_noticed) == (AlertState.EXPIRED, True, False)
    assert ward.assess(169, found()) == ()


def test_a_correction_after_the_window_withdraws_the_expired_alert_and_tells_who_was_told() -> None:
    ward = Ward()
    ward.assess(10, found())
    ward.assess(168, found())
    (change,) = ward.assess(170)
    assert (change.alert.state, change.is_noticed) == (AlertState.WITHDRAWN, True)
    assert ward.assess(171) == ()
    (again,) = ward.assess(172, found())
    assert (again.alert.state, again.is_noticed) == (AlertState.EXPIRED, False)


def test_fresh_evidence_that_becomes_known_after_the_window_is_told_once() -> None:
    ward = Ward()
    late = replace(found(), latest_ms=at(167))
    told, ended = ward.assess(169, late)
    assert (told.alert.state, told.is_noticed, told.alert.paged) == (RAISED, True, True)
    assert (ended.alert.state, ended.is_noticed, ended.alert.version) == (AlertState.EXPIRED, False, 2)
    assert ward.assess(170, late) == ()


def test_an_alert_known_too_late_ends_as_its_last_findings_say_and_tells_nobody() -> None:
    ward = Ward()
    ward.assess(400, found())
    (change,) = ward.assess(401)
    assert (change.alert.state, change.is_noticed) == (AlertState.WITHDRAWN, False)


def test_a_finding_whose_window_had_ended_is_recorded_and_never_told() -> None:
    ward = Ward()
    (change,) = ward.assess(400, found())
    assert (change.alert.state, change.alert.version) == (AlertState.EXPIRED, 1)
    assert (change.is_visible, change.is_noticed, change.alert.paged) == (True, False, False)
    assert change.reason == "window had ended when it became known"


def test_an_expired_alert_whose_window_moves_is_raised_again() -> None:
    ward = Ward()
    ward.assess(10, found())
    ward.assess(168, found())
    (change,) = ward.assess(169, found(window_h=180))
    assert (change.alert.state, change.reason) == (RAISED, "window lasts again")


def test_old_evidence_is_told_but_does_not_page() -> None:
    ward = Ward()
    (change,) = ward.assess(60, found(hours=10))
    assert (change.is_noticed, change.alert.paged) == (True, False)
    assert is_paging(found(hours=12), Severity.URGENT, now(60))


def test_fresh_evidence_of_what_was_only_listed_pages_once() -> None:
    ward = Ward()
    ward.assess(60, found(hours=10))
    (older,) = ward.assess(61, found(hours=11))
    assert (older.is_noticed, ward.only.paged) == (False, False)
    (change,) = ward.assess(62, found(hours=62))
    assert (change.reason, change.is_noticed, change.alert.paged) == (
        "fresh evidence of what was listed",
        True,
        True,
    )
    (silent,) = ward.assess(63, found(hours=63))
    assert (silent.is_noticed, silent.is_visible) == (False, False)


@pytest.mark.parametrize(
    "finding",
    [found(severity=Severity.INFO), found(gap_closed=True)],
    ids=["context", "a gap already closed"],
)
def test_context_and_closed_gaps_never_page(finding: object) -> None:
    ward = Ward()
    (change,) = ward.assess(10, finding)  # type: ignore[arg-type] # a Finding
    assert (change.is_noticed, change.alert.paged) == (True, False)


def test_a_shadow_alert_lives_without_a_word() -> None:
    ward = Ward()
    shadow = {"status": RuleStatus.SHADOW}
    ward.assess(10, found(**shadow))  # type: ignore[arg-type] # the status alone
    ward.assess(11, found(severity=Severity.EMERGENT, peak=41, **shadow))  # type: ignore[arg-type] # the status alone
    ward.assess(12)
    ward.assess(13, found(**shadow))  # type: ignore[arg-type] # the status alone
    assert [change.alert.state for change in ward.log] == [RAISED, ESCALATED, AlertState.WITHDRAWN, RAISED]
    assert ward.noticed == []
    assert not ward.only.paged


def test_an_alert_that_leaves_the_shadow_is_told_once() -> None:
    ward = Ward()
    ward.assess(10, found(status=RuleStatus.SHADOW))
    (change,) = ward.assess(12, found())
    assert (change.reason, change.is_noticed, change.alert.paged) == ("rule is told now", True, True)
    assert ward.assess(13, found()) == ()


def resolved_at(hours: float) -> Ward:
    ward = Ward()
    ward.assess(10, found())
    ward.set(ward.only, state=AlertState.RESOLVED, updated_at_ms=at(hours), version=2)
    return ward


def test_a_resolved_alert_stays_closed_for_evidence_that_was_there() -> None:
    ward = resolved_at(12)
    assert ward.assess(13, found()) == ()
    assert ward.assess(30, found()) == ()
    assert ward.assess(31) == ()


def test_a_resolved_alert_stays_closed_within_the_quiet_time() -> None:
    ward = resolved_at(12)
    assert ward.assess(24, found(hours=24)) == ()


def test_a_resolved_alert_opens_on_later_evidence_after_the_quiet_time() -> None:
    ward = resolved_at(12)
    (change,) = ward.assess(25, found(hours=24.5))
    assert (change.alert.state, change.reason, change.is_noticed) == (
        RAISED,
        "evidence after the resolution",
        True,
    )


def test_a_higher_severity_on_later_evidence_opens_a_resolved_alert_at_once() -> None:
    ward = resolved_at(12)
    (change,) = ward.assess(14, found(hours=14, severity=Severity.EMERGENT))
    assert change.reason == "higher severity after the resolution"
    assert resolved_at(12).assess(14, found(hours=11, severity=Severity.EMERGENT)) == ()


def test_a_resolution_covers_what_the_resolved_alert_folds() -> None:
    ward = Ward()
    ward.assess(20, found(hours=20))
    ward.assess(27, found(hours=20, folded_by="fever-ongoing"), found("fever-ongoing", 27))
    parent = next(alert for alert in ward.alerts.values() if alert.rule == "fever-ongoing")
    ward.set(parent, state=AlertState.RESOLVED, updated_at_ms=at(28))
    assert ward.assess(29, found(hours=20)) == ()
    (change,) = ward.assess(41, found(hours=41))
    assert change.alert.rule == "fever-single"


def test_a_resolution_covers_a_folded_finding_that_never_had_an_alert() -> None:
    ward = Ward()
    ward.assess(27, found("fever-ongoing", 27), found(hours=20, folded_by="fever-ongoing"))
    ward.set(ward.only, state=AlertState.RESOLVED, updated_at_ms=at(28))
    assert ward.assess(29, found(hours=20)) == ()
    assert len(ward.assess(42, found(hours=42))) == 1


def test_an_alert_follows_its_lp_into_the_one_that_it_joined() -> None:
    ward = Ward()
    ward.assess(10, found(), episode_id="old")
    standing = Standing({"kept"}, {"old": "middle", "middle": "kept"})
    (change,) = ward.assess(12, found(), episode_id="kept", standing=standing)
    assert (change.alert.episode_id, change.is_visible) == ("kept", False)
    assert ward.assess(13, found(), episode_id="kept", standing=standing) == ()


def test_two_alerts_of_lps_that_joined_become_one() -> None:
    ward = Ward()
    ward.assess_pairs(10, [("kept", found()), ("old", found())], Standing())
    standing = Standing({"kept"}, {"old": "kept"})
    gone, kept = ward.assess(12, found(), episode_id="kept", standing=standing)
    assert {gone.reason, kept.reason} == {"lumbar puncture joined with another"}
    assert (gone.alert.state, gone.is_noticed) == (AlertState.SUPERSEDED, False)
    assert (kept.alert.state, kept.is_noticed) == (UPDATED, True), (
        "whoever was told of the other hears of it here"
    )
    assert ward.assess(13, found(), episode_id="kept", standing=standing) == ()


def test_an_expired_alert_of_an_lp_that_joined_another_speaks_no_more() -> None:
    ward = Ward()
    ward.assess_pairs(10, [("kept", found()), ("old", found())], Standing())
    ward.assess_pairs(169, [("kept", found()), ("old", found())], Standing())
    (gone,) = ward.assess(170, found(), episode_id="kept", standing=Standing({"kept"}, {"old": "kept"}))
    assert (gone.alert.state, gone.reason) == (AlertState.SUPERSEDED, "lumbar puncture joined with another")
    assert sorted(alert.state for alert in ward.alerts.values()) == [
        AlertState.EXPIRED,
        AlertState.SUPERSEDED,
    ]


def test_whoever_was_told_of_an_expired_alert_hears_of_its_withdrawal_when_its_lp_has_joined_another() -> (
    None
):
    ward = Ward()
    ward.assess_pairs(10, [("kept", found())], Standing())
    ward.assess_pairs(11, [("old", found())], Standing())
    ward.assess_pairs(169, [("old", found())], Standing())
    (gone,) = ward.assess(170, standing=Standing({"kept"}, {"old": "kept"}))
    assert (gone.alert.alert_id, gone.alert.state, gone.is_noticed) == ("a2", AlertState.WITHDRAWN, True)


def test_alerts_that_nobody_was_told_of_are_joined_without_a_word() -> None:
    ward = Ward()
    shadow = found(status=RuleStatus.SHADOW)
    ward.assess_pairs(10, [("kept", shadow), ("old", shadow)], Standing())
    (gone,) = ward.assess(12, shadow, episode_id="kept", standing=Standing({"kept"}, {"old": "kept"}))
    assert gone.alert.state is AlertState.SUPERSEDED


MRN_1, MRN_2, NATIONAL = ("mrn", "1"), ("mrn", "2"), ("national", "9")


@pytest.mark.parametrize(
    ("before", "after", "is_told"),
    [
        ((MRN_2,), (MRN_1, MRN_2), True),
        ((MRN_1, MRN_2), (MRN_1,), True),
        ((MRN_1,), (MRN_1, NATIONAL), False),
        ((MRN_1,), (MRN_1,), False),
        ((), (MRN_1,), False),
    ],
)
def test_who_was_told_hears_that_numbers_were_joined_or_parted(
    before: tuple[tuple[str, str], ...], after: tuple[tuple[str, str], ...], *, is_told: bool
) -> None:
    ward = Ward()
    ward.names = before
    ward.assess(10, found())
    ward.set(ward.only, paged=False)
    ward.names = after
    changes = ward.assess(12, found())
    assert [(change.reason, change.is_noticed) for change in changes] == (
        [("numbers of the patient joined or parted", True)] if is_told else []
    )
    assert not ward.only.paged
    assert ward.assess(13, found()) == ()


def test_a_merge_that_lowers_the_severity_is_told_once() -> None:
    ward = Ward()
    ward.names = (MRN_1,)
    ward.assess(10, found(severity=Severity.EMERGENT))
    ward.names = (MRN_1, MRN_2)
    (change,) = ward.assess(12, found())
    assert (change.reason, change.is_noticed, change.alert.severity) == (
        "severity lowered",
        True,
        Severity.URGENT,
    )
    assert ward.assess(13, found()) == ()


def test_an_acknowledged_alert_stays_so_when_numbers_are_joined() -> None:
    ward = Ward()
    ward.names = (MRN_1,)
    ward.assess(10, found())
    ward.set(ward.only, state=AlertState.ACKNOWLEDGED)
    ward.names = (MRN_1, MRN_2)
    (change,) = ward.assess(12, found())
    assert (change.alert.state, change.is_noticed) == (AlertState.ACKNOWLEDGED, True)


def test_redirects_in_a_circle_do_not_hang() -> None:
    ward = Ward()
    ward.assess(10, found(), episode_id="a")
    ward.assess(12, found(), episode_id="b", standing=Standing({"b"}, {"a": "b", "b": "a"}))
    assert ward.only.episode_id == "b"


def test_changes_come_by_lp_and_rule() -> None:
    ward = Ward()
    changes = ward.assess(30, found("z"), found("a"), found("m"))
    assert [change.alert.rule for change in changes] == ["a", "m", "z"]
    assert [change.alert.alert_id for change in changes] == ["a1", "a2", "a3"]


def test_a_visible_change_makes_a_line_of_history() -> None:
    ward = Ward(POLICY)
    (raised,) = ward.assess(10, found())
    line = history_line(raised)
    assert (line.at_ms, line.version, line.state, line.reason) == (at(10), 1, RAISED, "raised")
    ward.assess(11, replace(found(), latest_ms=at(11)))
    assert len(visible_history(ward.log)) == 1
    assert EPISODE.anchor_ms == at(0)


WAITS = Standing(["e1"], awaiting={("e1", "fever-single"): EPISODE})


@pytest.mark.parametrize("hours", [12, 200])
def test_a_rule_that_awaits_feeds_takes_nothing_back(hours: float) -> None:
    ward = Ward()
    ward.assess(10, found(window_h=250))
    assert ward.assess(hours, standing=WAITS) == ()
    assert ward.assess(hours + 1, found(window_h=250), standing=WAITS) == ()
    (change,) = ward.assess(hours + 2, standing=Standing(["e1"]))
    assert (change.reason, change.is_noticed) == ("evidence withdrawn", True)


def test_an_alert_expires_while_its_rule_awaits_feeds_and_is_not_withdrawn_then() -> None:
    ward = Ward()
    ward.assess(10, found())
    (change,) = ward.assess(168, standing=WAITS)
    assert change.alert.state is AlertState.EXPIRED
    assert ward.assess(170, standing=WAITS) == ()


def test_a_rule_that_awaits_feeds_keeps_its_severity_but_may_rise() -> None:
    ward = Ward()
    ward.assess(10, found())
    assert ward.assess(11, found(severity=Severity.ROUTINE), standing=WAITS) == ()
    (change,) = ward.assess(12, found(severity=Severity.EMERGENT), standing=WAITS)
    assert change.reason == "severity raised"


def test_what_an_alert_folds_stays_folded_while_its_rule_awaits_feeds() -> None:
    ward = Ward()
    waits = Standing(["e1"], awaiting={("e1", "fever-ongoing"): EPISODE})
    ward.assess(10, found("fever-ongoing"), found(folded_by="fever-ongoing"))
    assert ward.assess(11, found(), standing=waits) == ()
    assert [change.reason for change in ward.assess(12, found())] == ["evidence withdrawn", "raised"]


def test_a_rule_that_awaits_feeds_brings_back_nothing_that_was_withdrawn() -> None:
    ward = Ward()
    ward.assess(10, found())
    ward.assess(11)
    assert ward.assess(12, standing=WAITS) == ()
