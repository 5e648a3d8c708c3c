"""What interfaces will have to tell of a patient: happenings grouped as one message each."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from worker.simulate.happenings import Happening, Scalar
from worker.simulate.visits import NO_STAY, Stay

if TYPE_CHECKING:
    from worker.model.fact import Identifier
    from worker.model.time import EpochMs


class Source(StrEnum):
    """Name the systems of the hospital that send messages."""

    WARD = "ward"
    MONITOR = "monitor"
    LABORATORY = "laboratory"


@dataclass(frozen=True, slots=True)
class Report:
    """One message to be.

    Shape: `happenings` share clinical time and receipt time; more than one only for results of one `panel`. `identifiers`
    are what the message calls the patient; `merged` those that an A40 joins to them. `delay_ms` is how much later than
    written it arrives. `comment` goes below the first result.
    """

    source: Source
    happenings: tuple[Happening, ...]
    identifiers: tuple[Identifier, ...]
    panel: str = ""
    number: str = ""
    stay: Stay = NO_STAY
    merged: tuple[Identifier, ...] = ()
    delay_ms: int = 0
    comment: str = ""

    @property
    def written_ms(self) -> EpochMs:
        """Return when the message is written."""
        return self.happenings[0].received_at_ms


def happening(
    name: str, concept: str, times: tuple[EpochMs, EpochMs], value: Scalar | None = None, text: str = ""
) -> Happening:
    """Make a happening from its name, concept and (clinical time, time of writing)."""
    return Happening(name, concept, times[0], times[1], value=value, text=text)
