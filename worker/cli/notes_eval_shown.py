"""What `lpwatch notes-eval` says of one file: lines for people, a document for programs, an entry for the history."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from worker.notes.background import Background
from worker.notes.concept_rows import RowEvaluation
from worker.notes.evaluation import Evaluation, Score

_HEAD = f"{'':34}{'right':>7}{'extra':>7}{'missed':>7}{'precision':>11}{'recall':>8}{'F1':>8}"


class Result(Protocol):
    """What was measured by one file."""

    @property
    def file(self) -> str:
        """Return the file."""

    def lines(self, *, is_listing: bool) -> Iterator[str]:
        """Tell it to people; `is_listing` adds what was not as it should be."""

    def document(self, *, is_listing: bool) -> dict[str, object]:
        """Tell it to programs."""

    def counts(self) -> dict[str, object]:
        """Return what the history keeps: counts by name, [right, extra, missed] where there are labels."""


@dataclass(frozen=True, slots=True)
class LabelledResult:
    """Of labelled sentences."""

    file: str
    everything: Evaluation
    certain: Evaluation

    def lines(self, *, is_listing: bool) -> Iterator[str]:
        """Tell it to people."""
        everything, certain = self.everything, self.certain
        yield f"{self.file}: {everything.of.total()} sentences, {everything.exact.total()} read exactly as labelled"
        is_doubted = everything.of.total() > certain.of.total()
        if is_doubted:
            yield f"without those in doubt: {certain.of.total()} sentences, {certain.exact.total()} exactly"
        yield _HEAD
        yield _row("all", everything.overall)
        yield from _rows("status", everything.by_status)
        if is_doubted:
            yield _row("without doubt: all", certain.overall)
            yield from _rows("without doubt: status", certain.by_status)
        yield from _rows("finding", everything.by_finding)
        yield from _rows("qualifier", everything.by_qualifier)
        if is_listing:
            yield from self._differences()

    def _differences(self) -> Iterator[str]:
        for one in self.everything.differences:
            yield f"{one.id}: {one.text}"
            yield f"  expected {', '.join(one.expected) or 'nothing'}; got {', '.join(one.got) or 'nothing'}"
            if one.doubt:
                yield f"  in doubt: {one.doubt}"

    def document(self, *, is_listing: bool) -> dict[str, object]:
        """Tell it to programs."""
        document: dict[str, object] = {
            "file": self.file,
            "all": _evaluation(self.everything),
            "without_doubt": _evaluation(self.certain),
        }
        if is_listing:
            document["differences"] = [
                {
                    "id": one.id,
                    "text": one.text,
                    "expected": one.expected,
                    "got": one.got,
                    "doubt": one.doubt or None,
                }
                for one in self.everything.differences
            ]
        return document

    def counts(self) -> dict[str, object]:
        """Return what the history keeps."""
        return {"all": _kept(self.everything), "without_doubt": _kept(self.certain)}


@dataclass(frozen=True, slots=True)
class RowsResult:
    """Of rows that ask of one concept each."""

    file: str
    found: RowEvaluation

    def lines(self, *, is_listing: bool) -> Iterator[str]:
        """Tell it to people."""
        yield f"{self.file}: {self.found.rows} rows, {self.found.not_found} whose concept is not in its sentence"
        yield _HEAD
        for name, score in self.found.scores.items():
            yield _row(name, score)
        if is_listing:
            for label, row in self.found.differences:
                yield f"{label}: {row.id}: {row.concept}: {' '.join(row.text.split())}"

    def document(self, *, is_listing: bool) -> dict[str, object]:
        """Tell it to programs."""
        document: dict[str, object] = {
            "file": self.file,
            "rows": self.found.rows,
            "not_found": self.found.not_found,
            "axes": _scores(self.found.scores),
        }
        if is_listing:
            document["differences"] = [
                {"label": label, "id": row.id, "concept": row.concept, "text": row.text}
                for label, row in self.found.differences
            ]
        return document

    def counts(self) -> dict[str, object]:
        """Return what the history keeps."""
        return {
            "rows": self.found.rows,
            "not_found": self.found.not_found,
            "axes": {name: _triple(score) for name, score in self.found.scores.items()},
        }


@dataclass(frozen=True, slots=True)
class BackgroundResult:
    """Of notes without labels."""

    file: str
    found: Background

    @property
    def _by_finding(self) -> Counter[str]:
        return Counter(one.finding for one in self.found.heard)

    def lines(self, *, is_listing: bool) -> Iterator[str]:
        """Tell it to people."""
        count = len(self.found.heard)
        yield f"{self.file}: {self.found.notes} notes, {count} assertions that could fire a rule"
        yield f"{self.found.per_thousand:.1f} per 1,000 notes"
        for finding, number in self._by_finding.most_common():
            yield f"{finding:34}{number:7}"
        if is_listing:
            for one in self.found.heard:
                said = " ".join((one.finding, one.status, *one.qualifiers))
                yield f"{one.id}: {said}: {' '.join(one.sentence.split())}"

    def document(self, *, is_listing: bool) -> dict[str, object]:
        """Tell it to programs."""
        document: dict[str, object] = {
            "file": self.file,
            "notes": self.found.notes,
            "assertions": len(self.found.heard),
            "per_1000": round(self.found.per_thousand, 1),
            "by_finding": dict(self._by_finding.most_common()),
        }
        if is_listing:
            document["heard"] = [
                {
                    "id": one.id,
                    "finding": one.finding,
                    "status": one.status,
                    "qualifiers": one.qualifiers,
                    "sentence": one.sentence,
                }
                for one in self.found.heard
            ]
        return document

    def counts(self) -> dict[str, object]:
        """Return what the history keeps."""
        return {
            "notes": self.found.notes,
            "could_fire": len(self.found.heard),
            "by_finding": dict(sorted(self._by_finding.items())),
        }


def _evaluation(found: Evaluation) -> dict[str, object]:
    return {
        "sentences": found.of.total(),
        "exact": found.exact.total(),
        "by_kind": {
            kind: {"sentences": found.of[kind], "exact": found.exact[kind]} for kind in sorted(found.of)
        },
        "overall": _score(found.overall),
        "by_status": _scores(found.by_status),
        "by_finding": _scores(found.by_finding),
        "by_qualifier": _scores(found.by_qualifier),
    }


def _kept(found: Evaluation) -> dict[str, object]:
    return {
        "sentences": found.of.total(),
        "exact": found.exact.total(),
        "overall": _triple(found.overall),
        "by_status": {name: _triple(score) for name, score in sorted(found.by_status.items())},
    }


def _scores(scores: Mapping[str, Score]) -> dict[str, object]:
    return {name: _score(scores[name]) for name in sorted(scores)}


def _score(score: Score) -> dict[str, object]:
    return {
        "right": score.right,
        "extra": score.extra,
        "missed": score.missed,
        "precision": _rounded(score.precision),
        "recall": _rounded(score.recall),
        "f1": _rounded(score.f1),
    }


def _triple(score: Score) -> list[int]:
    return [score.right, score.extra, score.missed]


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _rows(what: str, scores: Mapping[str, Score]) -> Iterator[str]:
    for name in sorted(scores):
        yield _row(f"{what} {name}", scores[name])


def _row(name: str, score: Score) -> str:
    precision, recall, f1 = (
        "-" if value is None else f"{value:.3f}" for value in (score.precision, score.recall, score.f1)
    )
    return f"{name:34}{score.right:7}{score.extra:7}{score.missed:7}{precision:>11}{recall:>8}{f1:>8}"
