"""Read a sentence as a remark on the one before it: "Headache 5/10. Worse on standing." Pure: no I/O, no clock.

A remark speaks of what the sentence before it states where it names none of it itself and is no advice, family or history.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.notes.once import once
from worker.notes.qualifiers import specs_of

if TYPE_CHECKING:
    from collections.abc import Collection

    from worker.model.fact import AssertionStatus
    from worker.notes.context import Reading
    from worker.notes.lexicon_spec import BecomesSpec, QualifierSpec

_NAMING = frozenset({"phrases", "near"})


class Remark:
    """What a sentence says of the findings of the sentence before it."""

    def __init__(self, reading: Reading) -> None:
        """Take the sentence; it is read where somebody asks."""
        self._reading = reading

    @once
    def _named(self) -> frozenset[str]:
        return frozenset(finding.finding for finding in self._reading.stated() if finding.form in _NAMING)

    def _is_of(self, findings: Collection[str]) -> bool:
        return self._reading.is_of_the_patient and self._named.isdisjoint(findings)

    @property
    def answer(self) -> AssertionStatus | None:
        """Return what it answers where the sentence before it is a question."""
        return self._reading.answer

    @property
    def verdict(self) -> AssertionStatus | None:
        """Return what it says of everything that the sentence before it lists."""
        return self._reading.verdict

    def outcome(self, finding: str) -> AssertionStatus | None:
        """Return what it says became of a finding that the sentence before it states."""
        return self._reading.outcome(finding)

    def qualifiers(self, finding: str) -> set[str]:
        """Return the qualifiers that it adds to a finding."""
        return {spec.means or spec.id for spec in self._adding if finding in spec.of and self._is_of(spec.of)}

    @once
    def _adding(self) -> list[QualifierSpec]:
        """Return what its words may add to the sentence before it."""
        reading = self._reading
        marks = (mark for hit in reading.marks for mark in hit.meanings)
        return [spec for mark in marks for spec in specs_of(reading, mark) if spec.is_remark]

    def makes(self, finding: str, becomes: BecomesSpec) -> bool:
        """Tell whether it makes the other finding of a finding: it begins with a phrase of the group of remarks."""
        begins_so = any(
            mark.kind == "group" and mark.id == becomes.remark
            for hit in self._reading.marks
            if hit.first == 0
            for mark in hit.meanings
        )
        return (
            begins_so
            and becomes.unless not in self._reading.groups
            and self._is_of((finding, becomes.finding))
        )
