"""What a worker finds in messages, by whatever way they arrive, and how two of them are compared."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property

from msgspec.structs import replace

from worker.model.fact import Coded, Fact, Identifier, Puncture
from worker.model.finding import Finding
from worker.model.message import Unused
from worker.model.time import EpochMs
from worker.notes.reader import NoteReader
from worker.pipeline import Assessment, Pack
from worker.rules.blind import BlindSpot
from worker.runtime.engine_program import PackProgram
from worker.runtime.offline import load_pack
from worker.runtime.replay import KEPT_FOR_EVER, Disturbance, replay
from worker.simulate.arrivals import Arrival
from worker.simulate.gold import GoldReader
from worker.simulate.letters import HL7_WAYS, write
from worker.simulate.trial import TrialStore
from worker.simulate.vignettes import Vignette, VignetteSpec, _build
from worker.storage.memory import MemoryState

Who = tuple[Identifier, ...]


@cache
def pack() -> Pack:
    return load_pack()


class Watched(PackProgram):
    """The default pack; what it found last of each patient can be looked at. It counts no blind spots: no law is about them."""

    def __init__(self, notes: NoteReader | None) -> None:
        super().__init__(pack(), notes)
        self.last: dict[Who, Assessment] = {}

    def assess(
        self,
        facts: Sequence[Fact],
        as_of_ms: EpochMs,
        consumed_until_ms: EpochMs,
        who: Sequence[Identifier] = (),
    ) -> Assessment:
        found = super().assess(facts, as_of_ms, consumed_until_ms, who)
        self.last[tuple(who)] = found
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
    return repr(replace(fact.value, reported="") if isinstance(fact.value, Coded) else fact.value)


def outcome(store: TrialStore, program: Watched, numbers: Iterable[str]) -> Found:
    """Gather what was found of patients, and the alerts that are open."""
    groups = {store.case(patient).patients for number in numbers for patient in store.find(number)}
    last = {who: program.last[who] for who in groups if who in program.last}
    findings = sorted(
        f"{_named(who)} {meaning(finding)}" for who, found in last.items() for finding in found.findings
    )
    standing = sorted(
        f"{_named(record.patients)} {meaning(record.alert.finding)}"
        for record in store.alerts()
        if record.alert.state.is_open
    )
    rules = {
        each.rule.id for found in last.values() for each in found.evaluations if each.finding is not None
    }
    return Found(tuple(findings), tuple(standing), frozenset(rules))


def _named(who: Iterable[Identifier]) -> str:
    return "+".join(sorted({identifier.value for identifier in who}))


def numbers_of(vignette: Vignette) -> list[str]:
    """Give every number of the patient that a message may name."""
    unders = sorted({one.under for one in vignette.happenings if one.under})
    return [vignette.vignette_id, *(f"{vignette.vignette_id}-{under}" for under in unders)]


def program_of(vignette: Vignette) -> Watched:
    """Give the default pack, which has met nobody yet; notes say what the vignette states."""
    return Watched(GoldReader(vignette.gold))


def disturbance_of(arrival: Arrival) -> Disturbance:
    """Give what is left of an arrival once its messages are in their order."""
    return Disturbance(restart_n=arrival.restart, batch_size=arrival.split)


def run(vignette: Vignette, arrival: Arrival, form: str = HL7_WAYS[0]) -> Found:
    """Let the messages of a vignette arrive at a worker in memory, and give what stands when its clock stops."""
    store, program = MemoryState(), program_of(vignette)
    messages = write(vignette, form, arrival)
    report = replay(
        messages,
        program,
        lambda: store,
        until_ms=vignette.until_ms,
        disturbance=disturbance_of(arrival),
        retention=KEPT_FOR_EVER,
    )
    assert report.failed == {}, report.failed
    return outcome(store, program, numbers_of(vignette))


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
