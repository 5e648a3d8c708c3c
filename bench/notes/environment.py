"""The peers' own virtual environment: they pin versions that lpwatch does not want."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
REQUIREMENTS = HERE / "requirements.txt"
FOLDER = HERE.parent / "out" / "notes-peers"


class PeerMissingError(Exception):
    """The peers cannot be installed here."""


def peer_python() -> Path:
    """Return the Python of the peers, installed from pinned and hashed requirements the first time.

    `LPWATCH_NOTES_PEERS` may name a Python that has them.
    Raises: PeerMissingError where that fails.
    """
    given = os.environ.get("LPWATCH_NOTES_PEERS")
    if given is not None:
        return Path(given)
    python, stamp = FOLDER / "bin" / "python", FOLDER / ".stamp"
    wanted = REQUIREMENTS.read_text(encoding="utf-8")
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
        return python
    print("installing the peers of the notes benchmark", flush=True)
    install = [str(python), "-m", "pip", "install", "--quiet", "--require-hashes", "-r", str(REQUIREMENTS)]
    try:
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(FOLDER)], check=True)
        subprocess.run(install, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise PeerMissingError("the environment of the peers cannot be made") from error
    stamp.write_text(wanted, encoding="utf-8")
    return python
