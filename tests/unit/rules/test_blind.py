"""Where the rules of an LP are blind: silence, staleness, discharge, what was set aside; by instants, not by the present."""

from __future__ import annotations

from tests.unit.correlate.facts import at, fact, puncture, puncture_on, stay, temperature
from tests.unit.rules.pack import book_of, default_book, evaluations, rule_text
from worker.model.fact import Comparator, Fact, PunctureStatus, Quantity
from worker.model.message import IssueKind, Unused
from worker.rules.blind import Blindness, BlindSpot, at_instant, blind_spots, is_watched
from worker.rules.rule import RuleBook

WATCHED = """
expected:
  temperature:
    title: a temperature
    of: [body-temperature]
    within: {value: 12, unit: h, house_choice: "a lead"}
  cells:
    title: the cell count
    of: [csf-wbc]
    once: true
    within: {value: 24, unit: h, house_choice: "a lead"}
  notes:
    title: a note
    of: [note]
    within: {value: 24, unit: h, house_choice: "a lead"}
"""
FEVER = rule_text(
    "reading: {of: [body-temperature], where: {above: $t}}", "t: {value: 38, unit: Cel, house_choice: a}"
)
CELLS = rule_text(
    "reading: {of: [csf-wbc], where: {above: $n}}",
    "n: {value: 5, unit: /uL, house_choice: a}",
    rule_id="cells",
)
WEAK = rule_text("finding: {of: [leg-weakness]}", rule_id="weak")
INPATIENT = stay(-5)


def book(*rules: str) -> RuleBook:
    return book_of(*rules, definitions=WATCHED)


def spots(
    *facts: Fact, rules: tuple[str, ...] = (FEVER,), as_of: float = 30, unused: tuple[Unused, ...] = ()
) -> tuple[BlindSpot, ...]:
    made = book(*rules)
    found = evaluations(facts, made, as_of=as_of)
    return at_instant(blind_spots(found, made.expected, unused), at(as_of))


def kinds(*facts: Fact, **options: object) -> list[tuple[str, float]]:
    found = spots(*facts, **options)  # type: ignore[arg-type] # passes options on
    return [(spot.kind.value, (spot.since_ms - at(0)) / 3_600_000) for spot in found]


def aside(hours: float, kind: IssueKind, subject: str) -> Unused:
    return Unused(at(hours), "ward", kind, subject)


def test_an_input_that_never_came_is_silent_from_when_it_was_expected() -> None:
    assert kinds(puncture(0), INPATIENT, as_of=11.9) == []
    assert kinds(puncture(0), INPATIENT, as_of=12) == [("silent", 12)]


def test_a_reading_from_before_the_lp_is_no_observation_and_tells_the_feed() -> None:
    (spot,) = spots(puncture(0), INPATIENT, temperature(-1, 37))
    assert (spot.kind, spot.feed) == (Blindness.SILENT, "feed")
    assert spot.last is not None
    assert spot.rules == ("tested",)


def test_an_input_that_came_once_is_stale_after_that() -> None:
    assert kinds(puncture(0), INPATIENT, temperature(10, 37), as_of=21.9) == []
    assert kinds(puncture(0), INPATIENT, temperature(10, 37), as_of=22) == [("stale", 22)]


def test_a_rule_that_holds_is_not_blind() -> None:
    assert kinds(puncture(0), INPATIENT, temperature(1, 39)) == []


def test_a_rule_outside_its_window_is_not_blind() -> None:
    assert kinds(puncture(0), INPATIENT, as_of=100) == [("silent", 12)]
    assert kinds(puncture(0), INPATIENT, as_of=100.01) == []


def test_a_shadow_rule_is_nobodys_eye() -> None:
    shadow = FEVER.replace("status: draft", "status: shadow")
    assert kinds(puncture(0), INPATIENT, rules=(shadow,)) == []


def test_one_result_is_enough_where_one_is() -> None:
    assert kinds(puncture(0), INPATIENT, rules=(CELLS,)) == [("silent", 24)]
    assert (
        kinds(puncture(0), INPATIENT, fact("csf-wbc", 0.1, Quantity(2, "/uL")), rules=(CELLS,), as_of=90)
        == []
    )


RESULT = rule_text(
    "reading: {of: [csf-wbc], where: {above: $n}}",
    "n: {value: 5, unit: /uL, house_choice: a}\nlate: {value: 90, unit: h, house_choice: a}",
    rule_id="cells",
    more="lasts: $late",
).replace("value: 100", "value: 6")


