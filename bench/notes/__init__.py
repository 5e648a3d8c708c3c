"""Read notes, against medspaCy and negspacy: speed, and the rows of NegEx: `python -m bench notes [--quick] [--lengths]`.

The rows are not in this repository; where `LPWATCH_NEGEX_ROWS` names their file, all readers judge them in the same run.
Neither are notes as people write them: where `LPWATCH_NOTES_TEXTS` names a file as of `lpwatch notes-eval` without labels,
slices of it are read, too. With `--lengths` lpwatch alone reads texts of 1 kB to 1 MB.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import time
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from bench.notes.environment import PeerMissingError, peer_python
from bench.notes.lengths import main as measure_lengths
from bench.notes.texts import SPARSE, cut_notes, make_notes, phrases_for_peers
from worker.model.fact import AssertionStatus
from worker.notes.background import parse_background
from worker.notes.concept_rows import (
    ConceptJudge,
    ConceptRow,
    Judged,
    evaluate_rows,
    parse_rows,
    place_of,
)
from worker.notes.evaluation import Score
from worker.notes.lexicon import Lexicon, compile_lexicon
from worker.notes.lexicon_reader import LexiconReader
from worker.notes.reader import NoteDocument
from worker.runtime.packs import read_layers

HERE = Path(__file__).resolve().parent
OUT = HERE.parent / "out"
SENTENCES = HERE.parents[1] / "tests" / "unit" / "notes" / "wordings.yaml"
PEERS = ("medspacy", "negspacy")
Mixtures = dict[str, list[str]]
"""Notes by what they are made of."""
COUNT, PEER_COUNT = 2_000, 100
"""Notes of a round; peers, which are slow, get fewer from the same mix."""
FLOOR, TARGET = 2_000.0, 50.0
"""Notes a second on one core, and times as many as medspaCy."""
_AXES = {
    "negated": AssertionStatus.ABSENT,
    "historical": AssertionStatus.HISTORICAL,
    "family": AssertionStatus.FAMILY,
}


def _ours(lexicon: Lexicon, mixtures: Mixtures, rounds: int) -> dict[str, list[float]]:
    """Return CPU seconds for all notes of each mixture, by round; every note is read from nothing."""
    reader = LexiconReader(lexicon)
    seconds: dict[str, list[float]] = {name: [] for name in mixtures}
    for _ in range(rounds):
        for name, notes in mixtures.items():
            start = time.process_time()
            for text in notes:
                reader.read(NoteDocument("", "", text))
            seconds[name].append(time.process_time() - start)
    return seconds


def _peer(name: str, rows: tuple[ConceptRow, ...], mixtures: Mixtures, rounds: int) -> dict[str, Any]:
    places = [place_of(row) for row in rows]
    job = {
        "rows": [
            {"text": row.text, "first": place and place[0], "after": place and place[1]}
            for row, place in zip(rows, places, strict=True)
        ],
        "notes": {mixture: notes[:PEER_COUNT] for mixture, notes in mixtures.items()},
        "phrases": phrases_for_peers(YAML(typ="safe").load(SENTENCES)),
        "rounds": rounds,
    }
    command = [str(peer_python()), str(HERE / "peer.py"), name]
    run = subprocess.run(command, check=True, capture_output=True, text=True, input=json.dumps(job))
    found: dict[str, Any] = json.loads(run.stdout)
    return found


def _judged(told: dict[str, bool]) -> Judged:
    statuses = frozenset(status for axis, status in _AXES.items() if told[axis])
    status = AssertionStatus.ABSENT if told["negated"] else AssertionStatus.PRESENT
    return Judged(is_found=True, statuses=statuses, status=status)


def _rows() -> tuple[ConceptRow, ...]:
    file = os.environ.get("LPWATCH_NEGEX_ROWS")
    if file is None:
        print("rows of NegEx: skipped, LPWATCH_NEGEX_ROWS names no file")
        return ()
    return parse_rows(Path(file).read_text(encoding="utf-8"), file)


def _mixtures() -> Mixtures:
    wordings = YAML(typ="safe").load(SENTENCES)
    mixtures = {
        "dense: two lines in five state a finding": make_notes(wordings, COUNT),
        "one line in ten does": make_notes(wordings, COUNT, SPARSE),
    }
    file = os.environ.get("LPWATCH_NOTES_TEXTS")
    if file is None:
        print("slices of notes: skipped, LPWATCH_NOTES_TEXTS names no file")
    else:
        texts = (note.text for note in parse_background(Path(file).read_text(encoding="utf-8"), file))
        mixtures[f"slices of {Path(file).stem}"] = cut_notes(texts, COUNT)
    return mixtures


def _shown(scores: dict[str, Score]) -> str:
    parts = []
    for axis in _AXES:
        score = scores.get(axis, Score())
        values = (score.precision, score.recall, score.f1)
        cells = " ".join("  -  " if value is None else f"{value:.3f}" for value in values)
        parts.append(f"{axis} {cells}")
    return "   ".join(parts)


def _rate(notes: int, seconds: list[float]) -> float:
    """Return notes a second."""
    return notes / statistics.median(seconds)


def main(*, quick: bool, lengths: bool = False) -> None:
    """Measure all readers in one run; print the tables and write them to `bench/out/notes.json`."""
    rounds = 3 if quick else 9
    lexicon = compile_lexicon(read_layers(()))
    if lengths:
        measure_lengths(reader=LexiconReader(lexicon), quick=quick)
        return
    mixtures, rows = _mixtures(), _rows()
    ours = _ours(lexicon, mixtures, rounds)
    costs = {name: {"lpwatch": _rate(len(mixtures[name]), seconds)} for name, seconds in ours.items()}
    scores = {"lpwatch": evaluate_rows(ConceptJudge(lexicon), rows).scores}
    for peer in PEERS:
        try:
            found = _peer(peer, rows, mixtures, rounds)
        except PeerMissingError as error:
            print(f"{peer}: skipped, {error}")
            continue
        told = iter(found["rows"])
        label = f"{peer} {found['version']}"
        scores[label] = evaluate_rows(lambda _, told=told: _judged(next(told)), rows).scores
        for name, seconds in found["seconds"].items():
            costs[name][label] = _rate(min(PEER_COUNT, len(mixtures[name])), seconds)
    print(f"CPU time, median of {rounds} rounds; targets: {FLOOR:,.0f} notes/s, {TARGET:g} × medspaCy")
    for name, rates in costs.items():
        size = statistics.mean(map(len, mixtures[name]))
        print(f"{name}, {size:.0f} characters")
        for label, rate in rates.items():
            ratio = "" if label == "lpwatch" else f"lpwatch is {rates['lpwatch'] / rate:,.1f} ×"
            print(f"  {label:20}{rate:10,.0f} notes/s   {ratio}")
    if rows:
        print(f"{len(rows)} rows of NegEx: precision, recall, F1")
        for name, each in scores.items():
            print(f"{name:20}{_shown(each)}")
    OUT.mkdir(exist_ok=True)
    result = {
        "machine": platform.platform(),
        "rates": costs,
        "f1": {
            name: {axis: each[axis].f1 for axis in _AXES if axis in each} for name, each in scores.items()
        },
    }
    (OUT / "notes.json").write_text(json.dumps(result, indent=2), encoding="utf-8")
