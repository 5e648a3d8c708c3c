"""See to the programs that test servers need: `python -m tools.server_programs`, run by `make test`.

As root on a system with apt what is missing is installed; otherwise one line says what to install, and the status is 3.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator

from tools import kafka_local, postgres_local
from tools.local_process import ServerError

JAVA = 17
POSTGRES = 15
MISSING = 3


def java_version(text: str) -> int:
    """Read the major version from what `javac -version` prints; 0 when it is not there."""
    found = re.search(r"javac (?:1\.)?(\d+)", text)
    return int(found[1]) if found else 0


def postgres_version(text: str) -> int:
    """Read the major version from what `initdb --version` prints; 0 when it is not there."""
    found = re.search(r"\(PostgreSQL\) (\d+)", text)
    return int(found[1]) if found else 0


def missing() -> list[str]:
    """List Debian's packages of what is missing, sorted."""
    return sorted(set(_missing()))


def _missing() -> Iterator[str]:
    if java_version(_output(kafka_local.program, "javac", "-version")) < JAVA:
        yield "default-jdk-headless"
    if postgres_version(_output(postgres_local.program, "initdb", "--version")) < POSTGRES:
        yield "postgresql"
    for program, package in {"mvn": "maven", "node": "nodejs", "npm": "npm"}.items():
        if shutil.which(program) is None:
            yield package


def _output(find: Callable[[str], str], name: str, option: str) -> str:
    try:
        command = [find(name), option]
    except ServerError:
        return ""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def main() -> int:
    """Install or tell what is missing, then fetch Kafka's jars; 3 when something is still missing, 2 when a fetch fails."""
    packages = missing()
    if packages:
        command = ["apt-get", "install", "--yes", "--no-install-recommends", *packages]
        if os.geteuid() != 0 or shutil.which("apt-get") is None:
            print(
                f"the tests' servers need programs that are not here. As root: {' '.join(command)}",
                file=sys.stderr,
            )
            return MISSING
        _install(command)
        if still := missing():
            print(f"apt-get installed no usable {' '.join(still)}", file=sys.stderr)
            return MISSING
    try:
        kafka_local.prepare()
    except ServerError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def _install(command: list[str]) -> None:
    print("installing", *command[4:], flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for step in (["apt-get", "update", "--quiet=2"], [*command, "--quiet=2"]):
        subprocess.run(step, env=environment, check=False)


if __name__ == "__main__":
    sys.exit(main())
