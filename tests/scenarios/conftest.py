"""The default pack, ready to judge vignettes."""

from __future__ import annotations

import pytest

from worker.runtime.offline import load_pack, memory_store, program
from worker.simulate.trial import Bench


@pytest.fixture(scope="session")
def bench() -> Bench:
    pack = load_pack()
    return Bench(
        lambda reader: program(pack, reader), memory_store, frozenset(rule.id for rule in pack.rules.rules)
    )
