"""What the Makefile does before there is a Python of our own, with programs that only pretend."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# A Python of Debian: `ensurepip` is there when apt-get has brought it.
PYTHON = """#!/bin/sh
case "$*" in
  *ensurepip*) test -e "$PRETENDED/installed" ;;
  *print*) echo python3.11-venv ;;
  *--clear*) mkdir -p "$4" ;;
esac
"""
APT_GET = """#!/bin/sh
echo "apt-get $*" >> "$PRETENDED/apt-get.log"
case "$*" in *python3.11-venv) touch "$PRETENDED/installed" ;; esac
"""


@pytest.fixture
def pretended(tmp_path: Path) -> Path:
    """Give a folder of programs."""
    _program(tmp_path / "python", PYTHON)
    return tmp_path


def _program(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)


def _made(folder: Path, user: int) -> subprocess.CompletedProcess[str]:
    _program(folder / "id", f"#!/bin/sh\necho {user}\n")
    venv = folder / "venv"
    command = ["make", "--silent", f"PYTHON={folder / 'python'}", f"VENV={venv}", f"{venv}/.stamp-venv"]
    # Neither the options of a make that runs the tests nor its PYTHON are meant here.
    others = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "PYTHON"))}  # noqa: TID251  programs are found by PATH
    environment = {**others, "PATH": f"{folder}:{others['PATH']}", "PRETENDED": str(folder)}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def test_root_gets_what_virtual_environments_need_from_apt(pretended: Path) -> None:
    _program(pretended / "apt-get", APT_GET)
    done = _made(pretended, user=0)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "installing python3.11-venv\n"
    assert (pretended / "venv" / ".stamp-venv").exists()


def test_nobody_else_installs_anything(pretended: Path) -> None:
    _program(pretended / "apt-get", APT_GET)
    done = _made(pretended, user=1000)
    assert done.returncode == 2
    assert (
        "cannot make virtual environments. On Debian, as root: apt-get install python3.11-venv" in done.stderr
    )
    assert not (pretended / "apt-get.log").exists()


def test_apt_that_brings_nothing_ends_with_the_same_line(pretended: Path) -> None:
    _program(pretended / "apt-get", "#!/bin/sh\nexit 100\n")
    done = _made(pretended, user=0)
    assert done.returncode == 2
    assert "apt-get install python3.11-venv" in done.stderr
