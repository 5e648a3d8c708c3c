"""`lpwatch notes-eval`: compare what is read of labelled sentences with their labels."""

from __future__ import annotations

from pathlib import Path

import click

from worker.cli.notes import notes_reader
from worker.cli.notes_eval_shown import BackgroundResult, LabelledResult, Result, RowsResult
from worker.cli.notes_history import append_to_history
from worker.cli.render import json_option, pack_option, print_json, print_lines
from worker.model.errors import ConfigError
from worker.notes.background import evaluate_background, is_background, parse_background
from worker.notes.concept_rows import HEADER, ConceptJudge, evaluate_rows, parse_rows
from worker.notes.evaluation import evaluate
from worker.notes.labelled import parse_labelled
from worker.notes.lexicon_reader import LexiconReader

EPILOG = """\b
Examples:
  lpwatch notes-eval tests/unit/notes/wordings.yaml
  lpwatch notes-eval ours.yaml --pack ours --differences
  lpwatch notes-eval held-out.yaml --history docs/notes-evaluation.yaml --release 0.4

A labelled file: version: 1, author, sentences: [{id, kind, text, expect: [{f: finding, s: status, q: [qualifier]}], doubt}].
Rows of NegEx (tab-separated) ask of one concept each whether it is negated, history, or of a relative. Of notes without labels
(comma-separated, with a column section_text) it counts what could fire a rule. What counts as right: docs/notes-evaluation.md.
Do not list the differences of sentences that are to stay unseen.
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
    """Measure the reading of notes by labelled sentences: precision, recall and F1 by status, finding and qualifier.

    Each sentence is read as a note of its own. Exit code 0, however well it was read; 3 where a file is wrong.
    """
    if (history is None) is not (release is None):
        raise click.UsageError("give --history and --release together")
    texts = {file: _read(file) for file in files}
    reader = notes_reader(packs)
    results = [_result(reader, file, text) for file, text in texts.items()]
    if history is not None and release is not None:
        append_to_history(history, release, results)
    if is_json:
        print_json({"files": [result.document(is_listing=is_listing) for result in results]})
        return
    for result in results:
        print_lines(result.lines(is_listing=is_listing))


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot be read as UTF-8 text: {type(error).__name__}", str(file)) from error


def _result(reader: LexiconReader, file: Path, text: str) -> Result:
    """Measure by one file, whose first line tells which kind it is."""
    name = str(file)
    if text.startswith(HEADER):
        rows = parse_rows(text, name)
        return RowsResult(name, evaluate_rows(ConceptJudge(reader.lexicon), rows))
    if is_background(text):
        return BackgroundResult(name, evaluate_background(reader, parse_background(text, name)))
    sentences = parse_labelled(text, name)
    return LabelledResult(name, evaluate(reader, sentences), evaluate(reader, sentences, with_doubt=False))
