"""Write the hospital's messages to files.

HL7 v2 is framed as MLLP, or stands one after another with batches now and then; FHIR is one document in each line.
"""

from __future__ import annotations

import gzip
import itertools
import random
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Final

from worker.decode.mllp import frame
from worker.model.message import Form

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from worker.simulate.happenings import Written
    from worker.simulate.hospital.truth import PatientTruth
    from worker.simulate.hospital.ward import Hospital

BATCH_SIZES: Final = (2, 6)
TRUTH: Final = "truth.ndjson"
MESSAGES: Final[Mapping[Form, str]] = {Form.HL7V2: "messages.hl7", Form.FHIR: "messages.ndjson"}
SUFFIXES: Final[Mapping[Form, tuple[str, ...]]] = {
    Form.HL7V2: (".mllp", ".hl7", ".mllp.gz", ".hl7.gz"),
    Form.FHIR: (".ndjson", ".ndjson.gz"),
}


def form_of_file(path: Path) -> Form | None:
    """Return the form that the name of a file of messages says; None where the name is a folder's."""
    return next((form for form, suffixes in SUFFIXES.items() if path.name.endswith(suffixes)), None)


def open_output(path: Path) -> IO[bytes]:
    """Open a file for messages, compressed where its name ends with .gz; equal messages give equal bytes."""
    if path.suffix == ".gz":
        # No name and no time inside, so that one seed always gives one file.
        return gzip.GzipFile(path, "wb", mtime=0)  # type: ignore[return-value]  # it reads and writes bytes like any file
    return path.open("wb")


def framed(messages: Iterable[Written]) -> Iterator[bytes]:
    """Give each message in its MLLP frame."""
    for written in messages:
        yield frame(written.body)


def lines(messages: Iterable[Written]) -> Iterator[bytes]:
    """Give each document on a line of its own."""
    for written in messages:
        yield written.body + b"\n"


def batched(messages: Iterable[Written], rate: float, seed: int) -> Iterator[bytes]:
    """Give messages as a file holds them; at a rate, some in a row are wrapped as a batch."""
    rng = random.Random(f"{seed}/batches")  # noqa: S311 - reproducible, nothing secret
    waiting = iter(messages)
    for number, first in enumerate(waiting):
        if rng.random() >= rate:
            yield first.body
            continue
        batch = [first, *itertools.islice(waiting, rng.randint(*BATCH_SIZES) - 1)]
        yield f"FHS|^~\\&|NV-ENGINE|NORTHVALE|||||{number}\rBHS|^~\\&|NV-ENGINE|NORTHVALE|||||{number}\r".encode()
        yield from (written.body for written in batch)
        yield f"BTS|{len(batch)}\rFTS|1\r".encode()


@dataclass(slots=True)
class Summary:
    """What a run of the hospital made."""

    messages: int = 0
    patients: int = 0
    punctures: int = 0
    planted: int = 0

    def add(self, truth: PatientTruth) -> str:
        """Count a patient, and give the patient's line of the truth."""
        self.patients += 1
        self.punctures += len(truth.punctures_ms)
        self.planted += len(truth.expected)
        return truth.to_line() + "\n"


def write_files(
    hospital: Hospital, messages: Iterable[Written], out: Path, batch_rate: float, seed: int
) -> Summary:
    """Write messages and truth; `out` is a folder or a file of messages, the truth goes beside.

    Shape: patients whose messages were not all given are in the truth with `complete` false.
    """
    is_file = form_of_file(out) is not None
    folder, target = (out.parent, out) if is_file else (out, out / MESSAGES[hospital.form])
    folder.mkdir(parents=True, exist_ok=True)
    summary = Summary()
    counted = _counted(messages, summary)
    if hospital.form is Form.FHIR:
        chunks = lines(counted)
    elif ".mllp" in target.suffixes:
        chunks = framed(counted)
    else:
        chunks = batched(counted, batch_rate, seed)
    with open_output(target) as file, (folder / TRUTH).open("w", encoding="utf-8", newline="\n") as truth:
        for chunk in chunks:
            file.write(chunk)
            truth.writelines(summary.add(patient) for patient in hospital.finished())
        truth.writelines(summary.add(patient) for patient in (*hospital.finished(), *hospital.unfinished()))
    return summary


def count(hospital: Hospital, messages: Iterable[Written]) -> Summary:
    """Let the messages pass, and count them and what was planted."""
    summary = Summary()
    for _ in _counted(messages, summary):
        for patient in hospital.finished():
            summary.add(patient)
    for patient in (*hospital.finished(), *hospital.unfinished()):
        summary.add(patient)
    return summary


def _counted(messages: Iterable[Written], summary: Summary) -> Iterator[Written]:
    for written in messages:
        summary.messages += 1
        yield written
