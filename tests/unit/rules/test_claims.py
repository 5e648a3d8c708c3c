"""The claims of the default pack are those of the catalogue, in our own words."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.unit.rules.pack import ROOT, default_layer
from worker.decode.located_yaml import Problems, load_yaml
from worker.rules.rule_files import RuleFiles, read_rule_files

RUN = 5
"""So many words of a quotation in a row are a quotation."""

GIVEN = {Path("mappings/tests/scenarios.yaml")}
"""Given with the catalogue, word for word."""


@pytest.fixture(scope="module")
def files() -> RuleFiles:
    return read_rule_files([default_layer()], Problems())


@pytest.fixture(scope="module")
def catalogue(shared: Path) -> dict[str, Any]:
    texts = {
        name: (shared / "clinical" / f"{name}.yaml").read_text(encoding="utf-8")
        for name in ("claims", "rules")
    }
    found: dict[str, Any] = {}
    for name, text in texts.items():
        data = load_yaml(text, name).data
        assert isinstance(data, dict)
        found |= data
    return found


def words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9]+", text.casefold())


def runs(text: str) -> set[tuple[str, ...]]:
    found = words(text)
    return {tuple(found[at : at + RUN]) for at in range(len(found) - RUN + 1)}


def test_ids_kinds_and_rules_are_those_of_the_catalogue(files: RuleFiles, catalogue: dict[str, Any]) -> None:
    rules = {claim["id"]: set(claim["rule"]) for claim in catalogue["claims"]}
    for rule in catalogue["rules"]:
        for seed in rule["seed"]:
            rules[seed].add(rule["id"])
    given = {claim["id"]: (claim["src"], claim["kind"], rules[claim["id"]]) for claim in catalogue["claims"]}
    assert {
        name: (files.articles[name[0]].removeprefix("ARTICLE-"), claim.kind, set(claim.rules))
        for name, (claim, _) in files.claims.items()
    } == given


def test_every_source_of_the_catalogue_is_listed(files: RuleFiles, catalogue: dict[str, Any]) -> None:
    assert set(catalogue["sources"]) | {"ARTICLE-A", "ARTICLE-B"} == set(files.sources)


def test_nothing_of_the_product_quotes_an_article(catalogue: dict[str, Any]) -> None:
    quoted = {run: claim["id"] for claim in catalogue["claims"] for run in runs(claim["q"])}
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout
    paths = [Path(line) for line in listed.splitlines()] or [
        path.relative_to(ROOT)
        for folder in ("mappings", "worker", "docs")
        for path in (ROOT / folder).rglob("*.*")
    ]
    found = [
        f"{path}: {quoted[run]}: {' '.join(run)}"
        for path in paths
        if path not in GIVEN and path.suffix in {".yaml", ".py", ".md", ".json"}
        for run in runs((ROOT / path).read_text(encoding="utf-8")) & quoted.keys()
    ]
    assert found == []
