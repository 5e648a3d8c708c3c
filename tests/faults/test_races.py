"""The races that several workers must not lose, a thousand times each; and that each is seen where its guard is taken away."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence

import pytest
import sqlalchemy as sa

from tests.contract.state_values import T0, fact, link, states, version
from tests.faults.races import LATER, TRIALS, WORKERS, Outcome, Race, Turn, Worker, a_moment, counted
from worker.model.fact import Claim, Identifier
from worker.storage import assessing, claims, identities, locks, positions
from worker.storage.assessing import Assessing
from worker.storage.identities import Identities
from worker.storage.records import CountKey
from worker.storage.schema import position
from worker.storage.state import SqlState

pytestmark = [pytest.mark.integration, pytest.mark.slow]

TOGETHER = 5
"""How many trials share a turn: that many patients are raced for at the same time."""


def patient(trial: int, authority: str = "ward") -> Identifier:
    return Identifier(authority, f"p{trial}", "MR")


def trials_of(number: int) -> range:
    return range(number * TOGETHER, (number + 1) * TOGETHER)


def tell(name: str, *, is_guarded: bool, outcome: Outcome) -> None:
    print(f"{name}, {'guarded' if is_guarded else 'unguarded'}: {outcome}")  # noqa: T201 - the figures of ADR 0010


def says(concept: str, authority: str = "ward", *, makes_due: bool = True) -> Turn:
    """Ingest one fact of each trial's patient, then judge some."""

    def turn(worker: Worker, number: int) -> None:
        facts = [fact(patient(trial, authority), concept) for trial in trials_of(number)]
        a_moment(0.01)
        worker.record(facts=facts, due={item.patient: T0 for item in facts} if makes_due else {})
        worker.assess()

    return turn


def judges(worker: Worker, _number: int) -> None:
    worker.assess()
    worker.assess()


