"""`lpwatch demo` as a process: alerts are shown early, and it ends when it should."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from pathlib import Path
from typing import IO

import pytest

pytestmark = pytest.mark.integration

COMMAND = [sys.executable, "-c", "from worker.cli.main import main; main()", "demo"]
TIMEOUT_S = 300
ALERT = "h after LP:"


def _wait_for(stream: IO[str], sign: str) -> str:
    """Read lines until one has the sign; the process ends by itself, so this does too."""
    for line in stream:
        if sign in line:
            return line
    return ""


def test_a_short_demonstration_shows_an_alert_and_ends_well(root: Path) -> None:
    # Four seconds are enough, unless the machine has other things to do.
    assert any(ALERT in _demonstrate(root, seconds) for seconds in ("4", "15", "60"))


def _demonstrate(root: Path, seconds: str) -> str:
    done = subprocess.run(
        [*COMMAND, "--seconds", seconds, "--plain"],
        cwd=root,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "acknowledged" in done.stdout.splitlines()[-1]
    assert done.stderr == ""
    return done.stdout


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_without_a_traceback(root: Path, number: signal.Signals) -> None:
    with subprocess.Popen(
        [*COMMAND, "--seconds", "600", "--plain"],
        cwd=root,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},  # noqa: TID251 - the child needs the path of this environment
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert _wait_for(process.stdout, ALERT)
        process.send_signal(number)
        rest, errors = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 0
    assert errors == ""
    assert "on the ward" in rest.splitlines()[-1]


def test_the_live_view_is_drawn_on_a_terminal(root: Path) -> None:
    leader, follower = pty.openpty()
    with subprocess.Popen(
        [*COMMAND, "--seconds", "3"],
        cwd=root,
        stdout=follower,
        stderr=follower,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "120", "LINES": "40"},  # noqa: TID251 - as above
    ) as process:
        os.close(follower)
        shown = bytearray()
        while True:
            try:
                data = os.read(leader, 65_536)
            except OSError:  # how Linux says that the terminal was closed
                break
            if not data:
                break
            shown += data
    os.close(leader)
    assert process.returncode == 0
    assert b"lpwatch demo" in shown
    assert b"Traceback" not in shown
