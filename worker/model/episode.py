"""One lumbar puncture with its windows and baseline. Pure: no I/O, no clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from worker.model.fact import Fact, PunctureStatus
    from worker.model.time import ClinicalTime, EpochMs


@dataclass(frozen=True, slots=True)
class Episode:
    """One lumbar puncture, joined from all records of it.

    Shape: `records` are the LP facts that were joined, by precedence of source, then time, then key. `anchor` is the time of
    the LP: windows start at `anchor_ms` (its end, or the earliest possible instant where the time is uncertain).
    `record_keys` (patient authority, patient value, fact key) find the stored episode again when records come and go.
    `series_start_ms` is the anchor of the first LP of the series (LPs less than 72 h apart).
    `until_ms` is the anchor of the next LP, None for the latest.
    """

    anchor: ClinicalTime
    status: PunctureStatus
    records: tuple[Fact, ...]
    is_presumed: bool
    is_time_uncertain: bool
    series_start_ms: EpochMs
    until_ms: EpochMs | None

    @property
    def anchor_ms(self) -> EpochMs:
        """Return the instant from which hours since the LP are counted."""
        return self.anchor.last_ms

    @property
    def record_keys(self) -> frozenset[tuple[str, str, str]]:
        """Return the keys of the joined records."""
        return frozenset((*record.patient.key, record.key) for record in self.records)
