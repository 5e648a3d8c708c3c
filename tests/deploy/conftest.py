"""Programs that check deployment files: in the virtual environment, on the machine, or taken out of Debian's packages."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tools.local_process import cache_folder


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
        unpacked = cache_folder() / "debian" / package
        program = unpacked / "usr" / "bin" / name
        if not program.is_file():
            unpacked.mkdir(parents=True, exist_ok=True)
            # An image whose package lists were cleaned needs them first.
            if not (
                _apt(unpacked, "download", package)
                or (_apt(unpacked, "update") and _apt(unpacked, "download", package))
            ):
                told = f"no {name}, and its package cannot be fetched. As root: apt-get install {package}"
                pytest.fail(told, pytrace=False)
            for archive in unpacked.glob("*.deb"):
                subprocess.run(["dpkg-deb", "--extract", str(archive), str(unpacked)], check=True)
        return str(program)

    return find


def _apt(folder: Path, *command: str) -> bool:
    """Tell whether a command of apt-get went well."""
    program = shutil.which("apt-get")
    return (
        program is not None
        and not subprocess.run([program, *command], cwd=folder, capture_output=True, check=False).returncode
    )