def test_a_result_of_the_lp_is_awaited_as_long_as_an_alert_on_it_would_last() -> None:
    assert kinds(puncture(0), INPATIENT, rules=(RESULT,), as_of=23.9) == []
    assert kinds(puncture(0), INPATIENT, rules=(RESULT,), as_of=24) == [("silent", 24)]
    assert kinds(puncture(0), INPATIENT, rules=(RESULT,), as_of=90.1) == []


def test_a_result_of_the_lp_is_awaited_wherever_the_patient_is() -> None:
    for seen in (stay(-5, end=3), stay(-1, "outpatient")):
        assert kinds(puncture(0), seen, rules=(RESULT,), as_of=30) == [("silent", 24)]


def test_a_result_of_the_lp_that_cannot_be_used_blinds_until_one_comes_that_can() -> None:
    lost = aside(8, IssueKind.MISSING_UNIT, "csf-wbc")
    seen = (puncture(0), INPATIENT)
    assert kinds(*seen, rules=(RESULT,), as_of=20, unused=(lost,)) == [("unmapped", 8)]
    again = fact("csf-wbc", 0.1, Quantity(2, "/uL"), received=15)
    assert kinds(*seen, again, rules=(RESULT,), as_of=20, unused=(lost,)) == []
    older = fact("csf-wbc", 0.1, Quantity(2, "/uL"), received=5)
    assert kinds(*seen, older, rules=(RESULT,), as_of=20, unused=(lost,)) == [("unmapped", 8)]


def test_a_result_of_the_lp_that_decides_nothing_is_told_after_the_hours_of_collection() -> None:
    below = fact("csf-wbc", 0.1, Quantity(8, "/uL", Comparator.BELOW))
    assert kinds(puncture(0), INPATIENT, below, rules=(RESULT,), as_of=40) == [("undecided", 0.1)]


def test_a_code_nobody_mapped_may_be_the_result_that_is_awaited() -> None:
    code = aside(5, IssueKind.UNMAPPED_CODE, "LOCAL|CSFW")
    found = spots(puncture(0), INPATIENT, rules=(RESULT,), as_of=30, unused=(code,))
    assert [(spot.kind, spot.rules) for spot in found] == [
        (Blindness.SILENT, ("cells",)),
        (Blindness.UNMAPPED, ("cells",)),
    ]


def test_a_needle_that_drew_nothing_gives_no_result_to_await() -> None:
    tried = puncture(0, status=PunctureStatus.ATTEMPTED)
    assert kinds(tried, INPATIENT, rules=(RESULT,), as_of=30) == []
    assert kinds(tried, INPATIENT, rules=(RESULT, FEVER), as_of=30) == [("silent", 12)]


def test_the_pack_that_ships_awaits_the_cells_of_each_lp() -> None:
    book = default_book()
    found = evaluations([puncture(0), stay(-5, end=4)], book, as_of=48)
    spots = at_instant(blind_spots(found, book.expected, ()), at(48))
    assert [spot.kind for spot in spots if "csf-cells" in spot.rules] == [Blindness.SILENT]


def test_a_rule_about_findings_needs_notes_or_findings() -> None:
    assert kinds(puncture(0), INPATIENT, rules=(WEAK,)) == [("silent", 24)]
    assert kinds(puncture(0), INPATIENT, fact("note", 20), rules=(WEAK,)) == []


def test_without_a_stay_on_file_the_silence_says_so() -> None:
    (spot,) = spots(puncture(0))
    assert spot.kind is Blindness.SILENT
    assert "no stay or visit is on file" in spot.what


def test_who_left_is_blind_by_that_and_no_more_by_silence() -> None:
    gone = stay(-5, end=20)
    assert kinds(puncture(0), gone, as_of=19) == [("silent", 12)]
    assert kinds(puncture(0), gone, as_of=30) == [("left", 20)]


def test_an_observation_after_the_discharge_is_an_eye_for_a_while() -> None:
    seen = (puncture(0), stay(-5, end=20), temperature(40, 37))
    assert kinds(*seen, as_of=51.9) == []
    assert kinds(*seen, as_of=52) == [("left", 52)]


def test_a_rule_that_needs_nobody_to_look_watches_who_left() -> None:
    """It asks for visits; what somebody stated beside one only adds to it. The other needs a statement."""
    beside = "near: {of: [leg-weakness], within: $t, where: {asserted: [present]}}"
    either = f"any: [{{with: [fever]}}, {{{beside}}}]"
    hour = "t: {value: 1, unit: h, house_choice: a}"
    comes, stated = (
        rule_text(f"reading: {{of: [encounter], where: {{answer: [emergency], {also}}}}}", hour, rule_id=name)
        for name, also in (("comes", either), ("stated", beside))
    )
    gone = stay(-5, end=20)
    (spot,) = spots(puncture(0), gone, rules=(comes, stated, WEAK))
    assert (spot.kind, spot.rules) == (Blindness.LEFT, ("stated", "weak"))
    assert kinds(puncture(0), gone, rules=(comes,)) == []
    (visit,) = spots(puncture(0), stay(-1, "outpatient"), rules=(comes, stated))
    assert (visit.kind, visit.rules) == (Blindness.LEFT, ("stated",))


