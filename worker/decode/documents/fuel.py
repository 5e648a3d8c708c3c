"""A measure of work for a reader that is not ours: so many calls, then it ends. Pure: no I/O, no clock.

A time limit would make what a message says hang on how busy the machine is, and a thread that runs too long cannot be stopped.
Calls are counted instead, the same for the same bytes: a reader written in Python calls a function in every loop (ADR 0031). To
make a value of a built-in type is no call.
"""

from __future__ import annotations

import gc
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType, TracebackType


class SpentError(BaseException):
    """The work is used up; no `Exception`, so that a reader which goes on after errors cannot go on after this one."""


class Fuel:
    """Let a package make so many calls and returns inside a `with` block, in this thread.

    What the package calls is counted with it; the garbage collector, whose callbacks come at any moment, rests. The error is
    raised only where code of the package runs: elsewhere it might be swallowed, and Python stops counting once it is raised.

    Raises: SpentError inside the block, from wherever the package then is, once.
    """

    def __init__(self, package: str, calls: int) -> None:
        """Keep whose calls are counted, and how many there may be."""
        left = calls
        within = f"{package}."

        # A closure, and the name looked up only at the end: this runs hundreds of thousands of times for a page.
        def count(frame: FrameType, _event: str, _argument: object) -> None:
            nonlocal left
            left -= 1
            if left < 0 and f"{frame.f_globals.get('__name__', '')}.".startswith(within):
                raise SpentError

        self._count = count
        self._before: object = None
        self._is_collecting = False

    def __enter__(self) -> None:
        """Begin to count."""
        self._before, self._is_collecting = sys.getprofile(), gc.isenabled()
        gc.disable()
        sys.setprofile(self._count)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Count no longer."""
        sys.setprofile(self._before)  # type: ignore[arg-type]  # what was set before, whatever it was
        if self._is_collecting:
            gc.enable()
