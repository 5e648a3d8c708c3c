"""The AsyncAPI project's own parser accepts what we describe: the page in docs, and a site with every variant."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tools.asyncapi_parser import Diagnostic, validate
from worker.alerts.routing import Route, Routes, Variant
from worker.runtime.asyncapi import Node, Topics, asyncapi_document

pytestmark = pytest.mark.integration

SITE = Routes(
    Route("default", "lpwatch.alerts"),
    (
        Route("ehr", "ehr_alerts", Variant.FHIR),
        Route("itu", "ward.itu", units=frozenset({"itu"}), facilities=frozenset({"north"})),
        Route("pager", "pager", Variant.MINIMAL, frozenset({"urgent", "emergent"})),
    ),
)


@pytest.fixture(scope="module")
def errors(root: Path) -> dict[str, list[Diagnostic]]:
    """Give the errors in each document, by its name."""
    wrong = asyncapi_document(SITE, Topics())
    wrong["operations"]["send.pager"]["action"] = "shout"
    wrong["components"]["messages"]["alert"]["payload"] = {"$ref": "#/components/schemas/Nobody"}
    documents: dict[str, Node] = {
        "site": asyncapi_document(SITE, Topics("dead", "alive")),
        "without operational topics": asyncapi_document(SITE, Topics()),
        "wrong": wrong,
    }
    texts = {name: json.dumps(document) for name, document in documents.items()}
    texts["page"] = (root / "docs" / "asyncapi.yaml").read_text(encoding="utf-8")
    told = zip(texts, validate(*texts.values()), strict=True)
    return {name: [said for said in diagnostics if said.is_error] for name, diagnostics in told}


def test_the_page_in_docs_is_valid(errors: dict[str, list[Diagnostic]]) -> None:
    assert errors["page"] == []


def test_a_site_with_every_variant_is_valid(errors: dict[str, list[Diagnostic]]) -> None:
    assert errors["site"] == []


def test_a_site_without_operational_topics_is_valid(errors: dict[str, list[Diagnostic]]) -> None:
    assert errors["without operational topics"] == []


def test_the_parser_finds_what_is_wrong(errors: dict[str, list[Diagnostic]]) -> None:
    places = [said.path for said in errors["wrong"]]
    assert any("send.pager" in place for place in places)
    assert any("payload" in place for place in places)
