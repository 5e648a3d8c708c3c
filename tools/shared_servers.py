"""One Kafka and one PostgreSQL for all the processes of a test run, started when the first test asks, gone with the run.

Where a server comes from, in this order: named by the environment (LPWATCH_TEST_KAFKA or KAFKA_BOOTSTRAP_SERVERS,
LPWATCH_TEST_POSTGRES) → a container, where a Docker engine answers → the programs of this machine.
LPWATCH_TEST_SERVERS=local or container leaves no choice between the last two.

A server that has to be started gets a process of its own that keeps it: `python -m tools.shared_servers kafka FOLDER`.
The keeper waits for a lock that the run holds, so the system itself tells it that the run is over, however it ended. It is
nobody's child: with pytest-xdist whoever starts it ends before it.
"""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import IO

from tools.kafka_local import NEVER_KILLED, KafkaLocal
from tools.local_process import ServerError
from tools.postgres_local import PostgresLocal

ROOT = Path(__file__).resolve().parent.parent
VARIABLES = {
    "kafka": ("LPWATCH_TEST_KAFKA", "KAFKA_BOOTSTRAP_SERVERS"),
    "postgres": ("LPWATCH_TEST_POSTGRES",),
}
NAMES = {"kafka": "Kafka", "postgres": "PostgreSQL"}


def named(kind: str, environment: Mapping[str, str]) -> str | None:
    """Give the server that the environment names, if any."""
    return next((environment[name] for name in VARIABLES[kind] if environment.get(name)), None)


def is_container_wanted(environment: Mapping[str, str], docker_answers: Callable[[], bool]) -> bool:
    """Choose between a container and the programs of this machine.

    **Raises** `ServerError`: LPWATCH_TEST_SERVERS says something else.
    """
    wanted = environment.get("LPWATCH_TEST_SERVERS", "auto")
    if wanted not in {"auto", "container", "local"}:
        raise ServerError(f"LPWATCH_TEST_SERVERS={wanted}: take auto, container or local")
    return wanted == "container" or (wanted == "auto" and docker_answers())


def docker_answers() -> bool:
    """Tell whether a Docker engine can be asked."""
    try:
        done = subprocess.run(["docker", "version"], capture_output=True, timeout=5, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


class Run:
    """What a test run holds while it lasts: a folder, and the lock that keepers wait for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = _locked(folder / "run.lock")

    def end(self, timeout_s: float = 60.0) -> None:
        """Let go, and wait until every keeper has stopped its server.

        **Raises** `ServerError`: one does not.
        """
        self._lock.close()
        end_s = time.monotonic() + timeout_s
        for path in self.folder.glob("*.kept"):
            while not _try_lock(path):
                if time.monotonic() > end_s:
                    raise ServerError(f"the shared {path.stem} does not stop")
                time.sleep(0.02)


def shared_server(kind: str, folder: Path) -> str:
    """Give the address of the run's server, started if nobody asked before; a failure is remembered for the next who ask.

    **Raises** `ServerError`: no server can be had, with what was tried.
    """
    if given := named(kind, os.environ):
        return given
    answer = folder / f"{kind}.json"
    with _locked(folder / f"{kind}.asked"):
        if not answer.exists():
            answer.write_text(_ask_keeper(kind, folder), encoding="utf-8")
    told = json.loads(answer.read_text(encoding="utf-8"))
    if "error" in told:
        raise ServerError(f"no {NAMES[kind]}: {' and '.join(VARIABLES[kind])} not set, {told['error']}")
    return str(told["address"])


def _ask_keeper(kind: str, folder: Path) -> str:
    with (folder / f"{kind}.log").open("ab") as log:
        line = subprocess.run(
            [sys.executable, "-m", "tools.shared_servers", kind, str(folder)],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,
            check=False,
        ).stdout
    if line:
        return line
    log_text = (folder / f"{kind}.log").read_text(encoding="utf-8", errors="replace")
    return json.dumps({"error": f"its keeper ended: {log_text[-2_000:]}"})


def _locked(path: Path) -> IO[str]:
    file = path.open("a", encoding="utf-8")
    fcntl.flock(file, fcntl.LOCK_EX)
    return file


def _try_lock(path: Path) -> bool:
    with path.open("a", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


# --- the keeper ----------------------------------------------------------------------------------------------------


@contextmanager
def _local_kafka(folder: Path) -> Iterator[str]:
    with KafkaLocal(folder=folder, config=NEVER_KILLED, is_thrown_away=True) as kafka:
        yield kafka.bootstrap


@contextmanager
def _local_postgres(folder: Path) -> Iterator[str]:
    with PostgresLocal(folder=folder, is_thrown_away=True) as postgres:
        yield postgres.url()


@contextmanager
def _kafka_container(_folder: Path) -> Iterator[str]:
    from testcontainers.community.kafka import KafkaContainer  # noqa: PLC0415 - wanted only where Docker answers

    container = KafkaContainer("confluentinc/cp-kafka:8.1.0").with_kraft()
    with container.with_env("KAFKA_AUTO_CREATE_TOPICS_ENABLE", "false") as kafka:
        yield kafka.get_bootstrap_server()


@contextmanager
def _postgres_container(_folder: Path) -> Iterator[str]:
    from testcontainers.community.postgres import PostgresContainer  # noqa: PLC0415 - see above

    with PostgresContainer(
        "postgres:15", username="lpwatch", dbname="postgres", driver="psycopg"
    ) as postgres:
        yield postgres.get_connection_url()


Source = Callable[[Path], AbstractContextManager[str]]
LOCAL: dict[str, Source] = {"kafka": _local_kafka, "postgres": _local_postgres}
CONTAINERS: dict[str, Source] = {"kafka": _kafka_container, "postgres": _postgres_container}


def keep(kind: str, folder: Path) -> None:
    """Start a server, say its address in one line of JSON, and stop it when the run is over."""
    with _locked(folder / f"{kind}.kept"):
        try:
            sources = _sources(kind)
        except ServerError as error:
            _say(error=str(error))
            return
        tried = []
        for where, server in sources:
            try:
                with server(folder / kind) as address:
                    _say(address=address)
                    with _locked(folder / "run.lock"):
                        return
            except Exception as error:  # noqa: BLE001 - whatever it is, the tests that asked must be told
                tried.append(f"{where} {error}")
        _say(error="; ".join(tried))


def _sources(kind: str) -> list[tuple[str, Source]]:
    """List what to try, in order, with how a failure is introduced."""
    wanted = os.environ.get("LPWATCH_TEST_SERVERS", "auto")
    container, local = (
        ("a Docker container failed:", CONTAINERS[kind]),
        ("programs of this machine:", LOCAL[kind]),
    )
    if not is_container_wanted(os.environ, docker_answers):
        why = "no Docker engine answers" if wanted == "auto" else f"LPWATCH_TEST_SERVERS={wanted}"
        return [(f"{why}, {local[0]}", local[1])]
    return [container] if wanted == "container" else [container, local]


def _say(**what: str) -> None:
    """Print one line, once; whoever reads it need not wait for anything else."""
    if not sys.stdout.closed:
        print(json.dumps(what), flush=True)
        sys.stdout.close()
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


if __name__ == "__main__":
    if os.fork() == 0:
        keep(sys.argv[1], Path(sys.argv[2]))
