"""Relay the outbox to one network sink: one sender at a time, versions in order, and no second copy after a crash.

The order of things, for each place (a topic) of a sink:

1. A relay sends only while it holds the sink's lease for longer than a send takes.
2. Before the first notice of a term, and after any send whose fate nobody knows, it reads the place back from the recorded
   offset to the present end, and marks in the outbox what arrived. Of a place that was never written it records the end.
3. It sends one wave, waits for all answers, and marks what arrived; the new offset is recorded in the same transaction, unless
   something of the wave is in doubt.

A notice that its place will never take is exchanged in the outbox for its smaller form, in the transaction that sets it aside;
the smaller one is sent like any other.

So whatever instruction a process dies at, what it sent lies behind the recorded offset and is found before anything is sent
again. A relay that is halted between 1 and 3 for longer than its lease sends when it wakes: consumers tell by the id.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from threading import Event
from typing import Protocol

import structlog

from worker.model.errors import ConfigError, TemporaryError
from worker.model.time import SECOND_MS, EpochMs
from worker.runtime.bell import Bell, ThreadBell
from worker.runtime.clock import Clock, Stopwatch
from worker.runtime.lease import HeldLease, LeaseStore
from worker.runtime.network_sink import Log, NetworkSink
from worker.runtime.resting import Resting, rest_s
from worker.runtime.waves import by_target, waves
from worker.sinks.receipt import Fate, Receipt
from worker.storage.records import NoticeKey, PendingNotice, Quarantined

_log = structlog.get_logger(__name__)

_LIMIT = 200
_LAST_WORDS_S = 10.0
_MAX_SHARE_OF_LEASE = 0.5

Shrink = Callable[[PendingNotice], PendingNotice | None]


class RelayStore(LeaseStore, Protocol):
    """Keep notices until their sink has them, and up to where its places are known."""

    def pending(
        self, sink: str, now_ms: EpochMs, limit: int, *, without: Collection[str] = ()
    ) -> Sequence[PendingNotice]:
        """Read notices that may be sent now, an alert's in the order of its versions; none for targets `without`."""

    def mark_sent(
        self, sink: str, keys: Collection[NoticeKey], offsets: Mapping[tuple[str, int], int] | None = None
    ) -> None:
        """Note that the sink has these notices, and up to where in each (target, part) that is all."""

    def postpone(self, sink: str, keys: Collection[NoticeKey], until_ms: EpochMs) -> None:
        """Note that the sink could not take these notices, and when to try again."""

    def refuse(self, sink: str, keys: Collection[NoticeKey], reasons: Collection[Quarantined]) -> None:
        """Note that the sink will never take these notices as they are, and set them aside."""

    def exchange(self, sink: str, smaller: PendingNotice, reason: Quarantined) -> None:
        """Put a smaller form in the place of a notice that the sink will never take, and set that aside, both or neither."""

    def sent_offsets(self, sink: str) -> Mapping[tuple[str, int], int]:
        """Read up to where in each (target, part) everything of this sink is marked."""


class RelayObserver(Protocol):
    """Be told what a relay does."""

    def stepped(self, sink: str, done: Relayed) -> None:
        """Take note of a step."""


@dataclass(frozen=True, slots=True)
class Relayed:
    """What a step did: notices sent, put off, refused for good; and whether this relay may send at all."""

    sent: int = 0
    postponed: int = 0
    refused: int = 0
    is_leader: bool = True

    def __add__(self, other: Relayed) -> Relayed:
        """Add up what was done."""
        return Relayed(
            self.sent + other.sent,
            self.postponed + other.postponed,
            self.refused + other.refused,
            self.is_leader and other.is_leader,
        )


