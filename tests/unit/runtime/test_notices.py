"""Who gets the notices of an assessment: each outlet in its form, each ward that was told, and the wards of what was folded."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace

from tests.unit.alerts.findings import POLICY, Ward, found
from tests.unit.correlate.facts import PATIENT, at
from worker.alerts.documents import AlertDocument
from worker.alerts.fold import fold
from worker.alerts.reconcile import Standing
from worker.alerts.render import RuleText, Surroundings, render_alert
from worker.alerts.routing import Outlet, Route, Routes, Target, Variant
from worker.correlate.places import Place, Whereabouts
from worker.model.alert import AlertChange
from worker.model.fact import Location
from worker.model.finding import Severity
from worker.pipeline import Assessment
from worker.runtime.notices import NoticeWriter
from worker.storage.records import Outgoing

TOPICS = Outlet("kafka", is_routed=True)
WARDS = tuple(Route(name, name, units=frozenset({name})) for name in ("amu", "itu", "surgery"))


@dataclass
class Pen:
    """Write alerts for real, with the patient wherever the test puts them."""

    unit: str = "amu"
    digest: str = "pack"
    routes: Routes = field(default_factory=lambda: Routes(Route("default", "all"), WARDS))

    def render(self, alert: object, around: Surroundings) -> AlertDocument:
        place = Place(Location(self.unit), at(0)) if self.unit else None
        return render_alert(alert, RuleText("Fever"), replace(around, whereabouts=Whereabouts(place)))  # type: ignore[arg-type] # an Alert


class Told:
    """A ward of alerts whose notices are written and whose memory is kept, as the worker does it."""

    def __init__(self, *outlets: Outlet) -> None:
        self.pen = Pen()
        self.ward = Ward(POLICY)
        self.writer = NoticeWriter(self.pen, outlets or (TOPICS,))

    def assess(self, hours: float, unit: str, *findings: object, **more: object) -> list[Outgoing]:
        """Return the notices of one assessment, with the patient on a ward."""
        self.pen.unit = unit
        before = list(self.ward.alerts.values())
        changes = self.ward.assess(hours, *fold(findings, POLICY.folds), **more)  # type: ignore[arg-type] # findings
        return self.tell(changes, before, hours)

    def tell(self, changes: tuple[AlertChange, ...], before: list[object], hours: float) -> list[Outgoing]:
        told = self.writer.tell(changes, before, (PATIENT,), Assessment(), at(hours))  # type: ignore[arg-type] # alerts
        self.ward.alerts.update((change.alert.alert_id, change.alert) for change in told.changes)
        return list(told.notices)


def places(notices: list[Outgoing]) -> list[tuple[str, str]]:
    """Return (topic, rule and state) of each notice."""
    bodies = [json.loads(item.notice.body) for item in notices]
    return [
        (item.target, f"{body['rule']['id']} {body['state']}")
        for item, body in zip(notices, bodies, strict=True)
    ]


def test_each_outlet_gets_its_own_form_and_nothing_twice() -> None:
    told = Told(Outlet("file"), Outlet("server", variant=Variant.FHIR), TOPICS)
    told.pen.routes = Routes(
        Route("default", "all"), (Route("p", "pager", Variant.MINIMAL), Route("f", "ehr", Variant.FHIR))
    )
    notices = told.assess(10, "amu", found())
    assert [(item.sink, item.target, item.kind) for item in notices] == [
        ("file", "", "alert"),
        ("server", "", "alert-fhir"),
        ("kafka", "all", "alert"),
        ("kafka", "ehr", "alert-fhir"),
        ("kafka", "pager", "alert-minimal"),
    ]
    assert {item.notice.notice_id for item in notices} == {"a1.1"}
    whole = {item.notice.body for item in notices if item.kind != "alert-minimal"}
    assert len(whole) == 1, "FHIR is made of the whole alert, by the sink"


def test_who_was_told_hears_every_later_notice() -> None:
    told = Told()
    assert places(told.assess(10, "amu", found())) == [("amu", "fever-single raised")]
    worse = found(hours=11, severity=Severity.EMERGENT)
    assert places(told.assess(11, "itu", worse)) == [
        ("amu", "fever-single escalated"),
        ("itu", "fever-single escalated"),
    ]
    assert places(told.assess(12, "")) == [
        ("all", "fever-single withdrawn"),
        ("amu", "fever-single withdrawn"),
        ("itu", "fever-single withdrawn"),
    ]


def test_what_nobody_is_told_of_leaves_the_memory_as_it_is() -> None:
    told = Told()
    told.assess(10, "amu", found())
    assert told.assess(11, "itu", found(hours=10.5)) == [], "only kept fresh: no notice for a move"
    assert told.ward.only.told == (Target("amu", Variant.FULL),)


def test_a_raise_that_expires_at_once_remembers_who_was_told() -> None:
    told = Told()
    notices = told.assess(30, "amu", found(hours=29, window_h=29.5))
    assert places(notices) == [("amu", "fever-single raised")]
    assert (told.ward.only.state, told.ward.only.told) == ("expired", (Target("amu", Variant.FULL),))
    assert places(told.assess(31, "itu")) == [
        ("amu", "fever-single withdrawn"),
        ("itu", "fever-single withdrawn"),
    ]


def test_an_alert_that_folds_another_goes_where_that_one_went_and_so_does_its_end() -> None:
    told = Told()
    told.assess(10, "amu", found())
    both = [found(), found("fever-ongoing", 30)]
    assert places(told.assess(30, "itu", *both)) == [
        ("amu", "fever-ongoing raised"),
        ("itu", "fever-ongoing raised"),
    ]
    assert places(told.assess(31, "surgery")) == [
        ("amu", "fever-ongoing withdrawn"),
        ("itu", "fever-ongoing withdrawn"),
        ("surgery", "fever-ongoing withdrawn"),
    ]


def test_an_alert_that_folds_another_names_the_alert_that_was_told() -> None:
    told = Told()
    told.assess(10, "amu", found())
    (weak,) = told.ward.alerts
    findings = fold([found(), found("fever-ongoing", 30)], POLICY.folds)
    before = list(told.ward.alerts.values())
    changes = told.ward.assess(30, *findings)
    seen = Assessment(findings=findings)
    (notice,) = told.writer.tell(changes, before, (PATIENT,), seen, at(30)).notices
    (context,) = json.loads(notice.notice.body)["context"]
    assert (context["rule"], context["is_folded"], context["alert_ids"]) == ("fever-single", True, [weak])


def named(notices: list[Outgoing]) -> dict[str, list[str]]:
    """Return for the rule of each notice the rules that it names as open too."""
    bodies = [json.loads(item.notice.body) for item in notices]
    return {body["rule"]["id"]: [other["rule"] for other in body["also_open"]] for body in bodies}


def test_alerts_of_one_lp_name_each_other_as_known_when_they_are_told() -> None:
    told = Told(Outlet("file"))
    fever, pain = found(), found("pain")
    assert named(told.assess(10, "amu", fever)) == {"fever-single": []}
    assert named(told.assess(11, "amu", fever, pain)) == {"pain": ["fever-single"]}
    assert told.assess(12, "amu", fever, pain) == [], "that another one opened is no news of this one"
    worse = found("pain", hours=12, severity=Severity.EMERGENT)
    assert named(told.assess(13, "amu", fever, worse, found("weak"))) == {
        "pain": ["fever-single", "weak"],
        "weak": ["pain", "fever-single"],
    }
    assert named(told.assess(14, "amu", fever, found("weak"))) == {"pain": ["fever-single", "weak"]}


def test_alerts_that_close_together_do_not_name_each_other() -> None:
    told = Told(Outlet("file"))
    told.assess(10, "amu", found(), found("pain"))
    assert named(told.assess(11, "amu")) == {"fever-single": [], "pain": []}


def test_when_lps_turn_out_to_be_one_the_alert_that_stays_speaks_to_both_wards() -> None:
    told = Told()
    told.assess(10, "amu", found(), episode_id="e1")
    told.pen.unit = "itu"
    before = list(told.ward.alerts.values())
    second = told.ward.assess_pairs(10, [("e1", found()), ("e2", found())], Standing(("e1", "e2")))
    assert places(told.tell(second, before, 10)) == [("itu", "fever-single raised")]
    joined = Standing(("e1",), {"e2": "e1"})
    before = [replace(alert, episode_id="e1") for alert in told.ward.alerts.values()]
    changes = told.ward.assess_pairs(11, [("e1", found())], joined)
    moved = tuple(replace(one, alert=replace(one.alert, episode_id="e1")) for one in changes)
    notices = told.tell(moved, before, 11)
    assert places(notices) == [("amu", "fever-single updated"), ("itu", "fever-single updated")]
    assert json.loads(notices[0].notice.body)["joined"] == ["a2"], "what to close"
    told.pen.unit = "surgery"
    before = list(told.ward.alerts.values())
    gone = told.ward.assess_pairs(12, [], Standing(("e1",)))
    assert [place for place, _ in places(told.tell(gone, before, 12))] == ["amu", "itu", "surgery"]


def test_without_topics_nobody_counts_as_told_there() -> None:
    told = Told(Outlet("file"))
    told.assess(10, "amu", found())
    assert told.ward.only.told == ()


def test_without_outlets_nothing_is_written() -> None:
    told = Told()
    told.writer = NoticeWriter(told.pen, ())
    assert told.assess(10, "amu", found()) == []
    assert len(told.ward.alerts) == 1
