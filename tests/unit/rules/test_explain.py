"""Why a rule holds, and why not."""

from __future__ import annotations

import json

from tests.unit.correlate.facts import Coded, at, born, csf, fact, finding, puncture, stay, temperature
from tests.unit.rules.pack import evaluations
from worker.model.fact import Assertion, AssertionStatus, Fact, Quantity
from worker.rules.evaluate import Evaluation
from worker.rules.explain import explain_document, explain_lines

ADULT = born(365 * 40)


def told(rule: str, *facts: Fact, **options: float) -> Evaluation:
    found = evaluations([puncture(0), ADULT, *facts], **options)  # type: ignore[arg-type] # passes options on
    return next(each for each in found if each.rule.id == rule)


def test_why_shows_what_decided() -> None:
    lines = explain_lines(told("fever-single", temperature(4, 37.1), temperature(10, 38.4), as_of=20))
    assert lines == [
        "fever-single v1: holds, urgent (Single febrile temperature after the LP)",
        "  yes reading of body-temperature from 0 h to 168 h after the LP: 1 of 2 in the window",
        "    yes body-temperature 38.4 Cel at +10 h",
        "      yes febrile",
        "        yes any",
        "          yes above 38 Cel: 38.4 Cel",
        "          no  all",
        "            yes at least 38 Cel: 38.4 Cel",
        "            no  young-infant",
        "              no  age below 90 d: 39 years at the LP",
        "      yes unless: febrile before the LP, and not clearly higher in the first day after it: not suppressed",
        "        no  all",
        "          yes below 24 h after the LP: at +10 h",
        "          ?   not",
        "            ?   rise at least 1 Cel over the highest baseline value: no baseline value",
        "          no  before the LP: febrile: no baseline value",
        "  no  raise to emergent: Infant under 90 days.",
        "  says: no baseline recorded - may predate the LP",
        "  its alert expires at 2026-01-12T08:00:00Z",
    ]


def test_why_shows_the_sentence_of_a_note_with_its_words_marked() -> None:
    said = Assertion(AssertionStatus.PRESENT, (), (6, 10), "Feels numb below.", (6, 10))
    lines = explain_lines(told("new-numbness", fact("numbness", 10, said), as_of=20))
    assert "  in a note: numbness: Feels «numb» below." in lines
    assert not any("in a note" in line for line in explain_lines(told("new-numbness", as_of=20)))


def test_why_names_what_raised_it_and_what_did_not() -> None:
    culture, hot = fact("blood-culture", 10, Coded("positive")), temperature(12, 38.9)
    lines = explain_lines(told("blood-culture-positive", culture, hot, as_of=20))
    assert lines[0] == (
        "blood-culture-positive v1: holds, emergent, by itself urgent (Blood culture around the LP positive)"
    )
    start = lines.index("  yes raise to emergent: Fever around the LP.")
    assert lines[start + 1 : start + 4] == [
        "    yes any",
        "      yes reading of body-temperature from -24 h to 168 h after the LP: 1 of 1 in the window",
        "        yes body-temperature 38.9 Cel at +12 h",
    ]
    assert "  ?   raise to emergent: Back pain around the LP." in lines
    weighed = explain_document(told("blood-culture-positive", culture, hot, as_of=20))["weighed"]
    assert [(each["effect"], each["says"], each["holds"]) for each in weighed] == [
        ("raise to emergent", "Fever around the LP.", "true"),
        ("raise to emergent", "Back pain around the LP.", "unknown"),
    ]


def test_what_is_weighed_is_of_the_hit_that_decided() -> None:
    held = told("csf-cells", csf(0.2, 12), csf(0.4, 150, key="second tube"))
    raised = [each.trace.truth.value for each in held.weighed if each.effect == "raise to emergent"]
    assert raised == ["true"], "of 12 cells it would be false"
    assert told("csf-cells", csf(0.2, 2)).weighed == ()


def test_why_not_shows_the_nearest_reading() -> None:
    text = "\n".join(explain_lines(told("fever-single", temperature(4, 37.9), temperature(10, 37.1))))
    assert "does not hold" in text
    assert "no  body-temperature 37.9 Cel at +4 h" in text
    assert "no  body-temperature 37.1 Cel at +10 h" in text


def test_why_not_shows_what_suppressed() -> None:
    text = "\n".join(explain_lines(told("fever-single", temperature(-3, 39), temperature(3, 38.9))))
    assert (
        "unless: febrile before the LP, and not clearly higher in the first day after it: suppressed" in text
    )
    assert "drop" not in text


def test_why_not_says_that_there_is_no_data() -> None:
    assert explain_lines(told("csf-cells", as_of=5))[:2] == [
        "csf-cells v2: cannot tell (White cells in the CSF above the limit for age)",
        "  ?   reading of csf-wbc from -6 h to 6 h after the LP: no data",
    ]


def test_a_correction_for_red_cells_is_shown() -> None:
    red = fact("csf-rbc", 0.2, Quantity(9000, "/uL"))
    text = "\n".join(explain_lines(told("csf-cells", csf(0.2, 12), red)))
    assert "3 after csf-rbc 9000 /uL at +0.2 h" in text


def test_a_gap_waits_for_the_feeds() -> None:
    text = "\n".join(explain_lines(told("no-temp-6h", stay(-1), as_of=9, consumed=5)))
    assert "due at +7.5 h, but the feeds are not read up to then yet" in text
    assert "waits for the feeds up to 2026-01-05T15:30:00Z" in text


def test_a_gap_that_falls_due_later_may_change_the_answer() -> None:
    text = "\n".join(explain_lines(told("no-temp-6h", stay(-1), as_of=2)))
    assert "may change by time alone at 2026-01-05T15:30:00Z" in text


def test_gaps_are_told_in_words() -> None:
    def last(*facts: Fact, as_of: float) -> str:
        return told("no-temp-6h", *facts, as_of=as_of).trace.reason

    assert last(stay(-1), as_of=8) == "none for 6 h after lumbar-puncture completed at +0 h"
    assert last(stay(-1), as_of=2) == "not due before +7.5 h"
    assert last(as_of=2) == "no stay or visit on file in the window"
    assert last(stay(-1, "outpatient"), as_of=9).startswith("every gap was closed in time, or no")


def test_the_document_is_json() -> None:
    evaluation = told("altered-consciousness", finding("confusion", 9))
    document = json.loads(json.dumps(explain_document(evaluation)))
    assert document["holds"] == "true"
    assert document["severity"] == "emergent"
    assert document["lp_at"] == "2026-01-05T08:00:00Z"
    assert document["remarks"] == ["no baseline recorded - may predate the LP"]
    confusion = document["trace"]["children"][3]["facts"][0]
    assert (confusion["concept"], confusion["value"]) == ("confusion", "present")
    assert evaluation.next_change_at_ms == at(720) or document["next_change_at"] is None


def test_why_tells_that_a_rule_opens_no_alert_and_what_the_patient_may_be_told() -> None:
    sore = told("expected-course", fact("back-pain-score", 20, Quantity(2, "{score}")))
    lines = explain_lines(sore)
    assert lines[:2] == [
        "expected-course v1: holds, info (Expected course after the LP)",
        "  opens no alert",
    ]
    assert lines[2].startswith("  for the patient: A mild headache")
    document = explain_document(sore)
    assert (document["opens_alert"], len(document["education"])) == (False, 2)
