"""What senders of made-up messages have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(slots=True)
class Sent:
    """How many messages were sent, and how many of them were accepted (AA, CA; over HTTP status 200 to 299)."""

    messages: int = 0
    accepted: int = 0


class Client(Protocol):
    """Send messages to somebody, and count the answers."""

    sent: Sent

    def send(self, body: bytes) -> None:
        """Send one message; it may not be answered yet."""

    def drain(self) -> None:
        """Wait until every message is answered."""