def raced(url: str, turns: list[Turn], facts: int, *, is_guarded: bool, **more: object) -> Outcome:
    """Race a thousand times; without the guard until something goes wrong, a hundred times at once."""
    race = Race(url, **more)
    spans = [range(TRIALS)] if is_guarded else [range(at, at + 100) for at in range(0, 2 * TRIALS, 100)]
    outcome = Outcome()
    for span in spans:
        workers = race.run(turns, range(span.start // TOGETHER, span.stop // TOGETHER))
        outcome = race.outcome(workers, ((patient(trial), facts) for trial in span))
        race.end(workers)
        if not outcome.is_clean:
            break
    return outcome


@pytest.mark.parametrize("is_guarded", [True, False])
def test_a_fever_at_one_worker_and_the_lp_at_another(state_url: str, *, is_guarded: bool) -> None:
    """The guard: every patient touched is due, also without an LP."""
    turns = [says("temp", makes_due=is_guarded), says("lumbar-puncture"), judges, judges]
    outcome = raced(state_url, turns, 2, is_guarded=is_guarded)
    tell("fever and LP", is_guarded=is_guarded, outcome=outcome)
    assert outcome.is_clean is is_guarded


@pytest.mark.parametrize("is_guarded", [True, False])
def test_a_fever_under_one_number_and_the_lp_under_another_and_the_link_at_a_third(
    state_url: str, *, is_guarded: bool
) -> None:
    """The guard: a link makes those due whom it joins."""

    def joins(worker: Worker, number: int) -> None:
        links = [link(patient(trial), patient(trial, "nation"), "same-pid", 0) for trial in trials_of(number)]
        a_moment(0.02)
        worker.record(links=links, due={item.first: T0 for item in links} if is_guarded else {})
        worker.assess()

    turns = [says("temp"), says("lumbar-puncture", "nation"), joins, judges]
    outcome = raced(state_url, turns, 2, is_guarded=is_guarded)
    tell("fever, LP and link", is_guarded=is_guarded, outcome=outcome)
    assert outcome.is_clean is is_guarded


@pytest.mark.parametrize("is_guarded", [True, False])
def test_timers_and_messages_of_the_same_patients(
    state_url: str, monkeypatch: pytest.MonkeyPatch, *, is_guarded: bool
) -> None:
    """The guard: due rows that another worker holds are neither waited for nor deleted."""
    if not is_guarded:
        for name in ("_READY", "_DUE_OF"):
            monkeypatch.setattr(assessing, name, getattr(assessing, name).with_for_update())

    def fires(worker: Worker, number: int) -> None:
        # Rows of many patients, in an order of its own: what timers that come due together look like.
        people = [patient(trial) for trial in trials_of(number)] + [
            patient(trial) for trial in trials_of(number - 1)
        ]
        people = [who for who in people if not who.value.startswith("p-")]
        random.shuffle(people)
        worker.record(due=dict.fromkeys(people, T0))
        worker.assess(limit=20)

    turns = [says("temp"), says("lumbar-puncture"), fires, fires]
    outcome = raced(state_url, turns, 2, is_guarded=is_guarded)
    tell("timers and messages", is_guarded=is_guarded, outcome=outcome)
    assert outcome.is_clean if is_guarded else outcome.deadlocks


def read_before_the_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read what is judged when the lock is asked for, as a statement does that both locks and reads."""
    read, hold, early = Assessing.cases, Assessing._hold, threading.local()

    def read_and_hold(self: Assessing, conn: sa.Connection, wanted: Sequence[tuple[int, ...]]) -> object:
        early.cases = {opened.group: opened for opened in read(self, conn, wanted)}
        a_moment(0.003)
        return hold(self, conn, wanted)

    def read_early(_self: Assessing, _conn: sa.Connection, groups: Sequence[tuple[int, ...]]) -> object:
        return [early.cases[group] for group in groups]

    monkeypatch.setattr(Assessing, "_hold", read_and_hold)
    monkeypatch.setattr(Assessing, "cases", read_early)


@pytest.mark.parametrize("is_guarded", [True, False])
def test_a_lock_and_then_a_read_that_is_not_stale(
    state_url: str, monkeypatch: pytest.MonkeyPatch, *, is_guarded: bool
) -> None:
    """The guard: what is judged is read by statements that begin when the lock is ours."""
    with monkeypatch.context() as patch:
        if not is_guarded:
            read_before_the_lock(patch)
        turns = [says("temp"), says("lumbar-puncture"), judges, judges]
        outcome = raced(state_url, turns, 2, is_guarded=is_guarded)
    tell("lock, then read", is_guarded=is_guarded, outcome=outcome)
    assert outcome.is_clean is is_guarded


def hold_the_roots_only(conn: sa.Connection, groups: Iterable[tuple[int, ...]]) -> list[tuple[int, ...]]:
    held = locks._try(conn, [group[0] for group in groups])
    return [group for group in groups if group[0] in held]


@pytest.mark.parametrize("is_guarded", [True, False])
def test_a_merge_while_the_other_half_is_judged(
    state_url: str, monkeypatch: pytest.MonkeyPatch, *, is_guarded: bool
) -> None:
    """The guard: every member of a group is locked, not its root alone."""
    if not is_guarded:
        monkeypatch.setattr(locks, "hold", hold_the_roots_only)

    def comes(worker: Worker, number: int) -> None:
        facts = [
            fact(patient(trial, "late"), concept)
            for trial in trials_of(number)
            for concept in ("temp", "lumbar-puncture")
        ]
        worker.record(facts=facts, due={item.patient: T0 for item in facts})
        worker.assess()

    def merges(worker: Worker, number: int) -> None:
        a_moment(0.04)
        links = [link(patient(trial), patient(trial, "late"), "merge", 0) for trial in trials_of(number)]
        worker.record(links=links, due={item.first: T0 for item in links})
        worker.assess()

    def knows_the_earlier_number(store: SqlState) -> None:
        # The number that stays is the smaller one: the root of the whole, while the other half has a root of its own.
        with store._db.unit() as conn:
            store._identities.number(conn, [patient(trial) for trial in range(2 * TRIALS)])

    turns = [comes, merges, judges, judges]
    outcome = raced(state_url, turns, 2, is_guarded=is_guarded, prepare=knows_the_earlier_number)
    tell("merge of a half", is_guarded=is_guarded, outcome=outcome)
    assert outcome.is_clean if is_guarded else outcome.doubled


def claim_with_the_facts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Write claims in the long transaction, as everything else: two who write at one time do not see each other's."""
    write, mark, late = claims.write, claims.mark, threading.local()

    def write_late(_conn: sa.Connection, _claimed: object, numbers: Mapping[tuple[str, str], int]) -> None:
        late.numbers = dict(numbers)

    def write_and_mark(conn: sa.Connection, claimed: Sequence[Claim]) -> list[tuple[int, int]]:
        write(conn, claimed, late.numbers)
        return mark(conn, claimed)

    monkeypatch.setattr(claims, "write", write_late)
    monkeypatch.setattr(claims, "mark", write_and_mark)


@pytest.mark.parametrize("is_guarded", [True, False])
def test_a_resource_that_moves_while_its_first_patient_is_judged(
    state_url: str, monkeypatch: pytest.MonkeyPatch, *, is_guarded: bool
) -> None:
    """The guard: claims are there for others before anybody looks for them."""

    def has(authority: str, hours: float, *more: str) -> Turn:
        def turn(worker: Worker, number: int) -> None:
            told = [states(patient(trial, authority), hours, f"r|r|{trial}") for trial in trials_of(number)]
            facts = [item for each in told for item in each["facts"]]
            claimed = [item for each in told for item in each["claims"]]
            people = [item.patient for item in facts]
            facts += [fact(who, concept) for who in people for concept in more]
            a_moment(0.01)
            worker.record(facts=facts, claims=claimed, due=dict.fromkeys(people, T0))
            worker.assess()

        return turn

    with monkeypatch.context() as patch:
        if not is_guarded:
            claim_with_the_facts(patch)
        turns = [has("ward", 1, "temp", "lumbar-puncture"), has("late", 2), judges, judges]
        outcome = raced(state_url, turns, 2, is_guarded=is_guarded)
    tell("resource that moves", is_guarded=is_guarded, outcome=outcome)
    assert outcome.is_clean is is_guarded


@pytest.mark.parametrize("is_guarded", [True, False])
def test_a_record_names_a_patient_and_names_him_no_more_while_he_is_judged(
    state_url: str, monkeypatch: pytest.MonkeyPatch, *, is_guarded: bool
) -> None:
    """The guard: whom a record named once is due when it is judged, though no message names him."""
    if not is_guarded:
        monkeypatch.setattr(Identities, "settle", lambda *_: set())

    def comes(worker: Worker, number: int) -> None:
        facts = [
            fact(patient(trial), concept)
            for trial in trials_of(number)
            for concept in ("temp", "lumbar-puncture")
        ]
        worker.record(facts=facts, due={item.patient: T0 for item in facts})
        worker.assess()

    def is_of(hours: float, *, names: bool) -> Turn:
        def turn(worker: Worker, number: int) -> None:
            a_moment(0.03)
            records = {trial: patient(trial, "record") for trial in trials_of(number)}
            links = [
                said
                for trial, record in records.items()
                for said in version(record, hours, *([patient(trial)] if names else []))
            ]
            facts = [fact(record, "gcs") for record in records.values()] if names else []
            worker.record(facts=facts, links=links, due=dict.fromkeys(records.values(), T0))
            worker.assess()

        return turn

    turns = [comes, is_of(0, names=True), is_of(1, names=False), judges]
    outcome = raced(state_url, turns, 2, is_guarded=is_guarded)
    tell("named no more", is_guarded=is_guarded, outcome=outcome)
    assert outcome.is_clean if is_guarded else outcome.stale


@pytest.mark.parametrize("is_guarded", [True, False])
def test_a_worker_that_lost_its_part_and_does_not_know(
    state_url: str, monkeypatch: pytest.MonkeyPatch, *, is_guarded: bool
) -> None:
    """The guard: the position moves only from where the batch begins."""
    if not is_guarded:
        monkeypatch.setattr(
            positions,
            "_MOVE",
            sa.update(position)
            .where(position.c.part == sa.bindparam("here"))
            .values(next=sa.bindparam("next"), at_ms=sa.bindparam("at_ms")),
        )
    trials = TRIALS if is_guarded else 100

    def consumes(worker: Worker, _number: int) -> None:
        worker.part = "one part"
        worker.at = worker.store.position(worker.part).next
        counts = {CountKey("processed", "ward", "", f"{worker.at}"): 1}
        worker.record(counts=counts)

    race = Race(state_url)
    workers = race.run([consumes] * WORKERS, range(trials))
    store = workers[0].store
    end, seen = store.position("one part").next, counted(store)
    twice = sum(count > 1 for count in seen.values())
    race.end(workers)
    print(f"zombies, {'guarded' if is_guarded else 'unguarded'}: {end} consumed, {twice} of them twice")  # noqa: T201
    if is_guarded:
        assert seen == {f"{offset}": 1 for offset in range(end)}
        assert end >= trials
    else:
        assert twice


def shuffled(items: Iterable[object], key: Callable[[object], object] | None = None) -> list[object]:
    mixed = list(items)
    random.shuffle(mixed)
    return mixed


@pytest.mark.parametrize("is_guarded", [True, False])
def test_new_patients_that_all_workers_meet_at_once(
    state_url: str, monkeypatch: pytest.MonkeyPatch, *, is_guarded: bool
) -> None:
    """The guard: rows that several workers write are written in one order."""
    if not is_guarded:
        monkeypatch.setattr(identities, "sorted", shuffled, raising=False)

    def meets(worker: Worker, number: int) -> None:
        people = [patient(number * 100 + index) for index in range(100)]
        random.shuffle(people)
        links = [
            link(one, other, "same-pid", 0) for one, other in zip(people[::2], people[1::2], strict=True)
        ]
        random.shuffle(links)
        counts = [CountKey("processed", "ward", f"{index}") for index in range(20)]
        random.shuffle(counts)
        feeds = [f"feed {index}" for index in range(10)]
        random.shuffle(feeds)
        worker.record(
            links=links,
            due=dict.fromkeys(people, LATER),
            counts=dict.fromkeys(counts, 1),
            feeds=dict.fromkeys(feeds, T0),
        )

    rounds = (TRIALS if is_guarded else 200) // WORKERS
    race = Race(state_url)
    workers = race.run([meets] * WORKERS, range(rounds))
    deadlocks = sum(worker.deadlocks for worker in workers)
    counts = workers[0].store.counts()
    race.end(workers)
    print(f"new patients, {'guarded' if is_guarded else 'unguarded'}: {deadlocks} deadlocks")  # noqa: T201
    assert set(counts.values()) == {rounds * WORKERS}
    assert deadlocks == 0 if is_guarded else deadlocks
