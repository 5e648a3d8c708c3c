"""Compose the core: a message and a pack give facts; facts, rules and an instant give findings. Pure: no I/O, no clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from worker.model.episode import Episode
    from worker.model.finding import Finding
    from worker.model.message import Issue
    from worker.model.time import EpochMs


@dataclass(frozen=True, slots=True)
class Assessment:
    """What one assessment of one patient found.

    Shape: `episodes` sorted by anchor; `findings` folded; `next_change_at_ms` the next instant at which time alone can
    change a finding; `ties` data-quality notices.
    """

    episodes: tuple[Episode, ...] = ()
    findings: tuple[Finding, ...] = ()
    next_change_at_ms: EpochMs | None = None
    ties: tuple[Issue, ...] = ()
