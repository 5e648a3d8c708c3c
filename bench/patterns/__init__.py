"""Five patterns over a stream of events: as rules, by hand, in Kafka Streams, in Esper: `python -m bench.patterns [--quick]`.

All read the same JSON lines in memory, and the benchmark fails where they do not find the same matches. Two mixes of patients:
on a ward everybody has a lumbar puncture (LP); in a hospital one in twenty has. The peers keep what the patterns need; we keep
every fact, because it may be corrected and an alert shows it.
"""

from __future__ import annotations

import json
import platform
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from bench.decode.maven import PeerMissingError
from bench.patterns import by_hand, product
from bench.patterns.events import Line, Mix, lines_of
from bench.patterns.matches import PATTERNS, Match, compare
from bench.patterns.peers import PEERS, measure
from worker.pipeline import Pack

OUT = Path(__file__).resolve().parents[1] / "out"
MIXES = {"ward": Mix(8_000, 100), "hospital": Mix(8_000, 5)}
QUICK = {"ward": Mix(1_000, 100), "hospital": Mix(2_000, 5)}
OURS, FLOOR = "lpwatch, rules", "by hand in Python"
TARGETS = {"Kafka Streams": "the target", "Esper": "the aim"}


def main(*, quick: bool = False) -> None:
    """Measure all contestants in one run; print a table for each mix and write them to `bench/out/patterns.json`.

    Raises: AssertionError where two contestants find different matches.
    """
    mixes, rounds = (QUICK, 3) if quick else (MIXES, 5)
    pack = product.load_pack()
    report: dict[str, object] = {"python": platform.python_version()}
    for name, mix in mixes.items():
        lines = lines_of(mix)
        print(
            f"\n{name}: {len(lines):,} events of {mix.patients:,} patients, {mix.punctured} in 100 with an LP"
        )
        measured = _measure(lines, pack, rounds)
        medians = {contestant: statistics.median(times) for contestant, times in measured.items()}
        _table(medians)
        report[name] = {"events": len(lines), "us_per_event": measured, "median": medians}
    print(f"processor time, median of {rounds} rounds; Python {platform.python_version()}")
    OUT.mkdir(exist_ok=True)
    (OUT / "patterns.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


def _measure(lines: list[Line], pack: Pack, rounds: int) -> dict[str, list[float]]:
    """Give processor µs for each event and round; what is written by hand says what is right."""
    bodies = [line.body for line in lines]
    expected = by_hand.find(bodies)
    counts = Counter(match.pattern for match in expected)
    assert set(counts) == set(PATTERNS), "a pattern that never matches is not measured"
    print("matches: " + ", ".join(f"{pattern} {counts[pattern]:,}" for pattern in PATTERNS), flush=True)
    ours: dict[str, Callable[[], list[Match]]] = {
        FLOOR: lambda: by_hand.find(bodies),
        OURS: lambda: product.find(bodies, pack),
    }
    measured: dict[str, list[float]] = {name: [] for name in ours}
    for _ in range(rounds):
        for name, find in ours.items():
            start_s = time.process_time()
            found = find()
            measured[name].append((time.process_time() - start_s) / len(bodies) * 1e6)
            compare(name, found, expected)
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "events.ndjson"
        source.write_bytes(b"".join(body + b"\n" for body in bodies))
        for name in PEERS:
            try:
                theirs, times = measure(name, source, len(bodies), rounds)
            except PeerMissingError as error:
                print(f"{name}: skipped, {error}")
                continue
            compare(name, theirs, expected)
            measured[name] = times
    return measured


def _table(medians: dict[str, float]) -> None:
    ours = medians[OURS]
    print("\n| contestant | µs/event | lpwatch takes | |\n|---|---|---|---|")
    for name, us in sorted(medians.items(), key=lambda item: item[1]):
        ratio = "" if name == OURS else f"{ours / us:.1f} ×"
        print(f"| {name} | {us:.1f} | {ratio} | {_verdict(name, ours, us)} |")


def _verdict(name: str, ours: float, theirs: float) -> str:
    if name not in TARGETS:
        return ""
    return f"{TARGETS[name]}: {'met' if ours <= theirs else 'missed'}"
