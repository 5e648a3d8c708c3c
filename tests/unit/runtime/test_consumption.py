"""Up to when everything is consumed: it never falls for a part that was known, and nothing is claimed that nobody read."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import pytest

from worker.model.message import Form, Outcome, OutcomeKind, RawMessage, Reading
from worker.runtime.consumption import Consumption
from worker.runtime.progress import Progress
from worker.storage.memory import MemoryState

NOW = 1_790_000_000_000
ONE, TWO = "kafka:labs:0", "kafka:labs:1"


@dataclass
class Parts:
    """An inlet that says how far it is, as told."""

    names: Collection[str] = (ONE, TWO)
    mine: dict[str, int] = field(default_factory=dict)
    is_shared: bool = True

    def parts(self) -> Collection[str]:
        return self.names

    def caught_up(self, _progress: Progress) -> Mapping[str, int]:
        return dict(self.mine)


class Rig:
    def __init__(self, **inlet: object) -> None:
        self.store = MemoryState()
        self.inlet = Parts(**inlet)  # type: ignore[arg-type] # names of its fields
        self.progress = Progress(self.store, lambda _raw: Reading(Outcome(OutcomeKind.PROCESSED), "ward"))
        self.consumption = Consumption(self.store, [self.inlet], self.progress)  # type: ignore[list-item]

    def until(self) -> int:
        self.consumption._asked = None
        return self.consumption.until_ms()


def message(received_at_ms: int) -> RawMessage:
    return RawMessage(b"x", Form.HL7V2, "test", received_at_ms)


def test_it_is_the_part_that_lags_ours_or_of_another() -> None:
    rig = Rig(mine={ONE: NOW})
    assert rig.until() == 0
    rig.store.note_caught_up({TWO: NOW - 5})
    assert rig.until() == NOW - 5
    rig.store.note_caught_up({TWO: NOW + 5})
    assert rig.until() == NOW
    assert rig.store.position(ONE).caught_up_ms == NOW


def test_a_part_that_is_behind_again_takes_nothing_back() -> None:
    rig = Rig(mine={ONE: NOW, TWO: NOW})
    assert rig.until() == NOW
    rig.inlet.mine = {ONE: 0, TWO: NOW + 1_000}
    assert rig.until() == NOW


def test_a_part_that_just_became_ours_is_as_far_as_the_worker_before_had_it() -> None:
    rig = Rig(mine={ONE: 0, TWO: NOW})
    rig.store.note_caught_up({ONE: NOW - 7})
    assert rig.until() == NOW - 7
    rig.progress.take(ONE, [(0, message(NOW - 90_000))])
    assert rig.until() == NOW - 7
    assert rig.store.position(ONE).caught_up_ms == rig.progress.position(ONE).caught_up_ms == NOW - 7


def test_a_part_that_goes_to_another_worker_is_as_far_as_it_was() -> None:
    rig = Rig(mine={ONE: NOW, TWO: NOW})
    assert rig.until() == NOW
    rig.inlet.mine = {ONE: NOW + 300}
    assert rig.consumption.until_ms() == NOW
    rig.inlet.mine = {}
    assert rig.consumption.until_ms() == NOW


def test_a_message_that_was_stamped_ahead_does_not_speak_for_what_is_behind_it() -> None:
    rig = Rig(names=(ONE,), mine={ONE: NOW - 90_000})
    rig.progress.take(ONE, [(0, message(NOW))])
    assert rig.until() == NOW - 90_000


def test_a_part_of_this_worker_alone_is_as_far_as_its_last_message() -> None:
    rig = Rig(names=("journal",), mine={"journal": 0}, is_shared=False)
    rig.progress.take("journal", [(0, message(NOW))])
    assert rig.until() == NOW


def test_a_part_that_nobody_ever_consumed_is_not_consumed() -> None:
    rig = Rig(names=(ONE, "kafka:late"), mine={ONE: NOW})
    assert rig.until() == 0


def test_the_store_is_asked_once_a_second_and_when_a_part_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig(names=(ONE,), mine={ONE: NOW})
    asked = []
    positions = rig.store.positions
    monkeypatch.setattr(rig.store, "positions", lambda: asked.append(1) or positions())
    for _ in range(5):
        assert rig.consumption.until_ms() == NOW
    assert len(asked) == 1
    rig.inlet.names = (ONE, TWO)
    for _ in range(5):
        assert rig.consumption.until_ms() == 0
    assert len(asked) == 2


PATIENCE = 1_000_000


@pytest.mark.parametrize(
    ("mine", "others", "settled"),
    [
        ({ONE: NOW + 5, TWO: NOW + 5}, {}, NOW),
        ({ONE: NOW, TWO: NOW - 700}, {}, NOW - 700),
        ({ONE: NOW}, {}, NOW - PATIENCE),  # nobody ever read the second
        ({ONE: NOW, TWO: NOW}, {"kafka:notes:0": NOW - 900}, NOW - 900),
        ({ONE: NOW, TWO: NOW}, {"kafka:retired:0": NOW - PATIENCE - 1}, NOW),
    ],
)
def test_what_was_received_before_an_instant_is_awaited_no_more(
    mine: dict[str, int], others: dict[str, int], settled: int
) -> None:
    rig = Rig(mine=mine)
    rig.store.note_caught_up(others)
    rig.until()
    assert rig.consumption.settled_ms(NOW, PATIENCE) == settled
