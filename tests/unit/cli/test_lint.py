"""`lpwatch lint` from the outside."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

Run = Callable[..., Result]


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    folder = tmp_path / "ours" / "rules"
    folder.mkdir(parents=True)
    (folder / "bad.yaml").write_text("id: bad\nfoo: 1\n", encoding="utf-8")
    return tmp_path / "ours"


def test_default_pack_has_no_problems(lpwatch: Run) -> None:
    result = lpwatch("lint")
    assert result.exit_code == 0, result.output
    assert "rules" in result.stdout


def test_problems_are_lines_with_file_line_and_column_and_code_1(lpwatch: Run, broken: Path) -> None:
    result = lpwatch("lint", "--pack", broken)
    assert result.exit_code == 1
    assert any(line.startswith(f"{broken}/rules/bad.yaml:") for line in result.stdout.splitlines())


def test_json_lists_problems_and_contents(lpwatch: Run, broken: Path) -> None:
    good = json.loads(lpwatch("lint", "--json").stdout)
    assert good["problems"] == []
    assert good["rules"] >= 7
    assert good["unverified"]
    bad = json.loads(lpwatch("lint", "--json", "--pack", broken).stdout)
    assert bad["problems"]


def test_a_problem_names_the_file_of_the_folder_that_has_it(lpwatch: Run, tmp_path: Path) -> None:
    folder = tmp_path / "ours" / "feeds"
    folder.mkdir(parents=True)
    (folder / "ours.yaml").write_text("feed: synthetic\nzone: nowhere\n", encoding="utf-8")
    lines = lpwatch("lint", "--pack", tmp_path / "ours").stdout.splitlines()
    assert any(line.startswith(f"{tmp_path}/ours/feeds/ours.yaml:2:7:") for line in lines)
