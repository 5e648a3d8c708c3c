"""How commands are told which database: a data folder, a URL, or the settings of a role."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

if TYPE_CHECKING:
    from worker.runtime.settings import Settings
    from worker.storage.state import SqlState

Command = TypeVar("Command", bound=Callable[..., object])


def database_options(command: Command) -> Command:
    """Add `--data`, `--database` and `--config`."""
    for option in (
        click.option(
            "--config",
            type=click.Path(exists=True, dir_okay=False, path_type=Path),
            metavar="FILE",
            help="Take the database, and the brokers, from this settings file.",
        ),
        click.option(
            "--database",
            metavar="URL",
            help="The state of workers: postgresql+psycopg://USER@HOST:PORT/NAME.",
        ),
        click.option(
            "--data",
            type=click.Path(file_okay=False, path_type=Path),
            metavar="DIR",
            help="The data folder of `lpwatch run`.",
        ),
    ):
        command = option(command)
    return command


def database_settings(data: Path | None, database: str | None, config: Path | None) -> Settings:
    """Find the database: what was given on the command line, else in the environment or the file.

    Raises: UsageError where none is named, or two are.
    """
    from worker.runtime.settings import load_settings  # noqa: PLC0415  not needed for --help

    if data is not None and database is not None:
        raise click.UsageError("give --data or --database, not both")
    given = {"data": data, "database": database}
    settings = load_settings({name: value for name, value in given.items() if value is not None}, config)
    if data is not None:
        return settings.model_copy(update={"database": None})
    if settings.database is None and settings.data is None:
        raise click.UsageError("say which database: --database, --data, or --config")
    return settings


def open_state(settings: Settings) -> SqlState:
    """Open the state for reading, or for an operator; workers may be running on it.

    Raises: ConfigError where there is none, or it cannot be used as it is.
    """
    from worker.runtime.bootstrap import read_state  # noqa: PLC0415  not needed for --help
    from worker.runtime.bootstrap_database import open_database_state  # noqa: PLC0415  see above

    return read_state(settings.folder) if settings.database is None else open_database_state(settings)
