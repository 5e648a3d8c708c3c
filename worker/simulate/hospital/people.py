"""Invented people: names made of syllables, a medical record number and a national id."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

from worker.model.fact import Identifier
from worker.model.time import to_datetime
from worker.simulate.happenings import Person

if TYPE_CHECKING:
    from random import Random

    from worker.model.time import EpochMs

MRN: Final = "NORTHVALE"
NATIONAL: Final = "NATIONALID"

_STARTS = (
    "Bel",
    "Cor",
    "Dra",
    "El",
    "Fen",
    "Gal",
    "Har",
    "Il",
    "Jor",
    "Kel",
    "Lor",
    "Mar",
    "Nor",
    "Or",
    "Per",
    "Quin",
)
_MIDDLES = ("a", "e", "i", "o", "ena", "ori", "ami", "ule", "ista", "ando")
_ENDS = ("dane", "field", "lin", "mond", "nell", "rick", "sson", "thwaite", "vale", "wick", "zar", "ham")
_GIVEN_ENDS = ("a", "en", "ia", "is", "o", "rin", "ya", "ek")


def person(rng: Random, index: int, age_days: int, today_ms: EpochMs) -> Person:
    """Invent a person of an age; numbers follow from `index`, so that no two people share one."""
    born: date = to_datetime(today_ms).date() - timedelta(days=age_days)
    return Person(
        identifiers=(
            Identifier(MRN, f"{7_000_000 + index}", "MR"),
            Identifier(NATIONAL, f"9{index:09d}", "NI"),
        ),
        family=rng.choice(_STARTS) + rng.choice(_MIDDLES) + rng.choice(_ENDS),
        given=rng.choice(_STARTS) + rng.choice(_GIVEN_ENDS),
        birth_date=born,
        sex=rng.choice("FM"),
    )


def temporary_number(index: int) -> Identifier:
    """Give the number under which somebody is treated before anyone knows who they are."""
    return Identifier(MRN, f"T{index:06d}", "MR")
