"""A measure of work for a reader that is not ours: so many calls, then it ends. Pure: no I/O, no clock.

A time limit would make what a message says hang on how busy the machine is, and a thread that runs too long cannot be stopped.
Calls are counted instead, the same for the same bytes: a reader written in Python calls a function in every loop (ADR 0031). To
make a value of a built-in type is no call.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType, TracebackType


class SpentError(BaseException):
    """The work is used up; no `Exception`, so that a reader which goes on after errors cannot go on after this one."""


class Fuel:
    """Let a package make so many calls and returns inside a `with` block, in this thread.

    Only what code of the package does is counted, and only there the error is raised: what Python runs in between (a callback
    of the garbage collector) would swallow it, and Python stops counting once it is raised.

    Raises: SpentError inside the block, from wherever the package then is, once.
    """

    def __init__(self, package: str, calls: int) -> None:
        """Keep whose calls are counted, and how many there may be."""
        self._package = package
        self._within = f"{package}."
        self._left = calls
        self._before: object = None

    def __enter__(self) -> None:
        """Begin to count."""
        self._before = sys.getprofile()
        sys.setprofile(self._count)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Count no longer."""
        sys.setprofile(self._before)  # type: ignore[arg-type]  # what was set before, whatever it was

    def _count(self, frame: FrameType, event: str, argument: object) -> None:
        del event, argument
        module = frame.f_globals.get("__name__", "")
        if module != self._package and not module.startswith(self._within):
            return
        self._left -= 1
        if self._left < 0:
            raise SpentError
