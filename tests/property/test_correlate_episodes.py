"""Laws of finding LPs: order does not matter, and no two stand in one minute."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.correlate.facts import csf, puncture, puncture_on
from worker.correlate.episodes import find_episodes
from worker.correlate.index import is_csf
from worker.correlate.view import build_views
from worker.model.fact import Fact, PunctureSource, PunctureStatus
from worker.model.time import MINUTE_MS


@st.composite
def any_record(draw: st.DrawFn) -> Fact:
    hours = draw(st.integers(0, 40)) * 2.5
    kind = draw(st.sampled_from(["record", "record", "record", "day", "fluid"]))
    source = draw(st.sampled_from(list(PunctureSource)))
    origin = draw(st.sampled_from(["PR1-5", "OBR-7", "TXA-4", "MSH-7"]))
    key = f"{kind}{hours}{source}{origin}"
    if kind == "day":
        return puncture_on(int(hours) // 24, source, key)
    if kind == "fluid":
        return csf(hours, key=key, origin=origin, specimen=draw(st.sampled_from(["CSF", "shunt CSF"])))
    numbers = tuple(draw(st.lists(st.sampled_from(["N1", "N2"]), max_size=2, unique=True)))
    status = draw(st.sampled_from(list(PunctureStatus)))
    return puncture(hours, source, status, numbers=numbers, key=key, origin=origin)


records = st.lists(any_record(), max_size=10, unique_by=lambda fact: fact.key)


@given(records, st.randoms())
def test_the_order_of_records_does_not_matter(known: list[Fact], random: object) -> None:
    shuffled = list(known)
    random.shuffle(shuffled)  # type: ignore[attr-defined] # hypothesis gives a random.Random
    assert find_episodes(shuffled) == find_episodes(known)


@given(records)
def test_lps_are_sorted_apart_and_end_where_the_next_begins(known: list[Fact]) -> None:
    found = find_episodes(known)
    for one, after in pairwise(found):
        assert one.anchor_ms // MINUTE_MS < after.anchor_ms // MINUTE_MS
        assert one.until_ms == after.anchor_ms
    assert all(episode.series_start_ms <= episode.anchor_ms for episode in found)


@given(records)
def test_every_opening_record_is_in_exactly_one_lp(known: list[Fact]) -> None:
    shown = [record.key for episode in find_episodes(known) for record in episode.records]
    assert len(shown) == len(set(shown))
    opening = {PunctureStatus.COMPLETED, PunctureStatus.ATTEMPTED}
    must = {fact.key for fact in known if getattr(fact.value, "status", None) in opening}
    assert must <= set(shown)


@given(records)
def test_a_csf_result_belongs_to_at_most_one_lp(known: list[Fact]) -> None:
    views = build_views(known, find_episodes(known))
    read = [fact.key for view in views for fact in view.readings("csf-wbc")]
    assert len(read) == len(set(read))
    assert all(
        is_csf("csf-wbc") and "shunt" not in fact.specimen
        for view in views
        for fact in view.readings("csf-wbc")
    )
