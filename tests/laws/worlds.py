"""What a worker finds in messages, by whatever way they arrive, and how two of them are compared: the laws."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property

from msgspec import structs

from worker.model.alert import Notice
from worker.model.fact import Coded, Fact, Identifier, Puncture
from worker.model.finding import Finding
from worker.model.message import RawMessage, Unused
from worker.model.time import HOUR_MS, MINUTE_MS, EpochMs
from worker.notes.reader import NoteReader
from worker.pipeline import Assessment, Pack, Recall, assess, read
from worker.rules.blind import BlindSpot
from worker.runtime.clock import FixedClock, MessageClock
from worker.runtime.engine import Engine, Options
from worker.runtime.found import FindingProgram
from worker.runtime.inlet import JournalInlet, Room
from worker.runtime.offline import load_pack
from worker.runtime.replay import KEPT_FOR_EVER, Disturbance, ReplayStore, replay
from worker.simulate.arrivals import Arrival
from worker.simulate.gold import GoldReader
from worker.simulate.letters import HL7_WAYS, write
from worker.simulate.vignettes import Vignette, VignetteSpec, _build
from worker.storage.memory import MemoryState
from worker.storage.memory_journal import MemoryJournal


@cache
def pack() -> Pack:
    return load_pack()


class Watched(FindingProgram):
    """The default pack; what it found can be looked at. It counts no blind spots: no law is about them."""

    def __init__(self, notes: NoteReader) -> None:
        super().__init__(pack(), notes)
        self.raised: set[str] = set()

    def assess(
        self,
        facts: Sequence[Fact],
        as_of_ms: EpochMs,
        consumed_until_ms: EpochMs,
        who: Sequence[Identifier] = (),
    ) -> Assessment:
        found = super().assess(facts, as_of_ms, consumed_until_ms, who)
        self.raised.update(each.rule.id for each in found.evaluations if each.finding is not None)
        return found

    def find_blind_spots(
        self,
        found: Assessment,  # noqa: ARG002 - see above
        unused: Sequence[Unused],  # noqa: ARG002 - see above
    ) -> Mapping[EpochMs, tuple[BlindSpot, ...]]:
        return {}


@dataclass(frozen=True)
class Found:
    """What stands at the end: findings and open alerts, each in its meaning, and the rules that hold, silent ones too."""

    findings: tuple[str, ...]
    standing: tuple[str, ...]
    rules: frozenset[str] = frozenset()

    def difference(self, other: Found) -> list[str]:
        """Say what one has and the other has not; empty where both are the same."""
        return [
            f"{sign} {kind} {line}"
            for kind in ("findings", "standing")
            for sign, some, others in (("-", self, other), ("+", other, self))
            for line in sorted(set(getattr(some, kind)) - set(getattr(others, kind)))
        ]


def meaning(finding: Finding) -> str:
    """Write (LP, rule, severity, evidence) in what all transports have in common.

    An answer is told in the words of its sender, an LP by the record of that transport which speaks for it, and what stay a
    patient left is in HL7 v2 only where he came by one.
    """
    evidence = [(fact.concept, fact.effective.start_ms, _value(fact)) for fact in finding.evidence]
    return f"{finding.rule} {finding.severity.name} of {finding.episode.anchor_ms}: {sorted(set(evidence))}"


def _value(fact: Fact) -> str:
    if isinstance(fact.value, Puncture) or fact.concept == "discharge":
        return ""
    return repr(structs.replace(fact.value, reported="") if isinstance(fact.value, Coded) else fact.value)


def outcome(store: ReplayStore, program: Watched) -> Found:
    """Gather what was found of patients, and the alerts that are open."""
    findings = (f"{_named(who)} {meaning(finding)}" for who, finding in program.found.values())
    standing = (
        f"{_named(record.patients)} {meaning(record.alert.finding)}"
        for record in store.alerts()
        if record.alert.state.is_open
    )
    return Found(tuple(sorted(findings)), tuple(sorted(standing)), frozenset(program.raised))


def _named(who: Iterable[Identifier]) -> str:
    return "+".join(sorted({identifier.value for identifier in who}))


def run(
    vignette: Vignette,
    arrival: Arrival,
    open_store: Callable[[], ReplayStore] | None = None,
) -> Found:
    """Let the messages of a vignette arrive at a worker, in memory where no store is given; give what stands at the end."""
    return run_messages(
        write(vignette, HL7_WAYS[0], arrival),
        [vignette],
        Disturbance(None, 0.0, arrival.restart, arrival.split),
        open_store,
    )


def run_messages(
    messages: Sequence[RawMessage],
    vignettes: Sequence[Vignette],
    disturbance: Disturbance,
    open_store: Callable[[], ReplayStore] | None = None,
) -> Found:
    """Let messages of several vignettes arrive at one worker."""
    memory = MemoryState()
    program = Watched(GoldReader({name: told for one in vignettes for name, told in one.gold.items()}))
    report = replay(
        messages,
        program,
        open_store or (lambda: memory),
        until_ms=max(one.until_ms for one in vignettes),
        disturbance=disturbance,
        retention=KEPT_FOR_EVER,
    )
    assert report.failed == {}, report.failed
    store = open_store() if open_store else memory
    found = outcome(store, program)
    store.close()
    return found


class Trial:
    """A history on trial: what is found when all of it comes at once, and in its order."""

    def __init__(self, spec: VignetteSpec) -> None:
        self.spec = spec
        self.vignette = _build(spec, "")

    @cached_property
    def found(self) -> Found:
        return run(self.vignette, Arrival(split=len(self.spec.facts) + 1))


Law = Callable[[Trial, Arrival], list[str]]
"""Says what differs when the facts of a history arrive otherwise; empty where the law holds."""


def arrives_otherwise(trial: Trial, arrival: Arrival) -> list[str]:
    """Compare with the worker in memory to which the facts come otherwise: the law of most laws."""
    return trial.found.difference(run(trial.vignette, arrival))


def stored(open_store: Callable[[], Callable[[], ReplayStore]]) -> Law:
    """Compare with a worker on a database; `open_store` makes an empty one and gives what opens it."""
    return lambda trial, arrival: trial.found.difference(run(trial.vignette, arrival, open_store()))


def lived(trial: Trial, arrival: Arrival) -> list[str]:
    """Compare with a worker that lived through it: messages come minutes late by its own clock, with idle time between."""
    clock, journal, store = FixedClock(0), MemoryJournal(), MemoryState()
    program = Watched(GoldReader(trial.vignette.gold))
    engine = Engine([JournalInlet(journal)], store, program, clock, options=Options(retention=KEPT_FOR_EVER))
    for number, raw in enumerate(write(trial.vignette, HL7_WAYS[0], arrival)):
        clock.at_ms = max(clock.at_ms, raw.received_at_ms) + number % 3 * 7 * MINUTE_MS
        journal.append([structs.replace(raw, received_at_ms=clock.at_ms)])
        if number % (arrival.split or 1) == 0:
            engine.drain()
            clock.at_ms += number % 2 * HOUR_MS
            engine.drain()
    clock.at_ms = max(clock.at_ms, trial.vignette.until_ms)
    engine.drain()
    recorded = replace(trial.vignette, until_ms=clock.at_ms)
    return run(recorded, Arrival()).difference(outcome(store, program))


def remembered(trial: Trial, arrival: Arrival) -> list[str]:
    """Compare after each batch what is found by asking what changed with what is found by asking everything."""
    reader = GoldReader(trial.vignette.gold)
    messages = write(trial.vignette, HL7_WAYS[0], arrival)
    recall, facts, at_ms, size = Recall(pack()), tuple[Fact, ...](), 0, arrival.split or 1
    for start in range(0, len(messages), size):
        batch = messages[start : start + size]
        at_ms = max(at_ms, *(raw.received_at_ms for raw in batch)) + HOUR_MS
        facts += tuple(fact for raw in batch for fact in read(raw, pack(), reader).facts)
        again, anew = (way(facts, at_ms) for way in (lambda *now: recall.assess(*now, now[1]), _assess_anew))
        if _answers(again) != _answers(anew):
            return [*(f"- {line}" for line in _answers(anew)), *(f"+ {line}" for line in _answers(again))]
    return []


def _assess_anew(facts: tuple[Fact, ...], at_ms: EpochMs) -> Assessment:
    return assess(facts, pack(), at_ms, at_ms)


def _answers(found: Assessment) -> list[str]:
    answers = [
        f"{each.rule.id} {each.context.view.episode.anchor_ms} {each.truth} {each.next_change_at_ms}"
        for each in found.evaluations
    ]
    return [*map(meaning, found.findings), *answers, f"{found.next_change_at_ms} {found.awaits_feeds}"]


class Told:
    """A sink that remembers what it was told."""

    name = "told"

    def __init__(self) -> None:
        self.notices: list[Notice] = []

    def send(self, notices: Sequence[Notice]) -> None:
        self.notices.extend(notices)


def told_once(trial: Trial, arrival: Arrival) -> list[str]:
    """Tell which version of an alert was told twice, and what a second sending of the whole feed told."""
    store, sink = MemoryState(), Told()
    messages = write(trial.vignette, HL7_WAYS[0], arrival)
    counts = []
    for times in (1, 2):
        journal = MemoryJournal(messages * times)
        for _ in range(arrival.restart + 1):
            program = Watched(GoldReader(trial.vignette.gold))
            options = Options(Room(arrival.split or 500), is_exact=False, retention=KEPT_FOR_EVER)
            engine = Engine(
                [JournalInlet(journal)], store, program, MessageClock(), sinks=[sink], options=options
            )
            engine.step()
        engine.drain()
        engine.advance(trial.vignette.until_ms)
        counts.append(len(sink.notices))
    documents = [json.loads(notice.body) for notice in sink.notices]
    told = Counter((one["lp"]["at"], one["rule"]["id"], one["version"]) for one in documents)
    twice = [f"told {count} times: {version}" for version, count in told.items() if count > 1]
    return [*twice, *([f"told when sent again: {counts[1] - counts[0]}"] if counts[0] != counts[1] else [])]
