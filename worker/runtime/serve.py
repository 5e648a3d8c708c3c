"""Serve a role until a signal ends it: `run`, `gateway`, `worker` and `deliver` have this loop in common.

The beginning: (1) the health pages answer; (2) what the role needs is waited for and built; (3) its servers listen and its
threads work; (4) the ready file is written. The end, in order: (1) nothing more is accepted; (2) what was received is stored
and acknowledged; (3) the threads finish, one after the other: all that is stored is ingested, who is due is assessed, notices
are delivered; (4) databases and brokers are let go, exit code 0.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import structlog

from worker.model.errors import ConfigError, LpwatchError
from worker.runtime.health import HealthServer, Probes
from worker.runtime.logs import configure_logs
from worker.runtime.metrics import CONTENT_TYPE, Metrics
from worker.runtime.role_settings import Role, check_role
from worker.runtime.service import JobThread, Service, where
from worker.runtime.settings import Settings
from worker.runtime.start import Patience, Stopped
from worker.sources.addresses import write_address

_log = structlog.get_logger(__name__)

_SIGNALLED = 128
# The writing thread must get the interpreter soon after each commit, or senders wait for the engine's share of it.
_SWITCH_INTERVAL_S = 0.0005

Build = Callable[[Settings, Metrics, Patience], Service]
"""Build a role; waits with patience for what it needs."""


def serve(role: Role, settings: Settings, build: Build) -> int:
    """Work until SIGTERM or SIGINT; return the exit code: 0, or 1 where a thread failed.

    Raises: ConfigError where the role cannot start, TemporaryError where what it needs stayed away for too long.
    """
    check_role(settings, role)
    metrics = Metrics()
    configure_logs(sys.stderr, level=settings.log_level, on_dropped=metrics.log_keys_dropped.inc)
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    try:
        return asyncio.run(_Process(role, settings, metrics).serve(build))
    except LpwatchError:
        raise
    except Exception as error:  # noqa: BLE001  a traceback's text may hold a patient's data: tell class and place
        _log.error("crashed", error=type(error).__name__, place=where(error))
        return 1


class _Process:
    """One role in this process; lives as long as its event loop."""

    def __init__(self, role: Role, settings: Settings, metrics: Metrics) -> None:
        self._role = role
        self._settings = settings
        self._metrics = metrics
        self._ending = asyncio.Event()
        self._patience = Patience(settings.start_wait_seconds)
        self._service: Service | None = None
        self._threads: list[JobThread] = []

    async def serve(self, build: Build) -> int:
        self._check_ready_file()
        self._on_signals()
        addresses: dict[str, tuple[str, int]] = {}
        health = self._health()
        if health is not None:
            addresses["http"] = await health.start()
        try:
            service = await asyncio.to_thread(build, self._settings, self._metrics, self._patience)
            with closing(service):
                return await self._work(service, addresses)
        except Stopped:
            _log.info("stopped", status="before it worked")
            return 0
        finally:
            if health is not None:
                await health.close()

    async def _work(self, service: Service, addresses: dict[str, tuple[str, int]]) -> int:
        if service.reception is not None:
            addresses = {**await service.reception.start(), **addresses}
        threads = [JobThread(job, self._ending) for job in service.jobs]
        for thread in threads:
            thread.start()
        self._threads, self._service = threads, service
        self._announce(addresses, service.pack_digest)
        await self._ending.wait()
        if service.reception is not None:
            await service.reception.drain()
        for thread in threads:
            await thread.finish()
        has_failed = any(thread.failure for thread in threads)
        _log.info("stopped", status="failed" if has_failed else "drained")
        return int(has_failed)

    def _check_ready_file(self) -> None:
        path = self._settings.ready_file
        if path is not None and not os.access(path.parent, os.W_OK | os.X_OK):
            raise ConfigError(
                "no file can be written there; name another, or make its folder", f"ready_file {path}"
            )

    def _on_signals(self) -> None:
        loop = asyncio.get_running_loop()

        def end(number: signal.Signals) -> None:
            if self._ending.is_set():
                _log.warning("stopped_at_once", signal=number.name)
                os._exit(_SIGNALLED + number)  # nothing is lost: the next start goes on from what is stored
            _log.info("stopping", signal=number.name)
            self._ending.set()
            self._patience.stop()

        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, end, number)

    def _health(self) -> HealthServer | None:
        address = self._settings.http
        if address is None:
            return None
        probes = Probes(self._not_alive, self._not_ready, self._render_metrics)
        allow_insecure = self._settings.http_allow_insecure
        return HealthServer(address.host, address.port, probes, allow_insecure=allow_insecure)

    def _not_alive(self) -> str:
        return next((thread.trouble for thread in self._threads if thread.trouble), "")

    def _render_metrics(self) -> tuple[str, bytes]:
        self._metrics.ready.set(not self._not_ready())
        return CONTENT_TYPE, self._metrics.render()

    def _not_ready(self) -> str:
        if self._ending.is_set():
            return "draining"
        if self._service is None:
            return self._patience.waits_for or "starting"
        waits_for = next((thread.delay for thread in self._threads if thread.delay), "")
        return self._not_alive() or waits_for or self._service.not_ready()

    def _announce(self, addresses: dict[str, tuple[str, int]], digest: str) -> None:
        written = {role: write_address(*address) for role, address in addresses.items()}
        for role, address in written.items():
            _log.info("listening", role=role, address=address)
        _log.info("started", role=self._role.value, pack=digest[:12], clock=self._settings.clock)
        if self._settings.ready_file is not None:
            _write_whole(self._settings.ready_file, json.dumps({**written, "pid": os.getpid()}))


def _write_whole(path: Path, text: str) -> None:
    """Write a file so that nobody ever reads half of it."""
    draft = path.with_name(f"{path.name}.part")
    draft.write_text(text + "\n", encoding="utf-8")
    draft.replace(path)
