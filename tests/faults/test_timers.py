"""What falls due while nobody works is raised once, however many workers start at it together: PostgreSQL, the real rules."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from threading import Barrier

import pytest

from tests.scenarios.wards import hl7, instant, procedure, stamp
from worker.runtime.clock import FixedClock
from worker.runtime.engine import Engine
from worker.runtime.inlet import JournalInlet
from worker.runtime.offline import load_pack, program
from worker.storage.memory_journal import MemoryJournal
from worker.storage.state import SqlState

pytestmark = [pytest.mark.integration, pytest.mark.slow]
PATIENTS = 60
WORKERS = 4


def admitted(number: int) -> str:
    return f"PV1|1|I|AMU^7^3^N||||||||||||||||V{number}{'|' * 25}{stamp(7)}"


def test_what_falls_due_while_all_workers_are_down_fires_once_with_several_of_them(state_url: str) -> None:
    """A temperature is due at 14:00, and overdue at 15:30; the workers are back at 17:00."""
    journal = MemoryJournal()
    for number in range(100, 100 + PATIENTS):
        who = f"{number}^^^HOSP^MR"
        journal.append([hl7("ADT^A01", 7.1, admitted(number), who=who), procedure(8.1, who=who)])
    pack = load_pack()

    def work(number: int, *hours: float) -> None:
        clock = FixedClock(instant(hours[0]))
        with closing(SqlState(state_url)) as store:
            part = JournalInlet(journal if number == 0 else MemoryJournal(), part=f"part{number}")
            engine = Engine([part], store, program(pack), clock)
            for at in hours:
                clock.at_ms = instant(at)
                together.wait(300)
                engine.drain()

    together = Barrier(1)
    work(0, 9)
    together = Barrier(WORKERS)
    with ThreadPoolExecutor(WORKERS) as workers:
        list(workers.map(lambda number: work(number, 17, 17.3, 17.4), range(WORKERS)))
    with closing(SqlState(state_url)) as store:
        overdue = [record for record in store.alerts() if record.alert.rule == "no-temp-6h"]
    assert len({record.patients for record in overdue}) == len(overdue) == PATIENTS
    assert {len(record.history) for record in overdue} == {1}
