"""Drop what is too old, once a day, by whichever worker comes first.

Old means: beyond the time that facts are kept, at the instant up to which everything is read and judged. After a standstill
that lies behind the clock: a fact of nine days ago belongs to an LP that was told a day later and is read an hour from now.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from worker.model.errors import TemporaryError
from worker.model.time import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, EpochMs
from worker.runtime.inlet import Inlet
from worker.runtime.progress import Progress

_log = structlog.get_logger(__name__)

_LEASE = "cleaning"
_CLEANING_S = 600.0


class CleaningStore(Protocol):
    """Let go of what is too old."""

    def lease(self, name: str, owner: str, seconds: float) -> bool:
        """Take or renew a lease by the store's clock; False where another has it."""

    def next_due_ms(self) -> EpochMs | None:
        """Tell when the next assessment is due."""

    def drop_recent(
        self, received_before_ms: EpochMs, long_concepts: Iterable[str], long_before_ms: EpochMs
    ) -> None:
        """Drop facts of patients without an LP that were received before these instants; few concepts stay longer."""

    def drop_over(self, anchored_before_ms: EpochMs) -> None:
        """Let go of patients whose last LP was before this instant and who have no recent facts."""

    def drop_sent(self, before_ms: EpochMs, dead_letters_before_ms: EpochMs) -> None:
        """Drop notices that wait no longer and are older than this: dead letters, which the quarantine has too, sooner."""


@dataclass(frozen=True, slots=True)
class Retention:
    """Say how long things are kept.

    Shape: `recent_days` facts without an LP, `long_days` those of concepts with a 30-day baseline, `lp_days` the facts of
    an LP (longer than the longest window of any rule) and notices that were sent, `journal_days` messages that are ingested
    and dead letters that were sent. Facts wait for feeds that are behind, at most `patience_days` longer: one that nobody
    reads must not keep everything for ever.
    """

    recent_days: int = 7
    long_days: int = 37
    lp_days: int = 120
    journal_days: int = 7
    patience_days: int = 30

    @property
    def patience_ms(self) -> int:
        """Give how long feeds are waited for."""
        return self.patience_days * DAY_MS


class Cleaning:
    """Clean at the first step of each day, each hour while feeds are far behind; where it fails, try again in a minute."""

    def __init__(
        self,
        store: CleaningStore,
        inlets: Sequence[Inlet],
        kept: Retention,
        long_lived: Iterable[str],
        worker_id: str,
    ) -> None:
        """Keep what is cleaned; `long_lived` names the concepts whose facts are kept for the longest baseline."""
        self._store = store
        self._inlets = tuple(inlets)
        self._kept = kept
        self._long_lived = frozenset(long_lived)
        self._worker_id = worker_id
        self._is_shared = any(inlet.is_shared for inlet in inlets)
        self._next_ms: EpochMs = DAY_MS
        self._was_behind = False

    def run(self, progress: Progress, now_ms: EpochMs, settled_ms: EpochMs) -> None:
        """Clean where it is time; nothing that was received before `settled_ms` is awaited any more."""
        if now_ms < self._next_ms:
            return
        self._next_ms = now_ms + MINUTE_MS
        try:
            if not self._holds(_CLEANING_S):
                return
            judged_ms = self._judged_ms(settled_ms)
            self._clean(progress, now_ms, judged_ms)
            self._next_ms = (now_ms // DAY_MS + 1) * DAY_MS
            if self._is_behind(now_ms, judged_ms):
                self._next_ms = min(self._next_ms, now_ms + HOUR_MS)
            # Nobody else need clean again until then.
            self._holds((self._next_ms - now_ms) / SECOND_MS)
        except TemporaryError as error:
            _log.warning("cleaning_postponed", reason=error.reason, place=error.place)

    def _holds(self, seconds: float) -> bool:
        return not self._is_shared or self._store.lease(_LEASE, self._worker_id, seconds)

    def _judged_ms(self, settled_ms: EpochMs) -> EpochMs:
        """Give the instant as of which everybody is judged: an assessment that is due needs the facts of its own time."""
        due_ms = self._store.next_due_ms()
        return settled_ms if due_ms is None else min(due_ms, settled_ms)

    def _is_behind(self, now_ms: EpochMs, judged_ms: EpochMs) -> bool:
        """Tell whether much is kept for feeds that are behind, and tell operators where it was so the time before too."""
        was_behind, self._was_behind = self._was_behind, now_ms - judged_ms > DAY_MS
        if was_behind and self._was_behind:
            _log.warning("cleaning_waits_for_feeds", seconds=(now_ms - judged_ms) // SECOND_MS)
        return self._was_behind

    def _clean(self, progress: Progress, now_ms: EpochMs, judged_ms: EpochMs) -> None:
        kept = self._kept
        self._store.drop_recent(
            judged_ms - kept.recent_days * DAY_MS, self._long_lived, judged_ms - kept.long_days * DAY_MS
        )
        self._store.drop_over(judged_ms - kept.lp_days * DAY_MS)
        self._store.drop_sent(now_ms - kept.lp_days * DAY_MS, now_ms - kept.journal_days * DAY_MS)
        for inlet in self._inlets:
            inlet.trim(progress, now_ms - kept.journal_days * DAY_MS)
