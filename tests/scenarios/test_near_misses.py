"""A vignette that nearly fires a rule is one in which the rule looked at data, and did not hold."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import pytest

from worker.model.finding import Trace, Truth
from worker.pipeline import Pack, assess, read
from worker.rules.release import is_near_miss
from worker.rules.rule import Rule
from worker.runtime.offline import load_pack
from worker.runtime.packs import default_pack_folder, read_vignettes
from worker.simulate.gold import GoldReader
from worker.simulate.letters import FORMS, write
from worker.simulate.samples import sample_of
from worker.simulate.vignettes import Vignette, parse_vignettes

RULES = [rule.id for rule in load_pack().rules.rules]


@cache
def pack() -> Pack:
    return load_pack()


@cache
def vignettes() -> tuple[Vignette, ...]:
    return parse_vignettes(read_vignettes(default_pack_folder()))


def near_misses(rule: Rule) -> Iterator[Vignette]:
    return (vignette for vignette in vignettes() if is_near_miss(sample_of(vignette), rule))


def has_looked(vignette: Vignette, rule: str) -> bool:
    """Tell whether a part of a rule is false for an LP, when the vignette is over, and the rule holds for none."""
    notes = GoldReader(vignette.gold)
    said = [read(raw, pack(), notes) for raw in write(vignette, FORMS[0])]
    facts = [fact for reading in said for fact in reading.facts]
    found = assess(facts, pack(), vignette.until_ms, vignette.until_ms)
    asked = [evaluation for evaluation in found.evaluations if evaluation.rule.id == rule]
    return all(evaluation.truth is not Truth.TRUE for evaluation in asked) and any(
        Truth.FALSE in truths(evaluation.trace) for evaluation in asked
    )


def truths(trace: Trace) -> set[Truth]:
    return {trace.truth}.union(*(truths(child) for child in trace.children))


@pytest.mark.parametrize("name", RULES)
def test_some_near_miss_of_a_rule_is_one_in_which_it_looked_and_did_not_hold(name: str) -> None:
    rule = pack().rules.by_id[name]
    tried = list(near_misses(rule))
    assert any(has_looked(vignette, name) for vignette in tried), [each.vignette_id for each in tried]
