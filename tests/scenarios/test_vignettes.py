"""The vignettes that the first seven rules answer: in both standards, in both ways of each, in order and shuffled."""

from __future__ import annotations

from pathlib import Path

import pytest

from worker.runtime.bootstrap import load_pack, memory_store, program
from worker.simulate.judge import describe
from worker.simulate.trial import Bench, try_vignette
from worker.simulate.vignettes import Vignette, parse_vignettes

FIRE = ["S01", "S03", "S04", "S05", "S08", "S11", "S12", "S13", "S14", "S15", "S25", "S27", "S38", "S39", "S40", "S41", "S45", "S48", "S49", "S50"]
SILENT = ["S02", "S07", "S09", "S10", "S18", "S21", "S24", "S26", "S31", "S33", "S35", "S42", "S44", "S46", "S47", "S52", "S55", "S56", "S57", "S60"]


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


@pytest.mark.parametrize("name", FIRE)
def test_a_vignette_fires_exactly_as_stated(name: str, vignettes: dict[str, Vignette], bench: Bench) -> None:
    assert vignettes[name].expected
    assert _problems(vignettes[name], bench) == []


@pytest.mark.parametrize("name", SILENT)
def test_a_vignette_stays_silent(name: str, vignettes: dict[str, Vignette], bench: Bench) -> None:
    assert not vignettes[name].expected
    assert _problems(vignettes[name], bench) == []
