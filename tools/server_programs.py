"""See to the programs that test servers need: `python -m tools.server_programs`, run by `make test`.

As root on a system with apt what is missing is installed; otherwise one line says what to install, and the status is 3.
`later` fetches what few tests need, while the others run already: those that come before it is here wait, or say why it is not.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from tools import asyncapi_parser, fhir_validator, java_peers, kafka_local, postgres_local
from tools.local_process import ServerError

JAVA = 17
POSTGRES = 15
MISSING = 3
NPM = "npm"
LATER = "later"
FHIR_PEER = Path(__file__).resolve().parents[1] / "tests" / "peers" / "fhir"
APT_GET = ["apt-get", "install", "--yes", "--no-install-recommends"]


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
    if shutil.which("mvn") is None:
        yield "maven"
    if not _is_there("node"):
        yield "nodejs"
    # It serves to fetch one package, once.
    if not _is_there("npm") and not (asyncapi_parser.folder_of_package() / "complete").exists():
        yield NPM


def _is_there(name: str) -> bool:
    try:
        return bool(asyncapi_parser.program(name))
    except ServerError:
        return False


def steps(packages: list[str]) -> list[list[str]]:
    """Say what apt-get is asked for, in this order.

    Debian's npm brings Debian's Node and cannot be installed beside another one; it is asked for alone, so that the
    other packages come all the same.
    """
    return [
        step for step in ([one for one in packages if one != NPM], [NPM] if NPM in packages else []) if step
    ]


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
        if os.geteuid() != 0 or shutil.which("apt-get") is None:
            print(
                f"the tests' servers need programs that are not here. As root: {' '.join([*APT_GET, *packages])}",
                file=sys.stderr,
            )
            return MISSING
        _install(packages)
        if still := missing():
            print(f"apt-get installed no usable {' '.join(still)}{_hint(still)}", file=sys.stderr)
            return MISSING
    try:
        kafka_local.prepare()
    except ServerError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def fetch_later() -> None:
    """Fetch the validator, the peer and the parser of three files of tests, as far as they can be had."""
    for fetch in (fhir_validator.prepare, lambda: java_peers.class_path(FHIR_PEER), asyncapi_parser.prepare):
        with suppress(ServerError):
            fetch()


def _hint(still: list[str]) -> str:
    node = shutil.which("node")
    return f"; take npm from where {node} came from" if NPM in still and node else ""


def _install(packages: list[str]) -> None:
    print("installing", *packages, flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "update", "--quiet=2"], env=environment, check=False)
    for step in steps(packages):
        subprocess.run([*APT_GET, "--quiet=2", *step], env=environment, check=False)


if __name__ == "__main__":
    if sys.argv[1:] == [LATER]:
        fetch_later()
    else:
        sys.exit(main())
