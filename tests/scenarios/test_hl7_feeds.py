"""Every real HL7 v2 message ends in exactly one outcome, and each dead letter has been looked at."""

from __future__ import annotations

import gzip
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from worker.decode.hl7v2 import split_messages
from worker.decode.located_yaml import load_yaml
from worker.mapping.hl7v2 import map_hl7
from worker.mapping.pack import MappingPack, compile_mapping
from worker.model.message import Form, OutcomeKind, RawMessage, Reading
from worker.notes.reader import NoteDocument, NoteReading

HERE = Path(__file__).resolve().parent


class _Silent:
    """A note reader that finds nothing: these tests are about messages."""

    def read(self, document: NoteDocument) -> NoteReading:  # noqa: ARG002 - the port asks for it
        return NoteReading()


@pytest.fixture(scope="module")
def pack(root: Path) -> MappingPack:
    folder = root / "mappings"
    paths = [
        folder / "pack.yaml",
        *sorted(folder.glob("concepts/*.yaml")),
        *sorted(folder.glob("feeds/*.yaml")),
    ]
    return compile_mapping(
        [{path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in paths}]
    )


def _read(data: bytes, pack: MappingPack) -> list[Reading]:
    bodies = split_messages(data)
    return [map_hl7(RawMessage(body, Form.HL7V2, "file", 0), pack, _Silent()) for body in bodies]


@pytest.fixture(scope="module")
def samples(shared: Path, pack: MappingPack) -> list[tuple[str, Reading]]:
    """Read every file of the samples that holds an MSH segment."""
    return list(_samples(shared / "feeds" / "hl7", pack))


def _samples(folder: Path, pack: MappingPack) -> Iterator[tuple[str, Reading]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            data = path.read_bytes()
            if b"MSH|" in data or b"MSH^" in data or b"MSH$" in data:
                yield from ((path.relative_to(folder).as_posix(), reading) for reading in _read(data, pack))


@pytest.fixture(scope="module")
def recording(shared: Path, pack: MappingPack) -> list[Reading]:
    """Read the recording of the simulated hospital."""
    return _read(gzip.decompress((shared / "feeds/simhospital/lp.mllp.gz").read_bytes()), pack)


def test_every_sample_message_has_one_outcome(samples: list[tuple[str, Reading]]) -> None:
    assert len(samples) > 700
    assert all(
        (reading.outcome.reason == "") is (reading.outcome.kind is OutcomeKind.PROCESSED)
        for _, reading in samples
    )


def test_every_dead_letter_of_the_samples_is_a_reviewed_one(samples: list[tuple[str, Reading]]) -> None:
    found = Counter(
        f"{name}: {reading.outcome.place}: {reading.outcome.reason}"
        for name, reading in samples
        if reading.outcome.kind is OutcomeKind.DEAD_LETTERED
    )
    listed = load_yaml(
        (HERE / "hl7_dead_letters.yaml").read_text(encoding="utf-8"), "hl7_dead_letters.yaml"
    ).data
    assert isinstance(listed, dict)
    reviewed = Counter(
        {
            f"{name}: {entry['where']}: {entry['reason']}": entry.get("times", 1)
            for name, entry in listed.items()
        }
    )
    assert found == reviewed


def test_no_issue_of_the_samples_repeats_a_value(samples: list[tuple[str, Reading]]) -> None:
    texts = {issue.subject for _, reading in samples for issue in reading.issues}
    assert all(len(text) <= 60 for text in texts)


@pytest.mark.slow
def test_the_recording_is_read_to_the_last_message(recording: list[Reading]) -> None:
    kinds = Counter(reading.outcome.kind for reading in recording)
    assert kinds == {OutcomeKind.PROCESSED: 1968, OutcomeKind.IGNORED: 186}
    processed = Counter(
        reading.message_type[:3] for reading in recording if reading.outcome.kind is OutcomeKind.PROCESSED
    )
    assert (processed["ORU"], processed["MDM"]) == (894, 71)


@pytest.mark.slow
def test_every_ignored_type_of_the_recording_is_named_in_the_pack(recording: list[Reading]) -> None:
    reasons = Counter(
        reading.outcome.reason for reading in recording if reading.outcome.kind is OutcomeKind.IGNORED
    )
    assert reasons == {
        "message type ORR^O02": 110,
        "message type ADT^A14": 38,
        "message type ADT^A27": 38,
    }


@pytest.mark.slow
def test_the_recording_gives_these_facts(recording: list[Reading]) -> None:
    # Temperatures: 509 of monitors, and three of each of 41 bedside charts, in Fahrenheit, with a comma and as text.
    facts = Counter(fact.concept for reading in recording for fact in reading.facts)
    assert facts == {
        "birth-date": 1968,
        "body-temperature": 632,
        "heart-rate": 470,
        "lumbar-puncture": 443,
        "discharge": 311,
        # 375 of A01, A04 and A08; of each of the 245 A03 and 36 A13 with a number of the visit a mark that parts visits.
        "encounter": 656,
        "location": 500,
        "acvpu": 361,
        "note": 383,
        "pain-score": 339,
        "spo2": 339,
        "systolic-pressure": 339,
        "csf-protein": 32,
        "csf-wbc": 32,
        "respiratory-rate": 22,
    }


@pytest.mark.slow
def test_nothing_of_the_recording_is_left_unread(recording: list[Reading]) -> None:
    issues = Counter((issue.kind.value, issue.subject) for reading in recording for issue in reading.issues)
    assert issues == {}


@pytest.mark.slow
def test_every_merge_of_the_recording_joins_two_numbers(recording: list[Reading]) -> None:
    merges = [link for reading in recording for link in reading.links if link.kind == "merge"]
    assert len(merges) == 36
    assert all(link.first.authority == link.second.authority == "mrn" for link in merges)
