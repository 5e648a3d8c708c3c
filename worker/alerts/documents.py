"""The shapes of a rendered alert: the one place where frozen values become JSON. Pure: no I/O, no clock.

Times are RFC 3339 in UTC with `Z`.
"""

from __future__ import annotations

from typing import NotRequired, TypedDict


class IdentifierDocument(TypedDict):
    """One identifier of the patient; merged ones are listed too."""

    authority: str
    value: str
    type: str


class SourceDocument(TypedDict):
    """Where a value was read."""

    feed: str
    message_id: str
    place: str


class EvidenceDocument(TypedDict):
    """One value or statement that decided.

    Shape: `value` a number in `unit` (UCUM), a code, or the status of a finding; `reported` what the source wrote;
    `sentence` the sentence of a note; `hours_since_lp` negative before the LP.
    """

    concept: str
    value: float | str | None
    unit: str
    comparator: str
    reported: str
    effective_at: str
    precision: str
    origin: str
    hours_since_lp: float
    qualifiers: list[str]
    specimen: str
    result_status: str
    sentence: str
    source: SourceDocument


class PunctureDocument(TypedDict):
    """The lumbar puncture (LP) that the alert is about; `precision` of its time in words."""

    at: str
    precision: str
    origin: str
    is_time_uncertain: bool
    is_presumed: bool
    status: str
    hours_at_evidence: float
    hours_at_update: float
    series_began_at: str


class RuleDocument(TypedDict):
    """The rule that holds, and on whose authority."""

    id: str
    version: int
    title: str
    status: str
    review: str
    sources: list[str]


class ContextDocument(TypedDict):
    """Another finding of the same LP that bears on the alert (bleeding risk, a folded finding)."""

    rule: str
    title: str
    severity: str
    is_folded: bool
    evidence: list[EvidenceDocument]


class TakenBackDocument(TypedDict):
    """A value or statement of a withdrawn alert: what was told, and what stands in its place (null: nothing)."""

    was: EvidenceDocument
    now: EvidenceDocument | None


class AlertDocument(TypedDict):
    """One alert version for people and machines; every output is made from this.

    Shape: `encounter` the number of the visit at the time of the notice, empty where the patient is on none; `missing` what
    rules looked for in vain; `withdrawal` and `taken_back` only of a withdrawn alert.
    """

    alert_id: str
    episode_id: str
    version: int
    state: str
    severity: str
    reason: str
    patient: list[IdentifierDocument]
    encounter: str
    lp: PunctureDocument
    rule: RuleDocument
    evidence: list[EvidenceDocument]
    effective_at: str
    latest_evidence_at: str
    raised_at: str
    updated_at: str
    window_ends_at: str
    possible_causes: list[str]
    considerations: list[str]
    check: list[str]
    missing: list[str]
    misses: list[str]
    remarks: list[str]
    context: list[ContextDocument]
    pack: str
    disclaimer: str
    withdrawal: NotRequired[str]
    taken_back: NotRequired[list[TakenBackDocument]]


class HistoryDocument(TypedDict):
    """One line of an alert's history."""

    at: str
    version: int
    state: str
    severity: str
    reason: str


class ReplayLine(TypedDict):
    """One alert in its final state, as `replay --alerts` writes it."""

    patient: list[IdentifierDocument]
    rule: str
    severity: str
    state: str
    status: str
    paged: bool
    lp_at: str
    effective_at: str
    raised_at: str
    updated_at: str
    evidence: list[EvidenceDocument]
    history: list[HistoryDocument]
