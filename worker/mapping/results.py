"""Result texts of microbiology: positive, negative or contaminant, else unknown. Pure: no I/O, no clock.

Phrases come from the pack. The longest phrase wins its words, so that "coagulase negative" and "gram negative" say nothing of
a negative result. What a clause says:

| the clause has | it says |
|---|---|
| a word of contamination | contaminant |
| the name of an organism, and a negative phrase or a negator | negative |
| the name of an organism, and that a test for it is awaited or was not done ("HSV PCR pending") | nothing |
| the name of an organism, and a word that it is there ("isolated", "seen", "Culture: E. coli") | positive, for sure |
| the name of an organism alone | positive |
| a positive phrase, and a negator | negative |
| a positive or a negative phrase | that |

What is seen ("cocci") is no aim of a test, and tests of what was found ("sensitivities") are awaited of what is there; so is
a report: without the name of a test, "Listeria, report to follow" is Listeria.

What a text says: contaminant where one clause does, unless another names for sure a pathogen that no contaminant explains;
positive where a clause does for sure, whatever other clauses deny ("E. coli isolated. No anaerobes isolated."), unless the
text takes back what it repeats; else what all clauses and flags agree on. Anything else is unknown, never guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from worker.mapping.concept_spec import ResultsSpec

POSITIVE = "positive"
NEGATIVE = "negative"
CONTAMINANT = "contaminant"

_SURE = "sure"
_PATHOGEN = "pathogen"
_ORGANISM = "organism"
_SHAPE = "shape"
_SIGHTING = "sighting"
_AWAITED = "awaited"
_TEST = "test"
_UNDONE = "undone"
_FOLLOW_UP = "follow-up"
_NAMES = frozenset({_ORGANISM, _PATHOGEN, _SHAPE})
_OF_NAMES_ONLY = frozenset({_SIGHTING, _AWAITED, _TEST, _UNDONE, _FOLLOW_UP})
_THERE = frozenset({POSITIVE, _SIGHTING})
_NOT_AIMED_AT = _THERE | {_SHAPE, _FOLLOW_UP}

CLAUSE_END = re.compile(r"[.;,\n\r]+|\bbut\b|\bhowever\b")
_DOTTED = re.compile(r"\b([a-z])\.\s*(?=[a-z])")


@dataclass(frozen=True, slots=True)
class Results:
    """The phrase lists of one concept, compiled.

    Shape: `meanings` from folded phrase to meaning; `flags` from interpretation code to meaning.
    """

    pattern: re.Pattern[str]
    negators: re.Pattern[str]
    labels: re.Pattern[str]
    retractions: re.Pattern[str]
    meanings: dict[str, str]
    flags: dict[str, str]

    def classify(self, text: str, flags: Iterable[str] = ()) -> str:
        """Return "positive", "negative", "contaminant", or "" where text and flags do not settle it."""
        folded = _DOTTED.sub(r"\1 ", text.casefold())
        said = {meaning for clause in CLAUSE_END.split(folded) for meaning in self._said(clause)}
        flagged = {self.flags[flag] for flag in flags if flag in self.flags}
        if CONTAMINANT in said:
            return POSITIVE if _PATHOGEN in said else CONTAMINANT
        if said & {_SURE, _PATHOGEN} and not self.retractions.search(folded) and NEGATIVE not in flagged:
            return POSITIVE
        found = {POSITIVE if meaning in {_SURE, _PATHOGEN} else meaning for meaning in said} | flagged
        return found.pop() if len(found) == 1 else ""

    def _said(self, clause: str) -> Iterator[str]:
        words = " ".join(clause.split())
        hits = list(self.pattern.finditer(words))
        spoken = {self.meanings[hit.group()] for hit in hits}
        is_negated = self.negators.search(self.pattern.sub(" ", words)) is not None
        if CONTAMINANT in spoken:
            yield CONTAMINANT
        elif _NAMES.isdisjoint(spoken):
            yield from (
                NEGATIVE if is_negated and meaning == POSITIVE else meaning
                for meaning in spoken
                if meaning not in _OF_NAMES_ONLY
            )
        elif is_negated or NEGATIVE in spoken:
            yield NEGATIVE
        elif _is_aim(spoken):
            return
        elif _PATHOGEN in spoken and spoken & _THERE:
            yield _PATHOGEN
        else:
            yield _SURE if spoken & _THERE or any(map(self._is_labelled, hits)) else POSITIVE

    def _is_labelled(self, hit: re.Match[str]) -> bool:
        return self.meanings[hit.group()] in _NAMES and bool(self.labels.search(hit.string[: hit.start()]))


def _is_aim(spoken: set[str]) -> bool:
    """Tell whether the organism of a clause is only what a test without a result looks for."""
    has_no_result = _UNDONE in spoken or {_AWAITED, _TEST} <= spoken
    return has_no_result and spoken.isdisjoint(_NOT_AIMED_AT)


def compile_results(spec: ResultsSpec) -> Results:
    """Compile the phrase lists of a concept.

    Raises: ValueError where one phrase has two meanings.
    """
    meanings: dict[str, str] = {}
    flags: dict[str, str] = {}
    stated = ((POSITIVE, spec.positive), (NEGATIVE, spec.negative), (CONTAMINANT, spec.contaminant))
    lists = [(name, part.phrases) for name, part in stated]
    lists += [(_ORGANISM, spec.organisms), (_PATHOGEN, spec.pathogens), (_SHAPE, spec.shapes)]
    lists += [(_SIGHTING, spec.sightings), (_FOLLOW_UP, spec.follow_ups)]
    lists += [(_AWAITED, spec.awaited), (_TEST, spec.tests), (_UNDONE, spec.undone)]
    for name, phrases in lists:
        for phrase in phrases:
            folded = _fold(phrase)
            if meanings.setdefault(folded, name) != name:
                raise ValueError(
                    f"phrase '{phrase}' is listed as {meanings[folded]} and as {name}; remove one"
                )
    for name, part in stated:
        flags.update(dict.fromkeys(part.flags, name))
    return Results(
        pattern=alternatives(meanings),
        negators=alternatives(spec.negators),
        labels=re.compile(alternatives(spec.labels).pattern + r" ?: ?\Z"),
        retractions=alternatives(spec.retractions),
        meanings=meanings,
        flags=flags,
    )


def _fold(text: str) -> str:
    """Fold case and blanks; the point of "E. coli" and "E.coli" ends no clause."""
    return _DOTTED.sub(r"\1 ", " ".join(text.casefold().split()))


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
