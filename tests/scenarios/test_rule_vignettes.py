"""The vignettes of each rule, one file a rule: in both standards, in both ways of each, in order and shuffled, notes read."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.scenarios.trials import failures_by_extract, failures_of
from worker.simulate.trial import Bench
from worker.simulate.vignettes import Vignette, parse_vignettes

pytestmark = pytest.mark.slow

FOLDER = Path(__file__).resolve().parents[2] / "mappings" / "tests"
FILES = {path.stem: path for path in sorted(FOLDER.glob("*.yaml")) if path.stem != "scenarios"}
BY_RULE = {
    rule: parse_vignettes({path.name: path.read_text(encoding="utf-8")}) for rule, path in FILES.items()
}
VIGNETTES = [vignette for vignettes in BY_RULE.values() for vignette in vignettes]


@pytest.mark.parametrize("vignette", VIGNETTES, ids=lambda vignette: vignette.vignette_id)
def test_a_vignette_gives_exactly_its_alerts(vignette: Vignette, bench: Bench) -> None:
    assert not failures_of(vignette, bench)


@pytest.mark.parametrize(
    "vignette", [one for one in VIGNETTES if one.gold], ids=lambda vignette: vignette.vignette_id
)
def test_the_extract_of_its_notes_gives_the_same(vignette: Vignette, bench: Bench) -> None:
    assert not failures_by_extract(vignette, bench)


def test_no_two_vignettes_have_one_id() -> None:
    ids = [vignette.vignette_id for vignette in VIGNETTES]
    assert sorted(ids) == sorted(set(ids))


def test_each_file_is_of_a_rule_of_the_pack(bench: Bench) -> None:
    assert set(BY_RULE) <= bench.rules
