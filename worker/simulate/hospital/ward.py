"""Run the synthetic hospital: patients come one after another, their messages come in the order of receipt."""

from __future__ import annotations

import heapq
import itertools
import random
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from worker.model.message import Form
from worker.model.time import HOUR_MS, MINUTE_MS, from_rfc3339
from worker.simulate.hospital import delivery, fhir_delivery, quirks
from worker.simulate.hospital.course import Course, live
from worker.simulate.hospital.desk import Desk
from worker.simulate.hospital.rates import Rates

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from random import Random

    from worker.model.time import EpochMs
    from worker.simulate.happenings import Written
    from worker.simulate.hospital.quirks import Quirks
    from worker.simulate.hospital.truth import PatientTruth

START: Final = from_rfc3339("2026-02-02T06:00Z")


@dataclass(frozen=True, slots=True)
class Settings:
    """What a run of the hospital depends on; equal settings give equal bytes.

    Shape: `patients` and `messages` end it, whichever comes first (None: no limit). `every_ms` is the time between two
    arrivals. What happens does not depend on `form`, except that `messages` may end it elsewhere. `first` is the number of
    the first patient: two runs that follow on one another have the patients of one. `live` says what becomes of each.
    """

    seed: int
    patients: int | None = None
    messages: int | None = None
    habits: Quirks = quirks.ALL
    rates: Rates = field(default_factory=Rates)
    start_ms: EpochMs = START
    every_ms: int = HOUR_MS // 2
    form: Form = Form.HL7V2
    first: int = 0
    live: Callable[[int, Random, EpochMs, Rates, Quirks], Course] = live


class Hospital:
    """A run of the hospital: iterate once over `messages`, then ask for the rest of the truth."""

    def __init__(self, settings: Settings) -> None:
        """Prepare a run; nothing happens before the first message is asked for."""
        self._settings = settings
        self._inside: dict[int, _Progress] = {}
        self._finished: list[PatientTruth] = []

    @property
    def form(self) -> Form:
        """Return the standard that the messages are written in."""
        return self._settings.form

    def messages(self) -> Iterator[Written]:
        """Give messages in the order of receipt; memory holds only patients who are in the hospital."""
        limit = self._settings.messages
        yield from itertools.islice(self._all_messages(), limit)

    def finished(self) -> tuple[PatientTruth, ...]:
        """Take the truths of patients whose last message was given since the last call."""
        done, self._finished = tuple(self._finished), []
        return done

    def unfinished(self) -> tuple[PatientTruth, ...]:
        """Return the truths of patients of whom some messages were given and some not."""
        begun = (patient for patient in self._inside.values() if patient.left < patient.total)
        return tuple(replace(patient.truth, is_complete=False) for patient in begun)

    def _all_messages(self) -> Iterator[Written]:
        heap: list[tuple[EpochMs, int, int, Written]] = []
        settings = self._settings
        for index in itertools.count(settings.first):
            arrives_ms = settings.start_ms + index * settings.every_ms
            is_over = settings.patients is not None and index >= settings.first + settings.patients
            while heap and (is_over or heap[0][0] < arrives_ms):
                _, patient, _, written = heapq.heappop(heap)
                self._count(patient)
                yield written
            if is_over:
                return
            for number, written in enumerate(self._patient(index, arrives_ms)):
                heapq.heappush(heap, (written.received_at_ms, index, number, written))

    def _patient(self, index: int, arrives_ms: EpochMs) -> list[Written]:
        # One generator per patient, so that a patient does not depend on who came before.
        rng = random.Random(f"{self._settings.seed}/{index}")  # noqa: S311 - reproducible, nothing secret
        late_ms = rng.randint(0, self._settings.every_ms // MINUTE_MS) * MINUTE_MS
        course = self._settings.live(
            index, rng, arrives_ms + late_ms, self._settings.rates, self._settings.habits
        )
        desk = Desk(course.person, rng, self._settings.habits, f"{self._settings.seed}-{index:06d}-")
        deliver = fhir_delivery.deliver if self._settings.form is Form.FHIR else delivery.deliver
        written = list(deliver(course.reports, desk))
        self._inside[index] = _Progress(course.truth, len(written), len(written))
        return written

    def _count(self, index: int) -> None:
        patient = self._inside[index]
        patient.left -= 1
        if patient.left == 0:
            self._finished.append(patient.truth)
            del self._inside[index]


@dataclass(slots=True)
class _Progress:
    """How many of a patient's messages are still to come."""

    truth: PatientTruth
    total: int
    left: int
