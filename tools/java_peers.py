"""Build the Java programs that tests talk to: a Maven project of the repository, compiled once into the cache folder."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
from pathlib import Path

from tools.kafka_local import maven
from tools.local_process import cache_folder

_CLASS_PATH = "classpath"


def class_path(project: Path) -> str:
    """Give the class path of a project's classes and libraries; fast when it was built before.

    **Raises** `ServerError`: a program is missing, or Maven cannot fetch or build it.
    """
    files = sorted([project / "pom.xml", *(project / "src").rglob("*.java")])
    digest = hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()
    folder = cache_folder() / "peers" / f"{project.name}-{digest[:16]}"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / _CLASS_PATH).exists():
            _build(project, folder)
    return f"{folder / 'target' / 'classes'}:{(folder / _CLASS_PATH).read_text(encoding='utf-8').strip()}"


def _build(project: Path, folder: Path) -> None:
    shutil.copy(project / "pom.xml", folder)
    shutil.copytree(project / "src", folder / "src", dirs_exist_ok=True)
    goals = ["compile", "dependency:build-classpath", f"-Dmdep.outputFile={_CLASS_PATH}.part"]
    maven(f"build {project.name}", folder, *goals)
    (folder / f"{_CLASS_PATH}.part").replace(folder / _CLASS_PATH)
