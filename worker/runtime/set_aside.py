"""What was in the messages of patients and is not judged, for people who ask why a rule does not see it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from worker.model.fact import Identifier
from worker.model.message import Issue, RawMessage, Reading
from worker.model.time import EpochMs
from worker.pipeline import Pack
from worker.runtime.engine_program import PackProgram


@dataclass(frozen=True, slots=True)
class SetAside:
    """One thing in a message that could not be used, with the message that it stands in.

    Shape: `patients` are all identifiers that the message names: the thing may be about any of them.
    """

    issue: Issue
    received_at_ms: EpochMs
    feed: str
    message_id: str
    patients: tuple[Identifier, ...]

    def names(self) -> frozenset[str]:
        """Give the words of its subject, among which is the concept where the code had one."""
        return frozenset(self.issue.subject.replace(":", " ").split())


class NotingProgram(PackProgram):
    """A pack that notes what it cannot use of messages, as they are read."""

    def __init__(self, pack: Pack) -> None:
        """Begin with nothing noted."""
        super().__init__(pack)
        self.noted: list[SetAside] = []

    def read(self, raw: RawMessage) -> Reading:
        """Read a message."""
        reading = super().read(raw)
        self.noted += (
            SetAside(issue, raw.received_at_ms, reading.feed, reading.message_id, reading.patients)
            for issue in reading.issues
        )
        return reading


def read_again(messages: Iterable[RawMessage], pack: Pack) -> Sequence[SetAside]:
    """Give what a pack cannot use of messages; of one that nobody can read, nothing."""
    noting = NotingProgram(pack)
    for message in messages:
        with suppress(Exception):  # whatever it makes us raise, it was set aside as a whole
            noting.read(message)
    return noting.noted


def of_patient(noted: Iterable[SetAside], patients: Sequence[Identifier]) -> tuple[SetAside, ...]:
    """Choose what stands in messages that name the patient, by any of his identifiers; oldest first, each once."""
    keys = {patient.key for patient in patients}
    found = dict.fromkeys(item for item in noted if any(each.key in keys for each in item.patients))
    return tuple(sorted(found, key=lambda item: item.received_at_ms))


def about(
    found: Iterable[SetAside], wanted: frozenset[str], concepts: frozenset[str]
) -> tuple[SetAside, ...]:
    """Choose what is about wanted concepts, or about none that the pack has: an unknown code may be any of them."""
    return tuple(item for item in found if item.names() & wanted or not item.names() & concepts)
