"""The law of several parts and workers: however a recording is spread over them, equal messages give equal findings."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.property.test_engine_order import PEOPLE, UNTIL, Findings, Spoken, outcome, recordings
from worker.model.message import RawMessage
from worker.runtime.clock import MessageClock
from worker.runtime.engine import Engine, Options
from worker.runtime.inlet import JournalInlet, Room
from worker.runtime.replay import Disturbance
from worker.storage.memory import MemoryState
from worker.storage.memory_journal import MemoryJournal

pytestmark = pytest.mark.slow


def spread(
    messages: Sequence[RawMessage], program: Spoken, parts: int, workers: int, seed: int
) -> tuple[Findings, Findings]:
    """Let workers that share a store consume parts of a recording, in any order of their steps."""
    random = Random(seed)  # noqa: S311 - a seed must give the same spread again
    shares: list[list[RawMessage]] = [[] for _ in range(parts)]
    for message in messages:
        random.choice(shares).append(message)
    store = MemoryState()
    engines = []
    for worker in range(workers):
        mine = [
            JournalInlet(MemoryJournal(share), f"part-{number}")
            for number, share in enumerate(shares)
            if number % workers == worker
        ]
        options = Options(Room(random.randint(1, 4)), is_exact=False)
        engines.append(Engine(mine, store, program, MessageClock(), options=options))
    for _ in range(len(messages) * workers):
        random.choice(engines).step()
    for engine in engines:
        engine.drain()
        engine.advance(UNTIL)
    return _found(store, program)


def _found(store: MemoryState, program: Spoken) -> tuple[Findings, Findings]:
    found: Findings = []
    for person in PEOPLE:
        for number in store.find(person.value):
            case = store.case(number)
            patients = tuple(sorted(patient.key for patient in case.patients))
            found += [
                (patients, *item.identity) for item in program.assess(case.facts, UNTIL, UNTIL).findings
            ]
    standing: Findings = [
        (tuple(sorted(patient.key for patient in record.patients)), *record.alert.finding.identity)
        for record in store.alerts()
        if record.alert.state.is_open
    ]
    return sorted(set(found), key=repr), sorted(standing, key=repr)


@given(recordings(), st.integers(1, 4), st.integers(1, 2), st.integers(0, 10_000))
@settings(max_examples=100)
def test_a_recording_spread_over_parts_and_workers_gives_the_same_findings_and_alerts(
    recording: tuple[list[RawMessage], Spoken], parts: int, workers: int, seed: int
) -> None:
    messages, program = recording
    assert spread(messages, program, parts, workers, seed) == outcome(
        "memory", messages, program, Disturbance()
    )
