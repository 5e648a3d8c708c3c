"""The five patterns as rules of a pack, asked as a worker asks them: each event is a fact, and its patient is assessed."""

from __future__ import annotations

from collections.abc import Iterable
from heapq import heappop, heappush
from pathlib import Path

from bench.patterns.by_hand import decode
from bench.patterns.events import Event
from bench.patterns.matches import Match
from worker.model.fact import (
    Assertion,
    AssertionStatus,
    EncounterValue,
    Fact,
    Identifier,
    Puncture,
    PunctureSource,
    PunctureStatus,
    Quantity,
    SourceRef,
    Value,
    Version,
)
from worker.model.time import ClinicalTime
from worker.pipeline import Assessment, Pack, compile_pack
from worker.runtime.packs import default_pack_folder, read_layer
from worker.runtime.recalls import Recalls

RULES = Path(__file__).resolve().parent / "pack"
UNITS = {
    "body-temperature": "Cel",
    "heart-rate": "/min",
    "systolic-pressure": "mm[Hg]",
    "respiratory-rate": "/min",
    "spo2": "%",
    "pain-score": "{score}",
}
_SHARED = {"rules/definitions.yaml", "rules/sources.yaml", "rules/claims.yaml"}
_OPENING = "lumbar-puncture"


def load_pack() -> Pack:
    """Compile the default pack with the five patterns in the place of its rules."""
    layer = read_layer(default_pack_folder())
    kept = {path: text for path, text in layer.items() if not path.startswith("rules/") or path in _SHARED}
    return compile_pack([kept | read_layer(RULES)])


def find(bodies: Iterable[bytes], pack: Pack, most_facts: int = 2**62) -> list[Match]:
    """Find all matches of events that come by time."""
    return Ward(pack, most_facts).run(map(decode, bodies))


class Ward:
    """Patients with all their facts in memory."""

    def __init__(self, pack: Pack, most_facts: int) -> None:
        """Know nobody; `most_facts` of those who are remembered as they were assessed last."""
        self._recalls = Recalls(pack, most_facts)
        self._facts: dict[str, list[Fact]] = {}
        self._who: dict[str, tuple[Identifier, ...]] = {}
        self._due: list[tuple[int, str]] = []
        self._due_of: dict[str, int] = {}
        self._found: dict[tuple[str, str, int], Match] = {}
        self._number = 0

    def run(self, events: Iterable[Event]) -> list[Match]:
        """Take events by time, then let every clock run out."""
        for event in events:
            if self._due and self._due[0][0] <= event.at:
                self._ring(event.at)
            patient = event.patient
            facts = self._facts.get(patient)
            if facts is None:
                facts = self._facts[patient] = []
                self._who[patient] = (Identifier("ward", patient, "MR"),)
            facts.append(self._fact(event, self._who[patient][0]))
            if event.concept == _OPENING or patient in self._due_of:
                self._assess(patient, event.at)
        while self._due:
            self._ring(self._due[0][0])
        return list(self._found.values())

    def _fact(self, event: Event, patient: Identifier) -> Fact:
        self._number += 1
        key = str(self._number)
        return Fact(
            patient,
            key,
            Version(event.at, 2, ""),
            event.concept,
            ClinicalTime(event.at, origin="OBX-14"),
            _value(event),
            SourceRef("ward", key, "OBX[1]", event.at),
            result_status="final",
        )

    def _assess(self, patient: str, now_ms: int) -> None:
        found = self._recalls.assess(self._who[patient], tuple(self._facts[patient]), now_ms, now_ms)
        self._note(patient, found)
        next_ms = found.next_change_at_ms
        if next_ms is not None and next_ms != self._due_of.get(patient):
            heappush(self._due, (next_ms, patient))
        self._due_of[patient] = -1 if next_ms is None else next_ms

    def _note(self, patient: str, found: Assessment) -> None:
        for finding in found.findings:
            key = (finding.rule, patient, finding.episode.anchor_ms)
            if key not in self._found:
                self._found[key] = Match(*key, finding.effective_ms)

    def _ring(self, now_ms: int) -> None:
        """Assess whom time alone may have changed; an instant that another took the place of is passed over."""
        while self._due and self._due[0][0] <= now_ms:
            due_ms, patient = heappop(self._due)
            if self._due_of[patient] == due_ms:
                self._assess(patient, due_ms)


def _value(event: Event) -> Value:
    if event.value is not None:
        return Quantity(event.value, UNITS[event.concept])
    if event.status:
        return Assertion(AssertionStatus(event.status), (event.qualifier,) if event.qualifier else ())
    if event.concept == _OPENING:
        return Puncture(PunctureStatus.COMPLETED, PunctureSource.PROCEDURE)
    return EncounterValue("inpatient", "V1")
