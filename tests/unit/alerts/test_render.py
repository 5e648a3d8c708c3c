"""What a reader of an alert is given."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from msgspec import structs

from tests.unit.alerts.findings import Ward, found
from tests.unit.correlate.facts import OTHER, PATIENT, Coded, at, csf, fact, finding, puncture, temperature
from worker.alerts.also_open import also_open
from worker.alerts.evidence import render_evidence
from worker.alerts.reconcile import visible_history
from worker.alerts.render import RuleText, Surroundings, render_alert, replay_line
from worker.alerts.taken_back import TakenBack
from worker.correlate.episodes import find_episodes
from worker.correlate.places import Whereabouts
from worker.model.fact import (
    Assertion,
    AssertionStatus,
    Comparator,
    EncounterValue,
    Fact,
    Moment,
    Quantity,
)
from worker.model.finding import RuleStatus, Severity
from worker.rules.circumstances import Beside

TEXT = RuleText(
    title="Single temperature above 38.0 Cel after LP",
    possible_causes=("infection of any site",),
    considerations=("consider blood cultures per local policy",),
    check=("neck", "legs"),
    misses=("fever that nobody measured",),
    sources=("NICE NG240, 2024",),
)
AROUND = Surroundings(
    identifiers=(PATIENT, OTHER, PATIENT), pack_digest="sha256:1", encounter="V1", reason="raised"
)


def open_alert(**more: object) -> Ward:
    ward = Ward()
    ward.assess(10, found(**more))  # type: ignore[arg-type] # passes builder options on
    return ward


def test_an_alert_says_who_where_when_what_and_on_whose_authority() -> None:
    document = render_alert(open_alert().only, TEXT, AROUND)
    assert document["patient"] == [
        {"authority": "MRN", "value": "P-1", "type": "MR"},
        {"authority": "NATIONAL", "value": "N-1", "type": "NI"},
    ]
    assert document["encounter"] == "V1"
    assert document["lp"]["at"] == "2026-01-05T08:00:00Z"
    assert (document["lp"]["hours_at_evidence"], document["lp"]["hours_at_update"]) == (10.0, 10.0)
    assert document["rule"] == {
        "id": "fever-single",
        "version": 1,
        "title": TEXT.title,
        "status": "draft",
        "review": "not clinically reviewed",
        "sources": ["NICE NG240, 2024"],
    }
    assert document["possible_causes"] == ["infection of any site"]
    assert document["misses"] == ["fever that nobody measured"]
    assert document["pack"] == "sha256:1"
    assert document["disclaimer"] == "decision support - not a diagnosis"
    assert "withdrawal" not in document


def test_evidence_can_be_found_again_in_the_chart() -> None:
    (evidence,) = render_alert(open_alert().only, TEXT, AROUND)["evidence"]
    assert evidence["value"] == 38.4
    assert evidence["unit"] == "Cel"
    assert evidence["reported"] == "38.4 Cel"
    assert evidence["effective_at"] == "2026-01-05T18:00:00Z"
    assert evidence["hours_since_lp"] == 10.0
    assert evidence["source"] == {"feed": "feed", "message_id": "m1", "place": "OBR[1]/OBX[1]"}


def test_the_document_is_json() -> None:
    document = render_alert(open_alert().only, TEXT, AROUND)
    assert json.loads(json.dumps(document)) == document


def test_equal_alerts_give_equal_documents() -> None:
    assert render_alert(open_alert().only, TEXT, AROUND) == render_alert(open_alert().only, TEXT, AROUND)


def test_a_withdrawal_says_that_the_patient_may_still_be_ill() -> None:
    ward = open_alert()
    ward.assess(12)
    document = render_alert(ward.only, TEXT, AROUND)
    assert document["state"] == "withdrawn"
    assert "does not mean that the patient is well" in document["withdrawal"]


def test_a_withdrawal_gives_no_causes_and_nothing_to_consider_and_keeps_what_was_told() -> None:
    ward = open_alert()
    ward.assess(12)
    document = render_alert(ward.only, TEXT, AROUND)
    assert (document["possible_causes"], document["considerations"], document["check"]) == ([], [], [])
    assert (document["rule"]["title"], document["severity"]) == (TEXT.title, "urgent")
    assert [item["value"] for item in document["evidence"]] == [38.4]


@pytest.mark.parametrize(
    ("reason", "is_taken_back", "why"),
    [
        ("evidence withdrawn", True, "What this alert rested on was corrected or taken back."),
        ("evidence withdrawn", False, "What this alert rested on was not corrected; what is known now"),
        ("lumbar puncture void", True, "The record of the lumbar puncture was corrected, cancelled"),
        ("rule retired", False, "its rule is not in use any more."),
    ],
)
def test_a_withdrawal_says_why(reason: str, why: str, *, is_taken_back: bool) -> None:
    ward = open_alert()
    ward.assess(12)
    gone = (TakenBack(temperature(10, 38.4), None),) if is_taken_back else ()
    document = render_alert(ward.only, TEXT, replace(AROUND, reason=reason, taken_back=gone))
    assert why in document["withdrawal"]
    assert document["withdrawal"].endswith("assess the patient as you otherwise would.")


def test_only_an_active_rule_reviewed_on_site_is_marked_so() -> None:
    reviewed = replace(TEXT, is_reviewed=True)
    active = open_alert(status=RuleStatus.ACTIVE).only
    assert render_alert(active, reviewed, AROUND)["rule"]["review"] == "clinically reviewed"
    assert render_alert(active, TEXT, AROUND)["rule"]["review"] == "not clinically reviewed"
    assert render_alert(open_alert().only, reviewed, AROUND)["rule"]["review"] == "not clinically reviewed"


def test_an_uncertain_and_a_presumed_lp_are_told() -> None:
    (presumed,) = find_episodes([csf(0)])
    alert = open_alert().only
    shaky = replace(alert, finding=replace(alert.finding, episode=replace(presumed, is_time_uncertain=True)))
    document = render_alert(shaky, TEXT, AROUND)
    assert any("uncertain" in remark for remark in document["remarks"])
    assert any("presumed" in remark for remark in document["remarks"])


def test_context_of_the_same_lp_and_folded_findings_are_shown() -> None:
    risk = found("bleeding-risk-context", 0, Severity.INFO)
    folded = found("weaker", folded_by="fever-single")
    (later,) = find_episodes([puncture(99)])
    elsewhere = replace(risk, episode=later)
    unrelated, shadow = found("pain-spike"), replace(risk, rule="csf-pressure", status=RuleStatus.SHADOW)
    around = replace(
        AROUND,
        others=(risk, folded, elsewhere, unrelated, shadow, found()),
        titles={"weaker": "A weaker rule"},
    )
    context = render_alert(open_alert().only, TEXT, around)["context"]
    assert [(entry["rule"], entry["title"], entry["is_folded"]) for entry in context] == [
        ("bleeding-risk-context", "bleeding-risk-context", False),
        ("weaker", "A weaker rule", True),
    ]


def test_other_open_alerts_of_the_lp_are_named_unless_the_context_shows_them() -> None:
    ward = Ward()
    risk = found("bleeding-risk-context", 0, Severity.INFO)
    ward.assess(10, found(), risk, found("leg-weakness", severity=Severity.EMERGENT))
    mine = next(alert for alert in ward.alerts.values() if alert.rule == "fever-single")
    others = also_open(mine, ward.alerts.values())
    around = replace(AROUND, also_open=others, others=(risk,), titles={"leg-weakness": "Weak leg"})
    document = render_alert(mine, TEXT, around)
    assert document["also_open"] == [
        {
            "alert_id": next(one.alert_id for one in others if one.rule == "leg-weakness"),
            "rule": "leg-weakness",
            "title": "Weak leg",
            "severity": "emergent",
            "raised_at": "2026-01-05T18:00:00Z",
        }
    ]
    assert [entry["rule"] for entry in document["context"]] == ["bleeding-risk-context"]


def test_every_kind_of_value_has_a_plain_form() -> None:
    below = fact("crp", 1, Quantity(7, "mg/L", Comparator.BELOW))
    values = {
        "number": (render_evidence(below, at(0))["value"], render_evidence(below, at(0))["comparator"]),
        "code": render_evidence(fact("csf-gram", 1, Coded("negative", "NOS")), at(0))["value"],
        "lp": render_evidence(puncture(0), at(0))["value"],
        "stay": render_evidence(fact("encounter", 1, EncounterValue("inpatient")), at(0))["value"],
        "birth": render_evidence(fact("birth-date", 1, Moment(at(0))), at(0))["value"],
        "note": render_evidence(fact("note", 1), at(0))["value"],
    }
    assert values == {
        "number": (7, "<"),
        "code": "negative",
        "lp": "completed",
        "stay": "inpatient",
        "birth": "2026-01-05T08:00:00Z",
        "note": None,
    }


def test_a_statement_of_a_note_brings_its_sentence_and_qualifiers() -> None:
    stated = Assertion(AssertionStatus.PRESENT, ("right",), (0, 8), "New weakness of the right leg.")
    evidence = render_evidence(fact("leg-weakness", 9, stated, qualifiers=("coded",)), at(0))
    assert evidence["sentence"] == "New weakness of the right leg."
    assert evidence["qualifiers"] == ["coded", "right"]
    assert render_evidence(finding("confusion", 1), at(0))["value"] == "present"


def test_a_statement_of_a_note_says_where_it_stands_and_which_characters_say_it() -> None:
    said = Assertion(
        AssertionStatus.PRESENT,
        (),
        (40, 48),
        "New weakness of the right leg.",
        (4, 12),
        "Ward round",
        "History",
    )
    evidence = render_evidence(fact("leg-weakness", 9, said), at(0))
    place = evidence["note"]
    assert evidence["sentence"][place["phrase_start"] : place["phrase_end"]] == "weakness"
    assert (place["title"], place["section"]) == ("Ward round", "History")
    assert "note" not in render_evidence(finding("confusion", 1), at(0))


@pytest.mark.parametrize(
    ("now", "is_shown"),
    [(None, False), ("Right leg strong.", False), ("New weakness of the right leg.", True)],
)
def test_a_withdrawal_repeats_no_words_of_a_note_that_no_longer_stand(
    now: str | None, *, is_shown: bool
) -> None:
    def said(words: str, hours: float) -> Fact:
        return fact("leg-weakness", hours, Assertion(AssertionStatus.PRESENT, (), (0, 3), words, (0, 3)))

    was = said("New weakness of the right leg.", 9)
    ward = Ward()
    ward.assess(10, replace(found(), evidence=(was,)))
    ward.assess(12)
    stands = None if now is None else structs.replace(said(now, 8), key=was.key)
    around = replace(AROUND, taken_back=(TakenBack(was, stands),))
    document = render_alert(ward.only, TEXT, around)
    (told,), (pair,) = document["evidence"], document["taken_back"]
    assert (told["sentence"] != "", pair["was"]["sentence"] != "") == (is_shown, is_shown)
    assert ("note" in told, told["value"]) == (is_shown, "present")
    assert pair["now"] is None or pair["now"]["sentence"] == now


def test_a_visit_brings_its_reason_as_it_was_written_and_a_discharge_none() -> None:
    came = EncounterValue("emergency", "V2", "Weak legs since this morning")
    evidence = render_evidence(fact("encounter", 96, came, qualifiers=("weakness",)), at(0))
    assert (evidence["value"], evidence["qualifiers"]) == ("emergency", ["weakness"])
    assert evidence["sentence"] == "Weak legs since this morning"
    assert (
        render_evidence(fact("discharge", 8, EncounterValue("inpatient", "V1", "home")), at(0))["sentence"]
        == ""
    )


def test_the_replay_line_gives_the_final_state_and_the_history() -> None:
    ward = open_alert()
    ward.assess(12)
    line = replay_line(ward.only, (PATIENT,), visible_history(ward.log))
    assert list(line) == [
        *("patient", "rule", "severity", "state", "status", "paged"),
        *("lp_at", "effective_at", "raised_at", "updated_at", "evidence", "history"),
    ]
    assert (line["state"], line["paged"], line["status"]) == ("withdrawn", True, "draft")
    assert [entry["state"] for entry in line["history"]] == ["raised", "withdrawn"]
    assert line["history"][1]["reason"] == "evidence withdrawn"


def test_a_withdrawal_shows_what_was_told_last_and_not_what_was_kept_since() -> None:
    ward = open_alert()
    ward.assess(12, replace(found(), evidence=(temperature(11, 38.6), temperature(10, 38.4))))
    ward.assess(13)
    shown = render_alert(ward.only, TEXT, AROUND)
    assert [item["value"] for item in shown["evidence"]] == [38.4]
    assert shown["lp"]["hours_at_evidence"] == 10.0


def test_an_alert_that_stands_shows_what_is_known_now() -> None:
    ward = open_alert()
    ward.assess(12, replace(found(), evidence=(temperature(10, 38.4), temperature(11, 38.6))))
    assert [item["value"] for item in render_alert(ward.only, TEXT, AROUND)["evidence"]] == [38.4, 38.6]


def test_hours_at_the_evidence_are_clinical_also_for_a_late_result() -> None:
    late = replace(found(), evidence=(csf(0.2),), effective_ms=at(0.2), latest_ms=at(40))
    ward = Ward()
    ward.assess(40, late)
    document = render_alert(ward.only, TEXT, AROUND)
    assert document["lp"]["hours_at_evidence"] == 0.2
    assert document["latest_evidence_at"] == "2026-01-07T00:00:00Z"


def test_a_gap_is_as_late_as_it_fell_due() -> None:
    due = replace(found(), evidence=(temperature(1, 36.8),), effective_ms=at(8.5), latest_ms=at(8.5))
    ward = Ward()
    ward.assess(9, due)
    assert render_alert(ward.only, TEXT, AROUND)["lp"]["hours_at_evidence"] == 8.5


def test_circumstances_stand_beside_the_evidence_and_repeat_none_of_it() -> None:
    cells, fever = csf(0.2, 3), temperature(10, 38.4)
    around = replace(
        AROUND, circumstances=(Beside("CSF results so far", (cells, fever)), Beside("X", (fever,)))
    )
    (shown,) = render_alert(open_alert().only, TEXT, around)["circumstances"]
    assert (shown["title"], [item["concept"] for item in shown["evidence"]]) == (
        "CSF results so far",
        ["csf-wbc"],
    )


def test_a_patient_who_left_is_not_observed_since() -> None:
    around = replace(AROUND, whereabouts=Whereabouts(unobserved_since_ms=at(6)))
    location = render_alert(open_alert().only, TEXT, around)["location"]
    assert location["remark"] == "discharged; not observed since 2026-01-05T14:00:00Z"
    assert location["not_observed_since"] == "2026-01-05T14:00:00Z"


def test_a_patient_in_the_house_is_observed() -> None:
    location = render_alert(open_alert().only, TEXT, AROUND)["location"]
    assert (location["remark"], location["not_observed_since"]) == ("unit not known", None)


def test_circumstances_do_not_repeat_what_the_context_shows() -> None:
    needle = fact("needle-gauge", 0, Quantity(18, "{gauge}"))
    context = replace(found("needle-context", 0, Severity.INFO), evidence=(needle,))
    around = replace(AROUND, others=(context,), circumstances=(Beside("Needle", (needle,)),))
    document = render_alert(open_alert().only, TEXT, around)
    assert [entry["rule"] for entry in document["context"]] == ["needle-context"]
    assert document["circumstances"] == []
