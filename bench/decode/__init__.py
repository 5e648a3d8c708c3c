"""Decode and extract one HL7 v2 message, against hl7apy, python-hl7 and HAPI: `python -m bench.decode [--quick]`."""

from __future__ import annotations

import json
import platform
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.decode.extract import with_hl7apy, with_lpwatch, with_python_hl7
from bench.decode.maven import PeerMissingError, class_path
from bench.decode.messages import COUNT, Sample, make_messages
from worker.decode.hl7v2 import decode_message
from worker.decode.mllp import frame

HERE = Path(__file__).resolve().parent
OUT = HERE.parent / "out"
TARGETS = {"hl7apy": 500.0, "python-hl7": 50.0, "HAPI generic": 3.0, "HAPI v2.5.1": 3.0}
# How many messages a round takes: slow peers get fewer, from the same mix.
SHARE = {"lpwatch": COUNT, "lpwatch peek": COUNT, "python-hl7": 500, "hl7apy": 40}


def _in_python(rounds: int) -> dict[str, list[float]]:
    """Take turns, so that a noisy minute touches all; count CPU time, so that a waiting process costs nobody."""
    measured: dict[str, list[float]] = {name: [] for name in SHARE}
    for _ in range(rounds):
        for name, share in SHARE.items():
            command = [sys.executable, "-m", "bench.decode.one", name, str(share)]
            run = subprocess.run(command, check=True, capture_output=True, text=True, cwd=HERE.parents[1])
            measured[name].append(float(run.stdout))
    return measured


def _in_java(samples: list[Sample], rounds: int) -> dict[str, list[float]]:
    """Measure HAPI over the same messages, warmed up, and compare what it found with what we find."""
    libraries = class_path(HERE / "hapi")
    with tempfile.TemporaryDirectory() as folder:
        source, found = Path(folder) / "messages.mllp", Path(folder) / "found"
        source.write_bytes(b"".join(frame(sample.body) for sample in samples))
        command = ["java", "-cp", libraries, "bench.Decode", str(source), str(found), str(rounds)]
        lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
        theirs = [part.split("\x1f") for part in found.read_text(encoding="utf-8").split("\x1e")[:-1]]
    for sample, other in zip(samples, theirs, strict=True):
        if not any("\n" in text for text in sample.texts):  # HAPI leaves \.br\ as it stands
            assert other == with_lpwatch(sample.body)
    measured: dict[str, list[float]] = {}
    for line in lines:
        model, us = line.split()
        measured.setdefault(f"HAPI {model}", []).append(float(us))
    return measured


def _check(samples: list[Sample]) -> None:
    """Check that what is measured is right: our texts are those that were meant, and the peers' fields are ours."""
    for sample in samples:
        texts = tuple(segment.text(5) for segment in decode_message(sample.body).all("OBX"))
        assert texts == sample.texts
    for sample in samples[:200]:
        if not any("\n" in text for text in sample.texts):
            assert with_python_hl7(sample.body) == with_lpwatch(sample.body)
    for sample in samples[: SHARE["hl7apy"]]:
        if b"\\" not in sample.body[20:]:  # hl7apy never unescapes
            assert with_hl7apy(sample.body) == with_lpwatch(sample.body)


def _table(medians: dict[str, float]) -> None:
    ours = medians["lpwatch"]
    print(f"{'decoder':16}{'µs/message':>12}{'lpwatch is':>14}{'target':>9}")
    for name, us in sorted(medians.items(), key=lambda item: item[1]):
        ratio = f"{us / ours:,.1f} ×" if name in TARGETS else ""
        target = f"{TARGETS[name]:g} ×" if name in TARGETS else ""
        print(f"{name:16}{us:12,.1f}{ratio:>14}{target:>9}")


def main(*, quick: bool) -> None:
    """Measure all decoders in one run; print the table and write it to `bench/out/decode.json`."""
    rounds = 3 if quick else 9
    samples = make_messages(COUNT)
    _check(samples)
    measured = _in_python(rounds)
    try:
        measured |= _in_java(samples, rounds)
    except PeerMissingError as error:
        print(f"HAPI: skipped, {error}")
    medians = {name: statistics.median(values) for name, values in measured.items()}
    _table(medians)
    mean_bytes = statistics.mean(len(sample.body) for sample in samples)
    version = platform.python_version()
    print(
        f"{COUNT:,} messages, mean {mean_bytes:,.0f} bytes; CPU time, median of {rounds} rounds; Python {version}"
    )
    OUT.mkdir(exist_ok=True)
    report = {
        "python": version,
        "mean_bytes": mean_bytes,
        "us_per_message": measured,
        "median": medians,
    }
    (OUT / "decode.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
