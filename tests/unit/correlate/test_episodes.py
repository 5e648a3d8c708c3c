"""Which records make which lumbar punctures."""

from __future__ import annotations

from itertools import permutations

import pytest
from msgspec.structs import replace

from tests.unit.correlate.facts import MIDNIGHT, T0, Coded, at, csf, fact, puncture, puncture_on
from worker.correlate.episodes import find_episodes
from worker.correlate.limits import Limits
from worker.model.fact import Fact, PunctureSource, PunctureStatus, Quantity
from worker.model.time import DAY_MS, HOUR_MS, Precision

SPECIMEN, NOTE = PunctureSource.SPECIMEN, PunctureSource.NOTE
PROCEDURE, ORDER = PunctureSource.PROCEDURE, PunctureSource.ORDER


def anchors(*facts: Fact) -> list[float]:
    """Return the anchors in hours after T0; every order of the facts must give the same."""
    found = find_episodes(facts)
    if len(facts) <= 5:
        assert all(find_episodes(order) == found for order in permutations(facts))
    return [(episode.anchor_ms - T0) / HOUR_MS for episode in found]


@pytest.mark.parametrize("status", [PunctureStatus.COMPLETED, PunctureStatus.ATTEMPTED])
def test_a_completed_or_attempted_lp_opens_an_episode(status: PunctureStatus) -> None:
    (episode,) = find_episodes([puncture(0, status=status)])
    assert (episode.anchor_ms, episode.status, episode.is_presumed) == (T0, status, False)
    assert episode.until_ms is None


@pytest.mark.parametrize("status", [PunctureStatus.PLANNED, PunctureStatus.CANCELLED])
def test_a_planned_or_cancelled_lp_opens_none(status: PunctureStatus) -> None:
    assert anchors(puncture(0, status=status)) == []


def test_a_completed_record_makes_an_attempt_completed() -> None:
    tried = puncture(0, ORDER, PunctureStatus.ATTEMPTED)
    (episode,) = find_episodes([tried, puncture(1, NOTE)])
    assert episode.status is PunctureStatus.COMPLETED


def test_windows_count_from_the_documented_end() -> None:
    assert anchors(puncture(-0.5, end=0)) == [0]


def test_records_of_different_sources_within_six_hours_are_one_lp() -> None:
    assert len(anchors(puncture(0), puncture(6, ORDER))) == 1
    assert len(anchors(puncture(0), puncture(6.1, ORDER))) == 2


def test_records_of_one_source_are_two_lps_unless_in_the_same_minute() -> None:
    assert anchors(puncture(0, key="a"), puncture(2, key="b")) == [0, 2]
    assert anchors(puncture(0, key="a"), puncture(0.005, key="b")) == [0]


def by(feed: str, record: Fact) -> Fact:
    return replace(record, source=replace(record.source, feed=feed))


def test_procedures_of_two_feeds_within_six_hours_are_one_lp() -> None:
    assert anchors(puncture(0, key="a"), by("other", puncture(0.3, key="b"))) == [0]
    assert anchors(puncture(0, key="a"), by("other", puncture(7, key="b"))) == [0, 7]


def test_two_lps_of_one_feed_stay_two_whatever_another_feed_tells_of_them() -> None:
    ours = [puncture(0, key="a"), puncture(4, key="b")]
    assert anchors(*ours, by("other", puncture(0.2, key="x")), by("other", puncture(4.2, key="y"))) == [0, 4]
    assert anchors(*ours, by("other", puncture(2, key="x"))) == [0, 4]


def test_a_cancellation_that_names_one_number_of_an_order_is_of_that_order() -> None:
    done = puncture(0, ORDER, numbers=("P1", "F1"), key="P1")
    void = puncture(0, ORDER, PunctureStatus.CANCELLED, numbers=("F1",), key="F1", major=at(5), minor=4)
    assert anchors(done, void) == []
    assert anchors(done, replace(void, version=replace(void.version, major=at(-5)))) == [0], "an older one"
    assert anchors(done, by("other", void)) == [0], "numbers of another feed"
    assert anchors(puncture(0, numbers=("F1",)), void) == [0], "another record than the order"


