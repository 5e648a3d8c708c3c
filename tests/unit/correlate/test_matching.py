"""Stored punctures keep their ids while records come and go."""

from __future__ import annotations

from itertools import count

from tests.unit.correlate.facts import csf, puncture
from worker.correlate.episodes import find_episodes
from worker.correlate.matching import EpisodeMatch, StoredEpisode, match_episodes
from worker.model.fact import Fact, PunctureSource


def stored(episode_id: str, created: int, *facts: Fact) -> StoredEpisode:
    keys = frozenset((*fact.patient.key, fact.key) for fact in facts)
    return StoredEpisode(episode_id, keys, created, facts[0].effective.start_ms)


def match(facts: list[Fact], *known: StoredEpisode) -> EpisodeMatch:
    numbers = count(1)
    episodes = find_episodes(facts)
    outcome = match_episodes(episodes, known, lambda: f"new{next(numbers)}")
    assert len(outcome.ids) == len(episodes)
    return outcome


def test_a_new_lp_gets_a_new_id() -> None:
    assert match([puncture(0), puncture(200, key="b")]) == EpisodeMatch(
        ("new1", "new2"), ("new1", "new2"), (), ()
    )


def test_an_lp_that_shares_a_record_keeps_its_id_when_its_time_moves() -> None:
    moved = match(
        [puncture(3, key="a"), puncture(3.5, PunctureSource.NOTE)], stored("e1", 1, puncture(0, key="a"))
    )
    assert (moved.ids, moved.created, moved.vanished) == (("e1",), (), ())


def test_a_presumed_lp_keeps_its_id_when_it_is_documented() -> None:
    assert match([csf(0.2), puncture(0)], stored("e1", 1, csf(0.2))).ids == ("e1",)


def test_of_two_lps_that_join_the_oldest_id_is_kept() -> None:
    procedure, order = puncture(0, numbers=("N",)), puncture(5, PunctureSource.ORDER, numbers=("N",))
    outcome = match([procedure, order], stored("young", 9, procedure), stored("old", 1, order))
    assert (outcome.ids, outcome.redirects) == (("old",), (("young", "old"),))


def test_an_lp_that_splits_keeps_its_id_on_the_larger_part() -> None:
    first, second = puncture(0, key="a"), puncture(24, key="b")
    note = puncture(24.5, PunctureSource.NOTE)
    outcome = match([first, second, note], stored("e1", 1, first, second, note))
    assert outcome.ids == ("new1", "e1")


def test_of_equal_parts_the_one_that_stayed_keeps_the_id_whichever_is_first() -> None:
    """Its alerts rest on what came after it: to move the id would withdraw them, and raise the same again."""
    stays, moves = puncture(100, key="a"), puncture(100, PunctureSource.ORDER, key="b")
    for at_h in (40, 160):
        moved = puncture(at_h, PunctureSource.ORDER, key="b")
        outcome = match([stays, moved], stored("e1", 1, stays, moves))
        assert outcome.ids == (("e1", "new1") if at_h > 100 else ("new1", "e1"))


def test_an_lp_without_any_record_left_has_vanished() -> None:
    outcome = match([puncture(200, key="b")], stored("e1", 1, puncture(0, key="a")))
    assert (outcome.ids, outcome.vanished) == (("new1",), ("e1",))
