"""Judge single concepts in sentences, as the annotations of NegEx ask (ADR 0030). Pure: no I/O, no clock.

A row names a concept, which may be any disease or sign, and a sentence; it asks whether the sentence negates the concept,
whether it is history, and whether it is of a relative. For each row the concept takes the place of the lexicon's findings;
sections, sentences, cues, breaks and lists are those of the lexicon.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from worker.model.errors import PackError
from worker.model.fact import AssertionStatus
from worker.notes.evaluation import Score
from worker.notes.lexicon import Mention
from worker.notes.lexicon_reader import LexiconReader
from worker.notes.phrases import Hit, PhraseTable
from worker.notes.reader import NoteDocument
from worker.notes.text import MARKS, split_words, words_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from worker.notes.explain import Explained
    from worker.notes.lexicon import Cue, Lexicon

HEADER = "line number\tCondition\t"
"""What a file of rows begins with."""
_COLUMNS = 6
_CONCEPT = "concept"
_NEGATED, _HISTORICAL, _NOT_PARTICULAR, _FAMILY = "Negated", "Historical", "Not particular", "Family member"


@dataclass(frozen=True, slots=True)
class ConceptRow:
    """A concept in a sentence, with its labels; `is_historical` is None where the annotators did not tell."""

    id: str
    concept: str
    text: str
    is_negated: bool
    is_historical: bool | None
    is_family: bool


@dataclass(frozen=True, slots=True)
class Judged:
    """What is read of the concept of a row; `is_found` where the sentence has its words at all."""

    is_found: bool = False
    statuses: frozenset[AssertionStatus] = frozenset()
    status: AssertionStatus = AssertionStatus.PRESENT

    @property
    def is_negated(self) -> bool:
        """Tell whether words around the concept deny it, whether or not it is history or advice, too."""
        return AssertionStatus.ABSENT in self.statuses

    @property
    def is_historical(self) -> bool:
        """Tell whether words or a section make it history."""
        return AssertionStatus.HISTORICAL in self.statuses

    @property
    def is_family(self) -> bool:
        """Tell whether words or a section make it that of a relative."""
        return AssertionStatus.FAMILY in self.statuses


@dataclass(slots=True)
class RowEvaluation:
    """How the rows were judged.

    Shape: `scores` by "negated", "historical", "family", and "absent" for the one status that rules see; `differences` are
    (label, row) of what an axis got wrong; `not_found` counts rows whose concept is not in their sentence.
    """

    rows: int = 0
    not_found: int = 0
    scores: dict[str, Score] = field(default_factory=dict)
    differences: list[tuple[str, ConceptRow]] = field(default_factory=list)

    def count(self, axis: str, row: ConceptRow, *, is_expected: bool, is_got: bool) -> None:
        """Count one row on one axis."""
        self.scores.setdefault(axis, Score()).add(is_expected=is_expected, is_got=is_got)
        if is_expected is not is_got:
            self.differences.append((f"{axis} {'missed' if is_expected else 'extra'}", row))


def parse_rows(text: str, file: str) -> tuple[ConceptRow, ...]:
    """Read tab-separated rows.

    Raises: PackError "file:line:1: message" for the first row that is none.
    """
    lines = csv.reader(text.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE)
    rows = []
    for number, cells in enumerate(lines, 1):
        if number == 1 or not cells:
            continue
        if len(cells) != _COLUMNS:
            raise PackError(f"has {len(cells)} columns in place of {_COLUMNS}", f"{file}:{number}:1")
        id_, concept, sentence, negation, temporality, experiencer = cells
        is_historical = None if temporality == _NOT_PARTICULAR else temporality == _HISTORICAL
        rows.append(
            ConceptRow(id_, concept, sentence, negation == _NEGATED, is_historical, experiencer == _FAMILY)
        )
    return tuple(rows)


def evaluate_rows(judge: Callable[[ConceptRow], Judged], rows: Iterable[ConceptRow]) -> RowEvaluation:
    """Judge every row and compare; history only where the annotators told."""
    found = RowEvaluation()
    for row in rows:
        judged = judge(row)
        found.rows += 1
        found.not_found += not judged.is_found
        found.count("negated", row, is_expected=row.is_negated, is_got=judged.is_negated)
        absent = judged.status is AssertionStatus.ABSENT
        found.scores.setdefault("absent", Score()).add(is_expected=row.is_negated, is_got=absent)
        if row.is_historical is not None:
            found.count("historical", row, is_expected=row.is_historical, is_got=judged.is_historical)
        found.count("family", row, is_expected=row.is_family, is_got=judged.is_family)
    return found


class ConceptJudge:
    """Judge rows by a lexicon."""

    def __init__(self, lexicon: Lexicon) -> None:
        """Keep the lexicon."""
        self._lexicon = lexicon

    def __call__(self, row: ConceptRow) -> Judged:
        """Return what the words around the concept say of it; one that is not in the sentence stands as stated."""
        place = place_of(row)
        if place is None:
            return Judged()
        table = _ConceptTable(self._lexicon.statements, tuple(_concept(row)))
        reader = LexiconReader(replace(self._lexicon, statements=table))
        told = [one for one in reader.explain(NoteDocument("", "", row.text)) if one.finding == _CONCEPT]
        if not told:
            return Judged()
        one = min(told, key=lambda each: abs((each.said.span or (0, 0))[0] - place[0]))
        return Judged(is_found=True, statuses=_statuses(one), status=one.said.status)


def _statuses(one: Explained) -> frozenset[AssertionStatus]:
    return frozenset((one.said.status, *(reason.status for reason in one.reasons)))


def _concept(row: ConceptRow) -> list[str]:
    return [word for word in words_of(row.concept) if word not in MARKS]


def place_of(row: ConceptRow) -> tuple[int, int] | None:
    """Return the characters of a concept in the sentence of its row: where it is in capitals, else where it stands first."""
    words = _concept(row)
    found = [word for word in split_words(row.text) if word.text not in MARKS]
    places = [
        (found[at].start, found[at + len(words) - 1].end)
        for at in range(len(found) - len(words) + 1)
        if words and [word.text for word in found[at : at + len(words)]] == words
    ]
    return min(places, key=lambda place: (not row.text[slice(*place)].isupper(), place), default=None)


class _ConceptTable(PhraseTable["Mention | Cue"]):
    """The phrases of a lexicon around one concept: what overlaps with it does not count."""

    __slots__ = ("_around", "_concept")

    def __init__(self, around: PhraseTable[Mention | Cue], concept: tuple[str, ...]) -> None:
        super().__init__()
        self._around = around
        self._concept = concept

    def may_be_in(self, words: Iterable[str]) -> bool:
        return self._concept[0] in words

    def beginnings(self, is_wanted: Callable[[Mention | Cue], bool]) -> frozenset[str]:  # noqa: ARG002  the concept is all that is wanted
        return frozenset(self._concept[:1])

    def _found(
        self,
        words: Sequence[str],
        places: int | None = None,
        *,
        is_apart: bool = False,  # noqa: ARG002  they never overlap
    ) -> list[Hit[Mention | Cue]]:
        return [hit for hit in self._hits(words) if places is None or hit.first < places]

    def _hits(self, words: Sequence[str]) -> Iterator[Hit[Mention | Cue]]:
        after = 0
        for first, end in self._places(words):
            yield from self._between(words, after, first)
            yield Hit(first, end, (Mention(_CONCEPT, "phrases"),))
            after = end
        yield from self._between(words, after, len(words))

    def _between(self, words: Sequence[str], first: int, end: int) -> Iterator[Hit[Mention | Cue]]:
        for hit in self._around.find(words[first:end]):
            yield Hit(first + hit.first, first + hit.after, hit.meanings)

    def _places(self, words: Sequence[str]) -> Iterator[tuple[int, int]]:
        """Give where the concept stands; marks between its words do not count."""
        at = 0
        while at < len(words):
            end = self._end(words, at)
            if end is not None:
                yield at, end
            at = end or at + 1

    def _end(self, words: Sequence[str], at: int) -> int | None:
        for wanted in self._concept:
            while at < len(words) and words[at] in MARKS and words[at] != wanted:
                at += 1
            if at >= len(words) or words[at] != wanted:
                return None
            at += 1
        return at
