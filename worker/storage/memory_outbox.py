"""The in-memory twin of the outbox and the leases."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from time import monotonic

from worker.model.alert import Notice
from worker.model.time import EpochMs
from worker.storage.records import NoticeKey, Outgoing, PendingNotice


@dataclass(slots=True)
class _Waiting:
    """A notice in the outbox."""

    notice: Notice
    kind: str
    created_at_ms: EpochMs
    next_try_ms: EpochMs
    attempts: int = 0
    is_sent: bool = False


class MemoryOutbox:
    """Keep notices and leases in dictionaries."""

    def __init__(self, seconds: Callable[[], float] = monotonic) -> None:
        """Start empty; `seconds` is the clock by which leases end."""
        self._outbox: dict[tuple[str, NoticeKey], _Waiting] = {}
        self._offsets: dict[str, dict[tuple[str, int], int]] = {}
        self._leases: dict[str, tuple[str, float]] = {}
        self._seconds = seconds

    def put(self, notices: Iterable[Outgoing], now_ms: EpochMs) -> None:
        """Put notices into the outbox; one that is there already stays as it is."""
        notices = tuple(notices)
        alerts = {item.notice.alert_id for item in notices}
        latest = dict.fromkeys(alerts, now_ms)
        for known in self._outbox.values():
            alert = known.notice.alert_id
            if alert in latest:
                latest[alert] = max(latest[alert], known.created_at_ms)
        for item in notices:
            key = item.sink, NoticeKey(item.notice.notice_id, item.target)
            waiting = _Waiting(item.notice, item.kind, latest[item.notice.alert_id], 0)
            self._outbox.setdefault(key, waiting)

    def pending(
        self, sink: str, now_ms: EpochMs, limit: int, *, without: Collection[str] = ()
    ) -> tuple[PendingNotice, ...]:
        """Read notices that may be sent now, an alert's in the order of its versions; none for targets `without`."""
        waiting = [
            (key.target, item)
            for (name, key), item in self._outbox.items()
            if name == sink and not item.is_sent and key.target not in without
        ]
        held = [(target, item.notice) for target, item in waiting if item.next_try_ms > now_ms]
        ready = [
            (target, item)
            for target, item in waiting
            if item.next_try_ms <= now_ms
            and not any(
                (there, earlier.alert_id) == (target, item.notice.alert_id)
                and earlier.version < item.notice.version
                for there, earlier in held
            )
        ]
        ready.sort(key=lambda pair: (pair[1].created_at_ms, pair[1].notice.alert_id, pair[1].notice.version))
        return tuple(
            PendingNotice(item.notice, item.attempts, target, item.kind, item.created_at_ms)
            for target, item in ready[:limit]
        )

    def mark_sent(
        self, sink: str, keys: Collection[NoticeKey], offsets: Mapping[tuple[str, int], int] | None = None
    ) -> None:
        """Note that the sink has these notices, and up to where (topic, partition) hold nothing else of ours."""
        for key in keys:
            if (sink, key) in self._outbox:
                self._outbox[sink, key].is_sent = True
        self.note_offsets(sink, offsets or {})

    def replace(self, sink: str, smaller: PendingNotice) -> bool:
        """Put another body in the place of that of a notice, to be sent at once; False where it waits no longer."""
        item = self._outbox.get((sink, smaller.key))
        if item is None or item.is_sent:
            return False
        item.notice, item.kind, item.next_try_ms = smaller.notice, smaller.kind, 0
        return True

    def postpone(self, sink: str, keys: Collection[NoticeKey], until_ms: EpochMs) -> None:
        """Note that a sink could not take these notices, and when to try again."""
        for key in keys:
            item = self._outbox[sink, key]
            item.attempts += 1
            item.next_try_ms = until_ms

    def drop_sent(self, before_ms: EpochMs, dead_letters_before_ms: EpochMs) -> None:
        """Drop notices that wait no longer and are older than this: dead letters, which the quarantine has too, sooner."""
        self._outbox = {
            key: item
            for key, item in self._outbox.items()
            if not item.is_sent
            or item.created_at_ms >= (dead_letters_before_ms if item.kind == "dead-letter" else before_ms)
        }

    def count_waiting(self, sink: str) -> int:
        """Count the notices that a sink does not have yet."""
        return sum(name == sink and not item.is_sent for (name, _), item in self._outbox.items())

    def oldest_waiting_ms(self, sink: str) -> EpochMs | None:
        """Tell since when the oldest notice waits that a sink does not have yet."""
        mine = (item for (name, _), item in self._outbox.items() if name == sink and not item.is_sent)
        return min((item.created_at_ms for item in mine), default=None)

    def next_try_ms(self) -> EpochMs | None:
        """Tell when the next notice may be sent."""
        return min((item.next_try_ms for item in self._outbox.values() if not item.is_sent), default=None)

    def sent_offsets(self, sink: str) -> dict[tuple[str, int], int]:
        """Read up to where in each (topic, partition) everything of this sink is marked."""
        return dict(self._offsets.get(sink, {}))

    def note_offsets(self, sink: str, offsets: Mapping[tuple[str, int], int]) -> None:
        """Remember next offsets; the last word counts, also where a topic was made anew and begins at 0."""
        self._offsets.setdefault(sink, {}).update(offsets)

    def lease(self, name: str, owner: str, seconds: float) -> bool:
        """Take a lease that is free or over, or renew one's own; False where another has it."""
        now = self._seconds()
        holder, until = self._leases.get(name, (owner, now))
        if holder != owner and until > now:
            return False
        self._leases[name] = (owner, now + seconds)
        return True

    def release(self, name: str, owner: str) -> None:
        """Give up a lease; somebody else's stays."""
        if self._leases.get(name, ("", 0))[0] == owner:
            del self._leases[name]
