"""What a relay needs of a sink that is reached over a network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from worker.sinks.receipt import Arrivals, Receipt, Shipment


class NetworkSink(Protocol):
    """Take notices to another machine, and tell of each what became of it."""

    @property
    def name(self) -> str:
        """Name the sink in the outbox; it never changes."""

    @property
    def timeout_s(self) -> float:
        """Give the longest time that one `send` or one step of `arrivals` takes: a lease must last longer."""

    def send(self, target: str, shipments: Sequence[Shipment]) -> Sequence[Receipt]:
        """Send notices to one place, in this order; give one receipt for each, in the same order.

        Shape: no two shipments are of one alert. Nothing is sent any more when this has returned, whatever the receipts say.
        A sink whose peer tells repeats apart (a PUT by id) need not be a `Log`: the relay sends again what failed.
        """

    def close(self) -> None:
        """Let go of connections; the next call opens new ones."""


class Log(Protocol):
    """Read back what a sink has appended, for sinks that would append a repeat twice."""

    def arrivals(self, target: str, since: Mapping[int, int]) -> Iterator[Arrivals]:
        """Read a place from these offsets on to its present end, in stretches of bounded size.

        Shape: `since` by part; empty for a place that was never written: nothing is read and the one stretch tells where
        each part ends now. A part that is not in `since` is new and is read from its beginning, so is one whose log no longer
        reaches back to the offset.
        Raises: TemporaryError where the place cannot be read now, with a reason that says why.
        """
