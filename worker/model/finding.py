"""A rule that holds for an episode, with its evidence and its trace. Pure: no I/O, no clock."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from worker.model.episode import Episode
    from worker.model.fact import Fact
    from worker.model.time import EpochMs


class Severity(IntEnum):
    """Order the severities; the meaning of each is in the rule catalogue (`severity`)."""

    INFO = 1
    ROUTINE = 2
    URGENT = 3
    EMERGENT = 4


class RuleStatus(StrEnum):
    """Name the stages of a rule's life: draft and active notify, shadow is stored and counted only, retired is not read."""

    DRAFT = "draft"
    SHADOW = "shadow"
    ACTIVE = "active"
    RETIRED = "retired"


class Truth(StrEnum):
    """The three values of every predicate."""

    TRUE = "true"
    FALSE = "false"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Trace:
    """Why a predicate is true, false or unknown.

    Shape: `label` names the predicate and its parameters in words; `reason` says what decided ("highest 37.1 Cel, not above
    38.0", "no data"); `facts` the facts it looked at that decided; `children` in the order of the rule.
    """

    truth: Truth
    label: str
    reason: str = ""
    facts: tuple[Fact, ...] = ()
    children: tuple[Trace, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that holds for one LP.

    Shape: `evidence` sorted by (time, concept, key), no repeats. `effective_ms` is the earliest clinical instant at which
    the rule held, `latest_ms` when the newest evidence at the present severity could be known: its clinical time, for a
    laboratory result the time of the report. `window_end_ms` ends the
    rule's window; afterwards an alert expires, the finding stands. `peak` is the value that a worsening is measured
    from (None where the rule names none). `remarks` are sentences for the alert ("no baseline recorded - may predate
    the LP"). `folded_by` names the rule, found for the same LP, into which this one is folded.
    Equality of findings for "order does not matter" is (patient group, LP anchor, rule, severity, evidence).
    """

    episode: Episode
    rule: str
    rule_version: int
    status: RuleStatus
    severity: Severity
    effective_ms: EpochMs
    latest_ms: EpochMs
    window_end_ms: EpochMs
    evidence: tuple[Fact, ...]
    remarks: tuple[str, ...] = ()
    peak: float | None = None
    folded_by: str = ""
    gap_closed: bool = False

    @property
    def identity(self) -> tuple[object, ...]:
        """Return what "equal findings" compares: LP, rule, severity and evidence, nothing of receipt or storage."""
        return (
            self.episode.anchor_ms,
            self.rule,
            int(self.severity),
            tuple((fact.concept, fact.effective.start_ms, fact.value) for fact in self.evidence),
        )