def test_tubes_and_notes_of_one_source_within_six_hours_are_one_lp() -> None:
    assert anchors(puncture(0, SPECIMEN, key="a"), puncture(0.2, SPECIMEN, key="b")) == [0]
    assert anchors(puncture(0, NOTE, key="a"), puncture(3, NOTE, key="b")) == [0]


def test_an_order_number_in_common_joins_records_of_different_sources() -> None:
    ordered = puncture(-20, ORDER, numbers=("N1",), origin="ORC-9")
    assert anchors(ordered, puncture(0, numbers=("N0", "N1"))) == [0]


def test_a_standing_order_for_daily_lps_joins_only_the_nearest() -> None:
    daily = [puncture(hours, numbers=("N1",), key=f"p{hours}") for hours in (0, 24, 48)]
    assert anchors(puncture(1, ORDER, numbers=("N1",)), *daily) == [0, 24, 48]


def test_daily_lps_are_three_however_many_records_tell_of_them() -> None:
    records = [
        puncture(day * 24 + offset, source, key=f"{source}{day}")
        for day in range(3)
        for offset, source in ((-0.4, SPECIMEN), (0, PROCEDURE), (3, NOTE), (-5, ORDER))
    ]
    assert len(anchors(*records)) == 3
    assert find_episodes(records) == find_episodes(records[::-1])


def test_a_chain_of_near_records_is_one_lp_for_twelve_hours_at_most() -> None:
    assert len(anchors(puncture(0, SPECIMEN), puncture(6, NOTE), puncture(12))) == 1
    assert len(anchors(puncture(0, SPECIMEN), puncture(6, NOTE), puncture(12), puncture(18, ORDER))) == 2


def test_the_specimen_has_precedence_over_note_procedure_and_order() -> None:
    assert anchors(puncture(1, ORDER), puncture(2, PROCEDURE), puncture(3, NOTE), puncture(4, SPECIMEN)) == [
        4
    ]
    assert anchors(puncture(1, ORDER), puncture(2, PROCEDURE), puncture(3, NOTE)) == [3]
    assert anchors(puncture(1, ORDER), puncture(2, PROCEDURE)) == [2]


def test_a_documented_end_has_precedence_over_the_specimen() -> None:
    assert anchors(puncture(-0.3, SPECIMEN), puncture(-0.5, end=0)) == [0]


def test_a_note_that_has_only_a_filing_time_does_not_move_a_documented_lp() -> None:
    filed = puncture(5, NOTE, origin="TXA-4")
    assert anchors(filed, puncture(0)) == [0]
    (alone,) = find_episodes([filed])
    assert alone.is_time_uncertain


def test_a_note_filed_the_same_day_belongs_to_the_lp_before_it() -> None:
    assert anchors(puncture(20, NOTE, origin="MSH-7"), puncture(0)) == [0]
    assert anchors(puncture(25, NOTE, origin="MSH-7"), puncture(0)) == [0, 25]


def test_a_filed_note_takes_the_time_of_the_fluid_near_it() -> None:
    assert anchors(puncture(5, NOTE, origin="TXA-4"), csf(1)) == [1]


def test_a_date_only_record_joins_the_lp_of_that_day_and_takes_its_time() -> None:
    (episode,) = find_episodes([puncture_on(0), puncture(0, ORDER)])
    assert (episode.anchor_ms, episode.is_time_uncertain) == (T0, False)
    assert len(episode.records) == 2


def test_a_date_only_record_of_another_day_is_another_lp() -> None:
    assert len(anchors(puncture_on(1), puncture(0, ORDER))) == 2


def test_a_date_only_repeat_of_the_same_source_is_the_same_lp() -> None:
    assert anchors(puncture_on(0), puncture(0)) == [0]


def test_a_date_only_lp_begins_at_the_earliest_instant_and_says_so() -> None:
    (episode,) = find_episodes([puncture_on(0)])
    assert (episode.anchor_ms, episode.is_time_uncertain) == (MIDNIGHT, True)


def test_the_specimen_refines_a_date_only_lp() -> None:
    (episode,) = find_episodes([puncture_on(0), csf(3), csf(4, key="second")])
    assert (episode.anchor_ms, episode.is_time_uncertain, episode.is_presumed) == (at(3), False, False)


