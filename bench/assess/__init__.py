"""Assess one episode: from nothing, and again after one more fact; by how many facts there are and by how many rules.

`from nothing` is what a worker does that never saw the patient; `one fact more` is what it does with each message of a patient
whom it assessed lately: one that some rule reads, and one that none reads, as pulse and blood pressure are. `blind spots` is
what the former costs beside its findings. All in memory: nothing is read from or written to a database.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from statistics import median

from bench.assess.facts import T0, more, stay_of
from worker.model.time import DAY_MS
from worker.pipeline import Pack, Recall, assess, find_blind_spots
from worker.rules.rule import RuleBook
from worker.runtime.offline import load_pack

NOW = T0 + 6 * DAY_MS
SIZES = (170, 1_700, 20_000)
BUDGET_MS = 2.0


def main(*, quick: bool = False) -> None:
    """Measure, and print milliseconds for each assessment."""
    pack = load_pack()
    rounds = 5 if quick else 25
    rules = len(pack.rules.rules)
    print(
        f"{rules} rules, ms\n\n| facts | from nothing | one fact more | of it blind spots | one that no rule reads |\n"
        "|---|---|---|---|---|"
    )
    again: dict[int, float] = {}
    for size in SIZES:
        whole = _anew(pack, size, rounds)
        again[size], blind, unread = _again(pack, size, rounds * 16)
        more_ms = again[size] + blind
        print(f"| {size:,} | {whole:.1f} | {more_ms:.2f} | {blind:.2f} | {unread:.2f} |", flush=True)
    _judge(again)
    print("\n| rules | from nothing, 1,700 facts, ms | one fact more, ms |\n|---|---|---|")
    for count in sorted({1, 10, rules}):
        some = replace(pack, rules=_first(pack.rules, count))
        whole = _anew(some, 1_700, rounds)
        one, blind, _ = _again(some, 1_700, rounds * 16)
        print(f"| {len(some.rules.rules)} | {whole:.1f} | {one + blind:.2f} |", flush=True)


def _judge(again: dict[int, float]) -> None:
    """Say whether the budgets are met: 2 ms, and for many facts at most twice what it takes for few."""
    ratio = again[20_000] / again[1_700]
    for what, is_met in (
        (f"1,700 facts: {again[1_700]:.2f} ms of {BUDGET_MS:g} ms", again[1_700] <= BUDGET_MS),
        (
            f"20,000 facts: {again[20_000]:.2f} ms of {2 * BUDGET_MS:g} ms ({ratio:.1f} × that of 1,700)",
            again[20_000] <= 2 * BUDGET_MS,
        ),
    ):
        print(f"{what}: {'met' if is_met else 'missed'}")


def _anew(pack: Pack, size: int, rounds: int) -> float:
    facts = stay_of(size)
    return median(_timed(lambda: assess(facts, pack, NOW, NOW)) for _ in range(rounds))


def _again(pack: Pack, size: int, rounds: int) -> tuple[float, float, float]:
    """Give milliseconds: to assess after one more fact, to find its blind spots, to assess after one that no rule reads."""
    recall, facts = Recall(pack), stay_of(size)
    found = recall.assess(facts, NOW, NOW)
    assessed: dict[bool, list[float]] = {True: [], False: []}
    blind = []
    for fact in more(rounds, NOW):
        facts = (*facts, fact)
        at_ms = fact.effective.start_ms
        start_s = time.thread_time()
        found = recall.assess(facts, at_ms, at_ms)
        done_s = time.thread_time()
        is_read = fact.concept in pack.rules.read
        if is_read:
            find_blind_spots(found, pack)
            blind.append(time.thread_time() - done_s)
        assessed[is_read].append(done_s - start_s)
    return median(assessed[True]) * 1e3, median(blind) * 1e3, median(assessed[False]) * 1e3


def _timed(work: Callable[[], object]) -> float:
    start_s = time.thread_time()
    work()
    return (time.thread_time() - start_s) * 1e3


def _first(book: RuleBook, count: int) -> RuleBook:
    """Give a book of the first rules; in its order each comes after those that it refers to."""
    return replace(book, rules=book.rules[:count])
