"""Where an alert goes: by severity and ward, the default where nobody else gets it whole, and wherever it was told before."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from tests.unit.alerts.findings import Ward, found
from worker.alerts.documents import AlertDocument
from worker.alerts.routing import Route, Routes, Target, Variant, folded_into, targets, told_before
from worker.model.alert import Alert, AlertState

FULL, MINIMAL, FHIR = Variant.FULL, Variant.MINIMAL, Variant.FHIR
DEFAULT = Route("default", "all")
ITU = Route("itu", "itu", FULL, units=frozenset({"itu"}))
PAGER = Route("pager", "pager", MINIMAL, severities=frozenset({"emergent", "urgent"}))


def document(severity: str = "urgent", unit: str = "ITU", facility: str = "") -> AlertDocument:
    place = {"unit": unit, "room": "", "bed": "", "facility": facility, "since": ""} if unit else None
    made = {"severity": severity, "location": {"now": place, "at_lp": None, "remark": ""}}
    return cast("AlertDocument", made)  # a part is enough


def topics(routes: Routes, told: tuple[Target, ...] = (), **where: str) -> list[str]:
    return [target.topic for target in targets(document(**where), routes, told)]


def test_without_other_routes_everything_goes_to_the_default() -> None:
    assert targets(document(), Routes(DEFAULT)) == (Target("all", FULL),)


def test_a_ward_that_has_its_own_topic_gets_the_alert_there() -> None:
    assert topics(Routes(DEFAULT, (ITU,))) == ["itu"]
    assert topics(Routes(DEFAULT, (ITU,)), unit="itu") == ["itu"]
    assert topics(Routes(DEFAULT, (ITU,)), unit="ITU2") == ["all"]


def test_an_alert_goes_every_way_that_fits() -> None:
    assert topics(Routes(DEFAULT, (ITU, PAGER))) == ["itu", "pager"]
    assert topics(Routes(DEFAULT, (ITU, PAGER)), severity="routine") == ["itu"]


def test_what_goes_only_to_a_pager_or_as_fhir_goes_to_the_default_too() -> None:
    assert topics(Routes(DEFAULT, (PAGER,))) == ["all", "pager"]
    assert topics(Routes(DEFAULT, (Route("ehr", "ehr", FHIR),))) == ["all", "ehr"]


def test_an_alert_of_an_unknown_ward_goes_to_the_default_and_no_ward() -> None:
    everyone = Route("everyone", "everyone", FULL)
    assert topics(Routes(DEFAULT, (ITU, everyone)), unit="") == ["all", "everyone"]


def test_wards_of_one_name_are_told_apart_by_their_house() -> None:
    north = Route("north", "north", FULL, units=frozenset({"itu"}), facilities=frozenset({"north"}))
    assert topics(Routes(DEFAULT, (north,)), facility="North") == ["north"]
    assert topics(Routes(DEFAULT, (north,)), facility="South") == ["all"]


def test_two_routes_to_one_topic_send_one_notice() -> None:
    twice = replace(ITU, id="itu-again")
    assert topics(Routes(DEFAULT, (ITU, twice))) == ["itu"]


def test_who_was_told_before_is_told_again() -> None:
    told = (Target("old-ward", FULL),)
    assert targets(document(), Routes(DEFAULT, (ITU,)), told) == (
        Target("itu", FULL),
        Target("old-ward", FULL),
    )


def test_a_topic_that_became_minimal_gets_no_name_because_of_the_past() -> None:
    told = (Target("pager", FULL), Target("gone", FHIR))
    routes = Routes(DEFAULT, (ITU, PAGER))
    assert targets(document("routine"), routes, told) == (
        Target("gone", FHIR),
        Target("itu", FULL),
        Target("pager", MINIMAL),
    )


def alert(rule: str = "fever-single", told: str = "", **changes: object) -> Alert:
    ward = Ward()
    ward.assess(11, found(rule))
    where = (Target(told, FULL),) if told else ()
    return replace(ward.only, alert_id=f"{rule}{told}", told=where, **changes)  # type: ignore[arg-type] # fields of Alert


def test_an_alert_speaks_for_what_was_folded_into_it_at_any_depth() -> None:
    strong = alert("meningitis", "ward-3")
    middle = alert("fever-ongoing", "ward-2", state=AlertState.SUPERSEDED)
    middle = replace(middle, finding=replace(middle.finding, folded_by="meningitis"))
    weak = alert("fever-single", "ward-1", state=AlertState.SUPERSEDED)
    weak = replace(weak, finding=replace(weak.finding, folded_by="fever-ongoing"))
    assert {target.topic for target in told_before(strong, [weak, strong, middle])} == {
        "ward-1",
        "ward-2",
        "ward-3",
    }
    assert folded_into(strong, [weak, strong, middle]) == {
        "fever-ongoing": (middle.alert_id,),
        "fever-single": (weak.alert_id,),
    }
    unheard = replace(weak, notified_severity=None)
    assert folded_into(strong, [unheard, strong, middle]).keys() == {"fever-ongoing"}


def test_an_alert_does_not_speak_for_others() -> None:
    strong = alert("meningitis", "ward-3")
    standing = alert("fever-single", "ward-1")
    standing = replace(standing, finding=replace(standing.finding, folded_by="meningitis"))
    elsewhere = replace(standing, state=AlertState.SUPERSEDED, episode_id="another LP", alert_id="x")
    other = alert("pain-spike", "ward-2", state=AlertState.SUPERSEDED)
    assert told_before(strong, [standing, elsewhere, other]) == {Target("ward-3", FULL)}


def test_an_alert_speaks_for_its_like_of_an_lp_that_joined() -> None:
    kept = alert(told="ward-1")
    joined = alert(told="ward-2", state=AlertState.SUPERSEDED)
    assert {target.topic for target in told_before(kept, [joined])} == {"ward-1", "ward-2"}
