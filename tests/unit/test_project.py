"""The project's own rules that no linter checks: file sizes, contracts, hosts, requirements, version."""

from __future__ import annotations

import re
import subprocess
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import worker

ROOT = Path(__file__).resolve().parents[2]
MAX_LINES = 600
CORE = {"model", "decode", "notes", "mapping", "correlate", "rules", "alerts", "pipeline"}
LOCK_FILES = {"uv.lock", "package-lock.json", "poetry.lock"}
# In two parts, so that this file does not name one itself.
REGISTRY_HOSTS = [
    ("pypi", "org"),
    ("pythonhosted", "org"),
    ("npmjs", "org"),
    ("npmjs", "com"),
    ("yarnpkg", "com"),
    ("golang", "org/dl"),
    ("proxy.golang", "org"),
    ("maven.apache", "org/maven2"),
    ("repo1.maven", "org"),
    ("crates", "io"),
]


@cache
def _project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def _contract(name: str) -> dict[str, Any]:
    contracts = _project()["tool"]["importlinter"]["contracts"]
    return next(contract for contract in contracts if contract["id"] == name)


def _modules() -> set[str]:
    """List what stands directly below `worker`: packages and single modules."""
    packages = {path.parent.name for path in (ROOT / "worker").glob("*/__init__.py")}
    files = {path.stem for path in (ROOT / "worker").glob("*.py")}
    return (packages | files) - {"__init__", "__main__"}


def _files_in_git() -> list[Path]:
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout.decode()
    return [path for name in listed.split("\0") if name and (path := ROOT / name).is_file()]


def _names(lines: list[str]) -> set[str]:
    return {line.strip() for line in lines if line.strip() and not line.startswith(("#", "-"))}


def test_no_file_of_the_worker_is_too_long() -> None:
    sizes = {
        path.relative_to(ROOT).as_posix(): len(path.read_text(encoding="utf-8").splitlines())
        for path in (ROOT / "worker").rglob("*.py")
    }
    assert {name: size for name, size in sizes.items() if size > MAX_LINES} == {}


def test_every_module_of_the_worker_has_its_layer() -> None:
    layers = {name.strip(" ()") for line in _contract("layers")["layers"] for name in re.split(r"[|:]", line)}
    assert _modules() - layers == set()


def test_every_core_module_is_kept_pure() -> None:
    kept_pure = {name.removeprefix("worker.") for name in _contract("pure-core")["source_modules"]}
    assert (CORE & _modules()) - kept_pure == set()


def test_no_file_in_git_names_a_package_registry() -> None:
    pattern = re.compile("|".join(re.escape(".".join(parts)) for parts in REGISTRY_HOSTS))
    naming = [
        path.relative_to(ROOT).as_posix()
        for path in _files_in_git()
        if pattern.search(path.read_text(encoding="utf-8", errors="replace"))
    ]
    assert naming == []


def test_no_file_in_git_is_a_lock_file_with_hosts() -> None:
    assert [path.name for path in _files_in_git() if path.name in LOCK_FILES] == []


def test_version_is_the_same_everywhere() -> None:
    assert _project()["project"]["version"] == worker.__version__


@pytest.mark.parametrize("name", ["run", "test"])
def test_requirement_names_are_those_of_the_project(name: str) -> None:
    project = _project()["project"]
    stated = project["dependencies"] if name == "run" else project["optional-dependencies"]["test"]
    lines = (ROOT / "requirements" / f"{name}.in").read_text(encoding="utf-8").splitlines()
    assert _names(lines) == set(stated)


@pytest.mark.parametrize("name", ["run", "test"])
def test_requirements_are_pinned_and_hashed_and_name_no_place(name: str) -> None:
    text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
    entries = re.split(r"\n(?=\S)", text.strip())
    unpinned = [
        entry.splitlines()[0] for entry in entries if "==" not in entry or "--hash=sha256:" not in entry
    ]
    assert unpinned == []
    assert "://" not in text


@pytest.mark.parametrize("name", ["run", "test"])
def test_requirements_hold_the_build_tools(name: str) -> None:
    build = _names((ROOT / "requirements" / "build.in").read_text(encoding="utf-8").splitlines())
    pinned = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
    assert {tool for tool in build if f"\n{tool}==" not in f"\n{pinned}"} == set()
