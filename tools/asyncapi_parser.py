"""The parser of the AsyncAPI project, from npm, in a fixed version: the judge of the documents that we make.

Needs Node 18 or newer; the first time also npm.
"""

from __future__ import annotations

import fcntl
import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple

from tools.local_process import ServerError, cache_folder

PACKAGE = "@asyncapi/parser"
VERSION = "3.6.3"
SCRIPT = Path(__file__).resolve().parent / "js" / "validate_asyncapi.cjs"
INSTALL = "as root: apt-get install nodejs npm"
_FETCH_S = 600
_RUN_S = 120


class Diagnostic(NamedTuple):
    """What the parser says of one place; severity 0 is an error, 1 a warning, 2 and 3 advice."""

    severity: int
    path: str
    message: str

    @property
    def is_error(self) -> bool:
        """Tell whether the document is not valid for it."""
        return self.severity == 0


def program(name: str) -> str:
    """Find `node`, or `npm`, which may stand beside the file of a Node that is only linked from PATH.

    **Raises** `ServerError`: not installed.
    """
    found = shutil.which(name)
    if found is None and (node := shutil.which("node")):
        found = shutil.which(name, path=str(Path(node).resolve().parent))
    if found is None:
        raise ServerError(f"no {name} on PATH; {INSTALL}")
    return found


def folder_of_package() -> Path:
    """Give the folder of the package; `complete` stands in it when it was fetched."""
    return cache_folder() / f"asyncapi-parser-{VERSION}"


def prepare() -> Path:
    """Make sure of the folder that holds the package; fast when it is there.

    **Raises** `ServerError`: npm is missing, or the package cannot be fetched.
    """
    folder = folder_of_package()
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            # No lock file: it would record where the package was fetched.
            options = ["--no-package-lock", "--no-save", "--no-audit", "--no-fund", "--ignore-scripts"]
            done = subprocess.run(
                [program("npm"), "install", *options, "--prefix", str(folder), f"{PACKAGE}@{VERSION}"],
                capture_output=True,
                text=True,
                timeout=_FETCH_S,
                check=False,
            )
            if done.returncode:
                raise ServerError(f"npm could not fetch {PACKAGE} {VERSION}:\n{done.stderr[-3_000:]}")
            (folder / "complete").touch()
    return folder


def validate(*documents: str) -> list[list[Diagnostic]]:
    """Say what is wrong with each of some AsyncAPI documents in YAML or JSON; Node starts once for all of them.

    **Raises** `ServerError`: the parser cannot be fetched or run.
    """
    package = prepare()
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / f"{number}.yaml" for number in range(len(documents))]
        for file, document in zip(files, documents, strict=True):
            file.write_text(document, encoding="utf-8")
        done = subprocess.run(
            [program("node"), str(SCRIPT), str(package), *map(str, files)],
            capture_output=True,
            text=True,
            timeout=_RUN_S,
            check=False,
        )
    if done.returncode:
        raise ServerError(f"{PACKAGE} failed:\n{done.stderr[-3_000:]}")
    return [
        [Diagnostic(said["severity"], said["path"], said["message"]) for said in told]
        for told in json.loads(done.stdout)
    ]
