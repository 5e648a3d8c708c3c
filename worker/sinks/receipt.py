"""What a network sink hears of each notice that it hands over: told for each, so that one failure hides no success."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from worker.model.alert import Notice
from worker.model.time import EpochMs


class Shipment(Protocol):
    """One notice on its way to one place of a sink; a row of the outbox is one.

    Shape: `kind` says what the body is: "alert", "alert-minimal", "alert-fhir" (a full alert that the sink converts) or
    "dead-letter". `created_at_ms` is when it was put into the outbox.
    """

    @property
    def notice(self) -> Notice:
        """Give the notice."""

    @property
    def target(self) -> str:
        """Name the place, a topic for instance; empty where a sink has one place."""

    @property
    def kind(self) -> str:
        """Say what the body is."""

    @property
    def created_at_ms(self) -> EpochMs:
        """Give the instant of the notice."""


class Fate(StrEnum):
    """Name what became of a notice.

    Shape: `ARRIVED` it is there for good. `FAILED` it did not arrive, or nobody knows: try it again later, others may go on.
    `AWAY` as failed, and the whole place takes nothing now. `REFUSED` it did not arrive and never will as it is.
    """

    ARRIVED = "arrived"
    FAILED = "failed"
    AWAY = "away"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of one notice.

    Shape: `reason` is a constant phrase without data of the patient, empty for one that arrived. `log` is the part of a log
    that has it and the offset after it, None for a sink that keeps no log.
    """

    fate: Fate
    reason: str = ""
    log: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Arrivals:
    """What a stretch of a log holds: the ids of notices, ours and others', and the offset after it by part."""

    notice_ids: frozenset[str]
    next: Mapping[int, int]
