"""Facts of one made-up patient after a lumbar puncture (LP): a week of charting, laboratory results, notes."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

from worker.model.fact import (
    Assertion,
    AssertionStatus,
    Coded,
    EncounterValue,
    Fact,
    Identifier,
    Moment,
    Puncture,
    PunctureSource,
    PunctureStatus,
    Quantity,
    SourceRef,
    Value,
    Version,
)
from worker.model.time import DAY_MS, HOUR_MS, ClinicalTime

T0 = 20_000 * DAY_MS
PATIENT = Identifier("ward", "M00000001", "MR")
_SPAN_MS = 7 * DAY_MS
_CHARTED: tuple[tuple[str, Callable[[random.Random], Value]], ...] = (
    ("body-temperature", lambda chance: Quantity(round(chance.gauss(37.0, 0.3), 1), "Cel")),
    ("heart-rate", lambda chance: Quantity(float(chance.randrange(60, 100)), "/min")),
    ("systolic-pressure", lambda chance: Quantity(float(chance.randrange(100, 150)), "mm[Hg]")),
    ("spo2", lambda chance: Quantity(float(chance.randrange(94, 100)), "%")),
    ("respiratory-rate", lambda chance: Quantity(float(chance.randrange(12, 18)), "/min")),
    ("pain-score", lambda chance: Quantity(float(chance.randrange(3)), "{score}")),
    ("gcs", lambda _: Quantity(15.0, "{score}")),
    ("acvpu", lambda _: Coded("A")),
)


def stay_of(count: int) -> tuple[Fact, ...]:
    """Give so many facts: of a day before the LP and six days after it; nothing in them is a red flag."""
    chance = random.Random(count)  # noqa: S311 - the same patient in every run
    rest = [
        _fact("lumbar-puncture", T0, Puncture(PunctureStatus.COMPLETED, PunctureSource.PROCEDURE), "lp"),
        _fact("encounter", T0 - DAY_MS, EncounterValue("inpatient", "V1"), "stay"),
        _fact("birth-date", T0 - 18_000 * DAY_MS, Moment(T0 - 18_000 * DAY_MS), "birth"),
        _fact("csf-wbc", T0, Quantity(2.0, "/uL"), "csf"),
        _fact("crp", T0 + DAY_MS, Quantity(3.0, "mg/L"), "crp"),
        *(_note(day) for day in range(6)),
        *(_statement(day) for day in range(6)),
    ]
    charted = count - len(rest)
    return (*rest, *(_charting(number, charted, chance) for number in range(charted)))


def more(count: int, after_ms: int) -> Iterator[Fact]:
    """Give facts that are charted one after another, a minute apart, from an instant on."""
    chance = random.Random(0)  # noqa: S311 - as above
    for number in range(count):
        concept, value = _CHARTED[number % len(_CHARTED)]
        yield _fact(concept, after_ms + number * HOUR_MS // 60, value(chance), f"more|{number}")


def _charting(number: int, of: int, chance: random.Random) -> Fact:
    concept, value = _CHARTED[number % len(_CHARTED)]
    return _fact(concept, T0 - DAY_MS + number * _SPAN_MS // of, value(chance), f"chart|{number}")


def _note(day: int) -> Fact:
    return _fact("note", T0 + day * DAY_MS + HOUR_MS, None, f"note|{day}")


def _statement(day: int) -> Fact:
    value = Assertion(AssertionStatus.ABSENT)
    return _fact("leg-weakness", T0 + day * DAY_MS + HOUR_MS, value, f"statement|{day}")


def _fact(concept: str, at_ms: int, value: Value, key: str) -> Fact:
    return Fact(
        PATIENT,
        f"ward|{key}",
        Version(at_ms, 2, "0123456789abcdef"),
        concept,
        ClinicalTime(at_ms, origin="OBX-14"),
        value,
        SourceRef("ward", key, "OBR[1]/OBX[1]", at_ms),
        result_status="final",
    )
