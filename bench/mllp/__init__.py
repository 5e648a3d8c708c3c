"""MLLP receive → durable → ACK, against servers with and without a store: `python -m bench.mllp [--quick]`."""

from __future__ import annotations

import json
import os
import platform
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.mllp.load import Result, load, message

HERE = Path(__file__).resolve().parent
OUT = HERE.parent / "out"
NAMES = ("bare", "bare-commit", "lpwatch", "python-hl7", "HAPI")
CONNECTIONS = (1, 8)
TARGETS = {"bare-commit": 0.6, "HAPI": 1.5, "python-hl7": 10.0}
STORES = {"lpwatch": "SQLite FULL", "bare-commit": "SQLite FULL"}


class PeerMissingError(Exception):
    """A peer cannot be measured here; the text says why."""


def _python_server(name: str, folder: Path) -> list[str]:
    return [sys.executable, "-m", "bench.mllp.servers", name, str(folder)]


def _hapi_server() -> list[str]:
    """Build HAPI's server with Maven, once, and return how to start it."""
    for tool in ("mvn", "java"):
        if shutil.which(tool) is None:
            raise PeerMissingError(
                f"{tool} is not installed (Debian: apt-get install maven default-jdk-headless)"
            )
    target = HERE / "hapi" / "target"
    classes = target / "classpath"
    if not classes.exists():
        goals = ["compile", "dependency:build-classpath", f"-Dmdep.outputFile={classes}"]
        built = subprocess.run(
            ["mvn", "--quiet", "--batch-mode", *goals],
            cwd=HERE / "hapi",
            capture_output=True,
            text=True,
            check=False,
        )
        if built.returncode:
            raise PeerMissingError(f"Maven cannot build it: {built.stdout.strip().splitlines()[:1]}")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    return [
        "java",
        "-cp",
        f"{target / 'classes'}:{classes.read_text().strip()}",
        "bench.AckServer",
        str(port),
    ]


@dataclass
class Server:
    """A started server, and what each round saw of it, by number of connections."""

    process: subprocess.Popen[str]
    port: int
    rounds: dict[int, list[Round]] = field(default_factory=dict)

    def play(self, connections: int, seconds: float) -> None:
        """Send for so many seconds, and note what it took."""
        before_s = _processor_s(self.process.pid)
        result = load(self.port, connections, seconds)
        micros = (_processor_s(self.process.pid) - before_s) / len(result.waits_s) * 1e6
        self.rounds.setdefault(connections, []).append(Round(result, micros))

    def median(self, connections: int) -> Round:
        """Return the round in the middle by messages for each second."""
        ordered = sorted(self.rounds[connections], key=lambda each: each.result.per_s)
        return ordered[len(ordered) // 2]


@dataclass(frozen=True)
class Round:
    """What the senders saw, and the server's processor time for one message in microseconds."""

    result: Result
    micros: float


def _processor_s(pid: int) -> float:
    """Read how much processor time a process took (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def _serving(name: str) -> Iterator[Server]:
    """Start a server in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        command = _hapi_server() if name == "HAPI" else _python_server(name, Path(folder))
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=HERE.parents[1])
        try:
            assert process.stdout is not None
            yield Server(process, int(process.stdout.readline()))
        finally:
            process.terminate()
            process.wait()
            process.stdout.close()


def _measure(seconds: float, rounds: int) -> dict[str, Server]:
    """Play all rounds; the servers take turns, so that a noisy machine is equally noisy to all."""
    servers: dict[str, Server] = {}
    with ExitStack() as stack:
        for name in NAMES:
            try:
                servers[name] = stack.enter_context(_serving(name))
            except PeerMissingError as error:
                print(f"{name}: skipped, {error}")
        for server in servers.values():
            load(server.port, 2, min(seconds, 1.0))
        for _ in range(rounds):
            for connections in CONNECTIONS:
                for server in servers.values():
                    server.play(connections, seconds)
    return servers


def _table(servers: dict[str, Server]) -> None:
    heads = "".join(f"{f'{n} conn: msg/s':>15}{'p50 ms':>8}{'p99 ms':>8}{'CPU µs':>8}" for n in CONNECTIONS)
    print(f"{'server':12}{'stores':12}{heads}")
    for name, server in servers.items():
        cells = ""
        for connections in CONNECTIONS:
            each = server.median(connections)
            waits = f"{each.result.wait_ms(0.5):8.2f}{each.result.wait_ms(0.99):8.2f}"
            cells += f"{each.result.per_s:15,.0f}{waits}{each.micros:8.0f}"
        print(f"{name:12}{STORES.get(name, 'nothing'):12}{cells}")


def _ratios(servers: dict[str, Server]) -> None:
    ours = servers["lpwatch"]
    for name, target in TARGETS.items():
        if name not in servers:
            continue
        ratios = []
        for connections in CONNECTIONS:
            theirs = servers[name].rounds[connections]
            pairs = zip(ours.rounds[connections], theirs, strict=True)
            ratios.append(statistics.median(mine.result.per_s / other.result.per_s for mine, other in pairs))
        shown = ", ".join(f"{ratio:.2f} x at {n}" for n, ratio in zip(CONNECTIONS, ratios, strict=True))
        print(f"lpwatch against {name}: {shown} (target {target} at 8)")


def _write(servers: dict[str, Server]) -> None:
    OUT.mkdir(exist_ok=True)
    figures = {
        name: {
            str(connections): [{"per_s": each.result.per_s, "cpu_us": each.micros} for each in rounds]
            for connections, rounds in server.rounds.items()
        }
        for name, server in servers.items()
    }
    document = {
        "python": platform.python_version(),
        "message_bytes": len(message("00000000")),
        "rounds": figures,
    }
    (OUT / "mllp.json").write_text(json.dumps(document, indent=1), encoding="utf-8")


def main(*, quick: bool) -> None:
    """Measure all servers in one run; print the table and our ratios, and write `bench/out/mllp.json`."""
    seconds, rounds = (1.5, 3) if quick else (4.0, 7)
    servers = _measure(seconds, rounds)
    _table(servers)
    _ratios(servers)
    _write(servers)
    print(
        f"messages of {len(message('00000000'))} bytes, each sender in step; medians of {rounds} rounds of {seconds} s"
    )
