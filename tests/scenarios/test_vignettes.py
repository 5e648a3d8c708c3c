"""The vignettes that the first seven rules answer: in both standards, in both ways of each, in order and shuffled."""

from __future__ import annotations

from pathlib import Path

import pytest

from worker.runtime.bootstrap import load_pack, memory_store, program
from worker.simulate.judge import describe
from worker.simulate.trial import Bench, try_vignette
from worker.simulate.vignettes import Vignette, parse_vignettes

FIRE = (1, 3, 4, 5, 8, 11, 12, 13, 14, 15, 25, 27, 38, 39, 40, 41, 45, 48, 49, 50)
SILENT = (2, 7, 9, 10, 18, 21, 24, 26, 31, 33, 35, 42, 44, 46, 47, 52, 55, 56, 57, 60)


@pytest.fixture(scope="module")
def bench() -> Bench:
    pack = load_pack()
    return Bench(
        lambda reader: program(pack, reader), memory_store, frozenset(rule.id for rule in pack.rules.rules)
    )


@pytest.fixture(scope="module")
def vignettes(root: Path) -> dict[str, Vignette]:
    path = root / "mappings/tests/scenarios.yaml"
    parsed = parse_vignettes({path.name: path.read_text(encoding="utf-8")})
    return {vignette.vignette_id: vignette for vignette in parsed}


def _problems(vignette: Vignette, bench: Bench) -> list[str]:
    verdict = try_vignette(vignette, bench)
    return [
        f"{failure.form}, {failure.order}: expected {[describe(one) for one in failure.expected]}, "
        f"got {[describe(one) for one in failure.got]} {' '.join(failure.problems)}"
        for failure in verdict.failures
    ]


@pytest.mark.parametrize("name", [f"S{number:02d}" for number in FIRE])
def test_a_vignette_fires_exactly_as_stated(name: str, vignettes: dict[str, Vignette], bench: Bench) -> None:
    assert vignettes[name].expected
    assert _problems(vignettes[name], bench) == []


@pytest.mark.parametrize("name", [f"S{number:02d}" for number in SILENT])
def test_a_vignette_stays_silent(name: str, vignettes: dict[str, Vignette], bench: Bench) -> None:
    assert not vignettes[name].expected
    assert _problems(vignettes[name], bench) == []
