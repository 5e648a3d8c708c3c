"""The mutation check of the rules: it says what `lpwatch test` says, and a weak set of vignettes lets mutants live."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest
from click.testing import CliRunner
from ruamel.yaml import YAML

from worker.cli.mutate import mutate
from worker.pipeline import Pack, compile_pack
from worker.rules.library import terms_of
from worker.runtime.offline import load_pack, memory_store, program
from worker.runtime.packs import read_layers
from worker.simulate.mutation.bench import End, MutationBench
from worker.simulate.mutation.doubts import doubts
from worker.simulate.mutation.edits import Kind
from worker.simulate.mutation.mutants import Catalogue, Mutant
from worker.simulate.mutation.survivors import parse_survivors
from worker.simulate.trial import Bench, try_vignette
from worker.simulate.vignettes import parse_vignettes

pytestmark = pytest.mark.slow

TESTS = Path(__file__).resolve().parents[2] / "mappings" / "tests"
FILE = TESTS / "fever-single.yaml"
_CONSCIOUSNESS = (
    "altered-consciousness when.any[0].reading.where: left out: "
    "{drop_from_baseline: {at_least: $gcs_drop, or_first_within: $gcs_firs…"
)


@cache
def _pack() -> Pack:
    return load_pack()


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return Catalogue(read_layers(()), terms_of(_pack().mapping))


def _bench(catalogue: Catalogue, *keep: str) -> MutationBench:
    """Make a bench with the vignettes of fever-single, or with those named."""
    known = parse_vignettes({FILE.name: FILE.read_text(encoding="utf-8")})
    kept = [(FILE.name, one) for one in known if not keep or one.vignette_id in keep]
    return MutationBench(catalogue, _pack(), kept, memory_store)


def _mutant(catalogue: Catalogue, name: str) -> Mutant:
    owner, _, _ = name.partition(" ")
    return next(one for one in catalogue.mutants([owner]) if one.name == name)


def _layers_with(mutant: Mutant) -> list[Mapping[str, str]]:
    """Write a mutant as a site would have it: a file of a layer over the pack."""
    file = "definitions" if mutant.owner.startswith("definitions/") else mutant.owner
    return [*read_layers(()), {f"rules/{file}.yaml": json.dumps(mutant.data)}]


@pytest.mark.parametrize(
    ("name", "file", "keep"),
    [
        ("fever-single params.window_end.value: 168 -> 167 h", "fever-single", slice(None, None, 2)),
        ("fever-single unless[0].when.not: affirmed", "fever-single", slice(None, None, 2)),
        # What other rules say of a changed one, and what a definition says to many.
        (
            "altered-consciousness params.gcs_full.value: 15 -> 14 {score}",
            "headache-beyond-7d",
            slice(28, 32),
        ),
        (_CONSCIOUSNESS, "headache-beyond-7d", slice(28, 32)),
        (
            "definitions/febrile definitions.febrile.where.any[0].above: above -> at_least",
            "fever-with-neck-stiffness",
            slice(None, 12),
        ),
    ],
)
def test_a_judgement_is_that_of_the_whole_test_with_the_mutant_as_a_pack(
    name: str, file: str, keep: slice, catalogue: Catalogue
) -> None:
    mutant = _mutant(catalogue, name)
    pack = compile_pack(_layers_with(mutant))
    whole = Bench(lambda reader: program(pack, reader), memory_store, frozenset())
    path = TESTS / f"{file}.yaml"
    for vignette in parse_vignettes({path.name: path.read_text(encoding="utf-8")})[keep]:
        noticed = not try_vignette(vignette, whole).has_passed
        judged = MutationBench(catalogue, _pack(), [(path.name, vignette)], memory_store).judge(mutant)
        assert (judged.end is End.NOTICED) == noticed, vignette.vignette_id


def test_a_weak_set_of_vignettes_lets_a_mutant_live(catalogue: Catalogue) -> None:
    mutant = _mutant(catalogue, "fever-single params.window_end.value: 168 -> 169 h")
    assert _bench(catalogue).judge(mutant).end is End.NOTICED
    weak = _bench(catalogue, "R01", "R03", "R25").judge(mutant)
    assert (weak.end, weak.judged) == (End.SURVIVED, 3)


def test_one_change_of_each_kind_is_noticed_by_the_vignettes(catalogue: Catalogue) -> None:
    """Try changes of each kind until one is noticed; the whole check is `make mutate-rules`."""
    files = {path.name: path.read_text(encoding="utf-8") for path in sorted(TESTS.glob("*.yaml"))}
    wanted = {
        Kind.NUMBER: "fever-ongoing-after-day1",
        Kind.OPERATOR: "fever-ongoing-after-day1",
        Kind.WINDOW: "no-temp-6h",
        Kind.TIME: "no-temp-6h",
        Kind.AGE: "csf-cells",
        Kind.JOIN: "fever-ongoing-after-day1",
        Kind.LOGIC: "csf-cells",
        Kind.CLAUSE: "fever-ongoing-after-day1",
        Kind.LIST: "no-temp-6h",
        Kind.GRADE: "csf-cells",
        Kind.FOLD: "fever-ongoing-after-day1",
    }
    kept = [
        (name, one)
        for name, text in files.items()
        if name.removesuffix(".yaml") in wanted.values()
        for one in parse_vignettes({name: text})
    ]
    bench = MutationBench(catalogue, _pack(), kept, memory_store)
    mutants = list(catalogue.mutants(wanted.values()))
    assert set(wanted) == set(Kind)
    for kind, owner in wanted.items():
        found = [one for one in mutants if one.kind is kind and one.owner == owner]
        assert any(bench.judge(mutant).end is End.NOTICED for mutant in found), kind


def test_every_listed_survivor_is_a_change_that_can_be_made(catalogue: Catalogue) -> None:
    file = Path(__file__).parent / "survivors.yaml"
    listed = parse_survivors(file.read_text(encoding="utf-8"), file.name)
    assert set(listed.reasons) <= {mutant.name for mutant in catalogue.mutants()}


def test_a_wrong_reason_is_doubted_by_a_short_timeline_and_a_right_one_is_not(catalogue: Catalogue) -> None:
    told = {mutant.name: mutant for mutant in catalogue.mutants(["fever-single"])}
    before = told["fever-single window.from: $at_lp 0 -> -1 h"]  # listed, and rightly so
    later = told["fever-single params.window_end.value: 168 -> 169 h"]
    found = list(doubts(_bench(catalogue, "R03"), catalogue, [before, later], 60))
    assert [doubt.mutant for doubt in found] == [later]
    # Its alerts are those of the rule as it is: as a vignette it passes, and notices.
    text = json.dumps({"scenarios": [found[0].vignette]})
    vignettes = [("fever-single.yaml", one) for one in parse_vignettes({"fever-single.yaml": text})]
    assert len(vignettes[0][1].happenings) <= 3
    judged = MutationBench(catalogue, _pack(), vignettes, memory_store).judge(later)
    assert (judged.end, judged.failing) == (End.NOTICED, ())


def test_what_lint_refuses_is_no_survivor(catalogue: Catalogue) -> None:
    bench = _bench(catalogue, "R03")
    mutants = catalogue.mutants(["altered-consciousness"])
    name = "altered-consciousness when.any[2].reading.where.worse_than_baseline.order[0]: left out: A"
    judged = bench.judge(next(one for one in mutants if one.name == name))
    assert judged.end is End.REFUSED
    assert "'A' is not in `order`" in judged.by


def test_vignettes_that_fail_without_a_change_are_told(catalogue: Catalogue) -> None:
    text = FILE.read_text(encoding="utf-8").replace("at: 167.5}]", "at: 160}]", 1)
    vignettes = [(FILE.name, one) for one in parse_vignettes({FILE.name: text})]
    mutant = _mutant(catalogue, "fever-single severity: urgent -> routine")
    assert MutationBench(catalogue, _pack(), vignettes, memory_store).judge(mutant).failing == ("R01",)


def test_the_command_tells_rates_survivors_and_an_outdated_list(tmp_path: Path) -> None:
    data = YAML(typ="safe", pure=True).load(FILE.read_text(encoding="utf-8"))
    weak = tmp_path / "weak.yaml"
    weak.write_text(json.dumps({"scenarios": data["scenarios"][:4]}), encoding="utf-8")
    listed = tmp_path / "survivors.yaml"
    listed.write_text(
        'survivors: [{mutant: "fever-single severity: urgent -> routine", why: "an outdated entry"}]',
        encoding="utf-8",
    )
    options = [
        "--rule",
        "fever-single",
        "--survivors",
        str(listed),
        "--jobs",
        str(min(2, os.cpu_count() or 1)),
    ]
    done = CliRunner().invoke(mutate, [str(weak), *options, "--json"])
    told = json.loads(done.stdout)
    assert done.exit_code == 1
    assert told["noticed"] + told["survived"] + told["refused"] == told["mutants"]
    assert 0 < told["rate"] < 0.95
    assert any("does not survive any more" in problem for problem in told["problems"])
    assert any("window_end" in one["mutant"] or "raise" in one["mutant"] for one in told["survivors"])
    table = CliRunner().invoke(mutate, [str(weak), *options, "--at-least", "1"])
    assert "fever-single" in table.stdout
    assert "refused by lint" in table.stdout
