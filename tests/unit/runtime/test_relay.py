"""The relay by itself: an outbox in memory, and logs in memory in place of Kafka."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from threading import Event, Thread

import pytest

from tests.unit.runtime.topics import Topics, TopicSink
from worker.model.alert import Notice
from worker.model.errors import ConfigError, TemporaryError
from worker.model.time import SECOND_MS
from worker.runtime.clock import FixedClock
from worker.runtime.lease import HeldLease
from worker.runtime.relay import Relay, Relayed
from worker.runtime.resting import Resting, rest_s
from worker.runtime.waves import waves
from worker.sinks.receipt import Arrivals, Fate, Receipt, Shipment
from worker.storage.memory import MemoryState
from worker.storage.records import Batch, NoticeKey, Outgoing, PendingNotice

T0 = 1_000_000
LEASE_S = 10.0


class HandWatch:
    """A watch whose time is set by hand."""

    now_s = 0.0

    def __init__(self) -> None:
        self._start_s = HandWatch.now_s

    @property
    def seconds(self) -> float:
        return HandWatch.now_s - self._start_s


@pytest.fixture(autouse=True)
def _midnight() -> None:
    HandWatch.now_s = 0.0


class Stage:
    """One outbox, one set of topics, and as many relays as a test wants."""

    def __init__(self) -> None:
        self.store = MemoryState()
        self.store._seconds = lambda: HandWatch.now_s
        self.topics = Topics()
        self.clock = FixedClock(T0)
        self.batches = 0

    def put(self, *rows: tuple[str, str, int], kind: str = "alert", body: bytes = b"{}") -> None:
        """Put notices (target, alert, version) into the outbox."""
        for target, alert, version in rows:
            notice = Notice(f"{alert}.{version}", alert, version, body)
            item = Outgoing("kafka", target, kind, notice)
            self.store.record(Batch("p", self.batches, self.batches + 1, T0, outgoing=[item]))
            self.batches += 1

    def relay(self, owner: str = "one", sink: TopicSink | None = None, **more: object) -> Relay:
        sink = sink or TopicSink(self.topics)
        lease = HeldLease(self.store, "relay kafka", owner, LEASE_S, HandWatch)
        made = Relay(sink, self.store, self.clock, lease, log=sink, **more)
        made._resting = Resting(HandWatch)
        return made

    def pass_time(self, seconds: float) -> None:
        HandWatch.now_s += seconds
        self.clock.at_ms += round(seconds * SECOND_MS)

    def waiting(self) -> int:
        return self.store.count_waiting("kafka")


@pytest.fixture
def stage() -> Stage:
    return Stage()


def failing(*fates: tuple[str, str, Fate]) -> Callable[[str, Shipment], Fate | None]:
    """Fail once each: (moment, notice id, fate)."""
    left = list(fates)

    def fail(moment: str, shipment: Shipment) -> Fate | None:
        for entry in left:
            if entry[:2] == (moment, shipment.notice.notice_id):
                left.remove(entry)
                return entry[2]
        return None

    return fail


def test_notices_go_to_their_topics_once(stage: Stage) -> None:
    stage.put(("all", "a", 1), ("urgent", "a", 1), ("all", "b", 1))
    relay = stage.relay()
    assert relay.step() == Relayed(sent=3)
    assert relay.step() == Relayed()
    assert sorted(stage.topics.ids("all")) == ["a.1", "b.1"]
    assert stage.topics.ids("urgent") == ["a.1"]


def test_versions_of_an_alert_go_one_wave_after_the_other(stage: Stage) -> None:
    sink = TopicSink(stage.topics)
    stage.put(*(("all", alert, version) for alert in "ab" for version in (1, 2, 3)))
    stage.relay(sink=sink).step()
    assert sink.waves == [["a.1", "b.1"], ["a.2", "b.2"], ["a.3", "b.3"]]


def test_the_end_of_a_new_topic_is_recorded_before_anything_is_sent(stage: Stage) -> None:
    stage.topics.append("all", PendingNotice(Notice("x", "x", 1, b""), 0))
    ends = {("all", part): len(stage.topics.logs.get(("all", part), [])) for part in range(2)}
    seen: list[object] = []

    def look(_moment: str, _shipment: Shipment) -> None:
        seen.append(stage.store.sent_offsets("kafka"))

    stage.put(("all", "a", 1))
    stage.relay(sink=TopicSink(stage.topics, look)).step()
    assert seen[0] == ends


def test_what_a_dead_relay_sent_is_found_and_not_sent_again(stage: Stage) -> None:
    stage.put(("all", "a", 1), ("all", "a", 2), ("all", "b", 1))

    def die(moment: str, shipment: Shipment) -> None:
        if (moment, shipment.notice.notice_id) == ("after", "b.1"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stage.relay("one", TopicSink(stage.topics, die)).step()
    other = stage.relay("two")
    assert not other.step().is_leader
    stage.pass_time(LEASE_S)
    assert other.step() == Relayed(sent=3)
    assert sorted(stage.topics.ids("all")) == ["a.1", "a.2", "b.1"]
    assert stage.waiting() == 0


def test_a_send_of_unknown_fate_is_looked_up_before_anything_is_sent_again(stage: Stage) -> None:
    stage.put(("all", "a", 1), ("all", "a", 2), ("all", "b", 1))
    sink = TopicSink(stage.topics, failing(("after", "a.1", Fate.FAILED)))
    relay = stage.relay(sink=sink)
    assert relay.step() == Relayed(sent=1, postponed=1)
    assert stage.topics.versions("all", "a") == [1], "the second version waits"
    stage.pass_time(2)
    relay.step()
    relay.step()
    assert stage.topics.versions("all", "a") == [1, 2]
    assert sorted(stage.topics.ids("all")) == ["a.1", "a.2", "b.1"]


def test_offsets_are_not_moved_past_a_send_of_unknown_fate(stage: Stage) -> None:
    stage.topics.parts = 1
    stage.put(("all", "a", 1), ("all", "b", 1))
    sink = TopicSink(stage.topics, failing(("after", "a.1", Fate.FAILED)))
    stage.relay(sink=sink).step()
    assert stage.store.sent_offsets("kafka") == {("all", 0): 0}


def test_a_notice_that_failed_is_tried_by_itself(stage: Stage) -> None:
    sink = TopicSink(stage.topics, failing(("before", "a.1", Fate.FAILED), ("before", "b.1", Fate.FAILED)))
    stage.put(("all", "a", 1), ("all", "b", 1))
    relay = stage.relay(sink=sink)
    relay.step()
    stage.pass_time(2)
    stage.put(("all", "c", 1))
    relay.step()
    assert sink.waves[1:] == [["a.1"], ["b.1"], ["c.1"]]


def test_a_topic_that_is_missing_rests_and_holds_up_no_other(stage: Stage) -> None:
    stage.topics.missing.add("gone")
    stage.put(("gone", "a", 1), ("all", "a", 1))
    sink = TopicSink(stage.topics)
    relay = stage.relay(sink=sink)
    assert relay.step() == Relayed(sent=1)
    stage.put(*(("gone", f"x{number}", 1) for number in range(300)), ("all", "z", 1))
    assert relay.step().sent == 1, "three hundred rows of a resting topic stand in nobody's way"
    stage.topics.missing.clear()
    assert relay.step().sent == 0, "it rests"
    stage.pass_time(31)
    while relay.step().sent:
        pass
    assert stage.waiting() == 0
    assert len(set(stage.topics.ids("gone"))) == len(stage.topics.ids("gone")) == 301


def test_a_notice_that_makes_its_topic_seem_away_blocks_no_other(stage: Stage) -> None:
    def choke(moment: str, shipment: Shipment) -> Fate | None:
        return Fate.AWAY if moment == "before" and shipment.notice.alert_id == "bad" else None

    stage.put(("all", "bad", 1), ("all", "bad", 2), *(("all", f"a{number}", 1) for number in range(5)))
    relay = stage.relay(sink=TopicSink(stage.topics, choke))
    for _ in range(20):
        relay.step()
        stage.pass_time(3)
    assert sorted(stage.topics.ids("all")) == [f"a{number}.1" for number in range(5)]
    assert stage.waiting() == 2


def test_a_place_rests_longer_each_time_up_to_ten_seconds() -> None:
    assert [rest_s(failures) for failures in (1, 2, 3)] == [1, 2, 4]
    assert rest_s(9) == rest_s(10_000) == 10


def test_a_notice_too_large_for_its_topic_is_set_aside_and_holds_up_nothing(stage: Stage) -> None:
    stage.put(("all", "a", 1), body=bytes(2_000))
    stage.put(("all", "a", 2), ("all", "b", 1))
    assert stage.relay().step() == Relayed(sent=2, refused=1)
    assert sorted(stage.topics.ids("all")) == ["a.2", "b.1"]
    (aside,) = stage.store.quarantined()
    assert (aside.kind, aside.feed, aside.place, aside.message_id) == ("notice", "kafka", "all", "a.1")
    assert aside.reason == "larger than the topic takes"
    assert stage.waiting() == 0


def test_a_smaller_form_of_a_refused_notice_is_sent_in_its_place(stage: Stage) -> None:
    def shrink(item: PendingNotice) -> PendingNotice:
        return replace(item, kind="alert-minimal", notice=replace(item.notice, body=b"{}"))

    stage.put(("all", "a", 1), body=bytes(2_000))
    relay = stage.relay(shrink=shrink)
    assert relay.step() == Relayed(refused=1)
    assert len(stage.store.quarantined()) == 1
    assert relay.step() == Relayed(sent=1)
    (log,) = [log for log in stage.topics.logs.values() if log]
    assert [(item.notice.notice_id, item.kind) for item in log] == [("a.1", "alert-minimal")]
    assert len(stage.store.quarantined()) == 1
    assert stage.relay("two").step() == Relayed(is_leader=False)


def test_later_versions_wait_for_the_smaller_form_of_one_that_was_refused(stage: Stage) -> None:
    stage.put(("all", "a", 1), body=bytes(2_000))
    stage.put(("all", "a", 2), ("all", "b", 1))
    relay = stage.relay(shrink=_small)
    assert relay.step() == Relayed(sent=1, refused=1)
    assert relay.step() == Relayed(sent=2)
    assert stage.topics.versions("all", "a") == [1, 2]


@pytest.mark.parametrize("dies_at", range(1, 12))
def test_a_relay_that_dies_while_it_sends_a_smaller_form_has_told_of_the_refusal(
    stage: Stage, dies_at: int
) -> None:
    moments = 0

    def die(_moment: str, _shipment: Shipment) -> None:
        nonlocal moments
        moments += 1
        if moments == dies_at:
            raise KeyboardInterrupt

    stage.put(("all", "a", 1), body=bytes(2_000))
    stage.put(("all", "a", 2), ("all", "b", 1))
    with contextlib.suppress(KeyboardInterrupt):
        relay = stage.relay("dies", TopicSink(stage.topics, die), shrink=_small)
        for _ in range(4):
            relay.step()
    stage.pass_time(LEASE_S + 1)
    relay = stage.relay("next", shrink=_small)
    for _ in range(4):
        relay.step()
    assert sorted(stage.topics.ids("all")) == ["a.1", "a.2", "b.1"]
    assert stage.topics.versions("all", "a") == [1, 2]
    assert [aside.message_id for aside in stage.store.quarantined()] == ["a.1"]


def _small(item: PendingNotice) -> PendingNotice | None:
    small = replace(item, kind="alert-minimal", notice=replace(item.notice, body=b"{}"))
    return small if item.kind == "alert" else None


def test_a_smaller_form_that_is_refused_too_is_set_aside_and_holds_up_nothing(stage: Stage) -> None:
    def hardly(item: PendingNotice) -> PendingNotice | None:
        small = _small(item)
        return small and replace(small, notice=replace(small.notice, body=bytes(2_000)))

    stage.put(("all", "a", 1), body=bytes(2_000))
    stage.put(("all", "a", 2))
    relay = stage.relay(shrink=hardly)
    assert [relay.step() for _ in range(3)] == [
        Relayed(refused=1),
        Relayed(sent=1, refused=1),
        Relayed(),
    ]
    assert [aside.message_type for aside in stage.store.quarantined()] == ["alert", "alert-minimal"]
    assert stage.waiting() == 0


def test_of_two_relays_one_sends(stage: Stage) -> None:
    stage.put(("all", "a", 1))
    one, two = stage.relay("one"), stage.relay("two")
    assert (two.step().is_leader, one.step().is_leader) == (True, False)
    stage.pass_time(LEASE_S + 1)
    stage.put(("all", "b", 1))
    assert one.step() == Relayed(sent=1)
    assert not two.step().is_leader
    assert sorted(stage.topics.ids("all")) == ["a.1", "b.1"]


def test_a_relay_stops_in_the_middle_of_a_batch_when_its_lease_ran_out(stage: Stage) -> None:
    def sleep(moment: str, shipment: Shipment) -> None:
        if moment == "before" and shipment.notice.version == 1:
            stage.pass_time(LEASE_S + 1)
            assert two.step() == Relayed(sent=2), "the other one takes over while the first is halted"

    stage.put(("all", "a", 1), ("all", "a", 2))
    one, two = stage.relay("one", TopicSink(stage.topics, sleep)), stage.relay("two")
    assert one.step().sent == 1, "what was under way arrives a second time: this is what is not promised"
    assert stage.topics.versions("all", "a") == [1, 2, 1]
    assert not one.step().is_leader


def test_a_lease_that_ran_out_and_was_taken_again_is_a_new_term(stage: Stage) -> None:
    one, two = stage.relay("one"), stage.relay("two")
    stage.put(("all", "a", 1))
    one.step()
    stage.pass_time(LEASE_S + 1)
    stage.put(("all", "b", 1))

    def die(moment: str, _shipment: Shipment) -> None:
        if moment == "after":
            raise KeyboardInterrupt

    two._sink.fail = die
    with pytest.raises(KeyboardInterrupt):
        two.step()
    stage.pass_time(LEASE_S + 1)
    one.step()
    assert sorted(stage.topics.ids("all")) == ["a.1", "b.1"], (
        "the first looks again, it was not alone meanwhile"
    )


def test_a_lease_is_renewed_before_it_ends_and_only_then(stage: Stage) -> None:
    lease = HeldLease(stage.store, "x", "one", 9.0, HandWatch)
    assert lease.keep(4)
    HandWatch.now_s = 2.9
    assert lease.keep(4)
    assert stage.store.lease("x", "two", 9) is False
    HandWatch.now_s = 3.1
    assert lease.keep(4)
    HandWatch.now_s = 11.0
    assert not stage.store.lease("x", "two", 9), "it was renewed at 3.1"
    HandWatch.now_s = 12.2
    assert stage.store.lease("x", "two", 9)
    assert not lease.keep(0)
    assert lease.term == 1


def test_a_lease_that_cannot_be_renewed_lasts_only_as_long_as_it_did(stage: Stage) -> None:
    lease = HeldLease(stage.store, "x", "one", 9.0, HandWatch)
    assert lease.keep(4)

    def fail(*_arguments: object) -> bool:
        raise TemporaryError("away", "storage")

    stage.store.lease = fail
    HandWatch.now_s = 4.0
    with pytest.raises(TemporaryError):
        lease.keep(4)
    assert lease.is_held
    HandWatch.now_s = 9.0
    assert not lease.is_held


def test_a_lease_taken_while_asleep_counts_as_a_new_one(stage: Stage) -> None:
    lease = HeldLease(stage.store, "x", "one", 9.0, HandWatch)
    assert lease.keep(4)
    ask = stage.store.lease

    def slow(name: str, owner: str, seconds: float) -> bool:
        HandWatch.now_s += 20
        return ask(name, owner, seconds)

    stage.store.lease = slow
    HandWatch.now_s = 4.0
    assert not lease.keep(4), "it may be over by now"
    assert lease.term == 2


def test_a_sink_that_raises_holds_up_no_other_place(stage: Stage) -> None:
    def choke(_moment: str, shipment: Shipment) -> None:
        if shipment.notice.alert_id == "bad":
            raise ZeroDivisionError

    stage.put(("all", "a", 1), ("all", "bad", 1), ("urgent", "b", 1))
    relay = stage.relay(sink=TopicSink(stage.topics, choke))
    assert relay.step() == Relayed(sent=1, postponed=2)
    stage.pass_time(3)
    relay.step()
    stage.pass_time(3)
    relay.step()
    assert stage.topics.ids("all") == ["a.1"]
    assert stage.waiting() == 1


def test_a_place_that_cannot_be_read_back_holds_up_no_other(stage: Stage) -> None:
    class Torn(TopicSink):
        def arrivals(self, target: str, since: Mapping[int, int]) -> Iterator[Arrivals]:
            if target == "torn":
                raise ZeroDivisionError
            yield from super().arrivals(target, since)

    stage.put(("torn", "a", 1), ("urgent", "a", 1))
    assert stage.relay(sink=Torn(stage.topics)).step() == Relayed(sent=1)


def test_when_the_database_fails_after_a_send_the_topic_is_looked_at_first(stage: Stage) -> None:
    stage.put(("all", "a", 1))
    relay = stage.relay()
    mark = stage.store.mark_sent
    calls = 0

    def fail(sink: str, keys: Sequence[NoticeKey], offsets: object = None) -> None:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise TemporaryError("away", "storage")
        mark(sink, keys, offsets)

    stage.store.mark_sent = fail
    with pytest.raises(TemporaryError):
        relay.step()
    relay._doubt_all()  # as `run` does
    assert relay.step() == Relayed(sent=1)
    assert stage.topics.ids("all") == ["a.1"]


def test_a_sink_without_a_log_is_sent_again_what_failed(stage: Stage) -> None:
    class Peer(TopicSink):
        def send(self, target: str, shipments: Sequence[Shipment]) -> list[Receipt]:
            return [replace(receipt, log=None) for receipt in super().send(target, shipments)]

    sink = Peer(stage.topics, failing(("after", "a.1", Fate.FAILED)))
    lease = HeldLease(stage.store, "relay kafka", "one", LEASE_S, HandWatch)
    relay = Relay(sink, stage.store, stage.clock, lease)
    stage.put(("", "a", 1), ("", "a", 2), ("", "b", 1), ("", "b", 2))
    assert relay.step() == Relayed(sent=2, postponed=1)
    stage.pass_time(2)
    relay.step()
    assert stage.topics.versions("", "a") == [1, 1, 2], "the peer tells repeats by their id"
    assert stage.waiting() == 0
    assert stage.store.sent_offsets("kafka") == {}


def test_a_lease_shorter_than_two_sends_is_refused(stage: Stage) -> None:
    sink = TopicSink(stage.topics)
    sink.timeout_s = LEASE_S
    with pytest.raises(ConfigError):
        stage.relay(sink=sink)


def test_a_relay_that_is_told_to_stop_sends_what_waits_and_frees_the_lease(stage: Stage) -> None:
    stage.put(*(("all", f"a{number}", 1) for number in range(450)))
    relay, stop = stage.relay(), Event()
    stop.set()
    thread = Thread(target=relay.run, args=[stop])
    thread.start()
    thread.join()
    assert stage.waiting() == 0
    assert stage.store.lease("relay kafka", "two", 1)


def test_a_wave_holds_no_alert_twice_and_what_failed_goes_alone() -> None:
    def item(alert: str, version: int, attempts: int = 0) -> PendingNotice:
        return PendingNotice(Notice(f"{alert}{version}", alert, version, b""), attempts)

    items = [item("a", 1), item("a", 2), item("b", 1, attempts=1), item("b", 2), item("c", 1)]
    names = [[one.notice.notice_id for one in wave] for wave in waves(items, alone=False)]
    assert names == [["a1", "c1"], ["b1"], ["a2", "b2"]]
    assert all(len(wave) == 1 for wave in waves(items, alone=True))
