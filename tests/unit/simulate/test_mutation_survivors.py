"""The list of survivors: it must be right both ways."""

from __future__ import annotations

import pytest

from worker.model.errors import PackError
from worker.simulate.mutation.survivors import NONE, check_survivors, parse_survivors

LIST = """\
survivors:
- {mutant: "fever window.to: to -> before", why: "an end that no reading can meet"}
"""


def test_a_survivor_without_a_reason_is_a_problem() -> None:
    (problem,) = check_survivors(NONE, ["fever window.to: to -> before"], [])
    assert "no vignette notices" in problem


def test_a_listed_survivor_is_none() -> None:
    assert check_survivors(parse_survivors(LIST, "list.yaml"), ["fever window.to: to -> before"], []) == ()


def test_one_that_is_noticed_by_now_must_leave_the_list() -> None:
    (problem,) = check_survivors(parse_survivors(LIST, "list.yaml"), [], ["fever window.to: to -> before"])
    assert problem.startswith("list.yaml:2:3: 'fever window.to: to -> before' does not survive any more")


def test_one_that_is_gone_must_leave_the_list() -> None:
    (problem,) = check_survivors(parse_survivors(LIST, "list.yaml"), [], [])
    assert "there is no mutant" in problem


def test_entries_about_rules_that_were_not_asked_for_are_left_alone() -> None:
    assert check_survivors(parse_survivors(LIST, "list.yaml"), [], [], {"rash"}) == ()
    assert len(check_survivors(parse_survivors(LIST, "list.yaml"), [], [], {"fever"})) == 1


def test_an_entry_needs_a_reason_and_stands_once() -> None:
    with pytest.raises(PackError, match="why"):
        parse_survivors("survivors: [{mutant: fever a}]", "list.yaml")
    with pytest.raises(PackError, match="stands twice"):
        parse_survivors(LIST + LIST.splitlines()[1], "list.yaml")
