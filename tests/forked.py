"""`lpwatch` in processes that are forked from one which has imported everything, and compiled the default pack.

A Python that starts afresh spends seconds of CPU on imports and on compiling the default pack, and the kill tests start
hundreds. What is forked goes through the whole start of lpwatch all the same: settings, texts of packs, databases, ports;
what was compiled from equal texts is taken as it is. `python -m worker.cli` itself is started by
`tests/integration/worker_process.py` and by the tests of the pages in `docs`.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from multiprocessing.context import ForkServerContext
from pathlib import Path

_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG of <sys/prctl.h>


def forks() -> ForkServerContext:
    """Give what starts processes that have imported everything already."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.preloaded"])
    return context


class Forked:
    """`lpwatch` with these arguments, and this environment if one is given; what it writes goes to the end of the files."""

    def __init__(
        self,
        arguments: Sequence[str],
        environment: Mapping[str, str] | None,
        err: Path,
        out: Path | None = None,
    ) -> None:
        for path in filter(None, (err, out)):
            path.touch()
        given = (list(arguments), environment and dict(environment), str(err), str(out or os.devnull))
        self._process = forks().Process(target=_work, args=given)
        self._process.start()

    @property
    def pid(self) -> int:
        return self._process.pid or 0

    def poll(self) -> int | None:
        """Give the exit status of a process that has ended, minus the signal that ended it."""
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        status = self._process.exitcode
        if status is None:
            raise subprocess.TimeoutExpired("lpwatch", timeout or 0.0)
        return status

    def send_signal(self, number: signal.Signals) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def _work(arguments: list[str], environment: dict[str, str] | None, err: str, out: str) -> None:
    from worker.cli.main import main  # noqa: PLC0415 - imported by then, and not wanted in who starts it

    ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
    for number, path in ((1, out), (2, err)):
        file = os.open(path, os.O_WRONLY | os.O_APPEND)
        os.dup2(file, number)
        os.close(file)
    if environment is not None:
        os.environ.clear()  # noqa: TID251  the process is one of the worker now
        os.environ.update(environment)  # noqa: TID251  see above
    main(arguments, prog_name="lpwatch")
