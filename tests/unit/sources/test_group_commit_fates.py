from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from worker.model.errors import TemporaryError
from worker.model.message import Form, RawMessage
from worker.sources.group_commit import GroupCommit, Received, TooLargeError


class Picky:
    """Store all or none; refuse what is too large, or everything."""

    def __init__(self, *, is_away: bool = False) -> None:
        self.stored: list[bytes] = []
        self.tries = 0
        self.is_away = is_away

    def append(self, messages: Sequence[RawMessage]) -> None:
        self.tries += 1
        if self.is_away:
            raise TemporaryError("away", "kafka")
        if any(len(message.body) > 5 for message in messages):
            raise TooLargeError("too large", "topic")
        self.stored += [message.body for message in messages]


class Sender:
    def __init__(self) -> None:
        self.told: list[tuple[bytes, bool]] = []

    def settle(self, received: Sequence[Received], *, is_stored: bool) -> None:
        self.told += [(each.message.body, is_stored) for each in received]


async def settle(intake: Picky, bodies: Sequence[bytes]) -> list[tuple[bytes, bool]]:
    sender, commit = Sender(), GroupCommit(intake)
    commit.start()
    commit.submit([Received(RawMessage(body, Form.HL7V2, "mllp", 0), None, sender, 0.0) for body in bodies])
    await commit.drain()
    return sender.told


@pytest.mark.parametrize("place", range(7))
def test_one_message_too_large_fails_alone_and_in_its_place(place: int) -> None:
    bodies = [b"%d" % number for number in range(7)]
    bodies[place] = b"larger"
    intake = Picky()
    told = asyncio.run(settle(intake, bodies))
    assert told == [(body, body != b"larger") for body in bodies]
    assert intake.stored == [body for body in bodies if body != b"larger"]


def test_a_store_that_is_away_is_asked_once_for_a_group() -> None:
    intake = Picky(is_away=True)
    assert asyncio.run(settle(intake, [b"1", b"2", b"3"])) == [(b"1", False), (b"2", False), (b"3", False)]
    assert intake.tries == 1
