"""FHIR Observation to fact, against fhir.resources and HAPI FHIR, in one run: `python -m bench.fhir [--quick]`.

The Observations are invented: vital signs and results with category, coding, UCUM quantity and reference range, about 1 kB.
Medians of processor time over several rounds; the rounds of the contestants alternate, so that a noisy machine is equally
noisy to all. HAPI FHIR is measured in a Java process of its own, after a warm-up.
"""

from __future__ import annotations

import json
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.observation import Observation

from bench.decode.maven import PeerMissingError
from bench.fhir.peer import with_hapi
from worker.decode.fhir import decode_document
from worker.mapping.fhir import map_fhir
from worker.mapping.pack import MappingPack, compile_mapping
from worker.model.message import Form, RawMessage
from worker.notes.reader import NoteDocument, NoteReading

ROOT = Path(__file__).resolve().parents[2]
OUT = ROOT / "bench" / "out"
VITALS = (
    ("8310-5", "Body temperature", 37.2, "Cel"),
    ("8867-4", "Heart rate", 88, "/min"),
    ("9279-1", "Respiratory rate", 16, "/min"),
    ("59408-5", "Oxygen saturation in Arterial blood by Pulse oximetry", 97, "%"),
    ("1988-5", "C reactive protein [Mass/volume] in Serum or Plasma", 12.4, "mg/L"),
)
TARGETS = {"fhir.resources R4B: validation": 30, "HAPI FHIR: Observation to fields": 5}
BUNDLE_SIZE = 50


class Silent:
    """Read no notes: Observations have none."""

    def read(self, document: NoteDocument) -> NoteReading:
        """Say nothing."""
        del document
        return NoteReading()


def observation(number: int) -> dict[str, object]:
    """Make up one Observation."""
    code, display, value, unit = VITALS[number % len(VITALS)]
    category = {"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "vital-signs"}
    return {
        "resourceType": "Observation",
        "id": f"obs-{number}",
        "meta": {
            "versionId": "1",
            "lastUpdated": "2026-01-05T08:05:00.000Z",
            "profile": ["http://hl7.org/fhir/StructureDefinition/vitalsigns"],
        },
        "identifier": [{"system": "https://hospital.example/observations", "value": f"{number:08d}"}],
        "status": "final",
        "category": [{"coding": [category | {"display": "Vital Signs"}], "text": "Vital Signs"}],
        "code": {
            "coding": [{"system": "http://loinc.org", "code": code, "display": display}],
            "text": display,
        },
        "subject": {"reference": f"Patient/{number % 7}"},
        "encounter": {"reference": f"Encounter/{number % 7}"},
        "effectiveDateTime": f"2026-01-05T08:{number % 5:02d}:00Z",
        "issued": "2026-01-05T08:05:00.000Z",
        "performer": [{"reference": "Practitioner/9", "display": "Invented Nurse"}],
        "valueQuantity": {"value": value, "unit": unit, "system": "http://unitsofmeasure.org", "code": unit},
        "referenceRange": [{"low": {"value": 1, "unit": unit}, "high": {"value": 200, "unit": unit}}],
    }


def load_pack() -> MappingPack:
    """Compile the default pack."""
    folder = ROOT / "mappings"
    paths = [folder / "pack.yaml", *(folder / "concepts").glob("*.yaml"), *(folder / "feeds").glob("*.yaml")]
    return compile_mapping([{str(path.relative_to(folder)): path.read_text("utf-8") for path in paths}])


def make_singles() -> list[bytes]:
    """Make the Observations that all contestants read."""
    return [json.dumps(observation(number)).encode() for number in range(200)]


def contestants(pack: MappingPack) -> dict[str, tuple[str, int, Callable[[int], object]]]:
    """Return name → (what it reads, calls in a round, call)."""
    singles = make_singles()
    entries = [{"resource": observation(number)} for number in range(BUNDLE_SIZE)]
    bundle = json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}).encode()
    raws = [RawMessage(body, Form.FHIR, "file", 0) for body in singles]
    whole = RawMessage(bundle, Form.FHIR, "file", 0)
    notes = Silent()
    assert all(len(map_fhir(raw, pack, notes).facts) == 1 for raw in raws)
    assert len(map_fhir(whole, pack, notes).facts) == BUNDLE_SIZE
    return {
        "lpwatch: Observation to fact": ("Observation", 4000, lambda i: map_fhir(raws[i % 200], pack, notes)),
        "lpwatch: decoding alone": ("Observation", 4000, lambda i: decode_document(singles[i % 200])),
        "json.loads alone": ("Observation", 4000, lambda i: json.loads(singles[i % 200])),
        "fhir.resources R4B: validation": (
            "Observation",
            200,
            lambda i: Observation.model_validate_json(singles[i % 200]),
        ),
        "lpwatch: Bundle of 50 to facts": ("Bundle", 100, lambda _: map_fhir(whole, pack, notes)),
        "fhir.resources R4B: Bundle of 50": ("Bundle", 3, lambda _: Bundle.model_validate_json(bundle)),
    }


def measure(pack: MappingPack, repeat: int) -> dict[str, tuple[str, float]]:
    """Return name → (what it reads, median µs for each)."""
    found = contestants(pack)
    rounds: dict[str, list[float]] = {name: [] for name in found}
    for _ in range(repeat):
        for name, (_, calls, call) in found.items():
            start = time.process_time()
            for number in range(calls):
                call(number)
            rounds[name].append((time.process_time() - start) / calls * 1e6)
    return {name: (found[name][0], statistics.median(times)) for name, times in rounds.items()}


def measure_hapi(pack: MappingPack, repeat: int) -> dict[str, tuple[str, float]]:
    """Return the same for HAPI FHIR, nothing where it cannot be measured here."""
    singles = make_singles()
    facts = [map_fhir(RawMessage(body, Form.FHIR, "file", 0), pack, Silent()).facts[0] for body in singles]
    try:
        rounds = with_hapi(singles, facts, repeat)
    except PeerMissingError as error:
        print(f"HAPI FHIR: skipped, {error}")
        return {}
    return {"HAPI FHIR: Observation to fields": ("Observation", statistics.median(rounds))}


def main(*, quick: bool) -> None:
    """Measure all contestants in one run; print the table and write it to `bench/out/fhir.json`."""
    rounds = 3 if quick else 9
    pack = load_pack()
    results = measure(pack, rounds) | measure_hapi(pack, rounds)
    ours = {"Observation": "lpwatch: Observation to fact", "Bundle": "lpwatch: Bundle of 50 to facts"}
    print(f"{'what':36}{'µs':>12}{'lpwatch is':>14}")
    for name, (kind, micros) in results.items():
        print(f"{name:36}{micros:12,.1f}{micros / results[ours[kind]][1]:12,.1f} ×")
    for name, target in TARGETS.items():
        if name in results:
            ratio = results[name][1] / results[ours["Observation"]][1]
            print(f"target {target} × {name}: {ratio:.1f} ×, {'met' if ratio >= target else 'missed'}")
    print(f"median of {rounds} rounds, processor time; Python {platform.python_version()}")
    OUT.mkdir(exist_ok=True)
    report = {
        "python": platform.python_version(),
        "median_us": {name: us for name, (_, us) in results.items()},
    }
    (OUT / "fhir.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
