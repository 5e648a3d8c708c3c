"""The vignettes of the clinical specification: in both standards, both ways of each, in order and shuffled, notes read."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.scenarios.trials import failures_by_extract, failures_of
from worker.simulate.trial import Bench
from worker.simulate.vignettes import Vignette, parse_vignettes

FILE = Path(__file__).resolve().parents[2] / "mappings" / "tests" / "scenarios.yaml"
VIGNETTES = parse_vignettes({FILE.name: FILE.read_text(encoding="utf-8")})
PENDING: frozenset[str] = frozenset()
"""Those that wait for a rule that the pack does not have yet."""


@pytest.mark.parametrize("vignette", VIGNETTES, ids=lambda vignette: vignette.vignette_id)
def test_a_vignette_gives_exactly_its_alerts(vignette: Vignette, bench: Bench) -> None:
    failures = failures_of(vignette, bench)
    if vignette.vignette_id in PENDING:
        assert failures, "it passes now: take it off the list of those that wait"
    else:
        assert not failures


@pytest.mark.parametrize(
    "vignette", [one for one in VIGNETTES if one.gold], ids=lambda vignette: vignette.vignette_id
)
def test_the_extract_of_its_notes_gives_the_same(vignette: Vignette, bench: Bench) -> None:
    assert not failures_by_extract(vignette, bench)
