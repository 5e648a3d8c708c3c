"""Every notice that recorded or made-up messages give, as the outbox holds it: what tests of outputs start from."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pytest

from worker.alerts.routing import Outlet
from worker.model.message import Form, RawMessage
from worker.model.time import EpochMs
from worker.runtime.clock import MessageClock
from worker.runtime.engine import Engine, Options, Program
from worker.runtime.inlet import JournalInlet
from worker.runtime.offline import load_pack, memory_store, program
from worker.simulate.letters import FORMS, write
from worker.simulate.vignettes import parse_vignettes
from worker.sources.files import read_files
from worker.storage.memory import MemoryState
from worker.storage.memory_journal import MemoryJournal
from worker.storage.records import Outgoing
from worker.storage.state import SqlState

WHOLE, TOPICS = Outlet("whole"), Outlet("topics", is_routed=True)
ROOT = Path(__file__).resolve().parent.parent
LATER_MS = 2**53


def notices_of(
    messages: Iterable[RawMessage],
    made_by: Program,
    outlets: Sequence[Outlet] = (WHOLE,),
    *,
    until_ms: EpochMs | None = None,
    store: SqlState | MemoryState | None = None,
) -> list[Outgoing]:
    """Run messages at the times they tell, and take every notice from the outbox; `store` is an empty one in memory."""
    store = store or memory_store()
    engine = Engine(
        [JournalInlet(MemoryJournal(messages))],
        store,
        made_by,
        MessageClock(),
        options=Options(outlets=tuple(outlets)),
    )
    engine.drain()
    if until_ms is not None:
        engine.advance(until_ms)
    return [notice for outlet in outlets for notice in _take(store, outlet.name)]


def _take(store: SqlState | MemoryState, sink: str) -> Iterator[Outgoing]:
    while found := store.pending(sink, LATER_MS, sys.maxsize):
        yield from (Outgoing(sink, item.target, item.kind, item.notice) for item in found)
        store.mark_sent(sink, [item.key for item in found])


def vignette_notices() -> tuple[Outgoing, ...]:
    """Give the notices of all vignettes, in every form."""
    pack = load_pack()
    files = sorted((ROOT / "mappings" / "tests").glob("*.yaml"))
    texts = {path.name: path.read_text(encoding="utf-8") for path in files}
    found: list[Outgoing] = []
    made_by = program(pack)
    for vignette in parse_vignettes(texts):
        for form in FORMS:
            found += notices_of(write(vignette, form), made_by, until_ms=vignette.until_ms)
    return tuple(found)


def recorded_notices(recording: Path) -> tuple[Outgoing, ...]:
    """Give the notices of the recorded ward."""
    messages = read_files([recording], received_at_ms=0, on_skipped=pytest.fail)
    return tuple(notices_of(messages, program(load_pack())))


def message(body: str, form: Form = Form.HL7V2) -> RawMessage:
    """Make a message whose segments stand in lines."""
    return RawMessage("\r".join(body.strip().splitlines()).encode(), form, "test", 0)
