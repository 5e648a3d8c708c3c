from __future__ import annotations

from hashlib import sha256

import pytest
from msgspec import structs

from tests.contract import state_values
from worker.model.dead_letter import DeadLetter, decode_dead_letter
from worker.model.errors import TemporaryError
from worker.model.fact import Identifier, IdentityLink
from worker.model.message import Form, Issue, IssueKind, Outcome, OutcomeKind, RawMessage, Reading, Unused
from worker.runtime.dead_letters import DeadLetters
from worker.runtime.ingest import Ingest
from worker.storage.memory import MemoryState
from worker.storage.records import Batch, CountKey, FeedClock, Position, Verdict


def raw(body: bytes, at_ms: int = 5) -> RawMessage:
    return RawMessage(body, Form.HL7V2, "test", at_ms)


def entries(*bodies: bytes) -> list[tuple[int, RawMessage]]:
    return list(enumerate(map(raw, bodies)))


def ending(
    kind: OutcomeKind,
    reason: str = "",
    *,
    issues: tuple[Issue, ...] = (),
    links: tuple[IdentityLink, ...] = (),
) -> Reading:
    return Reading(Outcome(kind, reason), "ward", "ORU^R01", "id", issues=issues, links=links)


READINGS = {
    b"good": ending(OutcomeKind.PROCESSED),
    b"other": ending(OutcomeKind.IGNORED, "message type ADT^A02"),
    b"bad": ending(OutcomeKind.DEAD_LETTERED, "no patient"),
}


def read(message: RawMessage) -> Reading:
    return READINGS[message.body]


def test_every_message_ends_in_exactly_one_count() -> None:
    store = MemoryState()
    assert Ingest(store, read).take(entries(b"good", b"other", b"bad", b"good")) == 4
    assert store.counts() == {
        CountKey("processed", "ward", ""): 2,
        CountKey("ignored", "ward", "message type ADT^A02"): 1,
        CountKey("dead_lettered", "ward", "no patient"): 1,
    }


def test_a_dead_letter_is_kept_with_its_bytes() -> None:
    store = MemoryState()
    Ingest(store, read).take(entries(b"good", b"bad"))
    (item,) = store.quarantined()
    assert (item.kind, item.reason, item.offset, item.message) == ("message", "no patient", 1, raw(b"bad"))


def test_a_dead_letter_goes_to_its_topic_too_in_the_same_batch() -> None:
    store = MemoryState()
    letters = DeadLetters("kafka", "dead")
    issue = Issue(IssueKind.BAD_VALUE, "OBX[1]-5", "", is_quarantined=True)
    readings = READINGS | {b"good": ending(OutcomeKind.PROCESSED, issues=(issue,))}
    ingest = Ingest(store, lambda m: readings[m.body], "kafka:adt:0", letters)
    ingest.take(entries(b"good", b"bad"))
    (item,) = store.pending("kafka", 5, 10)
    assert (item.notice.notice_id, item.target, item.kind) == (
        f"kafka:adt:0:1:{sha256(b'bad').hexdigest()[:16]}",
        "dead",
        "dead-letter",
    )
    assert decode_dead_letter(item.notice.body) == DeadLetter(
        b"bad", Form.HL7V2, "test", 5, "no patient", feed="ward"
    )
    assert len(store.quarantined()) == 2, "a fact that was set aside is no dead letter"


def test_a_dead_letter_of_a_topic_that_was_made_anew_is_another_one_and_one_that_is_read_again_is_not() -> (
    None
):
    store, letters = MemoryState(), DeadLetters("kafka", "dead")
    for body in (b"bad", b"bad", b"worse"):
        ingest = Ingest(store, lambda _m: READINGS[b"bad"], "kafka:adt:0", letters)
        assert ingest.take(entries(body)) == 1
        store.move_position("kafka:adt:0", 0)
    bodies = [decode_dead_letter(item.notice.body).body for item in store.pending("kafka", 5, 10)]
    assert sorted(bodies) == [b"bad", b"worse"]


def test_a_reading_that_fails_unexpectedly_is_a_dead_letter_without_data() -> None:
    store = MemoryState()

    def fail(_message: RawMessage) -> Reading:
        raise KeyError("Anna Example, born 1980")

    assert Ingest(store, fail).take(entries(b"x")) == 1
    (item,) = store.quarantined()
    assert item.reason == "internal error KeyError"


