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


def errors(document: Node | str) -> list[Diagnostic]:
    text = document if isinstance(document, str) else json.dumps(document)
    return [said for said in validate(text) if said.is_error]


def test_the_page_in_docs_is_valid(root: Path) -> None:
    assert errors((root / "docs" / "asyncapi.yaml").read_text(encoding="utf-8")) == []


def test_a_site_with_every_variant_is_valid() -> None:
    assert errors(asyncapi_document(SITE, Topics("dead", "alive"))) == []


def test_a_site_without_operational_topics_is_valid() -> None:
    assert errors(asyncapi_document(SITE, Topics())) == []


def test_the_parser_finds_what_is_wrong() -> None:
    document = asyncapi_document(SITE, Topics())
    document["operations"]["send.pager"]["action"] = "shout"
    document["components"]["messages"]["alert"]["payload"] = {"$ref": "#/components/schemas/Nobody"}
    places = [said.path for said in errors(document)]
    assert any("send.pager" in place for place in places)
    assert any("payload" in place for place in places)
