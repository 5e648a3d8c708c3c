"""Check the database of workers: whether it answers, its schema, rights, TLS, its clock."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from worker.model.errors import ConfigError, TemporaryError
from worker.model.time import SECOND_MS
from worker.runtime.bootstrap_database import database_url
from worker.runtime.clock import Clock
from worker.runtime.doctor.checks import Check, command, doubtful, of_error, well, wrong
from worker.runtime.settings import Settings
from worker.sources.tls import is_loopback
from worker.storage.reach import DatabaseState, Schema, host_of, look_at, place_of

_OLDEST: Final = 15
_DOUBTFUL_S: Final = 2.0
_WRONG_S: Final = 30.0


def check_database(settings: Settings, clock: Clock, config: Path | None = None) -> Iterator[Check]:
    """Connect to the database, and look at all that a role needs of it."""
    try:
        url = database_url(settings)
    except ConfigError as error:
        yield of_error("database", error)
        return
    name = place_of(url)
    before_ms = clock.now_ms()
    try:
        state = look_at(url)
    except ConfigError as error:
        yield wrong(
            name, error.reason, "correct the URL of database, or its password; or let the server accept it"
        )
        return
    except TemporaryError as error:
        yield wrong(name, error.reason, "start the server, or correct host and port in the URL of database")
        return
    difference_s = (state.clock_ms - (before_ms + clock.now_ms()) / 2) / SECOND_MS
    yield _version(name, state)
    yield _schema(name, state, command("db migrate", config))
    if not state.may_write:
        yield wrong(
            f"rights in {name}", "this user may not write", "GRANT it the rights of the tables' owner"
        )
    yield _encryption(name, host_of(url), state)
    yield compare_clocks(f"clock of {name}", difference_s)


def compare_clocks(name: str, difference_s: float, *, do_we_rest_on_it: bool = True) -> Check:
    """Judge how far another clock is ahead of ours; one that we do not rest on is never worse than a doubt."""
    way = "ahead of" if difference_s > 0 else "behind"
    said = f"it is {abs(difference_s):.1f} s {way} this machine's clock"
    if do_we_rest_on_it and abs(difference_s) >= _WRONG_S:
        return wrong(name, said, "set both clocks by NTP: receipt times and timers rest on them")
    if abs(difference_s) >= _DOUBTFUL_S:
        return doubtful(name, said, "set both clocks by NTP")
    return well(name, said)


def _version(name: str, state: DatabaseState) -> Check:
    if state.server < _OLDEST:
        return wrong(name, f"it is PostgreSQL {state.server}", f"use PostgreSQL {_OLDEST} or newer")
    return well(name, f"it answers and is PostgreSQL {state.server}")


def _schema(name: str, state: DatabaseState, migrate: str) -> Check:
    title = f"schema of {name}"
    if state.schema is Schema.CURRENT:
        return well(title, "it is that of this release")
    if state.schema is Schema.FOREIGN:
        return wrong(
            title, "it is that of another release", "run the release that migrated it, or a newer one"
        )
    said = "there are no tables yet" if state.schema is Schema.EMPTY else "it is that of an older release"
    return wrong(title, said, f"run: {migrate}")


def _encryption(name: str, host: str, state: DatabaseState) -> Check:
    title = f"encryption to {name}"
    if state.is_encrypted:
        return well(title, "the connection is encrypted")
    if is_loopback(host) or host.startswith("/"):
        return well(title, "the connection stays on this machine")
    return doubtful(
        title,
        "the connection is not encrypted",
        "turn TLS on at the server, and add ?sslmode=verify-full&sslrootcert=FILE to the URL of database",
    )
