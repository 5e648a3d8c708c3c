"""What is said of one visit bit by bit is one visit."""

from __future__ import annotations

from itertools import permutations

from msgspec.structs import replace

from tests.unit.correlate.facts import Group, at, fact, stay
from worker.correlate.visits import settle_visits
from worker.model.fact import LEFT, PLANNED, STAYED, UNANNOUNCED, UNPLANNED, EncounterValue, Fact


def told(
    hours: float,
    reason: str = "",
    *,
    said: float | None = None,
    dated: bool = False,
    kind: str = "emergency",
    visit: str = "V2",
    qualifiers: tuple[str, ...] = (),
) -> Fact:
    """Build what one message says of a visit: stated at `said`, about an event or admission of `hours`."""
    base = f"feed|visit|{visit}|encounter"
    name = f"{base}|{'reason' if reason else 'stay'}"
    major = at(hours if said is None else said)
    return fact(
        "encounter",
        hours,
        EncounterValue(kind, visit, reason),
        key=(base if reason else name) if dated else f"{name}|{at(hours)}",
        major=major,
        group=Group(base, (major, 2), replaces=False),
        origin="PV1-44" if dated else "EVN-2",
        qualifiers=qualifiers,
    )


def update(hours: float, reason: str = "fever", **more: object) -> Fact:
    return told(hours, reason, qualifiers=(reason, UNANNOUNCED), **more)  # type: ignore[arg-type] # passes options on


def settled(*facts: Fact) -> list[tuple[object, ...]]:
    """Say when each visit began, its class, its reason and what else is said of it: the same in any order."""
    found = {
        tuple(
            sorted(
                (
                    fact.effective.start_ms,
                    fact.value.encounter_class,
                    fact.value.reason,
                    fact.qualifiers,
                    fact.source,
                )
                for fact in settle_visits(order)
                if isinstance(fact.value, EncounterValue)
            )
        )
        for order in permutations(facts)
    }
    (only,) = found
    return [((start - at(0)) / 3_600_000, *rest) for start, *rest, _ in only]


def mark(hours: float, which: str) -> Fact:
    told_ = told(hours, kind="unknown", qualifiers=(which,))
    return replace(told_, key=told_.key.replace("|stay|", f"|{which}|"))


def test_a_number_that_is_used_again_after_the_patient_left_is_another_visit() -> None:
    first, second = told(2, "review"), told(30, "fever", qualifiers=("fever",))
    begun = [(2, "emergency", "review", ()), (30, "emergency", "fever", ("fever",))]
    assert settled(first, mark(15, LEFT), second) == begun
    assert settled(first, mark(15, LEFT), second, mark(34, LEFT)) == begun
    assert settled(told(2, "review", dated=True), mark(15, LEFT), second) == begun
    assert settled(first, mark(15, LEFT), told(30), update(31)) == begun
    (one, two) = settle_visits([first, mark(15, LEFT), second])
    assert (one.effective.end_ms, two.effective.end_ms) == (at(15), None)
    assert one.key != two.key


def test_who_left_and_of_whom_only_an_update_tells_is_not_back() -> None:
    assert [stay[:3] for stay in settled(told(2), mark(15, LEFT), update(40))] == [(2, "emergency", "fever")]


def test_a_discharge_that_was_taken_back_parts_no_visits() -> None:
    again = told(30, "fever", qualifiers=("fever",))
    taken_back = (told(2), mark(15, LEFT), mark(16, STAYED), again)
    assert [stay[:3] for stay in settled(*taken_back)] == [(2, "emergency", "fever")]
    assert [stay[:3] for stay in settled(*taken_back, mark(20, LEFT))] == [
        (2, "emergency", ""),
        (30, "emergency", "fever"),
    ]


def test_who_left_and_of_whom_nothing_else_is_known_was_at_no_visit() -> None:
    assert settled(mark(15, LEFT)) == []


def test_visits_that_are_told_whole_stay_as_they_are() -> None:
    facts = [stay(-5), stay(20, "emergency", "V2")]
    assert settle_visits(facts) is facts


def test_a_reason_has_the_time_of_the_admission_it_belongs_to() -> None:
    assert settled(told(20, dated=True), update(26)) == [(20, "emergency", "fever", ("fever",))]
    assert settled(told(20), update(26)) == [(20, "emergency", "fever", ("fever",))]


def test_an_admission_time_counts_as_it_was_stated_last() -> None:
    assert settled(told(3), told(20, said=21, dated=True), update(26))[0][0] == 20


def test_an_admission_that_is_told_again_without_its_time_does_not_move() -> None:
    assert settled(told(-20), told(15), update(26))[0][0] == -20


def test_a_reason_counts_until_another_is_given_and_speaks_from_where_it_was_first_said() -> None:
    first, again = update(26), update(40)
    (fact,) = settle_visits([told(20), again, first])
    assert fact.source == first.source
    assert settled(told(20, "fever", dated=True), update(26, "ankle"), told(30))[0][2] == "ankle"


def test_the_last_class_that_is_known_counts() -> None:
    assert settled(told(20), update(26), told(27, kind="inpatient"))[0][1] == "inpatient"
    assert settled(told(20), update(26, kind="unknown"))[0][1] == "emergency"


def test_that_a_visit_was_planned_is_kept() -> None:
    assert settled(told(20, qualifiers=("planned",)), update(26))[0][3] == ("fever", "planned")


def test_whether_a_visit_was_planned_counts_as_it_was_said_last() -> None:
    planned, other = (PLANNED,), (UNPLANNED,)
    whole = told(20, "fever", said=26, dated=True, qualifiers=("fever", UNPLANNED))
    assert settled(told(20, dated=True, qualifiers=planned), whole)[0][3] == ("fever",)
    assert settled(told(20, qualifiers=other), told(26, "fever", qualifiers=("fever", *planned)))[0][3] == (
        "fever",
        "planned",
    )
    assert settled(told(20, "review", qualifiers=planned), update(26), update(28))[0][3] == (
        "fever",
        "planned",
    )
    assert settled(whole)[0][3] == ("fever",)


def test_a_reason_of_the_admission_is_not_said_first_by_an_update() -> None:
    admission, again = told(20, "fever", qualifiers=("fever",)), update(26)
    (fact,) = settle_visits([again, admission])
    assert fact.source == admission.source


def test_an_update_alone_is_a_visit_only_after_another_one() -> None:
    assert settled(update(26)) == []
    assert settled(update(26), stay(30, visit="V3")) == [(30, "inpatient", "", ())]
    assert settled(update(26), update(40), stay(-5))[1] == (26, "emergency", "fever", ("fever",))


def test_an_update_alone_begins_with_the_encounter_of_its_number() -> None:
    record = replace(stay(-5, visit="V2", end=30), key="ehr|Encounter|7")
    assert settled(record, update(26)) == [
        (-5, "emergency", "fever", ("fever",)),
        (-5, "inpatient", "", ()),
    ]
