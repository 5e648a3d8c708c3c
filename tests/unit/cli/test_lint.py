"""`lpwatch lint` from the outside."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from click.testing import Result

from worker.simulate.vignettes import Vignette, parse_vignettes

Run = Callable[..., Result]


@cache
def parse_once(files: tuple[tuple[str, str], ...]) -> tuple[Vignette, ...]:
    return parse_vignettes(dict(files))


@pytest.fixture(autouse=True)
def _vignettes_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spare each run from reading the vignettes of the default pack anew."""
    monkeypatch.setattr("worker.cli.lint.parse_vignettes", lambda files: parse_once(tuple(files.items())))


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


def test_a_warning_is_no_problem(lpwatch: Run) -> None:
    lines = [line for line in lpwatch("lint").stdout.splitlines() if line.startswith("warning: ")]
    assert any("does not see attempts until a site maps it" in line for line in lines)
    assert len(json.loads(lpwatch("lint", "--json").stdout)["warnings"]) == len(lines)


def test_a_site_that_maps_an_input_is_not_warned_of_it(lpwatch: Run, tmp_path: Path) -> None:
    folder = tmp_path / "ours" / "feeds"
    folder.mkdir(parents=True)
    code = "{code: TRIES, system: LOCAL, concept: attempts}"
    (folder / "ours.yaml").write_text(f"feed: ours\nzone: UTC\ncodes: [{code}]\n", encoding="utf-8")
    assert "does not see attempts" not in lpwatch("lint", "--pack", tmp_path / "ours").stdout


@pytest.fixture
def ours(tmp_path: Path, root: Path) -> Path:
    """Give a pack whose rule is that of the default pack with another number."""
    folder = tmp_path / "ours" / "rules"
    folder.mkdir(parents=True)
    text = (root / "mappings" / "rules" / "fever-single.yaml").read_text(encoding="utf-8")
    (folder / "fever-single.yaml").write_text(text.replace("value: 168", "value: 170"), encoding="utf-8")
    return tmp_path / "ours"


def test_versions_are_locked_and_a_change_under_one_is_refused(lpwatch: Run, ours: Path) -> None:
    assert lpwatch("lint", "--pack", ours).exit_code == 0
    assert lpwatch("lint", "--pack", ours, "--lock").exit_code == 0
    lock = (ours / "rules" / "versions.lock.yaml").read_text(encoding="utf-8")
    assert "  fever-single: {version: 1, digest: '" in lock
    rule = ours / "rules" / "fever-single.yaml"
    rule.write_text(rule.read_text(encoding="utf-8").replace("value: 170", "value: 171"), encoding="utf-8")
    for arguments in ((), ("--lock",)):
        result = lpwatch("lint", "--pack", ours, *arguments)
        assert result.exit_code == 1
        assert f"{rule}:3:10: 'fever-single' or a definition that it uses changed" in result.stdout
    assert (ours / "rules" / "versions.lock.yaml").read_text(encoding="utf-8") == lock
    rule.write_text(rule.read_text(encoding="utf-8").replace("version: 1", "version: 2"), encoding="utf-8")
    assert lpwatch("lint", "--pack", ours, "--lock").exit_code == 0


def test_a_pack_without_rules_or_with_problems_is_not_locked(
    lpwatch: Run, tmp_path: Path, broken: Path
) -> None:
    folder = tmp_path / "feeds-only" / "feeds"
    folder.mkdir(parents=True)
    (folder / "ours.yaml").write_text("feed: ours\nzone: UTC\n", encoding="utf-8")
    result = lpwatch("lint", "--pack", folder.parent, "--lock")
    assert result.exit_code == 3
    assert "no rules here to lock" in result.output
    assert lpwatch("lint", "--pack", broken, "--lock").exit_code == 1
    assert not list(tmp_path.rglob("versions.lock.yaml"))


def test_a_vignette_that_cannot_be_read_is_a_problem(lpwatch: Run, tmp_path: Path) -> None:
    folder = tmp_path / "ours" / "tests"
    folder.mkdir(parents=True)
    (folder / "odd.yaml").write_text("scenarios:\n- {id: X}\n", encoding="utf-8")
    result = lpwatch("lint", "--pack", tmp_path / "ours")
    assert result.exit_code == 1
    assert f"{folder}/odd.yaml:2:3: key 'title' is missing" in result.stdout


def test_a_problem_names_the_file_of_the_folder_that_has_it(lpwatch: Run, tmp_path: Path) -> None:
    folder = tmp_path / "ours" / "feeds"
    folder.mkdir(parents=True)
    (folder / "ours.yaml").write_text("feed: synthetic\nzone: nowhere\n", encoding="utf-8")
    lines = lpwatch("lint", "--pack", tmp_path / "ours").stdout.splitlines()
    assert any(line.startswith(f"{tmp_path}/ours/feeds/ours.yaml:2:7:") for line in lines)


def test_a_file_that_nothing_reads_because_of_its_name_is_told(lpwatch: Run, tmp_path: Path) -> None:
    folder = tmp_path / "ours" / "rules"
    folder.mkdir(parents=True)
    for name in ("fever.yaml.txt", "fever.yaml~", "README.md", ".hidden"):
        (folder / name).write_text("id: x\n", encoding="utf-8")
    result = lpwatch("lint", "--pack", tmp_path / "ours")
    assert result.exit_code == 0, result.output
    told = [line for line in result.stdout.splitlines() if "not read" in line]
    assert [line.partition(", because its name does not end with .yaml")[0] for line in told] == [
        f"warning: {folder}/fever.yaml.txt:1:1: not read",
        f"warning: {folder}/fever.yaml~:1:1: not read",
    ]
