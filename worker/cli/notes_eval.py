"""`lpwatch notes-eval`: compare what is read of labelled sentences with their labels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import click

from worker.cli.notes import notes_reader
from worker.cli.notes_history import append_to_history
from worker.cli.render import json_option, pack_option, print_json, print_lines
from worker.model.errors import ConfigError
from worker.notes.evaluation import Evaluation, Score, evaluate
from worker.notes.labelled import LabelledSentence, parse_labelled

EPILOG = """\b
Examples:
  lpwatch notes-eval tests/unit/notes/wordings.yaml
  lpwatch notes-eval ours.yaml --pack ours --differences
  lpwatch notes-eval held-out.yaml --history docs/notes-evaluation.yaml --release 0.4

A labelled file: version: 1, author, sentences: [{id, kind, text, expect: [{f: finding, s: status, q: [qualifier]}], doubt}].
What counts as right: docs/notes-evaluation.md. Do not list the differences of sentences that are to stay unseen.
"""


@click.command(name="notes-eval", epilog=EPILOG)
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option(
    "--differences", "is_listing", is_flag=True, help="List each sentence that was not read as labelled."
)
@click.option(
    "--history",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Append the counts of each file to this one; needs --release.",
)
@click.option("--release", metavar="NAME", help="What the counts in the history belong to.")
@pack_option
@json_option
def notes_eval(
    *,
    files: tuple[Path, ...],
    is_listing: bool,
    history: Path | None,
    release: str | None,
    packs: tuple[Path, ...],
    is_json: bool,
) -> None:
    """Measure the reading of notes: precision, recall and F1 by status, finding and qualifier.

    Each sentence is read as a note of its own. Exit code 0, however well it was read.
    """
    if (history is None) is not (release is None):
        raise click.UsageError("give --history and --release together")
    reader = notes_reader(packs)
    labelled = {file: _read(file) for file in files}
    results = {
        file: (evaluate(reader, sentences), evaluate(reader, sentences, with_doubt=False))
        for file, sentences in labelled.items()
    }
    if history is not None and release is not None:
        append_to_history(history, release, {file.name: both for file, both in results.items()})
    if is_json:
        print_json(
            {"files": [_document(file, *both, is_listing=is_listing) for file, both in results.items()]}
        )
        return
    for file, (everything, certain) in results.items():
        print_lines(_lines(file, everything, certain, is_listing=is_listing))


def _read(file: Path) -> tuple[LabelledSentence, ...]:
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot be read as UTF-8 text: {type(error).__name__}", str(file)) from error
    return parse_labelled(text, str(file))


def _document(
    file: Path, everything: Evaluation, certain: Evaluation, *, is_listing: bool
) -> dict[str, object]:
    document: dict[str, object] = {
        "file": str(file),
        "sentences": everything.of.total(),
        "all": _evaluation(everything),
        "without_doubt": _evaluation(certain),
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
            for one in everything.differences
        ]
    return document


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


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _lines(file: Path, everything: Evaluation, certain: Evaluation, *, is_listing: bool) -> Iterator[str]:
    yield f"{file}: {everything.of.total()} sentences, {everything.exact.total()} read exactly as labelled"
    doubted = everything.of.total() - certain.of.total()
    if doubted:
        yield f"without {doubted} in doubt: {certain.of.total()}, {certain.exact.total()} exactly"
    shown = {"": {"all": everything.overall}, "status": everything.by_status}
    shown |= {"finding": everything.by_finding, "qualifier": everything.by_qualifier}
    yield f"{'':34}{'right':>7}{'extra':>7}{'missed':>7}{'precision':>11}{'recall':>8}{'F1':>8}"
    for what, scores in shown.items():
        for name in sorted(scores):
            yield _row(f"{what} {name}".strip(), scores[name])
        if what in {"", "status"} and doubted:
            alike = {"all": certain.overall} if not what else certain.by_status
            for name in sorted(alike):
                yield _row(f"{what} {name} without doubt".strip(), alike[name])
    if is_listing:
        for one in everything.differences:
            yield f"{one.id}: {one.text}"
            yield f"  expected {', '.join(one.expected) or 'nothing'}; got {', '.join(one.got) or 'nothing'}"
            if one.doubt:
                yield f"  in doubt: {one.doubt}"


def _row(name: str, score: Score) -> str:
    ratios = (score.precision, score.recall, score.f1)
    cells = ("-" if value is None else f"{value:.3f}" for value in ratios)
    precision, recall, f1 = cells
    return f"{name:34}{score.right:7}{score.extra:7}{score.missed:7}{precision:>11}{recall:>8}{f1:>8}"
