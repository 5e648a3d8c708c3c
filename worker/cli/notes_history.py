"""The history of note evaluations: a YAML file to which each release adds its counts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from worker.model.errors import ConfigError
from worker.notes.evaluation import Evaluation, Score

_HEADER = """\
# What `lpwatch notes-eval --history` measured, the oldest first; docs/notes-evaluation.md is written from it.
# Counts are [right, extra, missed]. Entries are added, never changed.
"""


def append_to_history(path: Path, release: str, results: Mapping[str, tuple[Evaluation, Evaluation]]) -> None:
    """Add an entry for each file: all its sentences, and those without doubt.

    Raises: ConfigError where it cannot be written, or where it has the file's counts for the release already.
    """
    known = path.read_text(encoding="utf-8") if path.is_file() else _HEADER
    parts = [known]
    for file, (everything, certain) in results.items():
        begin = f"- release: {json.dumps(release)}\n  file: {json.dumps(file)}\n"
        if begin in known:
            raise ConfigError(
                f"has counts of {file} for release {release}; give another --release", str(path)
            )
        parts += [begin, _entry("all", everything), _entry("without_doubt", certain)]
    try:
        path.write_text("".join(parts), encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"cannot be written: {error.strerror}", str(path)) from error


def _entry(name: str, found: Evaluation) -> str:
    counts = ", ".join(f"{status}: {_counts(score)}" for status, score in sorted(found.by_status.items()))
    return (
        f"  {name}:\n    sentences: {found.of.total()}\n    exact: {found.exact.total()}\n"
        f"    overall: {_counts(found.overall)}\n    by_status: {{{counts}}}\n"
    )


def _counts(score: Score) -> str:
    return f"[{score.right}, {score.extra}, {score.missed}]"
