"""The law of the engine: whatever the order, repetition, batching and restarts, equal messages give equal findings."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from itertools import permutations
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from worker.model.fact import (
    Coded,
    EncounterValue,
    Fact,
    Group,
    Identifier,
    IdentityLink,
    Moment,
    Puncture,
    PunctureSource,
    PunctureStatus,
    Quantity,
    SourceRef,
    Value,
    Version,
)
from worker.model.message import Form, Outcome, OutcomeKind, RawMessage, Reading
from worker.model.time import DAY_MS, HOUR_MS, ClinicalTime, EpochMs
from worker.pipeline import compile_pack
from worker.runtime.engine_program import PackProgram
from worker.runtime.packs import read_layers
from worker.runtime.replay import Disturbance, ReplayStore, replay
from worker.storage.memory import MemoryState
from worker.storage.migrate import upgrade
from worker.storage.state import SqlState

pytestmark = pytest.mark.slow
T0 = 20_000 * DAY_MS
UNTIL = T0 + 6 * DAY_MS
PEOPLE = (Identifier("ward", "1", "MR"), Identifier("nation", "9", "NI"), Identifier("ward", "2", "MR"))

QUANTITIES = {
    "body-temperature": ("Cel", (36.8, 37.9, 38.0, 38.1, 38.6, 39.4)),
    "gcs": ("{score}", (15, 14, 13, 11)),
    "pain-score": ("{score}", (0, 2, 4, 7, 9)),
    "csf-wbc": ("/uL", (0, 5, 6, 40, 250)),
    "csf-rbc": ("/uL", (0, 3_000, 40_000)),
    "platelets": ("10*9/L", (40, 60, 250)),
}


@dataclass(frozen=True)
class Said:
    """One thing a message says; equal statements are versions of each other."""

    statement: int
    version: int
    patient: Identifier
    concept: str
    hours: int
    value: Value
    is_deleted: bool = False
    replaces: bool | None = None
    rank: int = 2

    def fact(self) -> Fact:
        at_ms = T0 + self.hours * HOUR_MS
        stated = (T0 + self.version * HOUR_MS, self.rank)
        group = None if self.replaces is None else Group(f"g{self.statement % 2}", stated, self.replaces)
        return Fact(
            self.patient,
            f"{self.concept}|{self.statement}",
            Version(*stated, f"{self.value}{self.hours}{self.is_deleted}"),
            self.concept,
            ClinicalTime(at_ms, origin="OBX-14"),
            self.value,
            SourceRef("ward", f"m{self.version}", "OBX[1]", 0),
            group,
            self.is_deleted,
            "csf" if self.concept.startswith("csf") else "",
            "final",
        )


@cache
def pack() -> PackProgram:
    return PackProgram(compile_pack(read_layers(())))


class Spoken(PackProgram):
    """The default pack, with messages that say facts without being decoded."""

    def __init__(self, readings: dict[bytes, Reading]) -> None:
        super().__init__(pack()._pack)
        self._readings = readings

    def read(self, raw: RawMessage) -> Reading:
        reading = self._readings[raw.body]
        facts = (
            replace(fact, source=replace(fact.source, received_at_ms=raw.received_at_ms))
            for fact in reading.facts
        )
        return replace(reading, facts=tuple(facts))

    def message_time(self, raw: RawMessage) -> EpochMs | None:
        return self._readings[raw.body].message_at_ms


def quantity(concept: str) -> st.SearchStrategy[tuple[str, Value]]:
    unit, values = QUANTITIES[concept]
    return st.tuples(
        st.just(concept), st.sampled_from(values).map(lambda value: Quantity(float(value), unit))
    )


def puncture(status: PunctureStatus, source: PunctureSource) -> Value:
    return Puncture(status, source, ("n1",))


MEASURED = st.one_of(
    *(quantity(concept) for concept in QUANTITIES),
    st.tuples(st.just("acvpu"), st.sampled_from(["A", "C", "V"]).map(Coded)),
    st.tuples(
        st.just("lumbar-puncture"),
        st.builds(
            puncture,
            st.sampled_from([PunctureStatus.COMPLETED, PunctureStatus.ATTEMPTED, PunctureStatus.CANCELLED]),
            st.sampled_from(PunctureSource),
        ),
    ),
)
SAID = st.builds(
    lambda what, statement, version, patient, hours, is_deleted, replaces, rank: Said(
        *(statement, version, patient, what[0], hours, None if is_deleted else what[1]),
        *(is_deleted, replaces, rank),
    ),
    MEASURED,
    st.integers(0, 3),
    st.integers(0, 60),
    st.sampled_from(PEOPLE),
    st.integers(-6, 60),
    st.sampled_from([False] * 7 + [True]),
    st.sampled_from([None, None, None, False, True]),
    st.sampled_from([2, 2, 2, 3, 4]),
)
LINKS = st.builds(
    lambda pair, kind, hours: (IdentityLink(*pair, kind, T0 + hours * HOUR_MS),),
    st.sampled_from(list(permutations(PEOPLE, 2))),
    st.sampled_from(["same-pid", "merge", "moved", "unlink"]),
    st.integers(0, 60),
)


def _version(named: list[Identifier], hours: int) -> tuple[IdentityLink, ...]:
    record, at_ms = named[0], T0 + hours * HOUR_MS
    same = (IdentityLink(record, other, "same-pid", at_ms, record) for other in named[1:])
    return (*same, IdentityLink(record, record, "version", at_ms, record))


VERSIONS = st.builds(_version, st.lists(st.sampled_from(PEOPLE), min_size=1, unique=True), st.integers(0, 60))
ALWAYS = (
    Said(
        90, 0, PEOPLE[0], "lumbar-puncture", 0, puncture(PunctureStatus.COMPLETED, PunctureSource.PROCEDURE)
    ),
    Said(91, 0, PEOPLE[0], "encounter", -1, EncounterValue("inpatient", "v1")),
    Said(92, 0, PEOPLE[0], "birth-date", 0, Moment(T0 - 40 * 365 * DAY_MS)),
    # What others have makes findings only while they are the same person.
    Said(93, 0, PEOPLE[1], "body-temperature", 5, Quantity(39.4, "Cel")),
    Said(94, 0, PEOPLE[2], "gcs", 9, Quantity(11.0, "{score}")),
)


@st.composite
def recordings(draw: st.DrawFn) -> tuple[list[RawMessage], Spoken]:
    """Make messages that say several things of up to three identifiers, one of whom had an LP."""
    readings: dict[bytes, Reading] = {}
    bodies: list[bytes] = []
    plan: list[tuple[tuple[Said, ...], tuple[IdentityLink, ...]]] = [((said,), ()) for said in ALWAYS]
    plan += [
        (said, ()) for said in draw(st.lists(st.lists(SAID, min_size=1, max_size=3).map(tuple), max_size=12))
    ]
    plan += [((), links) for links in draw(st.lists(LINKS | VERSIONS, max_size=6))]
    for number, (said, links) in enumerate(plan):
        facts = tuple(item.fact() for item in said)
        stated = [max(item.version, item.hours) * HOUR_MS for item in said]
        stated += [link.stated_at_ms - T0 for link in links]
        body = f"{number}".encode()
        done = Outcome(OutcomeKind.PROCESSED)
        readings[body] = Reading(done, "ward", "ORU^R01", f"{number}", T0 + max(stated), (), facts, links)
        bodies.append(body)
    bodies.sort(key=lambda body: readings[body].message_at_ms or 0)
    return [RawMessage(body, Form.HL7V2, "test", 0) for body in bodies], Spoken(readings)


Findings = list[tuple[object, ...]]


class Keeping(MemoryState):
    """Stay readable after the replay closed it; so does the in-memory twin."""


@contextmanager
def stores(kind: str) -> Iterator[Callable[[], ReplayStore]]:
    if kind == "memory":
        state = Keeping()
        yield lambda: state
        return
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'state.db'}"
        upgrade(url, "state")
        yield lambda: SqlState(url, synchronous="OFF", commit_every=50)


def outcome(
    kind: str, messages: Sequence[RawMessage], program: Spoken, disturbance: Disturbance
) -> tuple[Findings, Findings]:
    """Replay, and give what is found in the stored facts, and the alerts that stand for it."""
    with stores(kind) as open_store:
        report = replay(messages, program, open_store, until_ms=UNTIL, disturbance=disturbance)
        assert report.failed == {}
        store = open_store()
        found: Findings = []
        for person in PEOPLE:
            for number in store.find(person.value):
                case = store.case(number)
                patients = tuple(sorted(patient.key for patient in case.patients))
                found += [
                    (patients, *item.identity) for item in program.assess(case.facts, UNTIL, UNTIL).findings
                ]
        standing: Findings = [
            (
                tuple(sorted(patient.key for patient in record.patients)),
                *(record.alert.finding.identity if record.alert.state.is_open else ()),
            )
            for record in store.alerts()
            if record.alert.state.is_open
        ]
        store.close()
    return sorted(set(found), key=repr), sorted(standing, key=repr)


DISTURBANCES = st.builds(
    Disturbance,
    st.none() | st.integers(0, 10_000),
    st.sampled_from([0.0, 0.3]),
    st.integers(0, 3),
    st.none() | st.integers(1, 7),
)


@given(recordings(), DISTURBANCES)
@settings(max_examples=120)
def test_a_disturbed_recording_gives_the_same_findings_and_alerts(
    recording: tuple[list[RawMessage], Spoken], disturbance: Disturbance
) -> None:
    messages, program = recording
    assert outcome("memory", messages, program, disturbance) == outcome(
        "memory", messages, program, Disturbance()
    )


@given(recordings(), DISTURBANCES)
@settings(max_examples=15)
def test_the_database_gives_what_memory_gives(
    recording: tuple[list[RawMessage], Spoken], disturbance: Disturbance
) -> None:
    messages, program = recording
    assert outcome("sqlite", messages, program, disturbance) == outcome(
        "memory", messages, program, Disturbance()
    )


@given(recordings())
@settings(max_examples=120)
def test_open_alerts_are_the_unfolded_findings_whose_window_lasts(
    recording: tuple[list[RawMessage], Spoken],
) -> None:
    messages, program = recording
    with stores("memory") as open_store:
        replay(messages, program, open_store, until_ms=UNTIL)
        store = open_store()
        standing = {
            item.identity
            for person in PEOPLE
            for number in store.find(person.value)
            for item in program.assess(store.case(number).facts, UNTIL, UNTIL).findings
            if not item.folded_by and item.window_end_ms > UNTIL
        }
        assert {
            record.alert.finding.identity for record in store.alerts() if record.alert.state.is_open
        } == standing


def test_the_recordings_raise_alerts_of_several_rules() -> None:
    rules: set[str] = set()

    @given(recordings())
    @settings(max_examples=60, database=None)
    def collect(recording: tuple[list[RawMessage], Spoken]) -> None:
        messages, program = recording
        with stores("memory") as open_store:
            rules.update(replay(messages, program, open_store, until_ms=UNTIL).summary["alerts"]["by_rule"])

    collect()
    assert len(rules) >= 5, rules
