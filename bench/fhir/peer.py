"""HAPI FHIR over the same Observations, in Java: parse, and take the fields that a fact needs."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

from bench.decode.maven import class_path
from worker.model.fact import Fact, Quantity

PROJECT = Path(__file__).resolve().parent / "hapi"


def with_hapi(documents: list[bytes], facts: list[Fact], rounds: int) -> list[float]:
    """Return processor µs for each Observation, warmed up, one number for each round.

    Raises: PeerMissingError where it cannot be measured here; AssertionError where HAPI reads something else than we do.
    """
    libraries = class_path(PROJECT)
    with tempfile.TemporaryDirectory() as folder:
        source, found = Path(folder) / "observations.ndjson", Path(folder) / "found"
        source.write_bytes(b"".join(document + b"\n" for document in documents))
        command = ["java", "-cp", libraries, "bench.ReadObservation", str(source), str(found), str(rounds)]
        lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
        theirs = found.read_text(encoding="utf-8").splitlines()
    for fact, other in zip(facts, theirs, strict=True):
        _, patient, _, _, _, at_ms, value, unit, stated_ms = other.split("|")
        assert isinstance(fact.value, Quantity)
        assert patient == f"Patient/{fact.patient.value}"
        assert (int(at_ms), int(stated_ms)) == (fact.effective.start_ms, fact.version.stated_ms)
        assert (float(value), unit) == (fact.value.value, fact.value.unit)
    return [float(line) for line in lines]
