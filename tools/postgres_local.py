"""A PostgreSQL cluster of its own on 127.0.0.1, from the system's programs (Debian's postgresql, 15 or newer).

In Python: `with PostgresLocal() as postgres: postgres.url()`. As a command:

    python -m tools.postgres_local start      prints LPWATCH_DATABASE=…
    python -m tools.postgres_local stop       --remove: and throw the data away
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from tools.local_process import (
    HOST,
    ServerError,
    bound_command,
    free_ports,
    is_running,
    read_state,
    tail,
    write_state,
)

USER = "lpwatch"
STATE = Path(tempfile.gettempdir()) / "lpwatch-postgres"
INSTALL = "as root: apt-get install postgresql"
# A crash of the process, not of the machine, is what tests try: without fsync nothing that was committed is lost by it.
SETTINGS = {"fsync": "off", "max_connections": "200", "shared_buffers": "64MB", "unix_socket_directories": ""}


def program(name: str) -> str:
    """Find a program of PostgreSQL, the newest where Debian has several.

    **Raises** `ServerError`: not installed.
    """
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name))
    for folder in reversed(versions):
        if (folder / name).exists():
            return str(folder / name)
    found = shutil.which(name)
    if found is None:
        raise ServerError(f"no {name} in /usr/lib/postgresql/*/bin nor on PATH; {INSTALL}")
    return found


class PostgresLocal:
    """A cluster that trusts everybody on 127.0.0.1. Without `folder` the data is thrown away at the end."""

    def __init__(
        self,
        *,
        folder: Path | None = None,
        settings: Mapping[str, str] | None = None,
        port: int | None = None,
        is_bound: bool = True,
        is_thrown_away: bool | None = None,
    ) -> None:
        self._is_kept = folder is not None if is_thrown_away is None else not is_thrown_away
        self.folder = folder or Path(tempfile.mkdtemp(prefix="lpwatch-postgres-"))
        self.port = port or 0
        self.pid = 0
        self._settings = {**SETTINGS, **(settings or {})}
        self._is_bound = is_bound
        # PostgreSQL refuses to run as root; Debian's package brings this user.
        self._user = "postgres" if os.geteuid() == 0 else None
        self._process: subprocess.Popen[bytes] | None = None

    def url(self, database: str = "postgres") -> str:
        """Give the address of a database, as SQLAlchemy wants it."""
        return f"postgresql+psycopg://{USER}@{HOST}:{self.port}/{database}"

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Make the cluster if it is not there yet, start it and wait until it takes connections.

        **Raises** `ServerError`: a program is missing, or it does not come up.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        if not (self._data / "PG_VERSION").exists():
            self._make()
        self.port = self.port or free_ports(1)[0]
        self._launch()

    def stop(self) -> None:
        """Break connections and end in order; throw the data away unless a folder was given."""
        if self.is_alive:
            os.kill(self.pid, signal.SIGINT)
            self._wait_until_ended(30)
        if not self._is_kept:
            shutil.rmtree(self.folder, ignore_errors=True)

    def kill(self) -> None:
        """Kill the server and every process that serves a connection, as a crash would."""
        children = self._children()
        os.kill(self.pid, signal.SIGKILL)
        for child in children:
            try:
                os.kill(child, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self._wait_until_ended(30)

    def restart(self) -> None:
        """Start a cluster that was killed, on its old port and data, and wait until it takes connections.

        **Raises** `ServerError`: it does not come up.
        """
        self._launch()

    @property
    def is_alive(self) -> bool:
        """Tell whether the server's process runs."""
        if self._process is not None:
            return self._process.poll() is None
        return is_running(self.pid, b"postgres")

    def save(self) -> None:
        """Write down port and process for a later command."""
        write_state(self.folder, port=self.port, pid=self.pid)

    @classmethod
    def load(cls, folder: Path) -> PostgresLocal:
        """Take up what an earlier command wrote down.

        **Raises** `ServerError`: nothing was started there.
        """
        state = read_state(folder, "PostgreSQL")
        postgres = cls(folder=folder, port=state["port"], is_bound=False)
        postgres.pid = state["pid"]
        return postgres

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def _make(self) -> None:
        """Run initdb; the user of the server must be able to reach the folder, through every folder above."""
        if self._user:
            shutil.chown(self.folder, self._user)
            self.folder.chmod(0o755)
            closed = [
                str(above) for above in self.folder.resolve().parents if not above.stat().st_mode & 0o001
            ]
            if closed:
                raise ServerError(
                    f"the user {self._user} cannot enter {closed[-1]}; take a folder below /tmp"
                )
        options = ["--auth=trust", f"--username={USER}", "--encoding=UTF8", "--locale=C", "--no-sync"]
        command = bound_command([program("initdb"), f"--pgdata={self._data}", *options], user=self._user)
        done = subprocess.run(
            command, cwd=self.folder, capture_output=True, text=True, timeout=120, check=False
        )
        if done.returncode:
            raise ServerError(f"PostgreSQL's initdb failed:\n{(done.stdout + done.stderr)[-3_000:]}")

    def _launch(self, timeout_s: float = 60.0) -> None:
        """Start it; after a kill the system may need a moment until the old shared memory is free."""
        end_s = time.monotonic() + timeout_s
        self._spawn()
        while not self._takes_connections():
            if time.monotonic() > end_s:
                raise ServerError(f"PostgreSQL is not ready:\n{tail(self._log)}")
            if not self.is_alive:
                if "shared memory block" not in tail(self._log, 400):
                    raise ServerError(f"PostgreSQL ended while it started:\n{tail(self._log)}")
                self._spawn()
            time.sleep(0.03)

    @property
    def _log(self) -> Path:
        return self.folder / "log"

    def _spawn(self) -> None:
        settings = {"listen_addresses": HOST, "port": str(self.port), **self._settings}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        command = [program("postgres"), "-D", str(self._data), *options]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                bound_command(command, signal="INT" if self._is_bound else None, user=self._user),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.pid = self._process.pid

    def _takes_connections(self) -> bool:
        asked = [program("pg_isready"), "--quiet", f"--host={HOST}", f"--port={self.port}"]
        return self.is_alive and subprocess.run(asked, check=False).returncode == 0

    def _children(self) -> list[int]:
        try:
            listed = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text(encoding="ascii")
        except OSError:
            return []
        return [int(pid) for pid in listed.split()]

    def _wait_until_ended(self, timeout_s: float) -> None:
        end_s = time.monotonic() + timeout_s
        while self.is_alive:
            if time.monotonic() > end_s:
                os.kill(self.pid, signal.SIGQUIT)
            time.sleep(0.005)


def main(arguments: list[str] | None = None) -> int:
    """Run the command; 2 when it cannot be done."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("do", choices=["start", "stop"])
    parser.add_argument("--port", type=int, help="a free one if not given")
    parser.add_argument("--folder", type=Path, default=STATE, help="data and log; kept between starts")
    parser.add_argument("--remove", action="store_true", help="throw the data away")
    given = parser.parse_args(arguments)
    try:
        (_start if given.do == "start" else _stop)(given)
    except ServerError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def _start(given: argparse.Namespace) -> None:
    if (given.folder / "state.json").exists() and PostgresLocal.load(given.folder).is_alive:
        raise ServerError(f"PostgreSQL runs already: {PostgresLocal.load(given.folder).url()}")
    postgres = PostgresLocal(folder=given.folder, port=given.port, is_bound=False)
    try:
        postgres.start()
    except BaseException:
        postgres.stop()
        raise
    postgres.save()
    print(f"LPWATCH_DATABASE={postgres.url()}")


def _stop(given: argparse.Namespace) -> None:
    PostgresLocal.load(given.folder).stop()
    if given.remove:
        shutil.rmtree(given.folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
