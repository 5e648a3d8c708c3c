"""docs/any-order.md names tests and vignettes that exist, and every case that there is."""

from __future__ import annotations

import re
from pathlib import Path

from tests.scenarios.test_any_order import IDENTITY, PUNCTURES, STAYS, TIMES, VERSIONS, VISITS

CASES = {"order": VERSIONS | IDENTITY | TIMES | VISITS, "punctures": PUNCTURES, "stays": STAYS}
PLAIN = {"a value alone", "not merged"}
"""Cases that show that the others can fail."""
NAMED = re.compile(r"(?P<table>order|punctures|stays): |`(?P<name>[^`]+)`|\b(?P<vignette>S[0-9]{2})\b")


def shown(root: Path) -> list[str]:
    page = (root / "docs" / "any-order.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| ") and not line.startswith("| what")]
    return [row.rstrip("| ").rpartition(" | ")[2] for row in rows]


def test_every_line_names_tests_that_exist(root: Path) -> None:
    scenarios = (root / "mappings" / "tests" / "scenarios.yaml").read_text(encoding="utf-8")
    named: dict[str, set[str]] = {table: set() for table in CASES}
    for cell in shown(root):
        table, count = "", 0
        for found in NAMED.finditer(cell):
            table = found["table"] or table
            if found["vignette"]:
                assert re.search(rf"id: {found['vignette']}\b", scenarios), found["vignette"]
            elif found["name"] and "::" in found["name"]:
                path, _, test = found["name"].partition("::")
                assert f"def {test}(" in (root / "tests" / path).read_text(encoding="utf-8"), found["name"]
            elif found["name"]:
                assert found["name"] in CASES[table], f"{table}: {found['name']}"
                named[table].add(found["name"])
            count += not found["table"]
        assert count or cell == "every case of *order*", cell
    assert {table: set(cases) - named[table] - PLAIN for table, cases in CASES.items()} == {
        table: set() for table in CASES
    }


def test_the_page_is_as_broad_as_what_it_promises(root: Path) -> None:
    assert len(shown(root)) >= 60
