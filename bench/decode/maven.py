"""Build the Java part of a benchmark with Maven, or say why it cannot be measured here."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path


class PeerMissingError(Exception):
    """A peer cannot be measured here; the text says why."""


def class_path(project: Path) -> str:
    """Build a Maven project once and return the class path of its classes and libraries.

    Raises: PeerMissingError where Maven or Java is missing, or the libraries cannot be fetched.
    """
    for tool in ("mvn", "java"):
        if shutil.which(tool) is None:
            raise PeerMissingError(
                f"{tool} is not installed (Debian: apt-get install maven default-jdk-headless)"
            )
    target = project / "target"
    libraries = target / "classpath"
    goals = ["compile", "dependency:build-classpath", f"-Dmdep.outputFile={libraries}"]
    built = subprocess.run(
        ["mvn", "--quiet", "--batch-mode", *goals],
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
    )
    if built.returncode:
        raise PeerMissingError(f"Maven cannot build it: {built.stdout.strip().splitlines()[:1]}")
    return f"{target / 'classes'}:{libraries.read_text().strip()}"
