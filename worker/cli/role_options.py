"""What the commands of the roles have in common: options that are settings, and how a role is started."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from worker.cli.render import FOLDER

if TYPE_CHECKING:
    from worker.runtime.role_settings import Role
    from worker.runtime.serve import Build

Command = TypeVar("Command", bound=Callable[..., object])
_FILE = click.Path(dir_okay=False, path_type=Path)

_OPTIONS = {
    "config": click.option(
        "--config",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        metavar="FILE",
        help="Read settings from this YAML file; options and the environment win over it.",
    ),
    "ready_file": click.option(
        "--ready-file",
        type=_FILE,
        metavar="FILE",
        help="Write the bound addresses to this file, as JSON, when the role works.",
    ),
    "http": click.option(
        "--http", metavar="HOST:PORT", help="Serve /healthz, /readyz and /metrics here (default: off)."
    ),
    "mllp": click.option(
        "--mllp",
        metavar="HOST:PORT",
        help="Take HL7 v2 messages here; port 0: any; none: off (default 127.0.0.1:2575).",
    ),
    "fhir": click.option(
        "--fhir", metavar="HOST:PORT", help="Take FHIR resources over HTTP here (default: off)."
    ),
    "clock": click.option(
        "--clock",
        type=click.Choice(["wall", "messages"]),
        help="What time it is: the machine's clock (default), or the newest time stamp of the messages (recordings, trials).",
    ),
    "pack": click.option(
        "--pack",
        type=FOLDER,
        multiple=True,
        metavar="DIR",
        help="Layer this pack folder over the default pack.",
    ),
    "database": click.option(
        "--database", metavar="URL", help="The state: postgresql+psycopg://USER@HOST:PORT/NAME."
    ),
    "kafka_bootstrap_servers": click.option(
        "--kafka-bootstrap-servers", metavar="HOST:PORT,…", help="Brokers to ask first."
    ),
}


def role_options(*names: str) -> Callable[[Command], Command]:
    """Add these options, and those that every role has, in this order."""

    def add(command: Command) -> Command:
        for name in reversed((*names, "http", "config", "ready_file")):
            command = _OPTIONS[name](command)
        return command

    return add


def start(role: Role, build: Build, config: Path | None, options: Mapping[str, object]) -> None:
    """Serve a role with these options over the environment over the file, until a signal ends it."""
    from worker.runtime.serve import serve  # noqa: PLC0415  not needed for --help
    from worker.runtime.settings import load_settings  # noqa: PLC0415  not needed for --help

    given = {name: value for name, value in options.items() if value is not None and value != ()}
    if code := serve(role, load_settings(given, config), build):
        raise SystemExit(code)
