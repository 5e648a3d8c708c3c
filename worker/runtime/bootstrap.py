"""Build the worker: the one place that knows which concrete classes it is made of."""

from __future__ import annotations

import fcntl
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import structlog
from alembic.util import CommandError
from sqlalchemy.exc import DatabaseError

from worker.model.errors import ConfigError
from worker.runtime.bootstrap_beats import Watched, identity, state_beats
from worker.runtime.bootstrap_engine import engine_job, kafka_inlet
from worker.runtime.bootstrap_out import build_relays, dead_letters, network_outlets, relay_job
from worker.runtime.bootstrap_servers import build_reception
from worker.runtime.clock import Clock, MessageClock, WallClock
from worker.runtime.delivery import Sink
from worker.runtime.engine import Engine, Options
from worker.runtime.ingest import JOURNAL
from worker.runtime.inlet import Inlet, JournalInlet
from worker.runtime.metrics import Metrics
from worker.runtime.metrics_store import MeteredIntake, MeteredJournal, MeteredState, nobody, tell_feeds
from worker.runtime.offline import load_pack, program
from worker.runtime.relay import Relay
from worker.runtime.role_settings import Role, consumes_kafka
from worker.runtime.service import Job, Service
from worker.runtime.settings import Settings
from worker.runtime.start import Patience
from worker.sinks.stream import NdjsonSink, StreamSink
from worker.sources.reception import Reception
from worker.storage.intake import SqlJournal
from worker.storage.migrate import Name, upgrade
from worker.storage.state import SqlState

_log = structlog.get_logger(__name__)

INTAKE = "intake.db"
STATE = "state.db"
NOTICES = "notices.ndjson"

_REPLAY_COMMIT_EVERY = 500


def temporary_state(folder: Path) -> Callable[[], SqlState]:
    """Make an empty database that need not survive a crash, and give what opens it."""
    url = f"sqlite:///{folder / STATE}"
    upgrade(url, "state")
    return lambda: SqlState(url, synchronous="OFF", commit_every=_REPLAY_COMMIT_EVERY)


def migrate(data: Path) -> None:
    """Create or upgrade both databases of a data folder.

    Raises: ConfigError where one is damaged, cannot be written, or has the schema of a newer release.
    """
    databases: dict[str, Name] = {INTAKE: "intake", STATE: "state"}
    for file, name in databases.items():
        try:
            upgrade(_url(data, file), name)
        except DatabaseError as error:
            raise ConfigError(f"database cannot be used: {error.orig}", str(data / file)) from error
        except CommandError as error:
            raise ConfigError("database has the schema of another release", str(data / file)) from error


def read_state(data: Path) -> SqlState:
    """Open the state of a data folder for reading; a worker may be running on it.

    Raises: ConfigError where there is none.
    """
    if not (data / STATE).is_file():
        raise ConfigError(f"no {STATE} here; give the folder that `lpwatch run --data` writes", str(data))
    return SqlState(_url(data, STATE))


@contextmanager
def locked(data: Path) -> Iterator[None]:
    """Make a data folder where there is none, and keep it for one worker; however the process ends, others may have it then.

    Raises: ConfigError where another worker has it, or it cannot be made or written.
    """
    try:
        data.mkdir(parents=True, exist_ok=True)
        file = (data / "lock").open("a", encoding="ascii")
    except OSError as error:
        raise ConfigError(f"the data folder cannot be written: {error.strerror}", str(data)) from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise ConfigError("another worker uses this data folder", str(data)) from error
        yield


@dataclass(frozen=True, slots=True)
class Parts:
    """What an embedded worker is made of; `close` lets go of the databases."""

    engine: Engine
    reception: Reception
    metrics: Metrics
    job: Job
    seconds_since_step: Callable[[], float]
    is_storage_failing: Callable[[], bool]
    close: Callable[[], None]
    pack_digest: str


def build_run(settings: Settings, metrics: Metrics, _patience: Patience) -> Service:
    """Build all roles of one process on its data folder, which is migrated and kept for it.

    Raises: ConfigError where the folder or the notices cannot be written, PackError with every problem of the packs.
    """
    with ExitStack() as opened:
        opened.enter_context(locked(settings.folder))
        migrate(settings.folder)
        relays: list[Relay] = []

        def wake_relays() -> None:
            for relay in relays:
                relay.wake()

        parts = build(settings, metrics, wake_relays)
        opened.callback(parts.close)

        def open_state() -> SqlState:
            return SqlState(_url(settings.folder, STATE))

        relays.extend(build_relays(settings, Role.RUN, open_state, metrics, opened))
        watched = Watched([relay.name for relay in relays], parts.seconds_since_step)
        who = identity(settings, Role.RUN, parts.pack_digest)
        beating = state_beats(settings, who, open_state, watched, opened)
        close = opened.pop_all().close
    return Service(
        (parts.job, *map(relay_job, relays), *beating),
        metrics,
        close,
        parts.reception,
        lambda: "storage fails" if parts.is_storage_failing() else "",
        parts.pack_digest,
    )


def build(settings: Settings, metrics: Metrics, on_notices: Callable[[], None] = nobody) -> Parts:
    """Build all roles of one process on a migrated data folder; nothing listens yet.

    Shape: `on_notices` is called when notices were written.
    Raises: ConfigError where the notices cannot be written, PackError with every problem of the packs.
    """
    pack = load_pack(settings.pack)
    clock: Clock = MessageClock() if settings.clock == "messages" else WallClock()
    written = SqlJournal(_url(settings.folder, INTAKE))
    read = SqlJournal(_url(settings.folder, INTAKE))
    state = SqlState(_url(settings.folder, STATE))
    if not written.continue_at(state.position(JOURNAL).next):
        _log.error("journal_behind_state")
    metered = MeteredState(
        state, state.count_due, state.count_waiting, metrics, on_notices, state.count_blind
    )
    journal = MeteredJournal(read, read.end, metrics)
    sinks, close_sinks = _sinks(settings)
    inlets: list[Inlet] = [JournalInlet(journal)]
    kafka = None
    if consumes_kafka(settings):
        kafka, _ = kafka_inlet(settings, Role.RUN, clock, metrics)
        inlets.append(kafka)
    options = Options(
        is_exact=kafka is None,
        outlets=network_outlets(settings, Role.RUN, pack.routes),
        dead_letters=dead_letters(settings),
    )
    engine = Engine(inlets, metered, program(pack), clock, sinks=sinks, options=options)
    tell_feeds(state.feeds(), pack.mapping.feeds.values(), metrics)
    intake = MeteredIntake(written, metrics, engine.wake)
    reception = build_reception(settings, intake, metrics)

    def close() -> None:
        close_sinks()
        for store in (written, read, state):
            store.close()

    return Parts(
        engine,
        reception,
        metrics,
        engine_job(engine, metered, kafka),
        lambda: metered.last_step.seconds,
        lambda: intake.is_failing,
        close,
        pack.digest,
    )


def _sinks(settings: Settings) -> tuple[list[Sink], Callable[[], None]]:
    """Give the outlets; with none chosen, notices go to a file in the data folder and not into the void."""
    sinks: list[Sink] = []
    if settings.stdout:
        sinks.append(StreamSink(sys.stdout.buffer))
    path = settings.out
    if path is None and not sinks:
        path = settings.folder / NOTICES
    if path is None:
        return sinks, lambda: None
    file = NdjsonSink(path)
    file.check()
    return [*sinks, file], file.close


def _url(data: Path, name: str) -> str:
    return f"sqlite:///{data / name}"
