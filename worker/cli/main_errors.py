"""Turn errors into one line on standard error and an exit code."""

from __future__ import annotations

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
    """Report errors that lpwatch raises on purpose without a traceback."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; an `LpwatchError` becomes a message and an exit code."""
        try:
            return super().invoke(ctx)
        except (ConfigError, PackError) as error:
            raise Failure(str(error), ExitCode.CONFIGURATION) from error
        except LpwatchError as error:
            raise Failure(str(error), ExitCode.PROBLEMS) from error
