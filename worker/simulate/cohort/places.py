"""Where LPs are done: who comes, for what, how long they stay, and how closely each place charts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from random import Random

YEAR: Final = 365


@dataclass(frozen=True, slots=True)
class Place:
    """One setting, all of it assumptions about an invented hospital.

    Shape: `share` of all LPs. `ages_d` and `stays_h` (hours after the LP) are ranges. `every_h` between two sets of
    observations, `notes_every_h` between two notes. `waits_h` hours from arrival to the LP. `atraumatic` is the share of
    pencil-point needles. `goes_home` is the share who leave within a few hours instead of staying.
    """

    name: str
    title: str
    share: float
    encounter_class: str
    ages_d: tuple[int, int]
    waits_h: tuple[float, float]
    stays_h: tuple[float, float]
    goes_home: float
    every_h: float
    notes_every_h: float
    atraumatic: float
    indications: tuple[str, ...]

    @property
    def is_for_children(self) -> bool:
        """Tell whether children come here."""
        return self.ages_d[1] <= 17 * YEAR


ED: Final = Place(
    "ed",
    "Emergency department, then a ward",
    0.28,
    "emergency",
    (18 * YEAR, 88 * YEAR),
    (2.0, 8.0),
    (24.0, 110.0),
    0.3,
    4.0,
    24.0,
    0.5,
    ("suspected infection", "thunderclap headache", "altered mental state", "seizure under investigation"),
)
CHILDREN: Final = Place(
    "children",
    "Children and newborns with fever",
    0.12,
    "inpatient",
    (5, 14 * YEAR),
    (1.5, 6.0),
    (40.0, 84.0),
    0.0,
    4.0,
    24.0,
    0.3,
    ("suspected infection",),
)
MEMORY: Final = Place(
    "memory",
    "Memory clinic, day case",
    0.24,
    "outpatient",
    (52 * YEAR, 84 * YEAR),
    (1.0, 2.0),
    (2.0, 4.0),
    1.0,
    1.5,
    24.0,
    0.8,
    ("cognitive decline",),
)
NEUROLOGY: Final = Place(
    "neurology",
    "Neurology ward",
    0.16,
    "inpatient",
    (19 * YEAR, 85 * YEAR),
    (12.0, 60.0),
    (20.0, 120.0),
    0.0,
    6.0,
    24.0,
    0.7,
    ("demyelination", "polyneuropathy", "gait disorder", "optic neuritis"),
)
ONCOLOGY: Final = Place(
    "oncology",
    "Oncology, intrathecal treatment",
    0.08,
    "inpatient",
    (18 * YEAR, 80 * YEAR),
    (4.0, 40.0),
    (20.0, 110.0),
    0.4,
    6.0,
    24.0,
    0.6,
    ("intrathecal treatment", "staging of lymphoma"),
)
HIGH_PRESSURE: Final = Place(
    "iih",
    "Suspected high pressure (idiopathic intracranial hypertension)",
    0.07,
    "outpatient",
    (18 * YEAR, 45 * YEAR),
    (1.0, 3.0),
    (3.0, 30.0),
    0.7,
    4.0,
    24.0,
    0.6,
    ("suspected high pressure",),
)
ICU: Final = Place(
    "icu",
    "Intensive care",
    0.05,
    "inpatient",
    (20 * YEAR, 84 * YEAR),
    (6.0, 72.0),
    (72.0, 220.0),
    0.0,
    2.0,
    12.0,
    0.4,
    ("suspected infection", "coma of unknown cause"),
)
PLACES: Final = (ED, CHILDREN, MEMORY, NEUROLOGY, ONCOLOGY, HIGH_PRESSURE, ICU)
"""Shares add up to 1."""


def draw_place(rng: Random) -> Place:
    """Draw where an LP is done."""
    return rng.choices(PLACES, [place.share for place in PLACES])[0]