def test_a_specimen_of_the_next_day_does_not_refine_a_date_only_lp() -> None:
    assert [episode.is_presumed for episode in find_episodes([puncture_on(0), csf(30)])] == [False, True]


def test_a_time_of_month_precision_opens_none() -> None:
    assert anchors(puncture(0, precision=Precision.MONTH)) == []


def test_a_csf_result_without_any_record_opens_a_presumed_lp_at_the_specimen_time() -> None:
    (episode,) = find_episodes([csf(2), csf(2.1, key="b"), csf(7.9, key="c")])
    assert (episode.anchor_ms, episode.is_presumed, episode.status) == (at(2), True, PunctureStatus.COMPLETED)
    assert len(episode.records) == 3


def test_presumed_lps_more_than_six_hours_apart_are_two() -> None:
    assert anchors(csf(0), csf(5), csf(9)) == [0, 9]


@pytest.mark.parametrize("hours", [-6, 0.2, 6])
def test_a_csf_result_near_an_lp_opens_none_of_its_own(hours: float) -> None:
    (episode,) = find_episodes([puncture(0), csf(hours)])
    assert not episode.is_presumed


def test_a_csf_result_far_from_the_lp_opens_another() -> None:
    assert anchors(puncture(0), csf(-6.1)) == [-6.1, 0]


def test_opening_pressure_alone_opens_none_even_beside_a_cancelled_lp() -> None:
    pressure = fact("opening-pressure", 0, Quantity(300, "mm[H2O]"))
    assert anchors(pressure, puncture(0, ORDER, PunctureStatus.CANCELLED)) == []


def test_fluid_beside_a_cancelled_order_opens_a_presumed_lp() -> None:
    assert anchors(csf(0.2), puncture(0, ORDER, PunctureStatus.CANCELLED)) == [0.2]


@pytest.mark.parametrize("where", ["CSF shunt", "ventricular CSF", "Lumbar drain"])
def test_fluid_from_a_shunt_drain_or_ventricle_opens_none(where: str) -> None:
    assert anchors(csf(0, specimen=where)) == []
    assert anchors(csf(0, qualifiers=(where,))) == []


def test_a_coded_csf_result_opens_and_one_without_a_value_does_not() -> None:
    assert anchors(fact("csf-gram", 0, Coded("negative"))) == [0]
    assert anchors(fact("csf-gram", 0, None)) == []


def test_a_late_result_without_a_specimen_time_is_not_a_new_lp() -> None:
    late = csf(48, key="culture", origin="MSH-7")
    assert anchors(puncture(0), late) == [0]
    assert anchors(csf(0), late) == [0]
    assert anchors(late) == [48]


def test_lps_less_than_72_h_apart_are_a_series_and_end_at_the_next() -> None:
    found = find_episodes([puncture(hours, key=f"p{hours}") for hours in (0, 24, 95.9, 167.9)])
    assert [(episode.series_start_ms - T0) / HOUR_MS for episode in found] == [0, 0, 0, 167.9]
    assert [episode.until_ms for episode in found] == [at(24), at(95.9), at(167.9), None]


def test_two_lps_in_one_minute_are_one() -> None:
    assert anchors(puncture(0, key="a", numbers=("N1",)), csf(0)) == [0]
    assert anchors(puncture_on(0, ORDER), puncture(-8, NOTE)) == [-8]


def test_the_spans_are_the_site_s_to_choose() -> None:
    records = [puncture(0), puncture(8, ORDER)]
    assert len(find_episodes(records, Limits(binding_ms=9 * HOUR_MS))) == 1
    series = find_episodes([puncture(0), puncture(80, key="b")], Limits(series_ms=4 * DAY_MS))
    assert {episode.series_start_ms for episode in series} == {T0}


def test_records_are_shown_by_precedence_then_the_fluid() -> None:
    (episode,) = find_episodes([csf(0.2), puncture(0, ORDER), puncture(0.1, NOTE), puncture(0)])
    assert [record.key.split("|")[1] for record in episode.records] == [
        "note",
        "procedure",
        "order",
        "csf-wbc",
    ]
