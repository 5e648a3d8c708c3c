"""What a replay of the cohort gives, patient by patient: small rows that processes can hand to one another."""

from __future__ import annotations

from dataclasses import dataclass

SEVERITIES = ("emergent", "urgent", "routine", "info")


@dataclass(frozen=True, slots=True)
class AlertRow:
    """One alert.

    Shape: `notices` are the severities of its raises and rises, in order, if it was told to anybody; `told` is "paged",
    "listed" (told or known too late to page), or "shadow". `kind` and `category` say what explains it; `sentence` is one of a
    note that it rests on; `traps` are those of the patient.
    """

    patient: int
    setting: str
    rule: str
    notices: tuple[str, ...]
    highest: str
    told: str
    state: str
    hour: float
    kind: str
    category: str
    sentence: str = ""
    traps: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FindingRow:
    """A rule that held for an LP at some time, at its highest severity; `is_alone` where it was ever not folded."""

    patient: int
    rule: str
    highest: str
    is_shadow: bool
    is_alone: bool
    folded_by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ExpectedRow:
    """An alert that had to come, and what came.

    Shape: `outcome` is "found", "folded" (a stronger rule told it), "lower", "listed", "missed" or "no rule";
    `said` are the sentences that told of the cause with what the note reader made of each.
    """

    patient: int
    setting: str
    kind: str
    category: str
    rule: str
    severity: str
    outcome: str
    got: str
    said: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Shard:
    """What one replay of a part of the cohort gave."""

    patients: int
    punctures: dict[str, int]
    messages: int
    alerts: tuple[AlertRow, ...]
    findings: tuple[FindingRow, ...]
    expected: tuple[ExpectedRow, ...]
    causes: dict[str, int]
    traps: dict[str, int]
    failed: int
    dead_letters: int
    unmapped: tuple[str, ...]
