"""A finding with a life, and the notices that tell of it. Pure: no I/O, no clock."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from worker.model.finding import Finding, RuleStatus, Severity
    from worker.model.time import EpochMs


class AlertState(StrEnum):
    """Name the states of an alert; the first four are open."""

    RAISED = "raised"
    UPDATED = "updated"
    ESCALATED = "escalated"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"
    WITHDRAWN = "withdrawn"
    SUPERSEDED = "superseded"
    EXPIRED = "expired"

    @property
    def is_open(self) -> bool:
        """Tell whether the alert still asks for something."""
        return self in _OPEN


_OPEN = frozenset(
    {AlertState.RAISED, AlertState.UPDATED, AlertState.ESCALATED, AlertState.ACKNOWLEDGED},
)


class Variant(StrEnum):
    """Say in which form an alert goes out: all of it, what may stand on a lock screen, or FHIR resources."""

    FULL = "full"
    MINIMAL = "minimal"
    FHIR = "fhir"


class Target(NamedTuple):
    """A place that a route names, and the form in which an alert goes there."""

    topic: str
    variant: Variant


@dataclass(frozen=True, slots=True)
class LastTold:
    """What the last notice said, a withdrawal apart: when it was made, of which finding, and of whom.

    Shape: `names` are the (authority, value) of all numbers of the patient then; empty where a release did not keep them.
    """

    at_ms: EpochMs
    finding: Finding
    names: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert in its present state: one for each (episode, rule).

    Shape: `alert_id` and `episode_id` are surrogates that survive joins and merges. `version` counts changes that people can
    see, from 1. `notified_severity` and `notified_peak` are what was last sent, for the rules of re-notification; None
    when nothing was sent yet. `paged` tells whether any notice of it paged. `told` are the targets that routes gave its
    notices so far, sorted: who was told of an alert hears how it ends. `last_told` is what they were told last, while
    `finding` is kept fresh in silence; None where nothing was told, or by a release that did not keep it.
    """

    alert_id: str
    episode_id: str
    rule: str
    rule_version: int
    status: RuleStatus
    state: AlertState
    severity: Severity
    version: int
    raised_at_ms: EpochMs
    updated_at_ms: EpochMs
    finding: Finding
    paged: bool
    notified_severity: Severity | None = None
    notified_peak: float | None = None
    told: tuple[Target, ...] = ()
    last_told: LastTold | None = None


@dataclass(frozen=True, slots=True)
class AlertChange:
    """What one assessment does to one alert: the alert afterwards, and the line for its history.

    Shape: `reason` is a stored decision in a constant phrase ("evidence withdrawn", "folded into fever-ongoing-after-day1").
    `is_visible` starts a new version; an invisible change only keeps the evidence fresh. `is_noticed` sends a notice.
    """

    alert: Alert
    reason: str
    is_visible: bool
    is_noticed: bool


@dataclass(frozen=True, slots=True)
class HistoryLine:
    """One line of an alert's history, as `replay --alerts` and `why` show it."""

    at_ms: EpochMs
    version: int
    state: AlertState
    severity: Severity
    reason: str


@dataclass(frozen=True, slots=True)
class Notice:
    """One delivery of an alert version; `notice_id` is stable over retries and restarts."""

    notice_id: str
    alert_id: str
    version: int
    body: bytes
