"""Reasons for a visit as written, to the complaints that rules ask for. Pure: no I/O, no clock.

Words come from the pack. A negator in the same clause before a word turns it: "headache, no fever" is headache alone, and
"unable to pass urine" is one complaint. A reason that is coded as a finding of the pack means what the finding means.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from worker.mapping.concept_spec import ReasonSpec
from worker.mapping.results import CLAUSE_END, alternatives


@dataclass(frozen=True, slots=True)
class Reasons:
    """The words of a concept's reasons, compiled.

    Shape: `meanings` from folded phrase to complaint; `findings` from a finding of the pack to complaint.
    """

    pattern: re.Pattern[str]
    negators: re.Pattern[str]
    meanings: Mapping[str, str]
    findings: Mapping[str, str]

    def read(self, text: str, findings: Iterable[str] = ()) -> tuple[str, ...]:
        """Return the complaints that a reason names, sorted, each once; `findings` are what its codes mean."""
        said = {self.findings[finding] for finding in findings if finding in self.findings}
        for clause in CLAUSE_END.split(text.casefold()):
            words = " ".join(clause.split())
            negated = self.negators.search(words)
            end = negated.start() if negated else len(words)
            said.update(
                self.meanings[hit.group()] for hit in self.pattern.finditer(words) if hit.start() <= end
            )
        return tuple(sorted(said))


def compile_reasons(specs: Iterable[ReasonSpec], negators: Iterable[str]) -> Reasons:
    """Compile the reasons of a concept.

    Raises: ValueError where one phrase or finding has two meanings.
    """
    meanings: dict[str, str] = {}
    findings: dict[str, str] = {}
    for spec in specs:
        for table, names in ((meanings, spec.words), (findings, spec.findings)):
            for name in names:
                folded = " ".join(name.casefold().split())
                if table.setdefault(folded, spec.id) != spec.id:
                    raise ValueError(f"'{name}' is listed as {table[folded]} and as {spec.id}; remove one")
    return Reasons(alternatives(meanings), alternatives(negators), meanings, findings)
