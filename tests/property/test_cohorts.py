"""The planted complications are found, and the page of the alarm burden can be written from what a replay gives."""

from __future__ import annotations

import pytest

from tools.burden.page import FOUND, Cohort, page
from tools.burden.rows import Shard
from tools.burden.run import default_pack, run
from worker.model.message import Form
from worker.simulate.cohort.complications import KINDS

pytestmark = pytest.mark.slow

SEED = 1


@pytest.fixture(scope="module")
def planted() -> Shard:
    return run("planted", SEED, 0, len(KINDS))


@pytest.fixture(scope="module")
def mixed() -> Shard:
    return run("mixed", SEED, 0, 16)


def test_every_message_of_both_cohorts_is_read(planted: Shard, mixed: Shard) -> None:
    for shard in (planted, mixed):
        assert (shard.failed, shard.dead_letters) == (0, 0)
        assert shard.unmapped == ()


def test_every_planted_complication_is_found(planted: Shard) -> None:
    wrong = [
        f"{row.kind} {row.rule}: {row.outcome} {row.got} {row.said}"
        for row in planted.expected
        if row.outcome not in {*FOUND, "no rule"}
    ]
    assert wrong == []


def test_fhir_finds_the_same_but_for_codes_that_only_the_hl7_feed_maps(planted: Shard) -> None:
    in_fhir = run("planted", SEED, 0, len(KINDS), Form.FHIR)
    assert (in_fhir.failed, in_fhir.dead_letters) == (0, 0)

    def found(shard: Shard) -> set[tuple[int, str, str]]:
        return {(row.patient, row.rule, row.highest) for row in shard.alerts}

    of_bedside = {"csf-pressure", "bladder-bowel-saddle", "no-neuro-obs-4h"}
    assert {rule for _, rule, _ in found(planted) ^ found(in_fhir)} <= of_bedside


def test_the_page_can_be_written_and_says_so(planted: Shard, mixed: Shard) -> None:
    rules = [rule.id for rule in default_pack().rules.rules]
    text = page(Cohort((mixed,)), Cohort((planted,)), "a command", rules)
    assert f"of 16 patients, {mixed.messages:,} messages, {len(rules)} rules" in text
    assert all(f"| `{rule}` |" in text for rule in rules)
