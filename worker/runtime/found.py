"""What was found in a feed, to be compared with what is found in it when it comes otherwise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, TypedDict

from worker.alerts.documents import IdentifierDocument, SeverityName
from worker.alerts.evidence import render_evidence, render_identifiers
from worker.model.fact import Fact, Identifier
from worker.model.finding import Finding
from worker.model.time import EpochMs, to_rfc3339
from worker.notes.reader import NoteReader
from worker.pipeline import Assessment, Pack
from worker.runtime.engine_program import PackProgram

Who = tuple[Identifier, ...]


class EvidenceTold(TypedDict):
    """One value or statement of a finding."""

    concept: str
    value: float | str | None
    unit: str
    effective_at: str


class Difference(TypedDict):
    """A finding that was made in one of two ways only."""

    only: Literal["as recorded", "disturbed"]
    patient: list[IdentifierDocument]
    rule: str
    severity: SeverityName
    lp_at: str
    evidence: list[EvidenceTold]


class Comparison(TypedDict):
    """Two ways for the same messages to come: how many findings were made as recorded, and what differs."""

    findings: int
    differing: list[Difference]


class FindingProgram(PackProgram):
    """A pack ready for the engine, which remembers what it found last of each patient."""

    def __init__(self, pack: Pack, notes: NoteReader | None = None) -> None:
        """Keep the pack; `notes` reads notes in place of the pack's own phrases."""
        super().__init__(pack, notes)
        self._findings: dict[Who, tuple[Finding, ...]] = {}
        self._groups: dict[tuple[str, str], Who] = {}

    def assess(
        self,
        facts: Sequence[Fact],
        as_of_ms: EpochMs,
        consumed_until_ms: EpochMs,
        who: Sequence[Identifier] = (),
    ) -> Assessment:
        """Find LPs and findings, and remember these; whoever is joined otherwise than before is known anew."""
        found = super().assess(facts, as_of_ms, consumed_until_ms, who)
        group = tuple(sorted(who))
        self._findings[group] = found.findings
        self._groups.update((identifier.key, group) for identifier in group)
        return found

    @property
    def found(self) -> Mapping[tuple[object, ...], tuple[Who, Finding]]:
        """Return each finding by all that equal findings have in common: patient, LP, rule, severity, evidence."""
        return {
            (tuple(identifier.key for identifier in group), *finding.identity): (group, finding)
            for group, findings in self._findings.items()
            if all(self._groups[identifier.key] == group for identifier in group)
            for finding in findings
        }


def compare(recorded: FindingProgram, disturbed: FindingProgram) -> Comparison:
    """Say which findings were made in one way only, by patient, LP and rule."""
    some, others = recorded.found, disturbed.found
    differing = [
        *(_told("as recorded", *some[key]) for key in some.keys() - others.keys()),
        *(_told("disturbed", *others[key]) for key in others.keys() - some.keys()),
    ]
    return Comparison(findings=len(some), differing=sorted(differing, key=_place))


def _told(only: Literal["as recorded", "disturbed"], who: Who, finding: Finding) -> Difference:
    anchor_ms = finding.episode.anchor_ms
    evidence = [render_evidence(fact, anchor_ms) for fact in finding.evidence]
    return Difference(
        only=only,
        patient=render_identifiers(who),
        rule=finding.rule,
        severity=finding.severity.name.lower(),
        lp_at=to_rfc3339(anchor_ms),
        evidence=[
            EvidenceTold(
                concept=one["concept"], value=one["value"], unit=one["unit"], effective_at=one["effective_at"]
            )
            for one in evidence
        ],
    )


def _place(one: Difference) -> tuple[object, ...]:
    numbers = [(number["authority"], number["value"]) for number in one["patient"]]
    return numbers, one["lp_at"], one["rule"], one["only"]
