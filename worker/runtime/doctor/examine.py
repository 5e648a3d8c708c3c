"""Run the checks of the roles that somebody wants to run here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path

from worker.model.errors import ConfigError, LpwatchError
from worker.runtime.bootstrap import read_state
from worker.runtime.bootstrap_database import open_database_state
from worker.runtime.clock import Clock, WallClock
from worker.runtime.doctor.brokers import check_brokers
from worker.runtime.doctor.checks import Check, Status, of_error, once, well, wrong
from worker.runtime.doctor.database import check_database
from worker.runtime.doctor.fhir_server import check_fhir_server
from worker.runtime.doctor.here import checks_here
from worker.runtime.role_settings import USES, Role, missing, uses_kafka
from worker.runtime.settings import Settings, load_settings
from worker.storage.records import Position


def examine(
    given: Mapping[str, object], config: Path | None, role: Role | None, clock: Clock | None = None
) -> list[Check]:
    """Check everything that these roles need: the one that is named, else each whose settings are there."""
    try:
        settings = load_settings(given, config)
    except ConfigError as error:
        return [of_error("settings", error)]
    roles = [role] if role is not None else [each for each in Role if not missing(settings, each)]
    return once(
        check
        for each in roles or [Role.RUN]
        for check in _checks(settings, each, clock or WallClock(), config)
    )


def is_well(checks: Sequence[Check]) -> bool:
    """Tell whether nothing is wrong; doubts are allowed."""
    return all(check.status is not Status.ERROR for check in checks)


def _checks(settings: Settings, role: Role, clock: Clock, config: Path | None) -> Iterator[Check]:
    lacking = missing(settings, role)
    if lacking:
        for line in lacking:
            setting, _, reason = line.partition(": ")
            yield wrong(f"settings of {role}", reason, f"set {setting}")
    else:
        yield well(f"settings of {role}", "nothing is missing")
    has_folder = role is not Role.RUN or settings.data is not None
    if has_folder:
        yield from checks_here(settings, role, clock.now_ms())
    if "database" in USES[role] and settings.database is not None:
        yield from check_database(settings, clock, config)
    if uses_kafka(settings, role) and settings.kafka_bootstrap_servers:
        yield from check_brokers(settings, role, _positions(settings, role), config)
    if "fhir_out_ca" in USES[role] and settings.fhir_out is not None:
        yield from check_fhir_server(settings, clock)


def _positions(settings: Settings, role: Role) -> Mapping[str, Position] | None:
    """Read how far everything is consumed, None where nobody can tell."""
    try:
        if role is Role.RUN:
            state = read_state(settings.folder)
        elif role is Role.WORKER:
            state = open_database_state(settings)
        else:
            return None
        with closing(state):
            return state.positions()
    except LpwatchError:
        return None
