"""Count how often a reader of notes sees what a person labelled (ADR 0030). Pure: no I/O, no clock.

What is counted is a finding with a status in a sentence: right where both have it, extra where only the reader has it, missed
where only the label has it. A sentence in which one finding has the wrong status costs both.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from worker.model.fact import AssertionStatus
from worker.notes.reader import NoteDocument

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from worker.notes.labelled import LabelledSentence
    from worker.notes.reader import NoteReader

Pair = tuple[str, AssertionStatus]
_Said = dict[Pair, frozenset[str]]

_WIDER = {
    "positional-headache": "headache",
    "band-like-back-pain": "back-pain",
    "severe-back-pain": "back-pain",
    "saddle-numbness": "numbness",
}
"""The wider finding that a finding implies: beside it, with the same status, it is no error."""
_NONPOSTURAL = ("headache", "nonpostural", ("positional-headache", AssertionStatus.ABSENT))
"""A headache with this qualifier implies that of the other."""
STANDING = frozenset({AssertionStatus.PRESENT, AssertionStatus.UNCERTAIN})
"""Statuses that can fire a rule; only they have qualifiers."""


@dataclass(slots=True)
class Score:
    """Counts of what was right, extra and missed."""

    right: int = 0
    extra: int = 0
    missed: int = 0

    @property
    def precision(self) -> float | None:
        """Return which part of what was read is labelled, None where nothing was read."""
        return _ratio(self.right, self.right + self.extra)

    @property
    def recall(self) -> float | None:
        """Return which part of what is labelled was read, None where nothing is labelled."""
        return _ratio(self.right, self.right + self.missed)

    @property
    def f1(self) -> float | None:
        """Return the harmonic mean of both, None where there is nothing at all."""
        return _ratio(2 * self.right, 2 * self.right + self.extra + self.missed)

    def add(self, *, is_expected: bool, is_got: bool) -> None:
        """Count one."""
        self.right += is_expected and is_got
        self.extra += is_got and not is_expected
        self.missed += is_expected and not is_got


@dataclass(frozen=True, slots=True)
class Difference:
    """A sentence in which reader and label differ, with all that either says: "headache absent", "fever present mild"."""

    id: str
    text: str
    expected: tuple[str, ...]
    got: tuple[str, ...]
    doubt: str


@dataclass(slots=True)
class Evaluation:
    """How a reader did.

    Shape: `exact` and `of` count sentences by kind: those without any difference, and all.
    """

    overall: Score = field(default_factory=Score)
    by_status: dict[str, Score] = field(default_factory=dict)
    by_finding: dict[str, Score] = field(default_factory=dict)
    by_qualifier: dict[str, Score] = field(default_factory=dict)
    exact: Counter[str] = field(default_factory=Counter)
    of: Counter[str] = field(default_factory=Counter)
    differences: list[Difference] = field(default_factory=list)

    def count(self, pair: Pair, *, is_expected: bool, is_got: bool) -> None:
        """Count a finding with a status."""
        finding, status = pair
        for score in (
            self.overall,
            self.by_status.setdefault(str(status), Score()),
            self.by_finding.setdefault(finding, Score()),
        ):
            score.add(is_expected=is_expected, is_got=is_got)


def evaluate(
    reader: NoteReader, sentences: Iterable[LabelledSentence], *, with_doubt: bool = True
) -> Evaluation:
    """Read each sentence as a note of its own and compare it with its labels; without doubt, those in doubt are left out."""
    found = Evaluation()
    for sentence in sentences:
        if with_doubt or not sentence.doubt:
            _compare(found, sentence, _read(reader, sentence))
    return found


def _read(reader: NoteReader, sentence: LabelledSentence) -> _Said:
    """Return what a sentence states, as far as it was labelled; the qualifiers of several mentions are one set."""
    said: _Said = {}
    for finding, assertion in reader.read(NoteDocument("", "", sentence.text)).assertions:
        pair = (finding, assertion.status)
        said[pair] = said.get(pair, frozenset()) | frozenset(assertion.qualifiers)
    if sentence.is_of_nobody:
        return {pair: marks for pair, marks in said.items() if pair[1] in STANDING}
    if sentence.only:
        return {pair: marks for pair, marks in said.items() if pair[0] == sentence.only}
    return said


def _compare(found: Evaluation, sentence: LabelledSentence, got: _Said) -> None:
    labelled = {(label.finding, label.status): label.qualifiers for label in sentence.labels}
    counted = {
        pair: marks for pair, marks in got.items() if pair in labelled or not _is_implied(pair, labelled)
    }
    is_exact = labelled.keys() == counted.keys()
    for pair in sorted(labelled.keys() | counted.keys()):
        found.count(pair, is_expected=pair in labelled, is_got=pair in counted)
        wanted = labelled.get(pair)
        if wanted is not None and pair in counted and pair[1] in STANDING:
            is_exact &= wanted == counted[pair]
            for mark in wanted | counted[pair]:
                score = found.by_qualifier.setdefault(mark, Score())
                score.add(is_expected=mark in wanted, is_got=mark in counted[pair])
    found.of[sentence.kind] += 1
    found.exact[sentence.kind] += is_exact
    if not is_exact:
        expected = {pair: marks or frozenset() for pair, marks in labelled.items()}
        found.differences.append(
            Difference(sentence.id, sentence.text, _worded(expected), _worded(counted), sentence.doubt)
        )


def _is_implied(pair: Pair, labelled: Mapping[Pair, frozenset[str] | None]) -> bool:
    finding, status = pair
    headache, nonpostural, implied = _NONPOSTURAL
    return any(
        (label_status is status and _WIDER.get(label) == finding)
        or (pair == implied and label == headache and nonpostural in (marks or ()))
        for (label, label_status), marks in labelled.items()
    )


def _worded(said: Mapping[Pair, frozenset[str]]) -> tuple[str, ...]:
    return tuple(
        " ".join((finding, str(status), *sorted(said[finding, status]))) for finding, status in sorted(said)
    )


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None
