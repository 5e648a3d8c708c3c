"""The predicate about where a visit stands among the patient's other stays. Pure: no I/O, no clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.correlate.stays import stay_around
from worker.model.fact import EncounterValue
from worker.model.finding import Trace, Truth
from worker.rules.context import ReadingNode

if TYPE_CHECKING:
    from worker.correlate.stays import Stay
    from worker.model.fact import Fact
    from worker.rules.context import Context

_TRUTH = (Truth.FALSE, Truth.TRUE)
_COST = 5


class Arrival(ReadingNode):
    """`arrival`: r is a visit with which the patient comes from outside.

    It begins neither during another stay of these classes nor less than `away` after its end: that is a transfer. A stay
    without an end goes on. Two records of one visit are not each other's stay.
    """

    __slots__ = ("away_ms", "classes")

    def __init__(self, classes: frozenset[str], away_ms: int, label: str) -> None:
        self.classes = classes
        self.away_ms = away_ms
        self.label = label

    @property
    def cost(self) -> int:
        return _COST

    def test(self, fact: Fact, context: Context) -> Truth:
        is_visit = isinstance(fact.value, EncounterValue)
        return _TRUTH[is_visit and self._stay_around(fact, context) is None]

    def explain(self, fact: Fact, context: Context) -> Trace:
        truth = self.test(fact, context)
        around = self._stay_around(fact, context)
        if around is None:
            return Trace(truth, self.label, "no other stay around it" if truth is Truth.TRUE else "no visit")
        began = f"{around.encounter_class} stay since {context.hours(around.start_ms)}"
        ended = "not ended" if around.end_ms is None else f"until {context.hours(around.end_ms)}"
        return Trace(truth, self.label, f"{began}, {ended}", (around.fact,))

    def support(self, fact: Fact, context: Context) -> tuple[Fact, ...]:
        """Return the discharge since the LP after which the patient came back, where one is on file."""
        left = context.view.last_before("discharge", fact.effective.start_ms + 1)
        return () if left is None or left.effective.start_ms < context.anchor_ms else (left,)

    def _stay_around(self, fact: Fact, context: Context) -> Stay | None:
        return stay_around(fact, context.view.stays, self.classes, self.away_ms)
