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
    name="ed",
    title="Emergency department, then a ward",
    share=0.28,
    encounter_class="emergency",
    ages_d=(18 * YEAR, 88 * YEAR),
    waits_h=(2.0, 8.0),
    stays_h=(24.0, 110.0),
    goes_home=0.3,
    every_h=4.0,
    notes_every_h=24.0,
    atraumatic=0.5,
    indications=(
        "suspected infection",
        "thunderclap headache",
        "altered mental state",
        "seizure under investigation",
    ),
)
CHILDREN: Final = Place(
    name="children",
    title="Children and newborns with fever",
    share=0.12,
    encounter_class="inpatient",
    ages_d=(5, 14 * YEAR),
    waits_h=(1.5, 6.0),
    stays_h=(40.0, 84.0),
    goes_home=0.0,
    every_h=4.0,
    notes_every_h=24.0,
    atraumatic=0.3,
    indications=("suspected infection",),
)
MEMORY: Final = Place(
    name="memory",
    title="Memory clinic, day case",
    share=0.24,
    encounter_class="outpatient",
    ages_d=(52 * YEAR, 84 * YEAR),
    waits_h=(1.0, 2.0),
    stays_h=(2.0, 4.0),
    goes_home=1.0,
    every_h=1.5,
    notes_every_h=24.0,
    atraumatic=0.8,
    indications=("cognitive decline",),
)
NEUROLOGY: Final = Place(
    name="neurology",
    title="Neurology ward",
    share=0.16,
    encounter_class="inpatient",
    ages_d=(19 * YEAR, 85 * YEAR),
    waits_h=(12.0, 60.0),
    stays_h=(20.0, 120.0),
    goes_home=0.0,
    every_h=6.0,
    notes_every_h=24.0,
    atraumatic=0.7,
    indications=("demyelination", "polyneuropathy", "gait disorder", "optic neuritis"),
)
ONCOLOGY: Final = Place(
    name="oncology",
    title="Oncology, intrathecal treatment",
    share=0.08,
    encounter_class="inpatient",
    ages_d=(18 * YEAR, 80 * YEAR),
    waits_h=(4.0, 40.0),
    stays_h=(20.0, 110.0),
    goes_home=0.4,
    every_h=6.0,
    notes_every_h=24.0,
    atraumatic=0.6,
    indications=("intrathecal treatment", "staging of lymphoma"),
)
HIGH_PRESSURE: Final = Place(
    name="iih",
    title="Suspected high pressure (idiopathic intracranial hypertension)",
    share=0.07,
    encounter_class="outpatient",
    ages_d=(18 * YEAR, 45 * YEAR),
    waits_h=(1.0, 3.0),
    stays_h=(3.0, 30.0),
    goes_home=0.7,
    every_h=4.0,
    notes_every_h=24.0,
    atraumatic=0.6,
    indications=("suspected high pressure",),
)
ICU: Final = Place(
    name="icu",
    title="Intensive care",
    share=0.05,
    encounter_class="inpatient",
    ages_d=(20 * YEAR, 84 * YEAR),
    waits_h=(6.0, 72.0),
    stays_h=(72.0, 220.0),
    goes_home=0.0,
    every_h=2.0,
    notes_every_h=12.0,
    atraumatic=0.4,
    indications=("suspected infection", "coma of unknown cause"),
)
PLACES: Final = (ED, CHILDREN, MEMORY, NEUROLOGY, ONCOLOGY, HIGH_PRESSURE, ICU)
"""Shares add up to 1."""


def draw_place(rng: Random) -> Place:
    """Draw where an LP is done."""
    return rng.choices(PLACES, [place.share for place in PLACES])[0]
