"""docs/clinical.md and the version lock are those of the pack of now."""

from __future__ import annotations

from pathlib import Path

from tests.unit.rules.pack import default_layer
from tools.clinical_docs import PAGE, page
from worker.decode.located_yaml import Problems
from worker.rules.lint_versions import write_lock
from worker.rules.rule_files import LOCK, read_rule_files


def test_the_catalogue_is_written_from_the_pack_of_now() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python -m tools.clinical_docs"


def test_the_version_lock_is_written_from_the_pack_of_now(root: Path) -> None:
    # A change of meaning under the same version raises; raise the version of the rule, then: lpwatch lint --lock
    lock = (root / "mappings" / LOCK).read_text(encoding="utf-8")
    assert lock == write_lock(read_rule_files([default_layer()], Problems())), "run: lpwatch lint --lock"
