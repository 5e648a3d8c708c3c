"""An event loop whose time stands still while the machine does: who is to be cut off after some seconds has them."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from time import monotonic
from typing import Any, TypeVar

Made = TypeVar("Made")
_TICK_S = 0.5
_STEP_S = 1.0


class SteadyLoop(asyncio.SelectorEventLoop):
    """Look at the clock twice a second; of what passed since the last look no more than a second counts."""

    def __init__(self) -> None:
        self._seen_s = monotonic()
        self._lost_s = 0.0
        super().__init__()
        self._tick()

    def time(self) -> float:
        now_s = monotonic()
        self._lost_s += max(0.0, now_s - self._seen_s - _STEP_S)
        self._seen_s = now_s
        return now_s - self._lost_s

    def _tick(self) -> None:
        self.call_later(_TICK_S, self._tick)


def run(scene: Coroutine[Any, Any, Made]) -> Made:
    """Run a scene to its end, as `asyncio.run` does."""
    with asyncio.Runner(loop_factory=SteadyLoop) as runner:
        return runner.run(scene)
