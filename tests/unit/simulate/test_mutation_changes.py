"""What a mutation check changes: every number, operator, window, join, list and clause, one at a time."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from worker.simulate.mutation.clause_changes import clause_changes, window_changes
from worker.simulate.mutation.edits import Change, apply, compact
from worker.simulate.mutation.number_changes import step_of
from worker.simulate.mutation.rule_changes import rule_changes, shared_changes

SHARED = {"at_lp": {"value": 0, "unit": "h"}}


def _results(changes: Iterable[Change], data: object) -> set[str]:
    return {compact(apply(data, change.edits)) for change in changes}


@pytest.mark.parametrize(
    ("value", "unit", "step"),
    [
        (38.0, "Cel", "0.1"),
        (38, "Cel", "0.1"),
        (168, "h", "1"),
        (2160, "h", "24"),
        (90, "min", "5"),
        (7, "{score}", "1"),
        (1.4, "1", "0.1"),
        (0.25, "1", "0.01"),
        (1000, "1", "100"),
        (57, "d", "1"),
    ],
)
def test_a_number_moves_by_a_step_that_fits_its_unit(value: float, unit: str, step: str) -> None:
    assert str(step_of(value, unit)) == step or float(step_of(value, unit)) == float(step)


@pytest.mark.parametrize(
    ("clause", "changed"),
    [
        ({"above": "$a"}, "{at_least: $a}"),
        ({"gap": {"at_most": "$a"}}, "{gap: {below: $a}}"),
        ({"any": [{"is": "a"}, {"is": "b"}]}, "{all: [{is: a}, {is: b}]}"),
        ({"any": [{"is": "a"}, {"is": "b"}]}, "{any: [{is: b}]}"),
        ({"is": "a", "not": {"is": "b"}}, "{all: [{is: a}, {is: b}]}"),
        ({"is": "a", "not": {"above": "$b"}}, "{is: a, above: $b}"),
        ({"is": "a", "above": "$b"}, "{above: $b}"),
        ({"all": [{"is": "a"}, {"is": "b"}], "any": [{"is": "c"}, {"is": "d"}]}, None),
        ({"answer": ["positive", "reactive"]}, "{answer: [positive]}"),
        ({"since_lp": {"below": "$a"}}, "{since_series: {below: $a}}"),
        ({"near": {"of": ["x"], "within": "$a"}}, "{preceded_by: {of: [x], gap: {at_most: $a}}}"),
        ({"rise": {"over": "previous", "above": "$a"}}, "{rise: {over: lowest, above: $a}}"),
        ({"finding": {"of": ["x"]}}, "{finding: {of: [x], status: [present]}}"),
        ({"finding": {"of": ["x"]}}, "{finding: {of: [x], status: [present, uncertain, absent, resolved]}}"),
        ({"finding": {"of": ["x"]}}, "{finding: {of: [x], new: false}}"),
        ({"finding": {"of": ["x", "y"]}}, "{finding: {of: [y]}}"),
        ({"finding": {"of": ["x"], "without": ["chronic"]}}, "{finding: {of: [x]}}"),
    ],
)
def test_a_clause_is_changed_in_each_of_its_parts(clause: object, changed: str | None) -> None:
    found = _results(clause_changes(clause, ()), clause)
    if changed is not None:
        assert changed in found
    assert compact(clause) not in found


def test_a_window_opens_and_closes_its_ends_and_counts_from_the_series() -> None:
    window = {"from": "$a", "to": "$b"}
    data = {"window": window}
    assert _results(window_changes(window, ("window",)), data) == {
        "{window: {after: $a, to: $b}}",
        "{window: {from: $a, before: $b}}",
        "{window: {from: $a, to: $b, counts_from: series}}",
    }


def _rule() -> dict[str, object]:
    return {
        "severity": "urgent",
        "window": {"from": "$at_lp", "to": "$end"},
        "params": {
            "end": {"value": 24, "unit": "h"},
            "limit": {"value": 5, "unit": "/uL", "by_age": [{"below": 29, "age_unit": "d", "value": 19}]},
            "high": {"value": 9, "unit": "/uL"},
        },
        "when": {"reading": {"of": ["x"], "where": {"above": "$limit"}}},
        "raise": [{"to": "emergent", "say": "High.", "when": {"above": "$high"}}],
        "folds": ["weaker"],
        "renotify": {"rise": "$high"},
    }


def _places(changes: Iterable[Change]) -> set[str]:
    return {f"{change.place}: {change.says}" for change in changes}


def test_a_rule_is_changed_in_its_numbers_severities_folds_and_what_it_adds() -> None:
    assert {
        "params.end.value: 24 -> 25 h",
        "params.end.value: 24 -> 23 h",
        "window.from: $at_lp 0 -> 1 h",
        "window.from: $at_lp 0 -> -1 h",
        "params.limit.by_age[0].below: 29 -> 30 d",
        "params.limit.by_age[0].value: 19 -> 18",
        "params.limit.by_age[0]: left out: below 29",
        "severity: urgent -> routine",
        "severity: urgent -> emergent",
        "raise[0].to: emergent -> urgent",
        "raise[0]: left out: High.",
        "folds[0]: left out: weaker",
        "renotify: left out",
        "lasts: window -> episode",
    } <= _places(rule_changes(_rule(), SHARED))


def test_a_number_of_several_places_is_changed_at_one_of_them() -> None:
    found = _places(rule_changes(_rule(), SHARED))
    assert "raise[0].when.above: $high 9 -> 10 /uL" in found
    assert "renotify.rise: $high 9 -> 10 /uL" in found
    assert "params.high.value: 9 -> 10 /uL" not in found


def test_a_number_that_nothing_uses_any_more_goes_with_its_clause() -> None:
    rule = _rule()
    del rule["renotify"]
    change = next(one for one in rule_changes(rule, SHARED) if one.place == "raise[0]")
    changed = apply(rule, change.edits)
    assert isinstance(changed, dict)
    assert changed["raise"] == []
    assert set(changed["params"]) == {"end", "limit"}


def test_what_rules_share_is_changed_under_the_name_of_the_definition() -> None:
    data = {
        "params": SHARED,
        "definitions": {
            "febrile": {
                "of": ["t"],
                "params": {"a": {"value": 38.0, "unit": "Cel"}},
                "where": {"above": "$a"},
            }
        },
        "kinds": {"headache": ["positional-headache", "cluster-headache"]},
    }
    found = {(name, change.says) for name, change in shared_changes(data)}
    assert found == {
        ("febrile", "38.0 -> 38.1 Cel"),
        ("febrile", "38.0 -> 37.9 Cel"),
        ("febrile", "above -> at_least"),
        ("kinds", "left out: [positional-headache, cluster-headache]"),
        ("kinds", "left out: positional-headache"),
        ("kinds", "left out: cluster-headache"),
    }
