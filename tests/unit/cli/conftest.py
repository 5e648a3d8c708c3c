"""A small ward of invented people, as FHIR resources in one NDJSON file, and a way to run commands."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from worker.cli.main import main
from worker.pipeline import Pack
from worker.runtime.offline import load_pack

SYSTEM = "urn:example:north"


def resource(kind: str, id_: str, patient: str, at: str, **rest: object) -> dict[str, object]:
    """Write a resource of a patient, stamped with its own time."""
    subject = {"identifier": {"system": SYSTEM, "value": patient}}
    return {"resourceType": kind, "id": id_, "meta": {"lastUpdated": at}, "subject": subject, **rest}


def puncture(patient: str, at: str) -> dict[str, object]:
    """Write a lumbar puncture that was done."""
    code = {"coding": [{"system": "http://snomed.info/sct", "code": "277762005"}]}
    period = {"start": at, "end": at}
    return resource(
        "Procedure", f"lp-{patient}", patient, at, status="completed", code=code, performedPeriod=period
    )


def temperature(id_: str, patient: str, at: str, value: float) -> dict[str, object]:
    """Write a body temperature in Cel."""
    code = {"coding": [{"system": "http://loinc.org", "code": "8310-5"}]}
    quantity = {"value": value, "system": "http://unitsofmeasure.org", "code": "Cel"}
    return resource(
        "Observation",
        id_,
        patient,
        at,
        status="final",
        code=code,
        effectiveDateTime=at,
        valueQuantity=quantity,
    )


@pytest.fixture
def ward(tmp_path: Path) -> Path:
    """Give a file in which A1 has fever after a puncture, A2 has none, and A3 had no puncture."""
    documents = [
        puncture("A1", "2026-01-05T08:00:00Z"),
        puncture("A2", "2026-01-05T08:30:00Z"),
        temperature("t1", "A2", "2026-01-05T10:00:00Z", 37.2),
        temperature("t2", "A3", "2026-01-05T11:00:00Z", 39.5),
        temperature("t3", "A1", "2026-01-05T12:00:00Z", 38.9),
    ]
    path = tmp_path / "ward.ndjson"
    path.write_text("".join(json.dumps(document) + "\n" for document in documents), encoding="utf-8")
    return path


@pytest.fixture
def set_aside(tmp_path: Path) -> Path:
    """Give a file in which A2 has a temperature without a unit, an impossible one, and one under a code of the ward."""
    no_unit = temperature("s1", "A2", "2026-01-05T10:30:00Z", 38.6)
    no_unit["valueQuantity"] = {"value": 38.6}
    impossible = temperature("s2", "A2", "2026-01-05T10:40:00Z", 386)
    local = temperature("s3", "A2", "2026-01-05T10:50:00Z", 38.7)
    local["code"] = {"coding": [{"system": "urn:example:codes", "code": "TEMPX"}]}
    path = tmp_path / "aside.ndjson"
    path.write_text(
        "".join(json.dumps(each) + "\n" for each in (no_unit, impossible, local)), encoding="utf-8"
    )
    return path


Run = Callable[..., Result]


@pytest.fixture
def lpwatch() -> Run:
    """Give a function that runs the command in this process."""

    def run(*arguments: object) -> Result:
        return CliRunner().invoke(main, [str(argument) for argument in arguments])

    return run


@pytest.fixture(scope="session")
def default_pack() -> Pack:
    """Compile the default pack once."""
    return load_pack()


@pytest.fixture(autouse=True)
def _pack_compiled_once(default_pack: Pack, monkeypatch: pytest.MonkeyPatch) -> None:
    """Spare the commands from compiling the default pack anew for each test."""

    def load(folders: tuple[Path, ...] = ()) -> Pack:
        return load_pack(folders) if folders else default_pack

    for module in ("blindspots", "replay", "why", "lint"):
        monkeypatch.setattr(f"worker.cli.{module}.load_pack", load)
