"""Store received messages in groups, and answer their senders only afterwards.

While one group is being written, whatever arrives waits and becomes the next group: under load one durable commit
serves many messages, and a lone message does not wait for company.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from queue import SimpleQueue
from threading import Thread
from typing import NamedTuple, Protocol

import structlog

from worker.decode.hl7v2 import Peek
from worker.model.errors import LpwatchError
from worker.model.message import RawMessage

_log = structlog.get_logger(__name__)


class TooLargeError(LpwatchError):
    """One message is larger than the store takes: without it the others can be stored, alone it never will."""


class Intake(Protocol):
    """Keep received messages for good."""

    def append(self, messages: Sequence[RawMessage]) -> object:
        """Store the messages durably, in this order, all or none.

        Raises: TooLargeError where one of them is to blame alone, any other exception when none can be stored now.
        """


class Sender(Protocol):
    """Wait for the fate of the messages it handed over."""

    def settle(self, received: Sequence[Received], *, is_stored: bool) -> None:
        """Take note that these messages, in the order they were submitted, were stored or were not."""


# A NamedTuple, not a dataclass: one is made for each message, in a fifth of the time.
class Received(NamedTuple):
    """A message on its way into the store, with what its answer needs.

    Shape: `peek` is None where the header cannot be read. `at_s` is the event loop's time of arrival.
    """

    message: RawMessage
    peek: Peek | None
    sender: Sender
    at_s: float


class Written(NamedTuple):
    """The fate of some messages."""

    group: Sequence[Received]
    is_stored: bool


class GroupCommit:
    """Write groups of messages in one thread, one group at a time, in the order of arrival; servers share it."""

    def __init__(self, intake: Intake, *, max_group: int = 2_000) -> None:
        """Keep the store and the size of the largest group; `start` begins."""
        self._intake = intake
        self._max_group = max_group
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: list[Received] = []
        self._is_busy = False
        self._is_idle = asyncio.Event()
        self._is_idle.set()
        # A queue and a thread of our own: an executor's futures would cost several turns of the loop for each group.
        self._groups: SimpleQueue[list[Received]] = SimpleQueue()
        self._writer: Thread | None = None

    def start(self) -> None:
        """Begin to work, for the event loop that runs now."""
        self._loop = asyncio.get_running_loop()
        self._writer = Thread(target=self._write_groups, args=(self._loop,), name="intake", daemon=True)
        self._writer.start()

    def submit(self, received: Sequence[Received]) -> None:
        """Hand over messages; each sender hears of them by `settle`, from the event loop."""
        if self._loop is None:
            msg = "submitted before the group commit was started"
            raise RuntimeError(msg)
        self._waiting.extend(received)
        if not self._is_busy:
            self._is_busy = True
            self._is_idle.clear()
            # After the sockets that are ready now were read: their messages belong to the same group.
            self._loop.call_soon(self._begin)

    async def drain(self) -> None:
        """Wait until everything submitted is settled, then end the writing thread."""
        await self._is_idle.wait()
        if self._writer is not None:
            self._groups.put([])
            self._writer.join()

    def _begin(self) -> None:
        group, self._waiting = self._waiting[: self._max_group], self._waiting[self._max_group :]
        self._groups.put(group)

    def _write_groups(self, loop: asyncio.AbstractEventLoop) -> None:
        """Write one group after the other, in the writing thread; an empty group ends it."""
        while group := self._groups.get():
            loop.call_soon_threadsafe(self._written, self._write(group))

    def _write(self, group: Sequence[Received]) -> list[Written]:
        try:
            self._intake.append([received.message for received in group])
        except Exception as error:  # noqa: BLE001  whatever went wrong, the senders must be told to send again
            if isinstance(error, TooLargeError) and len(group) > 1:
                half = len(group) // 2
                return self._write(group[:half]) + self._write(group[half:])
            _log.error("intake_failed", error=type(error).__name__, count=len(group))
            return [Written(group, is_stored=False)]
        return [Written(group, is_stored=True)]

    def _written(self, parts: Sequence[Written]) -> None:
        for part in parts:
            for sender, received in _by_sender(part.group).items():
                sender.settle(received, is_stored=part.is_stored)
        if self._waiting:
            self._begin()
        else:
            self._is_busy = False
            self._is_idle.set()


def _by_sender(group: Sequence[Received]) -> dict[Sender, list[Received]]:
    grouped: dict[Sender, list[Received]] = {}
    for received in group:
        grouped.setdefault(received.sender, []).append(received)
    return grouped
