"""Result texts of microbiology: positive, negative or contaminant, else unknown. Pure: no I/O, no clock.

Phrases come from the pack. The longest phrase wins its words, so that "coagulase negative" and "gram negative" say nothing of
a negative result. A negator turns the positive phrases of its clause. Text that says both things is unknown, never guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from worker.mapping.concept_spec import ResultsSpec

POSITIVE = "positive"
NEGATIVE = "negative"
CONTAMINANT = "contaminant"

CLAUSE_END = re.compile(r"[.;,\n\r]+|\bbut\b|\bhowever\b")


@dataclass(frozen=True, slots=True)
class Results:
    """The phrase lists of one concept, compiled.

    Shape: `meanings` from folded phrase to meaning; `flags` from interpretation code to meaning.
    """

    pattern: re.Pattern[str]
    negators: re.Pattern[str]
    meanings: dict[str, str]
    flags: dict[str, str]

    def classify(self, text: str, flags: Iterable[str] = ()) -> str:
        """Return "positive", "negative", "contaminant", or "" where text and flags do not settle it."""
        said = set(self._said(text))
        flagged = {self.flags[flag] for flag in flags if flag in self.flags}
        if CONTAMINANT in said:
            return CONTAMINANT
        found = said | flagged
        return found.pop() if len(found) == 1 else ""

    def _said(self, text: str) -> Iterator[str]:
        for clause in CLAUSE_END.split(text.casefold()):
            words = " ".join(clause.split())
            spoken = [self.meanings[hit.group()] for hit in self.pattern.finditer(words)]
            is_negated = self.negators.search(self.pattern.sub(" ", words)) is not None
            yield from (NEGATIVE if is_negated and meaning == POSITIVE else meaning for meaning in spoken)


def compile_results(spec: ResultsSpec) -> Results:
    """Compile the phrase lists of a concept.

    Raises: ValueError where one phrase has two meanings.
    """
    meanings: dict[str, str] = {}
    flags: dict[str, str] = {}
    for name, part in ((POSITIVE, spec.positive), (NEGATIVE, spec.negative), (CONTAMINANT, spec.contaminant)):
        for phrase in part.phrases:
            folded = " ".join(phrase.casefold().split())
            if meanings.setdefault(folded, name) != name:
                raise ValueError(
                    f"phrase '{phrase}' is listed as {meanings[folded]} and as {name}; remove one"
                )
        flags.update(dict.fromkeys(part.flags, name))
    return Results(alternatives(meanings), alternatives(spec.negators), meanings, flags)


def alternatives(phrases: Iterable[str]) -> re.Pattern[str]:
    """Match whole words, the longest phrase first; an empty list matches nothing."""
    ordered = sorted(
        {" ".join(phrase.casefold().split()) for phrase in phrases}, key=lambda text: (-len(text), text)
    )
    return (
        re.compile(r"(?<!\w)(?:" + "|".join(map(re.escape, ordered)) + r")(?!\w)")
        if ordered
        else re.compile(r"(?!)")
    )
