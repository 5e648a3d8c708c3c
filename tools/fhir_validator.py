"""HAPI's validator for FHIR R4, from Maven Central's jars, offline once they are there: no terminology server is asked.

`validate(resources)` starts one Java process for all of them. Needs Java 17 or newer; the first time also Maven.
"""

from __future__ import annotations

import fcntl
import hashlib
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tools.kafka_local import COPY, maven, program
from tools.local_process import ServerError, bound_command, cache_folder

VERSION = "7.4.0"
SLF4J = "2.0.13"
ARTIFACTS = (
    "hapi-fhir-structures-r4",
    "hapi-fhir-validation",
    "hapi-fhir-validation-resources-r4",
    "hapi-fhir-caching-caffeine",
)
SOURCE = Path(__file__).resolve().parent / "java" / "ValidateFhir.java"
_DEPENDENCIES = "".join(
    f"<dependency><groupId>ca.uhn.hapi.fhir</groupId><artifactId>{name}</artifactId><version>{VERSION}</version></dependency>"
    for name in ARTIFACTS
)
POM = f"""<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>org.lpwatch</groupId><artifactId>fhir-validator</artifactId><version>1</version><dependencies>{_DEPENDENCIES}
<dependency><groupId>org.slf4j</groupId><artifactId>slf4j-nop</artifactId><version>{SLF4J}</version></dependency>
</dependencies></project>"""
_RUN_S = 600


class Remark(NamedTuple):
    """What HAPI says of one resource: `severity` is INFORMATION, WARNING, ERROR or FATAL."""

    index: int
    severity: str
    place: str
    message: str

    @property
    def is_error(self) -> bool:
        """Tell whether the resource is refused for it."""
        return self.severity in {"ERROR", "FATAL"}


def prepare() -> Path:
    """Make sure of the folder of jars; fast when it is there.

    **Raises** `ServerError`: Maven is missing, or the jars cannot be fetched.
    """
    folder = cache_folder() / f"fhir-validator-{VERSION}"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            with tempfile.TemporaryDirectory() as work:
                (Path(work) / "pom.xml").write_text(POM, encoding="utf-8")
                options = ["-DincludeScope=runtime", f"-DoutputDirectory={folder / 'jars'}"]
                maven(f"fetch HAPI FHIR {VERSION}", Path(work), COPY, *options)
            (folder / "complete").touch()
    return folder / "jars"


def _compiled(jars: Path) -> Path:
    """Give the folder of our classes, compiled once: left to `java` it takes as long as to validate fifty resources."""
    classes = jars.parent / f"classes-{hashlib.sha256(SOURCE.read_bytes()).hexdigest()[:16]}"
    if not classes.exists():
        with tempfile.TemporaryDirectory(dir=jars.parent) as work:
            command = [program("javac"), "-cp", f"{jars}/*", "-d", f"{work}/classes", str(SOURCE)]
            done = subprocess.run(command, capture_output=True, text=True, timeout=_RUN_S, check=False)
            if done.returncode:
                raise ServerError(f"{SOURCE.name} does not compile:\n{done.stderr[-3_000:]}")
            try:
                (Path(work) / "classes").rename(classes)
            except OSError:
                if not classes.exists():
                    raise
    return classes


def validate(resources: Sequence[bytes], *, is_long: bool = False) -> list[Remark]:
    """Say what is wrong with R4 resources in JSON, one line each; `index` of a remark counts from 0.

    `is_long`: there are thousands, so that it pays when Java compiles what runs often once more and takes all cores.

    **Raises** `ServerError`: the validator cannot be fetched or run.
    """
    jars = prepare()
    options = ["-Xmx1g"] if is_long else ["-Xmx1g", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]
    with tempfile.TemporaryDirectory() as folder:
        source, found = Path(folder) / "resources.ndjson", Path(folder) / "remarks"
        source.write_bytes(b"".join(resource + b"\n" for resource in resources))
        command = [program("java"), *options, "-cp", f"{_compiled(jars)}:{jars}/*", SOURCE.stem]
        done = subprocess.run(
            bound_command([*command, str(source), str(found)]),
            capture_output=True,
            text=True,
            timeout=_RUN_S,
            check=False,
        )
        if done.returncode:
            raise ServerError(f"HAPI's validator failed:\n{(done.stdout + done.stderr)[-3_000:]}")
        lines = found.read_text(encoding="utf-8").splitlines()
    parts = (line.split("\t", 3) for line in lines)
    return [Remark(int(index), severity, place, text) for index, severity, place, text in parts]
