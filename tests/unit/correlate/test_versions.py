"""What stands among versions of statements."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tests.unit.correlate.facts import OTHER, Group, at, temperature
from worker.correlate.versions import Fold, current_facts
from worker.model.fact import Fact
from worker.model.message import IssueKind

FIRST = temperature(10, 38.4, key="k")
CORRECTED = temperature(10, 37.0, key="k", major=at(12), minor=3)
DELETED = replace(CORRECTED, is_deleted=True, version=replace(CORRECTED.version, major=at(13), minor=4))


def test_the_highest_version_of_a_statement_stands() -> None:
    assert current_facts([FIRST, CORRECTED]).facts == (CORRECTED,)


def test_a_correction_may_arrive_before_its_original() -> None:
    assert current_facts([CORRECTED, FIRST]).facts == (CORRECTED,)


def test_a_deletion_that_arrives_first_removes_what_comes_later() -> None:
    assert current_facts([DELETED, FIRST]).facts == ()


def test_a_final_after_a_cancelled_version_of_older_time_stays_deleted() -> None:
    assert current_facts([FIRST, DELETED, CORRECTED]).facts == ()


def test_a_statement_reinstated_after_its_deletion_stands_again() -> None:
    again = replace(FIRST, version=replace(FIRST.version, major=at(20)))
    assert current_facts([again, DELETED, FIRST]).facts == (again,)


def test_what_two_numbers_say_under_one_key_stands_under_each() -> None:
    other = temperature(10, 37.9, key="k", patient=OTHER)
    assert set(current_facts([FIRST, other]).facts) == {FIRST, other}


def test_what_two_numbers_say_alike_stands_once() -> None:
    again = replace(FIRST, patient=OTHER, version=replace(FIRST.version, major=at(11)))
    assert current_facts([FIRST, again]).facts == current_facts([again, FIRST]).facts == (again,)


@pytest.mark.parametrize("answer", [CORRECTED, DELETED])
def test_what_takes_back_under_one_number_takes_back_under_the_others(answer: Fact) -> None:
    answer = replace(answer, patient=OTHER)
    left = () if answer.is_deleted else (answer,)
    assert current_facts([FIRST, answer]).facts == current_facts([answer, FIRST]).facts == left
    fold = Fold([FIRST])
    assert fold.add([answer]) is None, "a number that was not there before"
    fold = Fold([FIRST, temperature(9, 36.6, patient=OTHER)])
    assert fold.add([answer]) is None, "the key of another number"
    assert fold.add([temperature(11, 36.7, patient=OTHER)]) is not None


def test_an_answer_that_is_older_takes_nothing_back_under_another_number() -> None:
    again = replace(FIRST, patient=OTHER, version=replace(FIRST.version, major=at(20)))
    assert current_facts([DELETED, again]).facts == (again,)
    assert current_facts([CORRECTED, again]).facts == (CORRECTED, again)


def test_a_report_corrected_under_another_number_replaces_the_old_one_as_a_whole() -> None:
    old = [temperature(1, 38.4, key=f"g|{n}", group=Group("g", (1, 2), replaces=False)) for n in range(3)]
    new = temperature(
        1, 37.0, key="g|0", major=at(5), minor=3, group=Group("g", (5, 3), replaces=True), patient=OTHER
    )
    assert current_facts([*old, new]).facts == current_facts([new, *old]).facts == (new,)


def test_a_replacing_message_drops_what_it_does_not_repeat() -> None:
    old = [temperature(1, 38.4, key=f"g|{n}", group=Group("g", (1, 2), replaces=False)) for n in range(3)]
    new = temperature(1, 37.0, key="g|0", major=at(5), group=Group("g", (5, 3), replaces=True))
    assert current_facts([*old, new]).facts == (new,)


def test_an_older_message_of_a_replaced_group_changes_nothing_when_it_arrives_late() -> None:
    old = temperature(1, 38.4, key="g|1", group=Group("g", (1, 2), replaces=True))
    new = temperature(1, 37.0, key="g|0", group=Group("g", (5, 3), replaces=True))
    assert current_facts([new, old]).facts == (new,)


def test_the_same_group_name_of_another_number_is_not_replaced_by_an_ordinary_message() -> None:
    theirs = temperature(1, 38.4, key="n1|1", group=Group("n1", (1, 2), replaces=True), patient=OTHER)
    ours = temperature(1, 37.0, key="n1|0", group=Group("n1", (5, 2), replaces=True))
    assert set(current_facts([theirs, ours]).facts) == {theirs, ours}


def test_two_finals_of_one_time_with_different_content_are_a_tie_that_is_told() -> None:
    rival = temperature(10, 39.9, key="k", major=FIRST.version.major)
    one, other = current_facts([FIRST, rival]), current_facts([rival, FIRST])
    assert one == other
    assert [issue.kind for issue in one.ties] == [IssueKind.VERSION_TIE]


def test_a_tie_that_a_later_version_settles_is_not_told() -> None:
    rival = temperature(10, 39.9, key="k", major=FIRST.version.major)
    assert current_facts([FIRST, rival, CORRECTED]).ties == ()


def test_a_tie_names_no_patient() -> None:
    rival = temperature(10, 39.9, key="order-4711|k", major=FIRST.version.major)
    secret = replace(FIRST, key="order-4711|k")
    (issue,) = current_facts([secret, rival]).ties
    assert "4711" not in repr(issue)
    assert "P-1" not in repr(issue)
