"""The edges of the seven rules that run: in both standards, in both ways of each, in order and shuffled."""

from __future__ import annotations

from pathlib import Path

import pytest

from worker.runtime.bootstrap import load_pack, memory_store, program
from worker.simulate.judge import describe
from worker.simulate.trial import Bench, try_vignette
from worker.simulate.vignettes import Vignette, parse_vignettes

FILE = Path(__file__).resolve().parents[2] / "mappings" / "tests" / "seven-rules.yaml"
VIGNETTES = parse_vignettes({FILE.name: FILE.read_text(encoding="utf-8")})


@pytest.fixture(scope="module")
def bench() -> Bench:
    pack = load_pack()
    return Bench(
        lambda reader: program(pack, reader), memory_store, frozenset(rule.id for rule in pack.rules.rules)
    )


@pytest.mark.parametrize("vignette", VIGNETTES, ids=lambda vignette: vignette.vignette_id)
def test_a_vignette_gives_exactly_its_alerts(vignette: Vignette, bench: Bench) -> None:
    failures = try_vignette(vignette, bench).failures
    assert not failures, "\n".join(
        f"{failure.form}, {failure.order}: expected {[describe(one) for one in failure.expected]}, "
        f"got {[describe(one) for one in failure.got]} {' '.join(failure.problems)}"
        for failure in failures
    )


def test_every_rule_that_runs_fires_here(bench: Bench) -> None:
    assert frozenset().union(*(vignette.rules for vignette in VIGNETTES)) == bench.rules
