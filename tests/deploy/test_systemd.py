"""systemd knows every key of the unit, for every role."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("role", ["run", "gateway", "worker", "deliver"])
def test_systemd_verifies_the_unit(
    role: str, deploy: Path, tmp_path: Path, debian_tool: Callable[[str, str], str]
) -> None:
    # Its program is not installed where the unit is checked: another one stands for it, or nothing else would be looked at.
    unit = (deploy / "systemd" / "lpwatch@.service").read_text(encoding="utf-8")
    path = tmp_path / f"lpwatch@{role}.service"
    path.write_text(
        unit.replace("/opt/lpwatch/bin/lpwatch", shutil.which("true") or "/bin/true"), encoding="utf-8"
    )
    said = subprocess.run(
        [debian_tool("systemd-analyze", "systemd"), "verify", "--man=no", str(path)],
        capture_output=True,
        text=True,
        check=False,
    )
    # It returns 0 on unknown keys: what it says is what counts.
    assert (said.returncode, said.stderr) == (0, "")
