"""The concepts of the pack against those of the clinical specification, where that is at hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from worker.mapping.pack import MappingPack

SPLIT = {
    "blood-pressure": {"systolic-pressure", "diastolic-pressure"},
    "gcs": {"gcs", "gcs-eye", "gcs-verbal", "gcs-motor"},
}
"""Concepts whose codes say which of several numbers they are."""


@pytest.fixture(scope="module")
def stated(shared: Path) -> list[dict[str, Any]]:
    text = (shared / "clinical" / "concepts.yaml").read_text(encoding="utf-8")
    rows: list[dict[str, Any]] = YAML(typ="safe", pure=True).load(text)["concepts"]
    assert len(rows) > 70
    return rows


def _codes(stated: list[dict[str, Any]], key: str = "codes") -> list[tuple[str, dict[str, str]]]:
    return [(row["name"], code) for row in stated for code in row.get(key, ())]


def _ours(name: str) -> set[str]:
    return SPLIT.get(name, {name})


def test_every_concept_is_in_the_pack(pack: MappingPack, stated: list[dict[str, Any]]) -> None:
    names = set().union(*(_ours(row["name"]) for row in stated))
    assert names - set(pack.concepts) == set()


def test_a_verified_code_means_its_concept_or_is_known_and_off(
    pack: MappingPack, stated: list[dict[str, Any]]
) -> None:
    wrong = []
    for name, code in _codes(stated):
        target = pack.vocabulary.targets.get(f"{code['sys']}|{code['code']}")
        is_right = target is not None and (target.concept.id in _ours(name) or target.is_ignored)
        if code["status"] == "verified" and not is_right:
            wrong.append((name, code["code"]))
    assert wrong == []


def test_only_codes_that_say_too_little_are_known_and_off(
    pack: MappingPack, stated: list[dict[str, Any]]
) -> None:
    off = {
        code["code"]
        for _, code in _codes(stated)
        if code["status"] == "verified"
        and pack.vocabulary.targets[f"{code['sys']}|{code['code']}"].is_ignored
    }
    # Two drains, an injection that names no blood, and a panel whose parts carry the values.
    assert off == {"009U30Z", "738769004", "3E0S3GC", "85354-9"}


def test_no_unverified_code_means_anything(pack: MappingPack, stated: list[dict[str, Any]]) -> None:
    unverified = [code for _, code in _codes(stated) if code["status"] != "verified"]
    assert unverified
    assert [
        code["code"] for code in unverified if f"{code['sys']}|{code['code']}" in pack.vocabulary.targets
    ] == []


def test_every_unverified_code_is_listed_for_lint(pack: MappingPack, stated: list[dict[str, Any]]) -> None:
    missing = [
        (name, code["display"])
        for name, code in _codes(stated)
        if code["status"] != "verified"
        and not any(
            (code["code"] or code["display"]) in line
            for concept in _ours(name)
            for line in pack.concepts[concept].unverified
        )
    ]
    assert missing == []


def test_an_excluded_code_is_known_and_never_used(pack: MappingPack, stated: list[dict[str, Any]]) -> None:
    excluded = _codes(stated, "exclude_codes")
    assert excluded
    for name, code in excluded:
        assert pack.vocabulary.targets[f"{code['sys']}|{code['code']}"].is_ignored, name


def test_the_answers_of_a_coded_concept_are_those_stated(
    pack: MappingPack, stated: list[dict[str, Any]]
) -> None:
    for name, answer in _codes(stated, "answers"):
        assert pack.concepts[name].answers[f"{answer['sys']}|{answer['code']}"] == answer["v"]


def test_unit_units_and_plausible_range_are_those_stated(
    pack: MappingPack, stated: list[dict[str, Any]]
) -> None:
    for row in stated:
        for name in _ours(row["name"]) & {row["name"]} if "canonical" in row else ():
            concept = pack.concepts[name]
            assert concept.unit == row["canonical"], name
            assert set(row["units"]) - set(concept.conversions) == set(), name
            assert list(concept.plausible or ()) == row.get("plausible", []), name


def test_a_factor_that_is_stated_is_used(pack: MappingPack, stated: list[dict[str, Any]]) -> None:
    (row,) = [row for row in stated if "factor_mmol_to_mg_dl" in row]
    for name in ("csf-glucose", "serum-glucose"):
        assert pack.concepts[name].conversions["mmol/L"].apply(1) == row["factor_mmol_to_mg_dl"]
