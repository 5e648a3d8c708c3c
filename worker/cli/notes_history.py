"""The history of note evaluations: a YAML file to which each release adds its counts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from worker.cli.notes_eval_shown import Result
from worker.model.errors import ConfigError

_HEADER = """\
# What `lpwatch notes-eval --history` measured, the oldest first; docs/notes-evaluation.md is written from it.
# Counts are [right, extra, missed]. Entries are added, never changed.
"""


def append_to_history(path: Path, release: str, results: Sequence[Result]) -> None:
    """Add an entry for each file, under its name without folders; what stands there stays as it is.

    Raises: ConfigError where it cannot be written, or where it has the file's counts for the release already.
    """
    known = path.read_text(encoding="utf-8") if path.is_file() else _HEADER
    parts = [known]
    for result in results:
        name = Path(result.file).name
        begin = f"- release: {json.dumps(release)}\n  file: {json.dumps(name)}\n"
        if begin in "".join(parts):
            raise ConfigError(
                f"has counts of {name} for release {release}; give another --release", str(path)
            )
        parts += [begin, *(f"  {key}: {json.dumps(value)}\n" for key, value in result.counts().items())]
    try:
        path.write_text("".join(parts), encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"cannot be written: {error.strerror}", str(path)) from error
