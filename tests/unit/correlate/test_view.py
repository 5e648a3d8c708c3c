"""What the rules see of one lumbar puncture."""

from __future__ import annotations

import pytest

from tests.unit.correlate.facts import T0, at, born, csf, discharge, puncture, stay, temperature
from worker.correlate.episodes import find_episodes
from worker.correlate.index import FactIndex
from worker.correlate.view import NEVER_MS, EpisodeView, build_views
from worker.model.fact import Fact
from worker.model.time import HOUR_MS


def views(*facts: Fact) -> tuple[EpisodeView, ...]:
    return build_views(facts, find_episodes(facts))


def hours(facts: tuple[Fact, ...]) -> list[float]:
    return [(fact.effective.start_ms - T0) / HOUR_MS for fact in facts]


TWO = (puncture(0), puncture(200, key="second"))


def test_a_fact_belongs_to_the_latest_lp_at_or_before_it() -> None:
    first, second = views(*TWO, *(temperature(t, 37) for t in (-1, 0, 199, 200, 201)))
    assert hours(first.readings("body-temperature")) == [0, 199]
    assert hours(second.readings("body-temperature")) == [200, 201]
    assert first.until_ms == at(200)
    assert second.until_ms == NEVER_MS


def test_look_back_reaches_into_the_time_of_the_lp_before() -> None:
    _, second = views(*TWO, *(temperature(t, 37) for t in (100, 195, 206)))
    assert hours(second.before(["body-temperature"], 24 * HOUR_MS)) == [195]
    assert hours(second.between(["body-temperature"], at(90), at(206))) == [100, 195, 206]
    assert hours(second.between(["body-temperature"], at(90), at(206), include_before=False)) == [206]


def test_facts_of_a_later_lp_are_never_seen() -> None:
    first, _ = views(*TWO, temperature(199, 37), temperature(201, 39))
    assert hours(first.between(["body-temperature"], at(0), at(400))) == [199]


def test_several_concepts_come_in_order_of_time_without_repeats() -> None:
    (view,) = views(puncture(0), temperature(2, 37), stay(1), temperature(3, 37))
    seen = view.between(["body-temperature", "encounter", "body-temperature"], at(0), at(9))
    assert hours(seen) == [1, 2, 3]
    assert view.between(["nothing"], at(0), at(9)) == ()


def test_csf_belongs_to_the_nearest_lp_within_six_hours() -> None:
    first, second = views(
        puncture(0), puncture(10, key="second"), csf(-0.3), csf(4.9), csf(5), csf(9, key="x")
    )
    assert hours(first.readings("csf-wbc")) == [-0.3, 4.9]
    assert hours(second.readings("csf-wbc")) == [5, 9]
    assert hours(first.between(["csf-wbc"], at(-6), at(6))) == [-0.3, 4.9]


def test_fluid_from_a_shunt_belongs_to_no_lp() -> None:
    (view,) = views(puncture(0), csf(1, specimen="Shunt CSF"))
    assert view.readings("csf-wbc") == ()


def test_age_is_in_whole_days_at_the_lp() -> None:
    assert views(puncture(0), born(40.5))[0].age_days == 40
    assert views(puncture(0))[0].age_days is None


def test_the_newest_of_two_birth_dates_counts() -> None:
    wrong, right = born(400), born(40)
    (view,) = views(puncture(0), wrong, right)
    assert view.birth == right


def test_an_lp_of_a_series_knows_its_own_start_and_that_of_the_series() -> None:
    _, second = views(puncture(0), puncture(24, key="second"))
    assert (second.anchor_ms, second.episode.series_start_ms) == (at(24), at(0))


def test_the_stay_that_covers_an_instant_is_found() -> None:
    emergency, ward = stay(-3, "emergency", "V0"), stay(-1, "inpatient", "V1")
    (view,) = views(puncture(0), emergency, ward, discharge(-1, "V0"), discharge(11, "V1"))
    before = view.encounter_at(at(-2))
    during = view.encounter_at(at(0))
    assert before is not None
    assert during is not None
    assert (before.encounter_class, during.encounter_class) == ("emergency", "inpatient")
    assert view.encounter_at(at(11)) is None
    assert view.encounter_at(at(-9)) is None
    assert view.discharged_at == at(11)


def test_a_stay_without_an_end_goes_on() -> None:
    (view,) = views(puncture(0), stay(-1))
    assert view.encounter_at(at(999)) is not None
    assert view.discharged_at is None


def test_a_stay_ends_at_its_own_end() -> None:
    (view,) = views(puncture(0), stay(-1, end=5))
    assert view.encounter_at(at(5)) is None
    assert view.discharged_at == at(5)


@pytest.mark.parametrize("visit", ["", "V1"])
def test_a_discharge_without_another_visit_s_number_ends_the_stay(visit: str) -> None:
    (view,) = views(puncture(0), stay(-1), discharge(5, visit))
    assert view.encounter_at(at(6)) is None


def test_the_last_before_is_told_for_every_lp() -> None:
    _, second = views(*TWO, temperature(195, 37))
    last = second.last_before("body-temperature", at(200))
    assert last is not None
    assert hours((last,)) == [195]
    assert second.last_before("body-temperature", at(195)) is None


def test_an_index_serves_episodes_and_views_alike() -> None:
    index = FactIndex([puncture(0), temperature(1, 37)])
    (view,) = build_views(index, find_episodes(index))
    assert view.index is index
    assert index.concepts == ("body-temperature", "lumbar-puncture")
    assert index.lacks(("gcs", "headache"))
    assert not index.lacks(("gcs", "body-temperature"))
    assert hours(view.readings("body-temperature")) == [1]


def test_a_view_of_many_facts_sorts_only_what_is_read() -> None:
    many = [temperature(n / 100, 37, key=str(n)) for n in range(20_000)]
    index = FactIndex([*many, puncture(0), csf(1)])
    (view,) = build_views(index, find_episodes(index))
    assert len(view.readings("csf-wbc")) == 1
    assert "body-temperature" not in index._sorted


def test_facts_of_one_instant_have_one_order() -> None:
    facts = [temperature(1, 37, key=key) for key in "cab"] + [temperature(0.5, 37, key="z"), puncture(0)]
    (view,) = build_views(facts, find_episodes(facts))
    assert [fact.key for fact in view.readings("body-temperature")] == ["z", "a", "b", "c"]
