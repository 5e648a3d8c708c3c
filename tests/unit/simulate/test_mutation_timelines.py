"""Random timelines with which the reasons of survivors are doubted."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import islice
from typing import cast

from worker.rules.library import FINDING, Term
from worker.simulate.mutation.timelines import Ground, Timeline, timelines
from worker.simulate.vignettes import parse_vignettes

GROUND = Ground(
    {
        "anticoagulant": Term("medication"),
        "body-temperature": Term("quantity", "Cel", (25.0, 45.0)),
        "confusion": Term(FINDING),
        "csf-culture": Term("code", values=frozenset({"positive", "negative"})),
        "encounter": Term("encounter"),
        "heart-rate": Term("quantity", "/min", (20.0, 300.0)),
        "lumbar-puncture": Term("procedure"),
        "note": Term("note"),
    },
    (-876_000.0, 0.0, 6.0, 168.0),
    {"Cel": (37.9, 38.0, 38.1)},
)


def _facts(timeline: Timeline) -> list[Mapping[str, object]]:
    return cast("list[Mapping[str, object]]", timeline["facts"])


def _some(seed: int = 1) -> list[Timeline]:
    return list(islice(timelines(GROUND, seed), 60))


def test_a_seed_gives_the_same_timelines_again() -> None:
    assert _some() == _some()
    assert _some() != _some(seed=2)


def test_every_timeline_can_be_a_vignette() -> None:
    vignettes = parse_vignettes({"timelines": json.dumps({"scenarios": _some()})})
    assert len(vignettes) == 60
    assert all(vignette.finds == frozenset() for vignette in vignettes)


def test_timelines_hold_every_sort_of_fact_that_the_rules_read_and_no_other() -> None:
    facts = [fact for timeline in _some() for fact in _facts(timeline)]
    assert {fact["c"] for fact in facts} == GROUND.terms.keys() - {"confusion"}
    said = [
        cast("list[Mapping[str, object]]", fact["extract"])[0]["f"] for fact in facts if fact["c"] == "note"
    ]
    assert set(said) == {"confusion"}


def test_values_lie_near_the_numbers_of_the_rules_or_else_at_the_ends_of_what_is_plausible() -> None:
    facts = [fact for timeline in _some() for fact in _facts(timeline)]
    values = {
        name: {fact["v"] for fact in facts if fact["c"] == name}
        for name in ("body-temperature", "heart-rate")
    }
    assert values == {"body-temperature": {37.9, 38.0, 38.1}, "heart-rate": {20.0, 300.0}}


def test_times_lie_within_an_hour_of_those_of_the_rules() -> None:
    for timeline in _some():
        facts = _facts(timeline)
        lps = [cast("float", fact["t"]) for fact in facts if fact["c"] == "lumbar-puncture"]
        for fact in facts:
            apart = [cast("float", fact["t"]) - lp for lp in lps]
            assert any(abs(one - hour) <= 1 for one in apart for hour in GROUND.hours[1:]), "or before birth"


def test_rules_that_read_nothing_that_can_be_written_give_no_timeline() -> None:
    assert list(timelines(Ground({"note": Term("note")}, (0.0,), {}), 1)) == []
