"""Made-up events of many patients in the order of their times: JSON lines, the same for every contestant."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from heapq import merge
from typing import NamedTuple

import msgspec

from worker.model.time import DAY_MS, HOUR_MS, MINUTE_MS

T0 = 20_000 * DAY_MS
ADMISSIONS_MS = 14 * DAY_MS
STAY_MS = 5 * DAY_MS
CHARTED_EVERY_MS = 6 * HOUR_MS
CHARTED = ("body-temperature", "heart-rate", "systolic-pressure", "respiratory-rate", "spo2", "pain-score")


class Event(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One line.

    Shape: `value` of what is charted, `status` and `qualifier` of what a note states; a puncture, an admission and a discharge
    have none of them. No patient has two events at one instant.
    """

    patient: str
    at: int
    concept: str
    value: float | None = None
    status: str = ""
    qualifier: str = ""


class Line(NamedTuple):
    """An event as it is sent: the patient as the key of the message, the JSON as its body."""

    patient: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Mix:
    """How many patients there are, and how many of a hundred have a puncture."""

    patients: int
    punctured: int


@dataclass(frozen=True, slots=True)
class _Course:
    """What happens to one patient, in milliseconds since the epoch; None for what does not happen."""

    admitted_ms: int
    left_ms: int
    punctures: tuple[int, ...]
    fever: tuple[int, int] | None
    pain_from_ms: int | None
    silence: tuple[int, int] | None


def lines_of(mix: Mix, seed: int = 1) -> list[Line]:
    """Give the events of all patients by time."""
    encoder = msgspec.json.Encoder()
    streams = (_events(number, mix, seed) for number in range(mix.patients))
    return [Line(event.patient, encoder.encode(event)) for event in merge(*streams, key=_order)]


def _order(event: Event) -> tuple[int, str]:
    return event.at, event.patient


def _events(number: int, mix: Mix, seed: int) -> Iterator[Event]:
    """Give the events of one patient by time, no two at one instant."""
    chance = random.Random(f"{seed}|{number}")  # noqa: S311 - the same patient in every run
    patient = f"P{number:07d}"
    course = _course_of(chance, is_punctured=chance.randrange(100) < mix.punctured)
    events = [
        Event(patient, course.admitted_ms, "encounter"),
        *(Event(patient, at_ms, "lumbar-puncture") for at_ms in course.punctures),
        *_charting(patient, course, chance),
        *_statements(patient, course, chance),
        Event(patient, course.left_ms, "discharge"),
    ]
    unique = {event.at: event for event in events if course.admitted_ms <= event.at <= course.left_ms}
    yield from sorted(unique.values(), key=_order)


def _course_of(chance: random.Random, *, is_punctured: bool) -> _Course:
    admitted_ms = T0 + chance.randrange(ADMISSIONS_MS)
    first_ms = admitted_ms + chance.randrange(12 * HOUR_MS, 36 * HOUR_MS)
    is_short = chance.random() < 0.05
    left_ms = first_ms + chance.randrange(HOUR_MS, 7 * HOUR_MS) if is_short else admitted_ms + STAY_MS
    is_again = chance.random() < 0.05
    second_ms = first_ms + chance.randrange(24 * HOUR_MS, 60 * HOUR_MS)
    punctures = (first_ms, second_ms) if is_again and not is_short else (first_ms,)
    fever_ms = first_ms + chance.randrange(-24 * HOUR_MS, 60 * HOUR_MS)
    return _Course(
        admitted_ms,
        left_ms,
        punctures if is_punctured else (),
        (fever_ms, fever_ms + chance.randrange(4 * HOUR_MS, 40 * HOUR_MS)) if chance.random() < 0.1 else None,
        first_ms + chance.randrange(48 * HOUR_MS) if chance.random() < 0.1 else None,
        (first_ms, first_ms + chance.randrange(4 * HOUR_MS, 16 * HOUR_MS))
        if chance.random() < 0.15
        else None,
    )


def _charting(patient: str, course: _Course, chance: random.Random) -> Iterator[Event]:
    """Give rounds of vital signs and a pain score, minutes apart from each other."""
    for round_ms in range(course.admitted_ms, course.left_ms, CHARTED_EVERY_MS):
        at_ms = round_ms + chance.randrange(90 * MINUTE_MS)
        for concept in CHARTED:
            at_ms += chance.randrange(1_000, 3 * MINUTE_MS)
            if concept == "body-temperature" and _is_in(course.silence, at_ms):
                continue
            yield Event(patient, at_ms, concept, _value(concept, at_ms, course, chance))


def _value(concept: str, at_ms: int, course: _Course, chance: random.Random) -> float:
    if concept == "body-temperature":
        return round(chance.gauss(38.4 if _is_in(course.fever, at_ms) else 37.0, 0.35), 1)
    if concept == "pain-score":
        is_worse = course.pain_from_ms is not None and at_ms >= course.pain_from_ms
        return float(min(10, chance.randrange(3) + (4 if is_worse else 0)))
    middle = {"heart-rate": 80, "systolic-pressure": 125, "respiratory-rate": 15, "spo2": 96}[concept]
    return float(middle + chance.randrange(-3, 4))


def _statements(patient: str, course: _Course, chance: random.Random) -> Iterator[Event]:
    """Give what notes say of a headache, none for most patients."""
    if chance.random() >= 0.3:
        return
    for day_ms in range(course.admitted_ms, course.left_ms, 12 * HOUR_MS):
        at_ms = day_ms + chance.randrange(2 * HOUR_MS, 10 * HOUR_MS)
        said = chance.random()
        if said < 0.4:
            yield Event(patient, at_ms, "headache", status="absent")
        elif said < 0.9:
            yield Event(patient, at_ms, "headache", status="present")
        else:
            yield Event(patient, at_ms, "headache", status="present", qualifier="worsening")


def _is_in(span: tuple[int, int] | None, at_ms: int) -> bool:
    return span is not None and span[0] <= at_ms < span[1]
