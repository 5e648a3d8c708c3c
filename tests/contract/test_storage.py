"""What every store of the state must do: SQLite, PostgreSQL and the in-memory twin answer alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import permutations
from pathlib import Path

import pytest
import sqlalchemy as sa
from msgspec import structs

from tests.contract.state_values import (
    ANNA,
    ANNA_NATIONAL,
    BEN,
    OPENING,
    PART,
    T0,
    Store,
    alert_of,
    batch,
    claim,
    episode_of,
    fact,
    judge,
    keys,
    link,
    nothing,
    outgoing,
    raising,
    states,
    version,
)
from worker.model.alert import AlertChange, Notice
from worker.model.fact import Fact, Identifier
from worker.model.message import Form, IssueKind, RawMessage, Unused
from worker.model.time import DAY_MS, HOUR_MS, MINUTE_MS
from worker.storage.memory import MemoryState
from worker.storage.migrate import upgrade
from worker.storage.records import (
    BlindSpan,
    Case,
    CountKey,
    PendingNotice,
    Position,
    Quarantined,
    Verdict,
)
from worker.storage.schema import counter
from worker.storage.state import SqlState


@pytest.fixture(
    params=[
        "memory",
        "sqlite",
        "sqlite with shared commits",
        pytest.param("postgresql", marks=pytest.mark.integration),
        pytest.param("postgresql with shared commits", marks=pytest.mark.integration),
    ]
)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """Open an empty store of each kind."""
    if request.param == "memory":
        yield MemoryState()
        return
    if request.param.startswith("postgresql"):
        url = request.getfixturevalue("state_url")
    else:
        url = f"sqlite:///{tmp_path / 'state.db'}"
        upgrade(url, "state")
    opened = SqlState(url, synchronous="OFF", commit_every=7 if "shared" in request.param else 1)
    yield opened
    opened.close()


# Positions


def test_a_new_part_starts_at_zero(store: Store) -> None:
    assert store.position(PART) == Position(0, 0)


def test_a_batch_moves_the_position(store: Store) -> None:
    assert store.record(replace(batch(0), next=5, at_ms=T0))
    assert store.position(PART) == Position(5, T0)


def test_a_batch_that_begins_elsewhere_writes_nothing(store: Store) -> None:
    store.record(replace(batch(0), next=5))
    assert not store.record(
        batch(3, fact(ANNA, "lumbar-puncture"), counts={CountKey("processed", "f", ""): 1})
    )
    assert store.position(PART).next == 5
    assert store.next_due_ms() is None
    assert store.counts() == {}


def test_parts_have_positions_of_their_own(store: Store) -> None:
    store.record(batch(0, part="one"))
    assert store.record(batch(0, part="two"))


def test_batches_of_several_parts_are_written_together(store: Store) -> None:
    one = batch(0, fact(ANNA, "lumbar-puncture"), part="one", counts={CountKey("processed", "f", ""): 1})
    two = batch(0, fact(ANNA, "temperature"), part="two", counts={CountKey("processed", "f", ""): 2})
    assert store.record_all([two, one])
    assert {part: at.next for part, at in store.positions().items()} == {"one": 1, "two": 1}
    assert store.counts() == {CountKey("processed", "f", ""): 3}
    seen: list[Case] = []
    store.assess(T0, OPENING, lambda case: seen.append(case) or Verdict())
    assert [sorted(fact.concept for fact in case.facts) for case in seen] == [
        ["lumbar-puncture", "temperature"]
    ]


@pytest.mark.parametrize("moved", ["one", "two"])
def test_of_batches_of_several_parts_none_is_written_where_one_position_was_moved(
    store: Store, moved: str
) -> None:
    store.record(batch(0, part=moved))
    batches = [batch(0, fact(ANNA, "lumbar-puncture"), part=part) for part in ("one", "two", "three")]
    assert not store.record_all(batches)
    assert {part: at.next for part, at in store.positions().items() if at.next} == {moved: 1}
    assert store.next_due_ms() is None
    assert store.record_all([item for item in batches if item.part != moved])
    assert store.next_due_ms() == T0


def test_every_part_is_told_with_its_position(store: Store) -> None:
    store.record(batch(0, part="two"))
    store.record(replace(batch(0, part="one"), at_ms=T0 + 5))
    assert store.positions() == {"one": Position(1, T0 + 5), "two": Position(1, T0)}
    assert store.latest_ms() == T0 + 5


def test_before_the_first_message_nothing_is_consumed(store: Store) -> None:
    assert (store.latest_ms(), store.positions()) == (0, {})


def test_the_instant_at_which_a_part_was_caught_up_never_falls(store: Store) -> None:
    store.note_caught_up({"one": T0 + 9})
    store.note_caught_up({"one": T0 + 3})
    assert store.position("one") == Position(0, 0, T0 + 9)
    assert store.record(batch(0, part="one"))
    assert store.position("one") == Position(1, T0, T0 + 9)


def test_who_begins_with_a_part_second_moves_nothing(store: Store) -> None:
    for part, first in (("one", 0), ("two", 7)):
        store.begin_position(part, first)
        store.begin_position(part, 90)
        assert store.positions()[part] == Position(first)


def test_all_parts_of_a_source_begin_at_once_and_only_once(store: Store) -> None:
    assert not store.has_begun("kafka:adt")
    assert store.begin_all("kafka:adt", {"kafka:adt:1": 9, "kafka:adt:0": 0})
    assert store.has_begun("kafka:adt")
    assert not store.begin_all("kafka:adt", {"kafka:adt:0": 50, "kafka:adt:2": 70})
    assert store.positions() == {"kafka:adt:0": Position(0), "kafka:adt:1": Position(9)}
    assert not store.has_begun("kafka:ad")
    assert not store.has_begun("kafka:a_t"), "its name is no pattern"


def test_a_source_of_which_a_part_was_read_has_begun(store: Store) -> None:
    store.record(batch(0, part="kafka:adt:1"))
    store.note_caught_up({"kafka:lab:0": T0})
    store.begin_position("kafka:a_t:0", 7)
    assert [store.has_begun(name) for name in ("kafka:adt", "kafka:lab", "kafka:a_t")] == [True, True, False]
    assert not store.begin_all("kafka:adt", {"kafka:adt:0": 9})
    assert store.begin_all("kafka:a_t", {"kafka:a_t:0": 9, "kafka:a_t:1": 9})
    assert [store.position(f"kafka:a_t:{part}").next for part in (0, 1)] == [7, 9], (
        "an operator's word counts"
    )


def test_a_position_tells_in_which_log_it_counts(store: Store) -> None:
    store.begin_position("kafka:adt:0", 4)
    store.note_log("kafka:adt:0", "first")
    store.note_log("kafka:adt:0", "second")
    assert store.positions() == {"kafka:adt:0": Position(4, log="first")}
    assert store.record(replace(batch(4, part="kafka:adt:0"), next=5))
    assert store.position("kafka:adt:0") == Position(5, T0, log="first")
    store.move_position("kafka:adt:0", 5, "second")
    assert store.position("kafka:adt:0").log == "second"
    store.move_position("kafka:adt:0", 5)
    assert store.position("kafka:adt:0").log == ""


def test_an_operator_moves_a_position(store: Store) -> None:
    store.move_position("one", 500)
    assert store.record(replace(batch(500, part="one"), next=510))
    assert not store.record(batch(0, part="one"))
    store.move_position("one", 0)
    assert store.position("one") == Position(0, T0)


# Facts and patients


def test_an_assessment_reads_every_version_of_every_fact(store: Store) -> None:
    facts = [fact(ANNA, "lumbar-puncture"), fact(ANNA, "gcs", 1), fact(ANNA, "gcs", 1, digest="other")]
    store.record(batch(0, *facts))
    (case,) = judge(store, nothing)
    assert sorted(case.facts, key=repr) == sorted(facts, key=repr)
    assert case.patients == (ANNA,)


def test_a_repeated_fact_is_kept_twice_and_read_twice(store: Store) -> None:
    puncture = fact(ANNA, "lumbar-puncture")
    store.record(batch(0, puncture, puncture))
    (case,) = judge(store, nothing)
    assert case.facts == (puncture, puncture)


def test_a_patient_without_evidence_of_an_lp_is_not_judged(store: Store) -> None:
    store.record(batch(0, fact(ANNA, "gcs")))
    assert judge(store, nothing) == []
    assert store.next_due_ms() is None


def test_facts_from_before_the_lp_are_read_when_it_comes(store: Store) -> None:
    store.record(batch(0, fact(ANNA, "gcs")))
    judge(store, nothing)
    store.record(batch(1, fact(ANNA, "lumbar-puncture")))
    (case,) = judge(store, nothing)
    assert {item.concept for item in case.facts} == {"gcs", "lumbar-puncture"}


def test_facts_of_others_are_not_read(store: Store) -> None:
    store.record(batch(0, fact(ANNA, "lumbar-puncture"), fact(BEN, "gcs")))
    (case,) = judge(store, nothing)
    assert {item.patient for item in case.facts} == {ANNA}


def test_a_link_joins_two_patients(store: Store) -> None:
    store.record(batch(0, fact(ANNA, "gcs"), fact(ANNA_NATIONAL, "lumbar-puncture")))
    store.record(batch(1, links=[link(ANNA, ANNA_NATIONAL, "merge", 0)], due={ANNA: T0}))
    (case,) = judge(store, nothing)
    assert set(case.patients) == {ANNA, ANNA_NATIONAL}
    assert len(case.facts) == 2


def test_links_join_through_a_third(store: Store) -> None:
    store.record(batch(0, fact(BEN, "lumbar-puncture")))
    links = [link(ANNA, ANNA_NATIONAL, "same-pid", 0), link(ANNA_NATIONAL, BEN, "merge", 0)]
    store.record(batch(1, links=links))
    (case,) = judge(store, nothing)
    assert set(case.patients) == {ANNA, ANNA_NATIONAL, BEN}


@pytest.mark.parametrize("is_reversed", [False, True])
def test_the_newest_statement_counts_whichever_part_it_came_by(store: Store, *, is_reversed: bool) -> None:
    links = [link(ANNA, BEN, "merge", 0), link(BEN, ANNA, "unlink", 1)]
    store.record(batch(0, fact(ANNA, "lumbar-puncture")))
    for part, statement in zip(("one", "two"), reversed(links) if is_reversed else links, strict=True):
        store.record(batch(0, part=part, links=[statement]))
    (case,) = judge(store, nothing)
    assert case.patients == (ANNA,)


@pytest.mark.parametrize("is_reversed", [False, True])
def test_the_newest_statement_about_a_pair_counts_whatever_the_order(
    store: Store, *, is_reversed: bool
) -> None:
    links = [link(ANNA, BEN, "merge", 0), link(BEN, ANNA, "unlink", 1)]
    store.record(batch(0, fact(ANNA, "lumbar-puncture")))
    for index, statement in enumerate(reversed(links) if is_reversed else links, start=1):
        store.record(batch(index, links=[statement]))
    (case,) = judge(store, nothing)
    assert case.patients == (ANNA,)


def test_a_patient_that_parted_is_judged_alone(store: Store) -> None:
    puncture = fact(ANNA, "lumbar-puncture")
    store.record(batch(0, puncture, fact(BEN, "lumbar-puncture"), links=[link(ANNA, BEN, "merge", 0)]))
    judge(store, raising(puncture))
    store.record(batch(1, links=[link(ANNA, BEN, "unlink", 1)], due={ANNA: T0, BEN: T0}))
    anna, ben = sorted(judge(store, nothing), key=lambda case: case.patients)
    assert [known.episode_id for known in anna.episodes] == ["e1"]
    assert ben.episodes == ()
    assert [alert.alert_id for alert in anna.alerts] == ["a1"]


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
@pytest.mark.parametrize("parts", ["one", "two"])
def test_the_newest_version_of_a_record_says_whom_it_names(
    store: Store, order: Sequence[int], parts: str
) -> None:
    """Whoever it named once is judged again, and without it."""
    versions = [version(BEN, 0, ANNA), version(BEN, 1, ANNA, ANNA_NATIONAL), version(BEN, 2, ANNA_NATIONAL)]
    store.record(batch(0, fact(ANNA, "lumbar-puncture"), fact(ANNA_NATIONAL, "lumbar-puncture")))
    judge(store, nothing)
    seen: list[tuple[Identifier, ...]] = []
    for number, at in enumerate(order):
        part = PART if parts == "one" else f"part {number}"
        first = number + 1 if parts == "one" else 0
        store.record(batch(first, part=part, links=versions[at], due={BEN: T0}))
        seen += [tuple(sorted(case.patients)) for case in judge(store, nothing)]
    assert seen[-1] in {(ANNA,), (ANNA_NATIONAL, BEN)}
    last = {who: patients for patients in seen for who in patients}
    assert last[BEN] == last[ANNA_NATIONAL] == (ANNA_NATIONAL, BEN)
    assert last[ANNA] == (ANNA,), "no message names her, and what she was judged with may be gone"
    assert store.case(store.find("1")[0]).patients == (ANNA,)
    before = {store.case(store.find("1")[0], T0 + round(hours * HOUR_MS)).patients for hours in (0.5, 1.5)}
    assert all(ANNA in patients for patients in before)


def test_two_records_that_name_each_other_no_more_are_both_judged_and_then_left_alone(store: Store) -> None:
    store.record(batch(0, fact(ANNA, "lumbar-puncture"), fact(BEN, "lumbar-puncture", 1)))
    both = [*version(ANNA, 0, BEN), *version(BEN, 0, ANNA)]
    store.record(batch(1, links=both, due={ANNA: T0}))
    assert [len(case.patients) for case in judge(store, nothing)] == [2]
    store.record(batch(2, links=[*version(ANNA, 1), *version(BEN, 1)], due={ANNA: T0}))
    assert {case.patients for case in judge(store, nothing)} == {(ANNA,), (BEN,)}
    store.record(batch(3, fact(ANNA, "gcs")))
    assert [case.patients for case in judge(store, nothing)] == [(ANNA,)]
    store.record(batch(4, links=version(BEN, 2, ANNA), due={BEN: T0}))
    assert [len(case.patients) for case in judge(store, nothing)] == [2], "named again"


def test_a_merge_stands_whatever_a_record_says(store: Store) -> None:
    store.record(batch(0, fact(ANNA, "lumbar-puncture"), links=[link(ANNA, BEN, "merge", 0)]))
    store.record(batch(1, links=[*version(BEN, 1, ANNA), *version(BEN, 2)], due={BEN: T0}))
    assert {len(case.patients) for case in judge(store, nothing)} == {2}
    store.record(batch(2, links=[link(ANNA, BEN, "unlink", 3)], due={ANNA: T0, BEN: T0}))
    assert {len(case.patients) for case in judge(store, nothing)} == {1}


def test_who_was_joined_because_something_moved_is_so_while_older_facts_are_kept(store: Store) -> None:
    moves = [link(ANNA, BEN, "moved", 0), link(ANNA, ANNA_NATIONAL, "moved", 9)]
    merge = link(ANNA, ANNA_NATIONAL, "merge", 0)
    store.record(batch(0, fact(ANNA, "gcs"), fact(BEN, "gcs"), links=[*moves, merge]))
    (anna,) = store.find("1")
    assert set(store.case(anna).patients) == {ANNA, ANNA_NATIONAL, BEN}
    store.drop_over(T0)
    assert len(store.case(anna).patients) == 3
    store.drop_over(T0 + DAY_MS)
    assert set(store.case(anna).patients) == {ANNA, ANNA_NATIONAL}, "a merge stands"


def test_patients_are_found_by_a_value(store: Store) -> None:
    store.record(batch(0, fact(ANNA, "gcs"), fact(BEN, "gcs")))
    (number,) = store.find("2")
    assert store.case(number).patients == (BEN,)
    assert store.find("3") == ()


# Due rows


def test_what_is_due_later_waits(store: Store) -> None:
    store.record(batch(0, fact(ANNA, "lumbar-puncture", received_ms=T0 + 5)))
    assert judge(store, nothing, T0 + 4) == []
    assert store.next_due_ms() == T0 + 5
    assert len(judge(store, nothing, T0 + 5)) == 1


def test_an_assessment_takes_all_due_rows_of_its_patient(store: Store) -> None:
    store.record(batch(0, fact(ANNA, "lumbar-puncture")))
    store.record(batch(1, fact(ANNA, "gcs", received_ms=T0 + 9)))
    assert len(judge(store, nothing)) == 1
    assert store.next_due_ms() is None


def test_the_next_due_instant_replaces_the_one_before(store: Store) -> None:
    store.record(batch(0, fact(ANNA, "lumbar-puncture")))
    judge(store, lambda _case: Verdict(next_due_ms=T0 + 100))
    assert store.next_due_ms() == T0 + 100
    store.record(batch(1, fact(ANNA, "gcs", received_ms=T0 + 50)))
    judge(store, lambda _case: Verdict(next_due_ms=T0 + 200), T0 + 50)
    assert store.next_due_ms() == T0 + 200


def test_a_call_takes_no_more_than_its_limit(store: Store) -> None:
    people = [Identifier("ward", str(number)) for number in range(10)]
    store.record(batch(0, *(fact(person, "lumbar-puncture") for person in people)))
    assert store.assess(T0, OPENING, nothing, limit=4).cases == 4
    assert len(judge(store, nothing)) == 6


def test_joined_patients_that_are_both_due_are_judged_once(store: Store) -> None:
    both = [fact(ANNA, "lumbar-puncture"), fact(BEN, "gcs")]
    store.record(batch(0, *both, links=[link(ANNA, BEN, "merge", 0)]))
    assert len(judge(store, nothing)) == 1


# Verdicts


def test_alerts_and_lps_come_back_as_they_were_written(store: Store) -> None:
    puncture = fact(ANNA, "lumbar-puncture")
    store.record(batch(0, puncture))
    judge(store, raising(puncture))
    store.record(batch(1, fact(ANNA, "gcs")))
    (case,) = judge(store, nothing)
    assert case.alerts == (alert_of(puncture),)
    assert [(known.episode_id, known.record_keys) for known in case.episodes] == [
        ("e1", episode_of(puncture).record_keys)
    ]


def test_an_lp_that_vanished_is_remembered_and_not_counted(store: Store) -> None:
    puncture = fact(ANNA, "lumbar-puncture")
    store.record(batch(0, puncture))
    judge(store, raising(puncture))
    assert store.episodes() == (1, 0)
    store.record(batch(1, fact(ANNA, "gcs")))
    judge(store, nothing)
    assert store.episodes() == (0, 0)
    store.record(batch(2, fact(ANNA, "gcs")))
    (case,) = judge(store, raising(puncture))
    assert [known.episode_id for known in case.episodes] == ["e1"]
    assert store.episodes() == (1, 0)


def test_presumed_lps_are_counted(store: Store) -> None:
    puncture = fact(ANNA, "lumbar-puncture")
    store.record(batch(0, puncture))
    judge(store, lambda _case: Verdict(episodes=(replace(episode_of(puncture), is_presumed=True),)))
    assert store.episodes() == (1, 1)


def test_a_redirected_lp_hands_its_alerts_on(store: Store) -> None:
    first, second = fact(ANNA, "lumbar-puncture"), fact(ANNA, "lumbar-puncture", 1)
    store.record(batch(0, first, second))
    two = (episode_of(first), episode_of(second, "e2"))
    change = AlertChange(alert_of(second, "e2"), "raised", is_visible=True, is_noticed=False)
    judge(store, lambda _case: Verdict(episodes=two, changes=(change,)))
    store.record(batch(1, fact(ANNA, "gcs")))
    judge(store, lambda _case: Verdict(episodes=two[:1], redirects=(("e2", "e1"),)))
    store.record(batch(2, fact(ANNA, "gcs")))
    (case,) = judge(store, nothing)
    assert [known.episode_id for known in case.episodes] == ["e1"]
    assert [(alert.alert_id, alert.episode_id) for alert in case.alerts] == [("a1", "e1")]


def test_history_holds_the_visible_changes_only(store: Store) -> None:
    puncture = fact(ANNA, "lumbar-puncture")
    changes = (
        AlertChange(alert_of(puncture), "raised", is_visible=True, is_noticed=True),
        AlertChange(alert_of(puncture), "evidence", is_visible=False, is_noticed=False),
        AlertChange(alert_of(puncture, version=2), "escalated", is_visible=True, is_noticed=True),
    )
    store.record(batch(0, puncture))
    judge(store, lambda _case: Verdict(episodes=(episode_of(puncture),), changes=changes))
    (record,) = store.alerts()
    alert_id = record.alert.alert_id
    assert store.histories([alert_id, "nobody's"]) == {alert_id: record.history}
    assert store.histories([]) == {}
    assert [(line.at_ms, line.version, line.reason) for line in record.history] == [
        (T0 + 1, 1, "raised"),
        (T0 + 2, 2, "escalated"),
    ]
    assert record.alert == alert_of(puncture, version=2)


def test_an_alert_is_read_with_all_identifiers_of_its_patient(store: Store) -> None:
    puncture = fact(ANNA, "lumbar-puncture")
    store.record(batch(0, puncture, links=[link(ANNA, ANNA_NATIONAL, "same-pid", 0)]))
    judge(store, raising(puncture))
    (record,) = store.alerts()
    assert set(record.patients) == {ANNA, ANNA_NATIONAL}


def test_a_failed_assessment_is_set_aside_and_leaves_the_alerts(store: Store) -> None:
    puncture = fact(ANNA, "lumbar-puncture")
    store.record(batch(0, puncture))
    judge(store, raising(puncture))
    store.record(batch(1, fact(ANNA, "gcs")))
    failure = Quarantined("assessment", T0, "internal error KeyError", "rule")
    judge(store, lambda _case: Verdict(failure=failure))
    assert store.quarantined() == (failure,)
    assert store.counts()[CountKey("assessment", "", "internal error KeyError", "rule")] == 1
    assert len(store.alerts()) == 1
    store.record(batch(2, fact(ANNA, "gcs")))
    assert len(judge(store, nothing)) == 1


def failing(at_ms: int) -> Callable[[Case], Verdict]:
    return lambda _case: Verdict(failure=Quarantined("assessment", at_ms, "internal error KeyError", "rule"))


def fail_when_due(store: Store, times: int) -> list[int]:
    """Let every assessment fail at the instant for which it is due; give the instants, in minutes from T0."""
    minutes = []
    for _ in range(times):
        at_ms = store.next_due_ms()
        assert at_ms is not None
        judge(store, failing(at_ms), at_ms)
        minutes.append((at_ms - T0) // MINUTE_MS)
    return minutes


def test_a_failed_assessment_is_tried_again_at_growing_distances(store: Store) -> None:
    store.record(batch(0, fact(ANNA, "lumbar-puncture")))
    assert fail_when_due(store, 15) == [0, 1, 3, 7, 15, 31, 63, 127, 255, 511, 1023, 2047, 3487, 4927, 6367]
    judge(store, nothing, at_ms := store.next_due_ms() or 0)
    assert store.next_due_ms() is None
    store.record(batch(1, fact(ANNA, "gcs", received_ms=at_ms + 9 * DAY_MS)))
    fail_when_due(store, 1)
    assert store.next_due_ms() == at_ms + 9 * DAY_MS + MINUTE_MS, "the failures of last week are over"


def test_a_failed_assessment_leaves_the_patients_timers(store: Store) -> None:
    store.record(batch(0, fact(ANNA, "lumbar-puncture")))
    judge(store, lambda _case: Verdict(next_due_ms=T0 + 9 * MINUTE_MS))
    store.record(batch(1, fact(ANNA, "gcs"), fact(ANNA, "pulse")))
    assert fail_when_due(store, 6) == [0, 1, 3, 7, 9, 13]


def test_failures_of_one_patient_do_not_heap_up_what_is_due(store: Store) -> None:
    store.record(batch(0, fact(ANNA, "lumbar-puncture")))
    for second in range(20):
        at_ms = T0 + second * 1_000
        store.record(batch(second + 1, fact(ANNA, "gcs", received_ms=at_ms)))
        judge(store, failing(at_ms), at_ms)
    assert store.next_due_ms() == T0 + MINUTE_MS
    assert store.count_due(T0 + DAY_MS) == 1


def test_only_the_patient_whose_assessment_failed_is_tried_again(store: Store) -> None:
    store.record(batch(0, fact(ANNA, "lumbar-puncture"), fact(BEN, "lumbar-puncture")))
    judge(store, lambda case: failing(T0)(case) if case.patients == (ANNA,) else Verdict())
    assert [case.patients for case in judge(store, nothing, T0 + MINUTE_MS)] == [(ANNA,)]


def test_patients_whose_assessment_failed_are_counted_not_its_tries(store: Store) -> None:
    store.record(batch(0, fact(ANNA, "lumbar-puncture"), fact(BEN, "lumbar-puncture")))
    fail_when_due(store, 3)
    other = Quarantined("assessment", T0, "another reason")
    judge(store, lambda _case: Verdict(failure=other), store.next_due_ms() or 0)
    assert store.counts()[CountKey("assessment", "", "internal error KeyError", "rule")] == 6
    assert store.failed() == {"internal error KeyError": 2, "another reason": 2}


def test_an_exception_in_a_verdict_leaves_everything_as_it_was(store: Store) -> None:
    store.record(batch(0, fact(ANNA, "lumbar-puncture")))

    def fail(_case: Case) -> Verdict:
        raise KeyboardInterrupt

    if isinstance(store, MemoryState):
        pytest.skip("the in-memory twin ends with its process")
    with pytest.raises(KeyboardInterrupt):
        store.assess(T0, OPENING, fail)
    assert len(judge(store, nothing)) == 1


# Outbox


def test_a_notice_waits_until_it_is_sent(store: Store) -> None:
    puncture = fact(ANNA, "lumbar-puncture")
    store.record(batch(0, puncture))
    judge(store, raising(puncture))
    (item,) = store.pending("file", T0, 10)
    assert item.notice == Notice("a1.1", "a1", 1, b"{}")
    assert [store.count_waiting(sink) for sink in ("file", "other")] == [1, 0]
    store.mark_sent("file", keys("a1.1"))
    assert store.count_waiting("file") == 0
    assert store.pending("file", T0, 10) == ()
    assert store.next_try_ms() is None


def test_a_notice_may_be_sent_by_who_has_a_clock_that_is_behind(store: Store) -> None:
    puncture = fact(ANNA, "lumbar-puncture")
    store.record(batch(0, puncture))
    judge(store, raising(puncture))
    assert len(store.pending("file", T0 - 3_600_000, 10)) == 1


def test_each_sink_has_notices_of_its_own(store: Store) -> None:
    puncture = fact(ANNA, "lumbar-puncture")
    store.record(batch(0, puncture))
    judge(store, raising(puncture))
    assert store.pending("other", T0, 10) == ()


def test_a_notice_written_again_is_not_sent_again(store: Store) -> None:
    puncture = fact(ANNA, "lumbar-puncture")
    for index in range(2):
        store.record(batch(index, puncture))
        judge(store, raising(puncture))
        store.mark_sent("file", [item.key for item in store.pending("file", T0, 10)])
    assert store.pending("file", T0, 10) == ()


def test_a_later_version_waits_for_a_postponed_one(store: Store) -> None:
    puncture = fact(ANNA, "lumbar-puncture")
    store.record(batch(0, puncture))
    judge(store, raising(puncture, versions=3))
    assert [item.notice.version for item in store.pending("file", T0, 10)] == [1, 2, 3]
    store.mark_sent("file", keys("a1.1"))
    store.postpone("file", keys("a1.2"), T0 + 1_000)
    assert store.pending("file", T0 + 999, 10) == ()
    assert [(item.notice.version, item.attempts) for item in store.pending("file", T0 + 1_000, 10)] == [
        (2, 1),
        (3, 0),
    ]


def test_one_notice_goes_to_several_places(store: Store) -> None:
    notice = Notice("a1.1", "a1", 1, b"{}")
    items = [outgoing(notice, "kafka", "all"), outgoing(notice, "kafka", "urgent", "alert-minimal")]
    store.record(batch(0, outgoing=items))
    assert store.pending("kafka", T0, 10) == (
        PendingNotice(notice, 0, "all", "alert", T0),
        PendingNotice(notice, 0, "urgent", "alert-minimal", T0),
    )
    store.mark_sent("kafka", keys("a1.1", target="urgent"))
    assert [item.target for item in store.pending("kafka", T0, 10)] == ["all"]
    store.postpone("kafka", keys("a1.1", target="all"), T0 + 5)
    assert store.next_try_ms() == T0 + 5


def test_versions_wait_for_each_other_by_place(store: Store) -> None:
    items = [
        outgoing(Notice(f"a1.{version}", "a1", version, b"{}"), "kafka", target)
        for version in (1, 2)
        for target in ("all", "urgent")
    ]
    store.record(batch(0, outgoing=items))
    store.postpone("kafka", keys("a1.1", target="urgent"), T0 + 5)
    assert [(item.target, item.notice.version) for item in store.pending("kafka", T0, 10)] == [
        ("all", 1),
        ("all", 2),
    ]


def test_a_version_written_by_a_slower_clock_comes_after_those_before_it(store: Store) -> None:
    for index, at_ms in enumerate((T0 + 5, T0)):
        notice = Notice(f"a1.{index}", "a1", index, b"{}")
        store.record(replace(batch(index, outgoing=[outgoing(notice)]), at_ms=at_ms))
    assert [item.notice.version for item in store.pending("file", T0 + 5, 1)] == [0]


def test_a_notice_that_nobody_knows_can_be_marked(store: Store) -> None:
    store.mark_sent("kafka", keys("of another installation", target="all"))
    assert store.count_waiting("kafka") == 0


def test_a_dead_letter_for_a_sink_is_written_with_its_batch(store: Store) -> None:
    letter = outgoing(Notice("d1", "d1", 1, b"MSH|\xff"), "kafka", "dead", "dead-letter")
    assert not store.record(batch(4, outgoing=[letter]))
    assert store.count_waiting("kafka") == 0
    store.record(batch(0, outgoing=[letter]))
    (item,) = store.pending("kafka", T0, 10)
    assert (item.notice.body, item.kind) == (b"MSH|\xff", "dead-letter")


def test_offsets_of_a_sink_are_remembered_with_what_was_sent(store: Store) -> None:
    assert store.sent_offsets("kafka") == {}
    store.note_offsets("kafka", {("all", 0): 7, ("all", 1): 3})
    store.record(batch(0, outgoing=[outgoing(Notice("a1.1", "a1", 1, b"{}"), "kafka", "all")]))
    store.mark_sent("kafka", keys("a1.1", target="all"), {("all", 1): 4})
    assert store.sent_offsets("kafka") == {("all", 0): 7, ("all", 1): 4}
    assert store.sent_offsets("other") == {}
    store.note_offsets("kafka", {("all", 0): 0})
    assert store.sent_offsets("kafka")["all", 0] == 0, "a topic that was made anew begins at 0"


def test_notices_of_a_place_that_rests_are_left_out(store: Store) -> None:
    items = [outgoing(Notice(f"{n}.1", f"{n}", 1, b"{}"), "kafka", target) for n in "ab" for target in "xy"]
    store.record(batch(0, outgoing=items))
    assert {item.target for item in store.pending("kafka", T0, 10, without={"x"})} == {"y"}
    assert store.pending("kafka", T0, 10, without=["x", "y"]) == ()


def test_large_notices_are_handed_out_few_at_a_time(store: Store) -> None:
    if isinstance(store, MemoryState):
        pytest.skip("the in-memory twin holds them in memory anyway")
    large = bytes(5 * 1024 * 1024)
    items = [outgoing(Notice(f"{n}.1", f"{n}", 1, large), "kafka", "dead") for n in range(4)]
    store.record(batch(0, outgoing=items))
    assert [item.notice.alert_id for item in store.pending("kafka", T0, 10)] == ["0", "1"]


def test_a_refused_notice_waits_no_longer_and_is_set_aside(store: Store) -> None:
    items = [outgoing(Notice(f"a1.{n}", "a1", n, b"{}"), "kafka", "all") for n in (1, 2)]
    store.record(batch(0, outgoing=items))
    told = Quarantined("notice", T0 + 9, "too large", "all", "kafka", "alert", "a1.1")
    store.refuse("kafka", keys("a1.1", target="all"), [told])
    assert [item.notice.version for item in store.pending("kafka", T0, 10)] == [2]
    assert store.quarantined() == (told,)


def test_a_smaller_form_takes_the_place_of_a_refused_notice_unless_that_went(store: Store) -> None:
    puncture = fact(ANNA, "lumbar-puncture")
    store.record(batch(0, puncture))
    judge(store, raising(puncture, versions=2))
    store.postpone("file", keys("a1.1"), T0 + 5)
    (first, second) = store.pending("file", T0 + 5, 10)
    told = [Quarantined("notice", T0, "too large", "", "file", "alert", name) for name in ("a1.1", "a1.2")]
    small = [
        replace(item, kind="alert-minimal", notice=replace(item.notice, body=b"-"))
        for item in (first, second)
    ]
    store.mark_sent("file", [second.key])
    for item, reason in zip(small, told, strict=True):
        store.exchange("file", item, reason)
    assert store.pending("file", 0, 10) == (small[0],)
    assert store.quarantined() == (told[0],)
    store.exchange("other", small[0], told[1])
    assert store.quarantined() == (told[0],)


def test_the_oldest_waiting_notice_is_known(store: Store) -> None:
    assert store.oldest_waiting_ms("kafka") is None
    for index in range(2):
        item = outgoing(Notice(f"a{index}.1", f"a{index}", 1, b"{}"), "kafka", "all")
        store.record(replace(batch(index, outgoing=[item]), at_ms=T0 + index))
    assert store.oldest_waiting_ms("kafka") == T0
    store.mark_sent("kafka", keys("a0.1", target="all"))
    assert store.oldest_waiting_ms("kafka") == T0 + 1


def test_notices_that_were_sent_are_dropped_when_they_are_old(store: Store) -> None:
    for index, (name, kind) in enumerate((("a", "alert"), ("d", "dead-letter"), ("w", "dead-letter"))):
        item = outgoing(Notice(f"{name}.1", name, 1, b"{}"), "kafka", "all", kind)
        store.record(replace(batch(index, outgoing=[item]), at_ms=T0 + index))
    store.mark_sent("kafka", keys("a.1", target="all"))
    store.mark_sent("kafka", keys("d.1", target="all"))
    store.drop_sent(T0, T0 + 9)
    again = [outgoing(Notice(f"{name}.1", name, 1, b"{}"), "kafka", "all") for name in ("a", "d")]
    store.record(batch(3, outgoing=again))
    waiting = {item.notice.notice_id for item in store.pending("kafka", T0 + 9, 10)}
    assert waiting == {"d.1", "w.1"}, "only the dead letter that was sent had gone"
    store.drop_sent(T0 + 1, T0)
    store.record(batch(4, outgoing=again))
    assert "a.1" in {item.notice.notice_id for item in store.pending("kafka", T0 + 9, 10)}


# Leases


def test_a_lease_has_one_owner_who_may_renew_it(store: Store) -> None:
    assert store.lease("relay", "one", 60)
    assert not store.lease("relay", "two", 60)
    assert store.lease("relay", "one", 60)
    assert store.lease("other", "two", 60)


def test_a_lease_that_is_over_may_be_taken(store: Store) -> None:
    assert store.lease("relay", "one", 0)
    assert store.lease("relay", "two", 60)
    assert not store.lease("relay", "one", 60)


def test_only_the_owner_gives_a_lease_back(store: Store) -> None:
    store.lease("relay", "one", 60)
    store.release("relay", "two")
    assert not store.lease("relay", "two", 60)
    store.release("relay", "one")
    assert store.lease("relay", "two", 60)


# Counts, quarantine, feeds


def test_counts_add_up(store: Store) -> None:
    key = CountKey("ignored", "feed", "message type ADT^A02")
    store.record(batch(0, counts={key: 2}))
    store.record(batch(1, counts={key: 3}))
    assert store.counts() == {key: 5}


def test_counts_are_the_same_after_a_cleaning(store: Store) -> None:
    keys_ = [CountKey("ignored", "feed", "reason", f"subject {number}") for number in range(3)]
    for index in range(4):
        store.record(batch(index, counts=dict.fromkeys(keys_, index + 1)))
    store.drop_recent(T0, [], T0)
    assert store.counts() == dict.fromkeys(keys_, 10)
    store.record(batch(4, counts={keys_[0]: 1}))
    assert store.counts() == {keys_[0]: 11, keys_[1]: 10, keys_[2]: 10}
    if isinstance(store, SqlState):
        with store._db.reading() as conn:
            assert len(conn.execute(sa.select(counter)).all()) == 4


def test_messages_of_which_something_was_set_aside_are_found_by_receipt_time(store: Store) -> None:
    messages = [RawMessage(b"MSH|%d" % at, Form.HL7V2, "mllp:1", T0 + at) for at in range(4)]
    items = [
        Quarantined("fact", each.received_at_ms, reason, "OBX[1]-5", "feed", "ORU^R01", "id", offset, each)
        for offset, each in enumerate(messages)
        for reason in ("missing-unit", "implausible")
    ]
    store.record(batch(0, quarantined=[*items, Quarantined("notice", T0 + 1, "too large")]))
    assert store.kept_messages(T0 + 1, T0 + 2, 10) == (messages[2], messages[1])
    assert store.kept_messages(T0, T0 + 3, 2) == (messages[3], messages[2])


def test_a_dead_letter_keeps_its_bytes(store: Store) -> None:
    message = RawMessage(b"MSH|\xff", Form.HL7V2, "mllp:1", T0, "frame too large")
    items = [
        Quarantined("message", T0, "no usable MSH", "MSH", "feed", "ORU^R01", "id", 7, message),
        Quarantined("fact", T0, "bad-time", "OBX[1]-14", "feed", "ORU^R01", "id", 7, message),
    ]
    store.record(batch(0, quarantined=items))
    assert store.quarantined() == tuple(items)


def test_a_dead_letter_where_another_was_keeps_its_own_bytes(store: Store) -> None:
    items = [
        Quarantined("message", T0, "no patient", "PID", "feed", "ADT^A01", "7", 3, raw)
        for raw in (RawMessage(body, Form.HL7V2, "mllp", T0) for body in (b"old", b"new", b"old"))
    ]
    for item in items:
        store.record(batch(0, quarantined=[item]))
        store.move_position(PART, 0)
    assert store.quarantined() == tuple(items)


def test_feeds_remember_when_they_were_last_heard(store: Store) -> None:
    store.record(batch(0, feeds={"one": T0 + 5, "two": T0}))
    store.record(batch(1, feeds={"one": T0}))
    assert store.feeds() == {"one": T0 + 5, "two": T0}


def test_a_feed_that_comes_by_two_parts_was_heard_when_the_later_one_was(store: Store) -> None:
    store.record(batch(0, part="one", feeds={"ward": T0 + 5}))
    store.record(batch(0, part="two", feeds={"ward": T0}))
    assert store.feeds() == {"ward": T0 + 5}


# Housekeeping


def test_a_changed_pack_makes_standing_lps_due(store: Store) -> None:
    puncture = fact(ANNA, "lumbar-puncture")
    store.record(batch(0, puncture, fact(BEN, "gcs")))
    judge(store, raising(puncture))
    assert store.use_pack("one", T0 + 1)
    assert not store.use_pack("one", T0 + 2)
    assert store.next_due_ms() == T0 + 1
    assert len(judge(store, nothing, T0 + 1)) == 1


def test_a_worker_whose_pack_was_replaced_judges_nobody(state_url: str) -> None:
    old, new = SqlState(state_url), SqlState(state_url)
    old.use_pack("old", T0)
    old.record(batch(0, fact(ANNA, "lumbar-puncture")))
    new.use_pack("new", T0)
    assert judge(old, nothing) == []
    assert len(judge(new, nothing)) == 1
    old.close()
    new.close()


def test_a_changed_pack_makes_patients_due_whose_assessment_failed(store: Store) -> None:
    items = [Quarantined("notice", T0, "too large", "all", "kafka", "alert", "a1.1")]
    store.record(batch(0, fact(BEN, "gcs"), fact(ANNA, "lumbar-puncture"), quarantined=items))
    judge(store, failing(T0))
    assert store.use_pack("one", T0 + 1)
    assert [case.patients for case in judge(store, nothing, T0 + 1)] == [(ANNA,)]
    assert store.next_due_ms() is None


def test_old_facts_go_and_those_of_an_lp_stay(store: Store) -> None:
    puncture = fact(ANNA, "lumbar-puncture")
    store.record(batch(0, puncture, fact(ANNA, "pulse"), fact(BEN, "pulse"), fact(BEN, "gcs")))
    judge(store, raising(puncture))
    store.drop_recent(T0 + DAY_MS, ["gcs"], T0)
    assert [len(store.case(store.find(value)[0]).facts) for value in ("1", "2")] == [2, 1]
    store.drop_recent(T0 + DAY_MS, ["gcs"], T0 + DAY_MS)
    assert [len(store.case(store.find(value)[0]).facts) for value in ("1", "2")] == [2, 0]


def test_an_lp_that_is_over_is_let_go_with_its_facts(store: Store) -> None:
    puncture = fact(ANNA, "lumbar-puncture")
    store.record(batch(0, puncture))
    judge(store, raising(puncture))
    store.drop_over(T0 + DAY_MS)
    assert store.episodes() == (1, 0), "recent facts hold it"
    store.drop_recent(T0 + DAY_MS, [], T0 + DAY_MS)
    store.drop_over(T0 + DAY_MS)
    assert store.episodes() == (0, 0)
    store.record(batch(1, fact(ANNA, "gcs")))
    assert judge(store, nothing) == []
    assert len(store.alerts()) == 1


# Resources that move or are deleted


def known(store: Store) -> list[tuple[str, str]]:
    """Judge whoever is due; tell which numbers were judged, and what stands of each."""
    cases = judge(store, lambda case: raising(lp_of(case))(case))
    return sorted((case.patients[0].value, " ".join(sorted(map(hour_of, case.facts)))) for case in cases)


def lp_of(case: Case) -> Fact:
    return next(fact for fact in case.facts if fact.concept == "lumbar-puncture")


def hour_of(fact: Fact) -> str:
    return "LP" if fact.concept == "lumbar-puncture" else f"{(fact.effective.start_ms - T0) // HOUR_MS}"


LPS = [fact(who, "lumbar-puncture") for who in (ANNA, BEN)]


def lps(store: Store) -> None:
    """Let both have an LP, and be judged."""
    store.record(batch(0, *LPS))
    judge(store, nothing)


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_a_resource_is_that_patients_whom_its_newest_version_names(
    store: Store, order: tuple[int, ...]
) -> None:
    lps(store)
    said = [states(ANNA, 1), states(BEN, 2), states(ANNA, 3)]
    for first, at in enumerate(order, start=1):
        store.record(batch(first, **said[at], due={said[at]["facts"][0].patient: T0}))
        last = known(store)
    assert ("1", "3 LP") in last
    assert [line for line in last if line[0] == "2"] in ([], [("2", "LP")])
    store.use_pack("all", T0)
    store.record(batch(4, due={ANNA: T0, BEN: T0}))
    assert known(store) == [("1", "3 LP"), ("2", "LP")]


@pytest.mark.parametrize("names_both", [True, False])
@pytest.mark.parametrize("is_later", [True, False])
def test_both_are_judged_when_a_resource_moves(store: Store, *, is_later: bool, names_both: bool) -> None:
    """Also the one whom the message that moves it does not name, and who had it by a message that came later."""
    lps(store)
    one, other = states(ANNA, 1), states(BEN, 2)
    first, second = (one, other) if is_later else (other, one)
    store.record(batch(1, **first, due={first["facts"][0].patient: T0}))
    known(store)
    store.record(batch(2, **second, due={second["facts"][0].patient: T0} if names_both else {}))
    assert known(store) == [("1", "LP"), ("2", "2 LP")]


@pytest.mark.parametrize("is_first", [True, False])
def test_a_deleted_resource_is_nobodys(store: Store, *, is_first: bool) -> None:
    lps(store)
    told = [states(ANNA, 1), {"claims": [claim(None, 2)]}]
    for at, said in enumerate(told[::-1] if is_first else told, start=1):
        store.record(batch(at, **said))
    assert known(store) == [("1", "LP")]
    store.record(batch(3, **states(ANNA, 3), due={ANNA: T0}))
    assert known(store) == [("1", "3 LP")], "it was made again"


def test_claims_of_one_instant_take_nothing_from_each_other(store: Store) -> None:
    lps(store)
    store.record(batch(1, **states(ANNA, 1)))
    store.record(batch(2, **states(BEN, 1)))
    assert known(store) == [("1", "1 LP"), ("2", "1 LP")]


def test_an_id_that_many_patients_have_is_none(store: Store) -> None:
    lps(store)
    others = [Identifier("ward", f"other {number}") for number in range(60)]
    for at, who in enumerate([ANNA, BEN, *others[:2]], start=1):
        store.record(batch(at, **states(who, at)))
    assert known(store) == [("1", "1 LP"), ("2", "2 LP")]
    more = [states(who, 9) for who in others[2:]]
    store.record(batch(5, claims=[each["claims"][0] for each in more]))
    judge(store, nothing)
    store.record(batch(6, **states(others[0], 9)))
    assert known(store) == [], "and nobody is judged for it any more"


def test_other_resources_stay_where_they_are(store: Store) -> None:
    lps(store)
    store.record(batch(1, **states(ANNA, 1)))
    store.record(batch(2, **states(BEN, 2, "ehr|Observation|77"), due={ANNA: T0, BEN: T0}))
    assert known(store) == [("1", "1 LP"), ("2", "2 LP")]


def test_what_moved_follows_numbers_that_are_joined(store: Store) -> None:
    lps(store)
    store.record(batch(1, **states(ANNA_NATIONAL, 1), links=[link(ANNA, ANNA_NATIONAL, "same-pid", 0)]))
    known(store)
    store.record(batch(2, **states(BEN, 2), due={BEN: T0}))
    assert known(store) == [("1", "LP"), ("2", "2 LP")]


def test_a_patient_is_read_as_he_was_before_a_resource_moved(store: Store) -> None:
    lps(store)
    store.record(batch(1, **states(ANNA, 1)))
    moved = claim(BEN, 2)
    store.record(batch(2, claims=[structs.replace(moved, received_at_ms=T0 + HOUR_MS)]))
    (anna,) = store.find("1")
    assert [len(store.case(anna, at_ms).facts) for at_ms in (T0, T0 + HOUR_MS, None)] == [2, 1, 1]


def test_claims_go_with_the_longest_facts_unless_an_lp_keeps_what_they_take_back(store: Store) -> None:
    lps(store)
    store.record(batch(1, **states(ANNA, 1)))
    store.record(batch(2, **states(ANNA, 1, "ehr|Observation|8")))
    store.record(batch(3, claims=[claim(None, 2), claim(None, 2, "ehr|Observation|9")]))
    assert known(store) == [("1", "1 LP")]
    store.drop_recent(T0 + DAY_MS, [], T0 + DAY_MS)
    late = [claim(BEN, 0.5, name) for name in ("ehr|Observation|8", "ehr|Observation|9")]
    store.record(batch(4, claims=late, due={ANNA: T0}))
    assert known(store) == [("1", "1 LP")], "the first stays deleted, of the others nobody knows"


# Blind spots


def blinded(puncture: Fact, *spans: BlindSpan, episode_id: str = "e1") -> Callable[[Case], Verdict]:
    record = episode_of(puncture, episode_id)
    return lambda _: Verdict((record,), blind={episode_id: spans} if spans else {})


def aside(subject: str, hours: float = 0, feed: str = "ward") -> Unused:
    return Unused(T0 + round(hours * HOUR_MS), feed, IssueKind.UNMAPPED_CODE, subject)


def test_lps_are_counted_while_they_are_blind(store: Store) -> None:
    puncture = fact(ANNA, "lumbar-puncture")
    store.record(batch(0, puncture))
    spans = (BlindSpan("silent", T0 + 10, T0 + 20), BlindSpan("stale", T0 + 15, T0 + 30))
    judge(store, blinded(puncture, *spans))
    assert store.count_blind(T0 + 9) == {}
    assert store.count_blind(T0 + 10) == {"silent": 1}
    assert store.count_blind(T0 + 19) == {"silent": 1, "stale": 1}
    assert store.count_blind(T0 + 20) == {"stale": 1}
    assert store.count_blind(T0 + 30) == {}


def test_spans_of_a_later_verdict_replace_the_earlier_ones(store: Store) -> None:
    puncture = fact(ANNA, "lumbar-puncture")
    store.record(batch(0, puncture))
    judge(store, blinded(puncture, BlindSpan("silent", T0, T0 + 20), BlindSpan("left", T0, T0 + 20)))
    store.record(batch(1, fact(ANNA, "gcs")))
    (case,) = judge(store, blinded(puncture, BlindSpan("stale", T0, T0 + 20)))
    assert case.blind == {"e1": (BlindSpan("left", T0, T0 + 20), BlindSpan("silent", T0, T0 + 20))}
    assert store.count_blind(T0) == {"stale": 1}
    store.record(batch(2, fact(ANNA, "gcs", 1)))
    judge(store, blinded(puncture))
    assert store.count_blind(T0) == {}
    assert store.case(store.find("1")[0]).blind == {}


def test_lps_that_vanished_or_are_over_are_not_blind(store: Store) -> None:
    puncture = fact(ANNA, "lumbar-puncture")
    span = BlindSpan("silent", T0, T0 + 2 * DAY_MS)
    store.record(batch(0, puncture))
    judge(store, blinded(puncture, span))
    assert [case.patients for case in store.watched(T0)] == [(ANNA,)]
    assert store.newest_lp_ms() == T0
    assert list(store.watched(T0 + 1)) == []
    store.record(batch(1, fact(ANNA, "gcs")))
    judge(store, nothing)
    assert (store.count_blind(T0), list(store.watched(T0)), store.newest_lp_ms()) == ({}, [], None)
    store.record(batch(2, fact(ANNA, "gcs", 1)))
    judge(store, blinded(puncture, span))
    assert store.count_blind(T0) == {"silent": 1}
    store.drop_recent(T0 + DAY_MS, [], T0 + DAY_MS)
    store.drop_over(T0 + DAY_MS)
    assert (store.count_blind(T0), list(store.watched(T0)), store.newest_lp_ms()) == ({}, [], None)


def test_whoever_is_watched_is_read_once_however_many_lps_and_numbers_he_has(store: Store) -> None:
    facts = [fact(ANNA, "lumbar-puncture"), fact(ANNA_NATIONAL, "lumbar-puncture", 5)]
    many = [fact(Identifier("ward", f"p{number}"), "lumbar-puncture") for number in range(45)]
    store.record(batch(0, *facts, *many, links=[link(ANNA, ANNA_NATIONAL, "same-pid", 0)]))

    def found(case: Case) -> Verdict:
        return Verdict(tuple(episode_of(each, f"{each.patient}{each.key}") for each in case.facts))

    judge(store, found, T0 + DAY_MS)
    assert store.newest_lp_ms() == max(each.effective.start_ms for each in facts)
    read = [case.patients for case in store.watched(T0)]
    assert len(read) == len(set(read)) == 46
    assert [set(case) for case in read if len(case) > 1] == [{ANNA, ANNA_NATIONAL}]


def test_what_could_not_be_used_is_read_with_its_patient_once_a_day(store: Store) -> None:
    items = [(ANNA, aside("a|1")), (ANNA, aside("a|2")), (BEN, aside("a|1"))]
    store.record(batch(0, fact(ANNA, "lumbar-puncture"), unused=items))
    later = [(ANNA_NATIONAL, aside("a|1", 2)), (ANNA, aside("a|1", 2)), (ANNA, aside("a|1", 30))]
    store.record(batch(1, unused=later, links=[link(ANNA, ANNA_NATIONAL, "same-pid", 0)]))
    (case,) = judge(store, nothing)
    expected = [aside("a|1"), aside("a|2"), aside("a|1", 30), aside("a|1", 2)]
    assert sorted(case.unused) == sorted(expected)


def test_what_an_assessment_finds_unclear_is_kept_and_counted(store: Store) -> None:
    store.record(batch(0, fact(ANNA, "lumbar-puncture")))
    judge(store, lambda _case: Verdict(unused=(aside("a|1"),)))
    assert list(store.case(store.find("1")[0]).unused) == [aside("a|1")]
    item = aside("a|1")
    assert store.counts()[CountKey("issue", item.feed, item.kind.value, item.subject)] == 1


def test_what_could_not_be_used_goes_with_its_day(store: Store) -> None:
    store.record(batch(0, fact(ANNA, "lumbar-puncture"), unused=[(ANNA, aside("a|1"))]))
    store.record(batch(1, unused=[(ANNA, aside("a|1", 30))]))
    store.drop_recent(T0 + DAY_MS, [], T0)
    assert list(store.case(store.find("1")[0]).unused) == [aside("a|1", 30)]


# At an instant that is past


def test_a_patient_is_read_as_he_was_joined_at_an_instant(store: Store) -> None:
    merge = link(ANNA, BEN, "merge", 5)
    store.record(batch(0, fact(ANNA, "gcs"), fact(BEN, "gcs"), links=[merge]))
    (ben,) = store.find("2")
    assert store.case(ben, T0 + 4 * HOUR_MS).patients == (BEN,)
    assert store.case(ben, T0 + 5 * HOUR_MS).patients == (ANNA, BEN)
    store.record(batch(1, links=[link(ANNA, BEN, "unlink", 9)]))
    assert store.case(ben, T0 + 8 * HOUR_MS).patients == (ANNA, BEN)
    assert store.case(ben, T0 + 9 * HOUR_MS).patients == (BEN,)


def test_numbers_of_one_pid_belong_together_at_any_instant(store: Store) -> None:
    store.record(batch(0, fact(ANNA, "gcs"), links=[link(ANNA, ANNA_NATIONAL, "same-pid", 5)]))
    assert set(store.case(store.find("1")[0], T0).patients) == {ANNA, ANNA_NATIONAL}


def test_lps_whose_facts_were_let_go_of_are_told_by_number(store: Store) -> None:
    puncture = fact(ANNA, "lumbar-puncture")
    store.record(batch(0, puncture))
    judge(store, raising(puncture))
    assert store.lps_over("1") == ()
    store.drop_recent(T0 + DAY_MS, [], T0 + DAY_MS)
    store.drop_over(T0 + DAY_MS)
    assert store.lps_over("1") == (T0,)
    assert store.lps_over("2") == ()
