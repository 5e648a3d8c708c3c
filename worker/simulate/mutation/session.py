"""Judge many mutants, in several processes where there are several cores."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from worker.simulate.mutation.bench import Judgement, MutationBench, by_owner
from worker.simulate.mutation.mutants import Mutant


@dataclass(frozen=True, slots=True)
class _Work:
    bench: MutationBench
    mutants: Sequence[Mutant]

    def judge(self, group: Sequence[int]) -> list[tuple[int, Judgement]]:
        return [(at, self.bench.judge(self.mutants[at])) for at in group]


_work: list[_Work] = []
"""What forked processes find; read vignettes and mutants are not sent to them one by one."""


def judge_all(bench: MutationBench, mutants: Sequence[Mutant], jobs: int) -> Iterator[tuple[int, Judgement]]:
    """Judge mutants, in no order: the position of each with what became of it.

    Shape: those of one rule stay in one process, which prepares their vignettes once.
    """
    work = _Work(bench, mutants)
    groups = by_owner(mutants)
    if jobs <= 1:
        yield from chain.from_iterable(map(work.judge, groups))
        return
    _work.append(work)
    try:
        with multiprocessing.get_context("fork").Pool(jobs) as pool:
            yield from chain.from_iterable(pool.imap_unordered(_judge, groups))
    finally:
        _work.clear()


def _judge(group: Sequence[int]) -> list[tuple[int, Judgement]]:
    return _work[0].judge(group)
