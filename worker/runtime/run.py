"""All roles in one process: take messages, ingest, assess, deliver, until a signal ends it.

The end, in order: (1) nothing more is accepted; (2) what was received is stored and acknowledged; (3) all that is stored is
ingested; (4) whoever is due is assessed; (5) notices are delivered; (6) the databases are closed, exit code 0.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import traceback
from pathlib import Path
from threading import Event, Thread

import structlog

from worker.model.errors import LpwatchError
from worker.runtime.bootstrap import Parts, build, locked, migrate
from worker.runtime.health import HealthServer, Probes
from worker.runtime.logs import configure_logs
from worker.runtime.metrics import CONTENT_TYPE, Metrics
from worker.runtime.settings import Settings
from worker.sources.addresses import write_address

_log = structlog.get_logger(__name__)

_STUCK_S = 120.0
_SIGNALLED = 128
# The writing thread must get the interpreter soon after each commit, or senders wait for the engine's share of it.
_SWITCH_INTERVAL_S = 0.0005


class EngineThread:
    """Run the engine beside the event loop; tell when it failed."""

    def __init__(self, parts: Parts, ended: asyncio.Event) -> None:
        """Keep the engine; `start` begins, and `ended` is set when it works no more."""
        self._parts = parts
        self._ended = ended
        self._loop = asyncio.get_running_loop()
        self._stop = Event()
        self._thread = Thread(target=self._work, name="engine")
        self.failure = ""

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        """Tell whether the thread works."""
        return self._thread.is_alive()

    async def finish(self) -> None:
        """Let it work off what is stored, and wait for its end."""
        self._stop.set()
        self._parts.engine.wake()
        await asyncio.to_thread(self._thread.join)

    def _work(self) -> None:
        try:
            self._parts.engine.run(self._stop)
            self._parts.engine.finish()
        except Exception as error:  # noqa: BLE001  the process ends with it; only the class of an error is told
            self.failure = type(error).__name__
            _log.error("engine_failed", error=self.failure, place=_place(error))
        self._loop.call_soon_threadsafe(self._ended.set)


def run(settings: Settings) -> int:
    """Work until SIGTERM or SIGINT; return the exit code: 0, or 1 where the engine failed.

    Raises: ConfigError where the worker cannot start.
    """
    metrics = Metrics()
    configure_logs(sys.stderr, level=settings.log_level, on_dropped=metrics.log_keys_dropped.inc)
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    with locked(settings.data):
        migrate(settings.data)
        parts = build(settings, metrics)
        try:
            return asyncio.run(_serve(settings, parts))
        except LpwatchError:
            raise
        except Exception as error:  # noqa: BLE001  a traceback's text may hold a patient's data: tell class and place
            _log.error("crashed", error=type(error).__name__, place=_place(error))
            return 1
        finally:
            parts.close()


async def _serve(settings: Settings, parts: Parts) -> int:
    ending = asyncio.Event()
    _on_signals(ending)
    engine = EngineThread(parts, ending)
    health = _health(settings, parts, engine, ending)
    addresses = await parts.reception.start()
    if health is not None:
        addresses["http"] = await health.start()
    engine.start()
    _announce(settings, addresses, parts.pack_digest)
    await ending.wait()
    await parts.reception.drain()
    await engine.finish()
    if health is not None:
        await health.close()
    _log.info("stopped", status="failed" if engine.failure else "drained")
    return int(bool(engine.failure))


def _on_signals(ending: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()

    def end(number: signal.Signals) -> None:
        if ending.is_set():
            _log.warning("stopped_at_once", signal=number.name)
            os._exit(_SIGNALLED + number)  # nothing is lost: the next start goes on from what is stored
        _log.info("stopping", signal=number.name)
        ending.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end, number)


def _place(error: Exception) -> str:
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{Path(last.filename).name}:{last.lineno}"


def _health(
    settings: Settings, parts: Parts, engine: EngineThread, ending: asyncio.Event
) -> HealthServer | None:
    if settings.http is None:
        return None

    def not_alive() -> str:
        if not engine.is_alive:
            return "the engine has stopped"
        return "the engine is stuck" if parts.seconds_since_step() > _STUCK_S else ""

    def not_ready() -> str:
        if ending.is_set():
            return "draining"
        return not_alive() or ("storage fails" if parts.is_storage_failing() else "")

    probes = Probes(not_alive, not_ready, lambda: (CONTENT_TYPE, parts.metrics.render()))
    return HealthServer(
        settings.http.host, settings.http.port, probes, allow_insecure=settings.http_allow_insecure
    )


def _announce(settings: Settings, addresses: dict[str, tuple[str, int]], digest: str) -> None:
    written = {role: write_address(*address) for role, address in addresses.items()}
    for role, address in written.items():
        _log.info("listening", role=role, address=address)
    _log.info("started", pack=digest[:12], clock=settings.clock)
    if settings.ready_file is not None:
        _write_whole(settings.ready_file, json.dumps({**written, "pid": os.getpid()}))


def _write_whole(path: Path, text: str) -> None:
    """Write a file so that nobody ever reads half of it."""
    draft = path.with_name(f"{path.name}.part")
    draft.write_text(text + "\n", encoding="utf-8")
    draft.replace(path)
