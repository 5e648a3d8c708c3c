"""Judge many mutants, in several processes where there are several cores."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from worker.simulate.mutation.bench import Judgement, MutationBench, in_order
from worker.simulate.mutation.mutants import Mutant

_AT_ONCE: Final = 16


@dataclass(frozen=True, slots=True)
class _Work:
    bench: MutationBench
    mutants: Sequence[Mutant]

    def judge(self, at: int) -> tuple[int, Judgement]:
        return at, self.bench.judge(self.mutants[at])


_work: list[_Work] = []
"""What forked processes find; read vignettes and mutants are not sent to them one by one."""


def judge_all(bench: MutationBench, mutants: Sequence[Mutant], jobs: int) -> Iterator[tuple[int, Judgement]]:
    """Judge mutants, in no order: the position of each with what became of it."""
    work = _Work(bench, mutants)
    order = in_order(mutants)
    if jobs <= 1:
        yield from map(work.judge, order)
        return
    _work.append(work)
    try:
        with multiprocessing.get_context("fork").Pool(jobs) as pool:
            yield from pool.imap_unordered(_judge, order, _AT_ONCE)
    finally:
        _work.clear()


def _judge(at: int) -> tuple[int, Judgement]:
    return _work[0].judge(at)
