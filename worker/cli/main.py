"""The entry point of the `lpwatch` command: each command is imported when it is asked for."""

from __future__ import annotations

import importlib
import sys
from dataclasses import dataclass

import click

from worker import __version__
from worker.cli.main_errors import ReportingGroup


@dataclass(frozen=True, slots=True)
class LazyCommand:
    """Where a command is defined, and its line in `lpwatch --help`."""

    module: str
    attribute: str
    summary: str


COMMANDS = {
    "demo": LazyCommand(
        "worker.cli.demo", "demo", "Play a simulated ward into the worker and show its alerts live."
    ),
    "run": LazyCommand(
        "worker.cli.run", "run", "Take messages, assess patients, deliver notices in one process."
    ),
    "gateway": LazyCommand("worker.cli.bus", "gateway", "Take messages and write them to Kafka topics."),
    "worker": LazyCommand(
        "worker.cli.bus", "worker", "Read messages from topics, assess patients, with PostgreSQL."
    ),
    "deliver": LazyCommand("worker.cli.bus", "deliver", "Send notices to topics and FHIR servers."),
    "replay": LazyCommand(
        "worker.cli.replay", "replay", "Read recorded messages and tell which alerts they give."
    ),
    "test": LazyCommand("worker.cli.test", "test", "Run vignettes against the rules."),
    "mutate": LazyCommand(
        "worker.cli.mutate", "mutate", "Change the rules one place at a time, and ask the vignettes."
    ),
    "lint": LazyCommand("worker.cli.lint", "lint", "Check a pack: mappings, phrases and rules."),
    "notes": LazyCommand("worker.cli.notes", "notes", "Show what is read of a note, and why."),
    "notes-eval": LazyCommand(
        "worker.cli.notes_eval", "notes_eval", "Compare what is read of labelled sentences with their labels."
    ),
    "schema": LazyCommand(
        "worker.cli.schema", "schema", "Print the schemas of alerts, or the AsyncAPI document of a site."
    ),
    "why": LazyCommand("worker.cli.why", "why", "Explain the findings of a patient at an instant."),
    "why-not": LazyCommand(
        "worker.cli.why", "why_not", "Explain why a rule did not hold for a patient at an instant."
    ),
    "blindspots": LazyCommand(
        "worker.cli.blindspots", "blindspots", "List patients whom the rules do not see after an LP, and why."
    ),
    "simulate": LazyCommand("worker.cli.simulate", "simulate", "Invent a hospital with known truth."),
    "doctor": LazyCommand(
        "worker.cli.doctor", "doctor", "Say what is wrong with an installation, and what to do next."
    ),
    "db": LazyCommand("worker.cli.db", "db", "Look after the databases."),
}


class LazyGroup(ReportingGroup):
    """Know all commands by name, import only the one that is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order in which a newcomer meets them."""
        return [*COMMANDS, *(name for name in super().list_commands(ctx) if name not in COMMANDS)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command, or return None where there is none of this name."""
        lazy = COMMANDS.get(cmd_name)
        if lazy is None:
            return super().get_command(ctx, cmd_name)
        command = getattr(importlib.import_module(lazy.module), lazy.attribute)
        if not isinstance(command, click.Command):
            msg = f"{lazy.module}.{lazy.attribute} is no command"
            raise TypeError(msg)
        return command

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, lazy.summary) for name, lazy in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="lpwatch")
def main() -> None:
    """Watch patients after a lumbar puncture and alert on red flags.

    Each command has --help with an example.
    Exit codes: 0 well, 1 problems were found, 2 wrong usage, 3 wrong configuration or pack.
    """
    from worker.runtime.logs import configure_logs  # noqa: PLC0415  not needed for --help

    configure_logs(sys.stderr, level="warning")
