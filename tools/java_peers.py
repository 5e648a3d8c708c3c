"""Build the Java programs that tests talk to: a Maven project of the repository, compiled once into the cache folder."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
from pathlib import Path

from tools.kafka_local import program
from tools.local_process import ServerError, cache_folder

_CLASS_PATH = "classpath"
_MAVEN_S = 900


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
    options = [f"-Dmaven.repo.local={cache_folder() / 'maven'}", f"-Dmdep.outputFile={_CLASS_PATH}.part"]
    command = [program("mvn"), "-B", "-ntp", "-q", "compile", "dependency:build-classpath", *options]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=_MAVEN_S, check=False)
    if done.returncode:
        raise ServerError(f"Maven could not build {project.name}:\n{(done.stdout + done.stderr)[-3_000:]}")
    (folder / f"{_CLASS_PATH}.part").replace(folder / _CLASS_PATH)
