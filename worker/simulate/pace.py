"""Play a hospital's messages faster than life: when each is due, counted in real seconds from the start."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from worker.model.time import HOUR_MS, SECOND_MS
from worker.simulate.hospital.quirks import parse_quirks
from worker.simulate.hospital.rates import Rates
from worker.simulate.hospital.ward import START, Hospital, Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker.model.time import EpochMs
    from worker.simulate.happenings import Written

BUSY: Final = {
    "has-lp": 0.9,
    "febrile-before-lp": 0.3,
    "cns-infection-among-lps": 0.2,
    "fever-in-medical-inpatients": 0.6,
    "incident-delirium-older-inpatients": 0.4,
    "missed-temperatures": 0.25,
    "pain-spike": 0.3,
    "inr-gt-1.4": 0.06,
    "platelets-lt50": 0.03,
}
"""More goes wrong than in life: somebody watches for a minute and wants to see it."""

HABITS: Final = "all,mistyped=0.5,correction-first=0,merge=0.15,late-lp=0.05"


HEAD_START_MS: Final = 3 * HOUR_MS
"""The ward has been open for a while when the audience comes; what was sent until then is sent at once."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast the ward's time runs: simulated milliseconds for each real one."""

    start_ms: EpochMs
    factor: float

    def due_s(self, at_ms: EpochMs) -> float:
        """Return the real seconds after the start at which something of this instant is due."""
        return (at_ms - self.start_ms) / SECOND_MS / self.factor

    def instant_ms(self, elapsed_s: float) -> EpochMs:
        """Return the ward's time after some real seconds."""
        return self.start_ms + round(elapsed_s * SECOND_MS * self.factor)


def busy_ward(seed: int) -> Hospital:
    """Open a ward where much goes wrong; the same seed gives the same ward."""
    settings = Settings(seed, habits=parse_quirks(HABITS), rates=Rates(BUSY), every_ms=HOUR_MS)
    return Hospital(settings)


def paced(hospital: Hospital, hours_per_second: float) -> tuple[Pace, Iterator[Written]]:
    """Give a ward's messages and the pace at which to send them."""
    return Pace(START + HEAD_START_MS, hours_per_second * HOUR_MS / SECOND_MS), hospital.messages()
