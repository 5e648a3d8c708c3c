"""Real databases for laws, empty ones in a moment; many patients share one."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from functools import partial
from itertools import count
from pathlib import Path
from random import Random

from tests.laws.printed import hold
from tests.laws.worlds import Found, Law, Trial, run_messages
from worker.model.message import RawMessage
from worker.runtime.replay import Disturbance, ReplayStore
from worker.simulate.arrivals import Arrival
from worker.simulate.letters import HL7_WAYS, write
from worker.simulate.vignettes import VignetteSpec
from worker.storage.migrate import upgrade
from worker.storage.state import SqlState

Open = Callable[[], ReplayStore]
"""Opens one database, again and again."""


class SqliteStores:
    """Make empty databases by copying one."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._numbers = folder, count()
        upgrade(f"sqlite:///{folder / 'empty.db'}", "state")

    def __call__(self) -> Open:
        path = self._folder / f"{next(self._numbers)}.db"
        shutil.copy(self._folder / "empty.db", path)
        return partial(SqlState, f"sqlite:///{path}", synchronous="OFF", commit_every=50)


class Ward:
    """Several histories, each of a patient of his own, whose messages come mingled."""

    def __init__(self, specs: Sequence[VignetteSpec], seed: int) -> None:
        until = max(spec.until or 0.0 for spec in specs)
        self.trials = [
            Trial(spec.model_copy(update={"id": f"law{number}", "until": until}))
            for number, spec in enumerate(specs)
        ]
        self._random = Random(seed)  # noqa: S311 - a seed must give the same order again

    def mingled(self, arrivals: Sequence[Arrival]) -> list[RawMessage]:
        """Give the messages of all, those of each in the order of its arrival."""
        letters = [
            [*write(trial.vignette, HL7_WAYS[0], arrival)]
            for trial, arrival in zip(self.trials, arrivals, strict=True)
        ]
        turns = [number for number, mine in enumerate(letters) for _ in mine]
        self._random.shuffle(turns)
        return [letters[number].pop(0) for number in turns]

    def run(
        self, messages: Sequence[RawMessage], disturbance: Disturbance, open_store: Open | None = None
    ) -> Found:
        """Let one worker find what there is to find."""
        return run_messages(messages, [trial.vignette for trial in self.trials], disturbance, open_store)

    def hold(self, law: Law, differences: list[str], arrivals: Sequence[Arrival]) -> None:
        """Fail where something differs; by the history that breaks the law also alone, where there is one."""
        if not differences:
            return
        for trial, arrival in zip(self.trials, arrivals, strict=True):
            hold(law, trial, arrival)
        raise AssertionError("together only: " + "\n".join(differences))
