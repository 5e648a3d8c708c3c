"""What writing a patient's reports needs, in any form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random

    from worker.simulate.happenings import Person
    from worker.simulate.hospital.quirks import Quirks


@dataclass(frozen=True, slots=True)
class Desk:
    """The patient, the draws, the habits in force, and a prefix for control ids."""

    person: Person
    rng: Random
    habits: Quirks
    prefix: str

    def shows(self, quirk: str) -> bool:
        """Draw whether a habit shows."""
        return self.rng.random() < self.habits[quirk]
