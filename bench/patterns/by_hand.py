"""The five patterns written out in Python: the floor for what a language of rules may cost here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from heapq import heappop, heappush

import msgspec

from bench.patterns.events import Event
from bench.patterns.matches import (
    BASELINE_MS,
    FEVER,
    GAP_MS,
    GRACE_MS,
    LONGEST_MS,
    RISE,
    SHORTEST_MS,
    THREE_DAYS_MS,
    WEEK_MS,
    Match,
)

decode = msgspec.json.Decoder(Event).decode


@dataclass(slots=True)
class _Patient:
    """What is remembered of one patient; what counts from the puncture begins anew with each."""

    is_in_house: bool = False
    pains: list[tuple[int, float]] = field(default_factory=list)
    puncture_ms: int | None = None
    baseline: float | None = None
    fevers: list[int] = field(default_factory=list)
    has_headache: bool = False
    told: set[str] = field(default_factory=set)
    awaits_temperature: bool = False


def find(bodies: Iterable[bytes]) -> list[Match]:
    """Find all matches of events that come by time."""
    return Loop().run(map(decode, bodies))


class Loop:
    """One pass over all events."""

    def __init__(self) -> None:
        """Know nobody."""
        self._patients: dict[str, _Patient] = {}
        self._due: list[tuple[int, str, int]] = []
        self._found: list[Match] = []

    def run(self, events: Iterable[Event]) -> list[Match]:
        """Take events by time, then let every clock run out."""
        for event in events:
            if self._due and self._due[0][0] <= event.at:
                self._ring(event.at)
            patient = self._patients.get(event.patient)
            if patient is None:
                patient = self._patients[event.patient] = _Patient()
            self._take(event, patient)
        self._ring(None)
        return self._found

    def _take(self, event: Event, patient: _Patient) -> None:
        match event.concept:
            case "body-temperature":
                if patient.puncture_ms is not None and event.value is not None:
                    self._temperature(event, event.value, patient, patient.puncture_ms)
            case "pain-score":
                if event.value is not None:
                    self._pain(event, event.value, patient)
            case "headache":
                if patient.puncture_ms is not None:
                    self._headache(event, patient, patient.puncture_ms)
            case "lumbar-puncture":
                self._puncture(event, patient)
            case "encounter":
                patient.is_in_house = True
            case "discharge":
                patient.is_in_house = patient.awaits_temperature = False
            case _:
                pass

    def _puncture(self, event: Event, patient: _Patient) -> None:
        before = [value for at_ms, value in patient.pains if at_ms >= event.at - BASELINE_MS]
        patient.puncture_ms = event.at
        patient.baseline = max(before, default=None)
        patient.fevers = []
        patient.has_headache = False
        patient.told = set()
        patient.awaits_temperature = patient.is_in_house
        if patient.is_in_house:
            heappush(self._due, (event.at + GAP_MS + GRACE_MS, event.patient, event.at))

    def _temperature(self, event: Event, value: float, patient: _Patient, puncture_ms: int) -> None:
        since_ms = event.at - puncture_ms
        if since_ms <= GAP_MS:
            patient.awaits_temperature = False
        if value > FEVER and since_ms <= WEEK_MS:
            self._tell("one-reading", event, patient, puncture_ms)
            if any(SHORTEST_MS <= event.at - at_ms <= LONGEST_MS for at_ms in patient.fevers):
                self._tell("two-readings", event, patient, puncture_ms)
            patient.fevers.append(event.at)

    def _pain(self, event: Event, value: float, patient: _Patient) -> None:
        patient.pains = [pain for pain in patient.pains if pain[0] > event.at - BASELINE_MS]
        patient.pains.append((event.at, value))
        puncture_ms, baseline = patient.puncture_ms, patient.baseline
        if puncture_ms is None or baseline is None or event.at - puncture_ms > THREE_DAYS_MS:
            return
        if value - baseline >= RISE:
            self._tell("rise", event, patient, puncture_ms)

    def _headache(self, event: Event, patient: _Patient, puncture_ms: int) -> None:
        is_present = event.status == "present"
        is_worse = is_present and event.qualifier == "worsening"
        if is_worse and patient.has_headache and event.at - puncture_ms <= WEEK_MS:
            self._tell("worse", event, patient, puncture_ms)
        patient.has_headache = is_present

    def _tell(self, pattern: str, event: Event, patient: _Patient, puncture_ms: int) -> None:
        if pattern not in patient.told:
            patient.told.add(pattern)
            self._found.append(Match(pattern, event.patient, puncture_ms, event.at))

    def _ring(self, now_ms: int | None) -> None:
        """Tell whom nobody took a temperature of; a clock that a later puncture set anew is not this one."""
        while self._due and (now_ms is None or self._due[0][0] <= now_ms):
            due_ms, name, puncture_ms = heappop(self._due)
            patient = self._patients[name]
            if patient.awaits_temperature and patient.puncture_ms == puncture_ms:
                self._found.append(Match("absence", name, puncture_ms, due_ms))
                patient.awaits_temperature = False
