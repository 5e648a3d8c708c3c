"""Programs that check deployment files: in the virtual environment, on the machine, or taken out of Debian's packages."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

CACHE = Path.home() / ".cache" / "lpwatch" / "debian"


@pytest.fixture(scope="session")
def deploy(root: Path) -> Path:
    return root / "deploy"


@pytest.fixture(scope="session")
def tool() -> Callable[[str], str]:
    """Give the path of a program that the test requirements bring along."""

    def find(name: str) -> str:
        return str(Path(sys.executable).parent / name)

    return find


@pytest.fixture(scope="session")
def debian_tool() -> Callable[[str, str], str]:
    """Give the path of a program of this machine, else out of its Debian package, which is not installed."""

    def find(name: str, package: str) -> str:
        found = shutil.which(name)
        if found is not None:
            return found
        unpacked = CACHE / package
        program = unpacked / "usr" / "bin" / name
        if not program.is_file():
            unpacked.mkdir(parents=True, exist_ok=True)
            fetched = subprocess.run(
                ["apt-get", "download", package], cwd=unpacked, capture_output=True, text=True, check=False
            )
            if fetched.returncode:
                pytest.fail(
                    f"no {name}, and its package cannot be fetched: apt-get install {package}", pytrace=False
                )
            for archive in unpacked.glob("*.deb"):
                subprocess.run(["dpkg-deb", "--extract", str(archive), str(unpacked)], check=True)
        return str(program)

    return find