def test_issues_are_counted_and_unusable_facts_kept() -> None:
    store = MemoryState()
    issues = (
        Issue(IssueKind.UNMAPPED_CODE, "OBX[1]-3", "local|TEMPX"),
        Issue(IssueKind.BAD_TIME, "OBX[2]-14", "time", is_quarantined=True),
    )
    Ingest(store, lambda _m: ending(OutcomeKind.PROCESSED, issues=issues)).take(entries(b"x"))
    assert store.counts()[CountKey("issue", "ward", "unmapped-code", "local|TEMPX")] == 1
    (item,) = store.quarantined()
    assert (item.kind, item.reason, item.place) == ("fact", "bad-time", "OBX[2]-14")


def test_a_batch_says_how_the_clock_of_a_feed_stands_to_ours() -> None:
    written = {b"a": 900, b"b": 4_000, b"c": None, b"d": 100}
    ingest = Ingest(
        MemoryState(),
        lambda m: structs.replace(ending(OutcomeKind.PROCESSED), message_at_ms=written[m.body]),
    )
    batch = ingest.draft([(n, raw(body, 1_000 + n)) for n, body in enumerate(written)])
    assert batch.clocks == {"ward": FeedClock(100, 1_003, 2_999)}


def test_both_sides_of_an_unlink_become_due() -> None:
    store = MemoryState()
    link = IdentityLink(Identifier("a", "1"), Identifier("a", "2"), "unlink", 1)
    Ingest(store, lambda _m: ending(OutcomeKind.PROCESSED, links=(link,))).take(entries(b"x"))
    assert [store.case(patient).patients for patient in (1, 2)] == [(link.first,), (link.second,)]
    assert store.assess(5, [], lambda _case: Verdict()).due == 2


def test_nothing_to_take_changes_nothing() -> None:
    assert Ingest(MemoryState(), read).take([]) == 0


def test_a_position_moved_by_somebody_else_is_read_again() -> None:
    store = MemoryState()
    ingest = Ingest(store, read)
    store.record(Batch("journal", 0, 7, 3))
    assert ingest.take(entries(b"good")) == 0
    assert ingest.position == Position(7, 3)
    assert store.counts() == {}


class Picky(MemoryState):
    """Refuse every batch that holds a poisonous message, unless it is a dead letter already."""

    def record(self, batch: Batch) -> bool:
        if any(key.reason == "poison" for key in batch.counts):
            raise OverflowError
        return super().record(batch)


@pytest.mark.parametrize("position", range(5))
def test_a_message_that_cannot_be_stored_is_found_and_the_others_pass(position: int) -> None:
    store = Picky()
    bodies = [b"good"] * 5
    bodies[position] = b"poison"
    readings = READINGS | {b"poison": ending(OutcomeKind.IGNORED, "poison")}
    assert Ingest(store, lambda m: readings[m.body]).take(entries(*bodies)) == 5
    assert store.counts() == {
        CountKey("processed", "ward", ""): 4,
        CountKey("dead_lettered", "", "internal error OverflowError"): 1,
    }
    assert store.position("journal").next == 5


def test_a_store_that_is_away_is_not_the_fault_of_a_message() -> None:
    class Away(MemoryState):
        def record(self, batch: Batch) -> bool:
            raise TemporaryError("away", batch.part)

    store = Away()
    with pytest.raises(TemporaryError):
        Ingest(store, read).take(entries(b"good", b"good"))
    assert store.position("journal").next == 0


def test_what_could_not_be_used_is_kept_with_its_patient_once_for_a_batch() -> None:
    store, anna = MemoryState(), Identifier("ward", "1")
    issue = Issue(IssueKind.UNMAPPED_CODE, "OBX[1]-3", "local|TEMPX")
    reading = structs.replace(ending(OutcomeKind.PROCESSED, issues=(issue, issue)), patients=(anna,))
    Ingest(store, lambda _m: reading).take(entries(b"x", b"y"))
    assert store.case(store.find("1")[0]).unused == (
        Unused(5, "ward", IssueKind.UNMAPPED_CODE, "local|TEMPX"),
    )


def test_what_could_not_be_used_of_a_message_about_several_may_be_about_any_of_them() -> None:
    store = MemoryState()
    issue = Issue(IssueKind.MISSING_UNIT, "Observation.value", "body-temperature", is_quarantined=True)
    facts = (state_values.fact(state_values.ANNA, "gcs"), state_values.fact(state_values.BEN, "gcs"))
    reading = structs.replace(ending(OutcomeKind.PROCESSED, issues=(issue,)), facts=facts)
    Ingest(store, lambda _m: reading).take(entries(b"x"))
    assert [len(store.case(store.find(value)[0]).unused) for value in ("1", "2")] == [1, 1]
