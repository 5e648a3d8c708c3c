"""The worked example of docs/how-to-tune-a-pack.md: what it shows is what the commands say."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

Run = Callable[..., Result]

_HEADING = "## A number that several rules share\n"
_VIGNETTES = "severe-positional-headache.yaml"


@pytest.fixture
def example(root: Path) -> str:
    """Give the section of the page."""
    page = (root / "docs" / "how-to-tune-a-pack.md").read_text(encoding="utf-8")
    return page.partition(_HEADING)[2].partition("\n## ")[0]


@pytest.fixture
def ours(example: str, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write the files of the example, as they stand on the page, into a folder beside the default pack's vignettes."""
    for text in re.findall(r"```yaml\n(.*?)```", example, re.DOTALL):
        path = tmp_path / text.partition("\n")[0].removeprefix("# ")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (tmp_path / "mappings").symlink_to(root / "mappings")
    monkeypatch.chdir(tmp_path)
    return Path("ours")


def printed(example: str) -> list[str]:
    """Return what the page says that commands print."""
    return re.findall(r"```text\n(.*?)```", example, re.DOTALL)


def test_lint_names_the_rules_until_the_number_is_locked(lpwatch: Run, example: str, ours: Path) -> None:
    warning, _ = printed(example)
    first = lpwatch("lint", "--pack", ours)
    assert first.exit_code == 0, first.output
    assert warning in first.stdout
    locked = lpwatch("lint", "--pack", ours, "--lock")
    assert (locked.exit_code, warning in locked.stdout) == (0, False)
    assert "below:\n  ebp-candidate: {" in (ours / "rules" / "versions.lock.yaml").read_text(encoding="utf-8")
    shared = ours / "rules" / "definitions.yaml"
    shared.write_text(shared.read_text(encoding="utf-8").replace("value: 6", "value: 5"), encoding="utf-8")
    again = lpwatch("lint", "--pack", ours)
    assert again.exit_code == 1
    assert f"{shared}:4:3: 'severe_pain' is 5 (7 below): ebp-candidate, severe-pos" in again.stdout


def test_a_vignette_that_fails_names_the_number_and_those_of_the_site_pass(
    lpwatch: Run, example: str, ours: Path
) -> None:
    _, failure = printed(example)
    default = Path("mappings", "tests", _VIGNETTES).read_text(encoding="utf-8")
    (row,) = re.findall(r"^- \{id: SPH08,.*?(?=^- )", default, re.DOTALL | re.MULTILINE)
    Path("one.yaml").write_text(f"scenarios:\n{row}", encoding="utf-8")
    result = lpwatch("test", "one.yaml", "--pack", ours)
    assert result.exit_code == 1
    assert failure in result.stdout
    told = lpwatch("test", ours / "tests", "--pack", ours)
    assert told.exit_code == 0, told.output
    assert "2 passed" in told.stdout
