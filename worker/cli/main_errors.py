"""Turn errors into one line on standard error and an exit code."""

from __future__ import annotations

import sys
from enum import IntEnum

import click

from worker.cli.screen import visible
from worker.model.errors import ConfigError, LpwatchError, PackError


class ExitCode(IntEnum):
    """How a command ends, for scripts; 2 is click's own for wrong usage."""

    WELL = 0
    PROBLEMS = 1
    USAGE = 2
    CONFIGURATION = 3


class Failure(click.ClickException):
    """End the command with a message and a code."""

    def __init__(self, message: str, code: ExitCode) -> None:
        super().__init__("\n".join(map(visible, message.split("\n"))))
        self.exit_code = code.value  # type: ignore[misc]  # declared for the class, documented to be set on one


class ReportingGroup(click.Group):
    """Report errors that lpwatch raises on purpose, and databases that are damaged, without a traceback."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; an `LpwatchError` becomes a message and an exit code."""
        try:
            return super().invoke(ctx)
        except (ConfigError, PackError) as error:
            raise Failure(str(error), ExitCode.CONFIGURATION) from error
        except LpwatchError as error:
            raise Failure(str(error), ExitCode.PROBLEMS) from error
        except Exception as error:
            trouble = _database_trouble(error)
            if trouble is None:
                raise
            raise Failure(trouble, ExitCode.CONFIGURATION) from error


def _database_trouble(error: Exception) -> str | None:
    """Say what is wrong with a database, None where the error is not about one.

    SQLite's sentences name tables and columns only; what a server says may quote a row and is left out.
    """
    errors = sys.modules.get("sqlalchemy.exc")  # imported by whatever opened a database
    if errors is None or not isinstance(error, errors.DatabaseError):
        return None
    cause = error.orig
    of_sqlite = type(cause).__module__ == "sqlite3"
    return f"database cannot be used: {cause if of_sqlite else type(cause).__name__}"
