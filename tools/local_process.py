"""What the local servers share: ports, a cache folder, and processes that do not outlive whoever started them."""

from __future__ import annotations

import fcntl
import json
import os
import random
import shutil
import socket
import tempfile
import threading
from functools import cache
from pathlib import Path
from typing import Any

HOST = "127.0.0.1"
# Below the range from which systems take the ports of outgoing connections: while a server is down, a client
# that keeps connecting to its port could otherwise be given that very port, or be connected to itself.
PORTS = range(20_000, 32_000)
_claimed: set[int] = set()


class ServerError(RuntimeError):
    """A server cannot be fetched or started; the text says why, and what to do."""


def cache_folder() -> Path:
    """Give the folder for what is fetched once: LPWATCH_TEST_CACHE, else the user's cache."""
    if given := os.environ.get("LPWATCH_TEST_CACHE"):
        return Path(given)
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "lpwatch"


def free_ports(count: int) -> list[int]:
    """Find ports nobody listens on, and keep them for this process while it lives.

    A server that was killed and will start again has its port still: no other test is given it meanwhile.
    """
    found: list[int] = []
    for port in random.SystemRandom().sample(PORTS, len(PORTS)):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
        if not _claim(port):
            continue
        found.append(port)
        if len(found) == count:
            return found
    raise ServerError(f"no {count} free ports between {PORTS.start} and {PORTS.stop} on {HOST}")


def _claim(port: int) -> bool:
    """Lock the byte of the port in a file that all processes of this user share; the system lets go when a process ends."""
    if port in _claimed:  # a process is never refused a lock that it holds
        return False
    try:
        fcntl.lockf(_claims(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
    except OSError:
        return False
    _claimed.add(port)
    return True


@cache
def _claims() -> int:
    return os.open(
        Path(tempfile.gettempdir()) / f"lpwatch-ports-{os.getuid()}", os.O_RDWR | os.O_CREAT, 0o600
    )


def bound_command(command: list[str], *, signal: str | None = "KILL", user: str | None = None) -> list[str]:
    """Wrap a command so that it gets `signal`, if any, when its parent ends, and runs as `user` if one is named.

    The system watches the thread that starts a process, so only the main thread binds. Without setpriv (it is in
    Debian's util-linux) the command is not bound; another user cannot be had then.

    **Raises** `ServerError`: `user` is named and setpriv is missing.
    """
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        if user is not None:
            raise ServerError(f"setpriv is needed to run a program as {user}; apt-get install util-linux")
        return command
    options = [f"--reuid={user}", f"--regid={user}", "--init-groups"] if user else []
    if signal and threading.current_thread() is threading.main_thread():
        options += ["--pdeathsig", signal]
    return [setpriv, *options, "--", *command] if options else command


def write_state(folder: Path, **state: object) -> None:
    """Write down for a later command what was started in a folder."""
    (folder / "state.json").write_text(json.dumps(state), encoding="utf-8")


def read_state(folder: Path, name: str) -> dict[str, Any]:
    """Read what an earlier command wrote down.

    **Raises** `ServerError`: nothing was started there.
    """
    try:
        text = (folder / "state.json").read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ServerError(f"no {name} was started in {folder}") from None
    state: dict[str, Any] = json.loads(text)
    return state


def is_running(pid: int, sign: bytes) -> bool:
    """Tell whether a process that an earlier command started still runs: its command line has the sign."""
    try:
        return pid > 0 and sign in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def tail(path: Path, length: int = 3_000) -> str:
    """Return the end of a log, for an error message."""
    return path.read_text(encoding="utf-8", errors="replace")[-length:] if path.exists() else ""