class Relay:
    """Empty the outbox of one sink; used by one thread, with a store of its own.

    Shape: `bell` is rung when notices are written; the one that is there at first is rung by `wake` alone.
    """

    def __init__(
        self,
        sink: NetworkSink,
        store: RelayStore,
        clock: Clock,
        lease: HeldLease,
        *,
        log: Log | None = None,
        shrink: Shrink = lambda _item: None,
        observer: RelayObserver | None = None,
    ) -> None:
        """Keep the sink, the outbox and the right to send.

        Shape: `log` reads the sink back, None where its peer tells repeats apart by itself. `shrink` gives a smaller form of a
        notice that the sink refused, or None.
        Raises: ConfigError where the lease is too short for this sink.
        """
        if sink.timeout_s > lease.seconds * _MAX_SHARE_OF_LEASE:
            raise ConfigError("a lease must last at least twice as long as one send may take", sink.name)
        self._sink = sink
        self._store = store
        self._clock = clock
        self._lease = lease
        self._log = log
        self._shrink = shrink
        self._observer = observer
        self._resting = Resting()
        self._term = 0
        # Places of which all is marked that arrived, and places whose last send failed: there each notice goes alone.
        self._sure: set[str] = set()
        self._wary: set[str] = set()
        self.bell: Bell = ThreadBell()
        self.last_step = Stopwatch()

    @property
    def name(self) -> str:
        """Name the sink that it delivers to."""
        return self._sink.name

    def wake(self) -> None:
        """Say that there may be something to send; from any thread."""
        self.bell.ring()

    def run(self, stop: Event, *, idle_s: float = 1.0, retry_s: float = 1.0) -> None:
        """Send until `stop` is set, then what is left to send now; at the end others may have the lease.

        Shape: an idle relay looks after `idle_s` at the latest, whoever did not wake it: for what was put off, and to be sure.
        """
        while not stop.is_set():
            done = self._try_step()
            if done is None or not done.is_leader:
                self.bell.rest(retry_s)
            elif not (done.sent or done.refused):
                self.bell.wait(idle_s)
        self._finish()

    def step(self) -> Relayed:
        """Send what may be sent now, up to a few hundred notices.

        Raises: TemporaryError where the database is away; nothing is sent again that arrived.
        """
        done = self._step()
        self.last_step = Stopwatch()
        if self._observer is not None:
            self._observer.stepped(self._sink.name, done)
        return done

    def _step(self) -> Relayed:
        if not self._lease.keep(self._sink.timeout_s):
            self._doubt_all()
            return Relayed(is_leader=False)
        if self._lease.term != self._term:
            self._doubt_all()
            self._term = self._lease.term
            _log.info("relay_leads", sink=self._sink.name)
        now_ms = self._clock.now_ms()
        batch = self._store.pending(self._sink.name, now_ms, _LIMIT, without=self._resting.places)
        done = Relayed()
        for target, items in by_target(batch).items():
            done += self._deliver(target, items, now_ms)
        return done

    def _try_step(self) -> Relayed | None:
        try:
            return self.step()
        except TemporaryError as error:
            _log.warning("relay_postponed", sink=self._sink.name, reason=error.reason, place=error.place)
        except Exception as error:  # noqa: BLE001 - whatever one step meets, alerts must go on
            _log.error("relay_failed", sink=self._sink.name, error=type(error).__name__)
        self._doubt_all()
        return None

    def _finish(self) -> None:
        watch = Stopwatch()
        while watch.seconds < _LAST_WORDS_S and (done := self._try_step()) is not None:
            if not (done.sent or done.refused):
                break
        self._sink.close()
        try:
            self._lease.give_back()
        except TemporaryError as error:
            _log.warning("lease_not_given_back", sink=self._sink.name, reason=error.reason)

    def _doubt_all(self) -> None:
        """Let nothing go out any more that was handed over, and take no place for known."""
        self._sure.clear()
        self._sink.close()

    def _is_still_ours(self) -> bool:
        return self._lease.keep(self._sink.timeout_s) and self._lease.term == self._term

    def _deliver(self, target: str, items: Sequence[PendingNotice], now_ms: EpochMs) -> Relayed:
        """Send notices of one place in waves; stop at the first doubt, the next step goes on."""
        done = Relayed()
        if self._log is not None and target not in self._sure:
            found = self._read_back(self._log, target, {item.key for item in items})
            if found is None:
                return done
            done = Relayed(sent=len(found))
            items = [item for item in items if item.key not in found]
        stuck: set[str] = set()
        for wave in waves(items, alone=target in self._wary):
            going = [item for item in wave if item.notice.alert_id not in stuck]
            if not going:
                continue
            if not self._is_still_ours():
                break
            receipts = self._send(target, going)
            settled, held_up = self._settle(target, going, receipts, now_ms)
            done += settled
            stuck |= held_up
            if target in self._resting.places or (self._log is not None and target not in self._sure):
                break
        return done

    def _send(self, target: str, wave: Sequence[PendingNotice]) -> Sequence[Receipt]:
        try:
            return self._sink.send(target, wave)
        except Exception as error:  # noqa: BLE001 - a notice that its sink chokes on must not hold up the others
            _log.error("sink_failed", sink=self._sink.name, place=target, error=type(error).__name__)
        self._sink.close()
        return [Receipt(Fate.FAILED, "the sink failed")] * len(wave)

    def _read_back(self, log: Log, target: str, mine: Collection[NoticeKey]) -> set[NoticeKey] | None:
        """Mark what a place already has; give those of ours, or None where it cannot be read now."""
        offsets = self._store.sent_offsets(self._sink.name)
        since = {part: next_ for (place, part), next_ in offsets.items() if place == target}
        stretches = log.arrivals(target, since)
        found: set[NoticeKey] = set()
        while True:
            try:
                stretch = next(stretches, None)
            except TemporaryError as error:
                self._rest(target, error.reason)
                return None
            except Exception as error:  # noqa: BLE001 - as in `_send`
                _log.error("sink_failed", sink=self._sink.name, place=target, error=type(error).__name__)
                self._sink.close()
                self._rest(target, "the sink failed")
                return None
            if stretch is None:
                break
            if not self._is_still_ours():
                return None
            keys = [NoticeKey(notice_id, target) for notice_id in stretch.notice_ids]
            reached = {(target, part): next_ for part, next_ in stretch.next.items()}
            self._store.mark_sent(self._sink.name, keys, reached)
            found.update(key for key in keys if key in mine)
        self._sure.add(target)
        _log.info("place_read_back", sink=self._sink.name, place=target, count=len(found))
        return found

    def _settle(
        self, target: str, wave: Sequence[PendingNotice], receipts: Sequence[Receipt], now_ms: EpochMs
    ) -> tuple[Relayed, set[str]]:
        """Write down what became of a wave; name the alerts whose later versions must wait."""
        fates = {fate: _with(fate, wave, receipts) for fate in Fate}
        arrived = [item.key for item in fates[Fate.ARRIVED]]
        in_doubt = [*fates[Fate.FAILED], *fates[Fate.AWAY]]
        if in_doubt:
            self._sure.discard(target)
            self._wary.add(target)
        elif arrived:
            self._wary.discard(target)
            self._resting.end(target)
        if arrived:
            is_known = not in_doubt and self._lease.is_held
            self._store.mark_sent(self._sink.name, arrived, _offsets(target, receipts) if is_known else None)
        if in_doubt:
            reason = next(receipt.reason for receipt in receipts if receipt.fate in _IN_DOUBT)
            self._put_off(target, in_doubt, reason, now_ms)
            if fates[Fate.AWAY]:
                self._rest(target, reason)
        refused = [
            (item, receipt)
            for item, receipt in zip(wave, receipts, strict=True)
            if receipt.fate is Fate.REFUSED
        ]
        exchanged = [item for item, receipt in refused if self._refuse(item, receipt, now_ms)]
        held_up = {item.notice.alert_id for item in (*in_doubt, *exchanged)}
        return Relayed(len(arrived), len(in_doubt), len(refused)), held_up

    def _put_off(self, target: str, items: Sequence[PendingNotice], reason: str, now_ms: EpochMs) -> None:
        """Try these again later: also where the whole place is away, so that another one finds out whether it is back.

        One that is itself why its place seems away (too long to send in time, say) then blocks no other.
        """
        wait_s = rest_s(1 + max(item.attempts for item in items))
        keys = [item.key for item in items]
        self._store.postpone(self._sink.name, keys, now_ms + round(wait_s * SECOND_MS))
        _log.warning("notices_postponed", sink=self._sink.name, place=target, count=len(items), reason=reason)

    def _rest(self, target: str, reason: str) -> None:
        self._sure.discard(target)
        self._wary.add(target)
        self._resting.begin(target)
        _log.warning("place_rests", sink=self._sink.name, place=target, reason=reason)

    def _refuse(self, item: PendingNotice, receipt: Receipt, now_ms: EpochMs) -> bool:
        """Set a notice aside that its place will never take; tell whether a smaller form of it now waits in its place."""
        name, target = self._sink.name, item.target
        told = Quarantined("notice", now_ms, receipt.reason, target, name, item.kind, item.notice.notice_id)
        _log.error("notice_refused", sink=name, place=target, state=item.kind, reason=receipt.reason)
        smaller = self._smaller(item)
        if smaller is None:
            self._store.refuse(name, [item.key], [told])
        else:
            self._store.exchange(name, smaller, told)
        return smaller is not None

    def _smaller(self, item: PendingNotice) -> PendingNotice | None:
        try:
            return self._shrink(item)
        except Exception as error:  # noqa: BLE001 - the notice is set aside in any case
            _log.error("notice_not_shrunk", sink=self._sink.name, error=type(error).__name__)
            return None


_IN_DOUBT = frozenset({Fate.FAILED, Fate.AWAY})


def _with(fate: Fate, wave: Sequence[PendingNotice], receipts: Sequence[Receipt]) -> list[PendingNotice]:
    return [item for item, receipt in zip(wave, receipts, strict=True) if receipt.fate is fate]


def _offsets(target: str, receipts: Sequence[Receipt]) -> dict[tuple[str, int], int] | None:
    """Give the end of each part after a wave; None where one arrived nobody knows where."""
    reached: dict[tuple[str, int], int] = {}
    for receipt in receipts:
        if receipt.fate is not Fate.ARRIVED:
            continue
        if receipt.log is None:
            return None
        part, next_ = receipt.log
        reached[target, part] = max(next_, reached.get((target, part), 0))
    return reached
