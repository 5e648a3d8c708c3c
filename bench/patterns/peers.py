"""The five patterns in Kafka Streams and in Esper, each in a Java process of its own."""

from __future__ import annotations

import subprocess
from pathlib import Path

from bench.decode.maven import class_path
from bench.patterns.matches import Match

HERE = Path(__file__).resolve().parent
PEERS = {"Kafka Streams": ("streams", "bench.Streams"), "Esper": ("esper", "bench.Esper")}
_WARM_EVENTS = 1_500_000


def measure(name: str, source: Path, events: int, rounds: int) -> tuple[list[Match], list[float]]:
    """Run a peer over a file of so many lines; give its matches, and processor µs for each event, one number for each round.

    The rounds before them, in which Java compiles, are not counted.

    Raises: PeerMissingError where it cannot be measured here.
    """
    project, main = PEERS[name]
    libraries = class_path(HERE / project)
    found = source.with_suffix(f".{project}")
    command = ["java", "-Xmx2g", "-XX:+UseSerialGC", "-cp", libraries, main]
    done = subprocess.run(
        [*command, str(source), str(found), str(-(-_WARM_EVENTS // events)), str(rounds)],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    lines = found.read_text(encoding="utf-8").splitlines()
    return [_match(line) for line in lines], [float(line) for line in done.stdout.splitlines()]


def _match(line: str) -> Match:
    pattern, patient, puncture_ms, at_ms = line.split(" ")
    return Match(pattern, patient, int(puncture_ms), int(at_ms))