def test_a_rule_that_asks_another_is_blind_with_it() -> None:
    asks = rule_text("rule: weak", rule_id="asks")
    negates = rule_text("not: {rule: weak}", rule_id="negates")
    (spot,) = spots(puncture(0), stay(-5, end=20), rules=(WEAK, asks, negates))
    assert spot.rules == ("asks", "weak")


def test_of_the_pack_that_ships_returns_and_cultures_need_nobody_to_look() -> None:
    pack = default_book()
    charted = [each for each in pack.expected if not each.is_once]
    read = frozenset().union(*(each.needed_by for each in charted))
    unseen = {rule.id for rule in pack.rules if rule.inputs & read and not rule.needs_observation}
    assert unseen == {"return-after-lp", "blood-culture-positive", "nsaid-caution"}
    assert not any(each.rules & unseen for each in charted)


def test_an_lp_is_watched_while_a_rule_that_is_told_is_in_its_window() -> None:
    shadow = FEVER.replace("status: draft", "status: shadow")

    def watched(as_of: float, rule: str = FEVER) -> bool:
        return is_watched(evaluations([puncture(0), temperature(1, 39)], book(rule), as_of=as_of), at(as_of))

    assert [watched(hours) for hours in (-0.01, 0, 50, 100, 100.01)] == [False, True, True, True, False]
    assert not watched(50, shadow)


def test_who_came_back_is_expected_to_be_observed_from_then() -> None:
    back = (puncture(0), stay(-5, end=20), stay(60))
    assert kinds(*back, as_of=71.9) == []
    assert kinds(*back, as_of=72) == [("silent", 72)]


def test_a_visit_to_a_clinic_ends_by_itself() -> None:
    visit = stay(-1, "outpatient")
    assert kinds(puncture(0), visit) == [("left", 12)]


def test_a_value_set_aside_blinds_the_rules_of_its_concept() -> None:
    seen = (puncture(0), INPATIENT, temperature(24, 37))
    lost = aside(25, IssueKind.MISSING_UNIT, "body-temperature")
    assert kinds(*seen, unused=(lost,)) == [("unmapped", 25)]
    assert kinds(*seen, temperature(29, 37), unused=(lost,)) == []
    untimed = aside(25, IssueKind.BAD_TIME, "body-temperature: OBX-14: not readable")
    assert kinds(*seen, unused=(untimed,)) == [("unmapped", 25)]
    assert kinds(*seen, unused=(aside(25, IssueKind.MISSING_UNIT, "crp"),)) == []
    assert kinds(*seen, unused=(aside(-5, IssueKind.MISSING_UNIT, "body-temperature"),)) == []


def test_a_code_nobody_mapped_may_be_the_silent_input() -> None:
    code = aside(5, IssueKind.UNMAPPED_CODE, "LOCAL|TMP2")
    assert kinds(puncture(0), INPATIENT, unused=(code,)) == [("silent", 12), ("unmapped", 12)]
    heard = (puncture(0), INPATIENT, temperature(28, 37))
    assert kinds(*heard, unused=(code,)) == []


def test_notes_that_cannot_be_read_are_told() -> None:
    text = aside(5, IssueKind.UNREADABLE_TEXT, "document")
    heard = (puncture(0), INPATIENT, temperature(28, 37))
    assert kinds(*heard, unused=(text,)) == [("unreadable", 5)]


def test_a_value_that_decides_nothing_is_told_with_its_fact() -> None:
    below = fact("body-temperature", 25, Quantity(39, "Cel", Comparator.BELOW))
    (spot,) = spots(puncture(0), INPATIENT, below)
    assert (spot.kind, spot.last) == (Blindness.UNDECIDED, below)


def test_an_lp_of_unknown_time_is_told() -> None:
    day_only = puncture_on(0)
    found = spots(day_only, stay(-20), temperature(20, 37), temperature(28, 37), as_of=30)
    assert [spot.kind for spot in found] == [Blindness.LP_TIME]


def test_the_pack_that_ships_expects_what_its_rules_read() -> None:
    pack = default_book()
    read = frozenset().union(*(rule.inputs for rule in pack.rules))
    for each in pack.expected:
        assert each.needed_by & read, each.title
        assert each.within_ms > 0
