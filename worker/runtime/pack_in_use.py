"""One pack judges at a time: while workers of an older pack work, those of a newer one read messages and wait.

A pack is put into use by a lease that all its workers share: its owner is the pack's digest. So a rolling update changes from
one pack to the other once, when the last worker of the old one has ended, and an old worker that restarts on the way changes
nothing. Two packs at the same time by mistake are seen: the workers of the second say so and judge nobody.
"""

from __future__ import annotations

from typing import Protocol

import structlog

from worker.model.time import EpochMs
from worker.runtime.clock import Stopwatch

_log = structlog.get_logger(__name__)

_LEASE = "pack"
_LEASE_S = 30.0
_ASK_EVERY_S = 5.0


class PackStore(Protocol):
    """Remember which pack is in use."""

    def use_pack(self, digest: str, now_ms: EpochMs) -> bool:
        """Remember the pack in use; where it changed, every standing LP becomes due."""

    def lease(self, name: str, owner: str, seconds: float) -> bool:
        """Take or renew a lease by the store's clock; False where another has it."""


class PackInUse:
    """Put a pack into use, and tell whether it is; where no other worker shares the store it always is."""

    def __init__(
        self,
        store: PackStore,
        digest: str,
        now_ms: EpochMs,
        *,
        is_shared: bool,
        lease_s: float = _LEASE_S,
        ask_every_s: float = _ASK_EVERY_S,
    ) -> None:
        """Ask for the pack at once; `is_shared` tells that workers of other packs may use the store."""
        self._store = store
        self._digest = digest
        self._is_shared = is_shared
        self._lease_s = lease_s
        self._ask_every_s = ask_every_s
        self._asked: Stopwatch | None = None
        self._is_ours: bool | None = None
        if not is_shared:
            store.use_pack(digest, now_ms)

    def is_ours(self, now_ms: EpochMs) -> bool:
        """Tell whether this pack judges now.

        Raises: TemporaryError where the store is away.
        """
        if not self._is_shared:
            return True
        if self._asked is None or self._asked.seconds >= self._ask_every_s:
            self._ask(now_ms)
        return bool(self._is_ours)

    def _ask(self, now_ms: EpochMs) -> None:
        held = self._store.lease(_LEASE, self._digest, self._lease_s)
        if held and not self._is_ours:
            self._store.use_pack(self._digest, now_ms)
            _log.info("pack_in_use", pack=self._digest[:12])
        elif not held and self._is_ours is not False:
            _log.warning("pack_waits", pack=self._digest[:12], reason="workers of another pack are at work")
        self._is_ours = held
        self._asked = Stopwatch()
