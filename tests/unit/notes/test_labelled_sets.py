"""Sentences of writers who had not seen the phrases are read no worse than when they were last measured."""

from __future__ import annotations

from pathlib import Path

import pytest
from ruamel.yaml import YAML

from worker.model.fact import AssertionStatus
from worker.notes.evaluation import evaluate
from worker.notes.labelled import parse_labelled
from worker.notes.lexicon_reader import LexiconReader

LABELLED = Path(__file__).parent / "labelled"
HELD_OUT = LABELLED / "held_out.yaml"
MINDED = sorted(path for path in LABELLED.glob("*.yaml") if path != HELD_OUT)
SLACK = 0.005


def last_measured(root: Path, file: str) -> float:
    history = YAML(typ="safe").load((root / "docs" / "notes-evaluation.yaml").read_text(encoding="utf-8"))
    right, extra, missed = [entry for entry in history if entry["file"] == file][-1]["all"]["overall"]
    return 2 * right / (2 * right + extra + missed)


@pytest.mark.parametrize("path", MINDED, ids=lambda path: path.name)
def test_labelled_sentences_are_read_no_worse(root: Path, reader: LexiconReader, path: Path) -> None:
    found = evaluate(reader, parse_labelled(path.read_text(encoding="utf-8"), path.name))

    assert (found.overall.f1 or 0.0) >= last_measured(root, path.name) - SLACK


def test_the_untouched_half_can_be_read_and_is_large() -> None:
    """It is scored once for each release, by `lpwatch notes-eval --history`, and by no test."""
    held_out = parse_labelled(HELD_OUT.read_text(encoding="utf-8"), HELD_OUT.name)

    assert len(held_out) >= 700
    assert {label.status for sentence in held_out for label in sentence.labels} == set(AssertionStatus)
