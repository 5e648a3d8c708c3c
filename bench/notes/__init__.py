"""Read notes, against medspaCy and negspacy: speed, and the rows of NegEx: `python -m bench notes [--quick]`.

The rows are not in this repository; where `LPWATCH_NEGEX_ROWS` names their file, all readers judge them in the same run.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import time
from pathlib import Path

from ruamel.yaml import YAML

from bench.notes.environment import PeerMissingError, peer_python
from bench.notes.texts import make_notes, phrases_for_peers
from worker.model.fact import AssertionStatus
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
COUNT, PEER_COUNT = 2_000, 100
"""Notes of a round; peers, which are slow, get fewer from the same mix."""
FLOOR, TARGET = 2_000.0, 50.0
"""Notes a second on one core, and times as many as medspaCy."""
_AXES = {
    "negated": AssertionStatus.ABSENT,
    "historical": AssertionStatus.HISTORICAL,
    "family": AssertionStatus.FAMILY,
}


def _ours(lexicon: Lexicon, notes: list[str], rounds: int) -> list[float]:
    """Return CPU seconds for a note; every note is read from nothing."""
    reader, seconds = LexiconReader(lexicon), []
    for _ in range(rounds):
        start = time.process_time()
        for text in notes:
            reader.read(NoteDocument("", "", text))
        seconds.append((time.process_time() - start) / len(notes))
    return seconds


def _peer(name: str, rows: tuple[ConceptRow, ...], notes: list[str], rounds: int) -> dict[str, object]:
    places = [place_of(row) for row in rows]
    job = {
        "rows": [
            {"text": row.text, "first": place and place[0], "after": place and place[1]}
            for row, place in zip(rows, places, strict=True)
        ],
        "notes": notes[:PEER_COUNT],
        "phrases": phrases_for_peers(YAML(typ="safe").load(SENTENCES)),
        "rounds": rounds,
    }
    command = [str(peer_python()), str(HERE / "peer.py"), name]
    run = subprocess.run(command, check=True, capture_output=True, text=True, input=json.dumps(job))
    found: dict[str, object] = json.loads(run.stdout)
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


def _shown(scores: dict[str, Score]) -> str:
    parts = []
    for axis in _AXES:
        score = scores.get(axis, Score())
        values = (score.precision, score.recall, score.f1)
        cells = " ".join("  -  " if value is None else f"{value:.3f}" for value in values)
        parts.append(f"{axis} {cells}")
    return "   ".join(parts)


def main(*, quick: bool) -> None:
    """Measure all readers in one run; print the tables and write them to `bench/out/notes.json`."""
    rounds = 3 if quick else 9
    lexicon = compile_lexicon(read_layers(()))
    notes, rows = make_notes(YAML(typ="safe").load(SENTENCES), COUNT), _rows()
    seconds = {"lpwatch": _ours(lexicon, notes, rounds)}
    scores = {"lpwatch": evaluate_rows(ConceptJudge(lexicon), rows).scores}
    for name in PEERS:
        try:
            found = _peer(name, rows, notes, rounds)
        except PeerMissingError as error:
            print(f"{name}: skipped, {error}")
            continue
        told = iter(found["rows"])  # type: ignore[call-overload]
        label = f"{name} {found['version']}"
        scores[label] = evaluate_rows(lambda _, told=told: _judged(next(told)), rows).scores
        seconds[label] = [each / PEER_COUNT for each in found["seconds"]]  # type: ignore[attr-defined]
    rates = {name: 1 / statistics.median(values) for name, values in seconds.items()}
    size = statistics.mean(map(len, notes))
    print(f"notes of {size:.0f} characters; CPU time, median of {rounds} rounds")
    for name, rate in rates.items():
        ratio = "" if name == "lpwatch" else f"lpwatch is {rates['lpwatch'] / rate:,.0f} ×"
        print(f"{name:20}{rate:10,.0f} notes/s   {ratio}")
    print(f"targets: {FLOOR:,.0f} notes/s, {TARGET:g} × medspaCy")
    if rows:
        print(f"{len(rows)} rows of NegEx: precision, recall, F1")
        for name, each in scores.items():
            print(f"{name:20}{_shown(each)}")
    OUT.mkdir(exist_ok=True)
    result = {
        "machine": platform.platform(),
        "rates": rates,
        "f1": {
            name: {axis: each[axis].f1 for axis in _AXES if axis in each} for name, each in scores.items()
        },
    }
    (OUT / "notes.json").write_text(json.dumps(result, indent=2), encoding="utf-8")
