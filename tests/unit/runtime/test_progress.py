"""Messages of several parts are written with one commit, and part by part where something is in the way."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from worker.model.errors import TemporaryError
from worker.model.message import Form, Outcome, OutcomeKind, RawMessage, Reading
from worker.runtime.journal import Entry
from worker.runtime.progress import Progress
from worker.storage.memory import MemoryState
from worker.storage.records import Batch

POISON = b"poison"


class Store(MemoryState):
    """Remember what was written together; refuse batches with a message that cannot be written."""

    def __init__(self) -> None:
        super().__init__()
        self.together: list[list[str]] = []

    def record(self, batch: Batch) -> bool:
        if any(key.reason == "poison" for key in batch.counts):
            raise OverflowError
        return super().record(batch)

    def record_all(self, batches: Sequence[Batch]) -> bool:
        if any(key.reason == "poison" for batch in batches for key in batch.counts):
            raise OverflowError
        if is_written := super().record_all(batches):
            self.together.append([batch.part for batch in batches])
        return is_written


def read(raw: RawMessage) -> Reading:
    return Reading(Outcome(OutcomeKind.IGNORED, "poison" if raw.body == POISON else "trial"))


def entries(*bodies: bytes) -> list[Entry]:
    return [(at, RawMessage(body, Form.HL7V2, "t", 5)) for at, body in enumerate(bodies)]


def nexts(store: Store) -> dict[str, int]:
    return {part: at.next for part, at in store.positions().items()}


def test_parts_share_a_commit_up_to_the_limit() -> None:
    store = Store()
    given = [(part, entries(*[b"m"] * count)) for part, count in (("a", 3), ("b", 1), ("c", 1), ("d", 9))]
    progress = Progress(store, read)
    assert progress.take_all(given, 4) == 14
    assert store.together == [["a", "b"]], "c and d would be more, and d alone needs no company"
    assert nexts(store) == {"a": 3, "b": 1, "c": 1, "d": 9}
    assert progress.position("b").next == 1
    assert progress.position("b").at_ms == 5


def test_a_part_that_somebody_else_moved_holds_up_no_other() -> None:
    store = Store()
    progress = Progress(store, read)
    assert progress.position("b").next == 0
    store.record(Batch("b", 0, 7, 9))
    assert progress.take_all([("a", entries(b"m")), ("b", entries(b"m"))], 10) == 1
    assert nexts(store) == {"a": 1, "b": 7}
    assert progress.position("b").next == 7


def test_a_message_that_cannot_be_written_is_found_and_set_aside_alone() -> None:
    store = Store()
    taken = Progress(store, read).take_all([("a", entries(b"m", POISON, b"m")), ("b", entries(b"m"))], 10)
    assert taken == 4
    assert nexts(store) == {"a": 3, "b": 1}
    assert {key.stage: count for key, count in store.counts().items()} == {"ignored": 3, "dead_lettered": 1}


def test_a_store_that_is_away_is_not_the_fault_of_a_message() -> None:
    class Away(Store):
        def record_all(self, batches: Sequence[Batch]) -> bool:
            raise TemporaryError("away", batches[0].part)

    store = Away()
    with pytest.raises(TemporaryError):
        Progress(store, read).take_all([("a", entries(b"m")), ("b", entries(b"m"))], 10)
    assert nexts(store) == {}
