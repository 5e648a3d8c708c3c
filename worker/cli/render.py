"""What commands print: tables for people, JSON for programs, instants, progress; and the options they share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import click
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from worker.cli.screen import json_line, visible
from worker.model.time import EpochMs, from_rfc3339
from worker.sources.files import SkippedFile

Command = TypeVar("Command", bound=Callable[..., object])


class Instant(click.ParamType[EpochMs]):
    """An RFC 3339 date-time with an offset, as epoch milliseconds."""

    name = "time"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> EpochMs:
        """Parse the text, or fail with an example."""
        if isinstance(value, int):
            return value
        try:
            return from_rfc3339(str(value))
        except ValueError:
            self.fail("give date, time and offset, for example 2026-01-05T08:00:00Z", param, ctx)


INSTANT = Instant()
FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


def pack_option(command: Command) -> Command:
    """Add `--pack`."""
    return click.option(
        "--pack",
        "packs",
        type=FOLDER,
        multiple=True,
        metavar="DIR",
        help="Layer this pack folder over the default pack; may be repeated.",
    )(command)


def notes_option(command: Command) -> Command:
    """Add `--notes`: who reads the notes of vignettes."""
    return click.option(
        "--notes",
        type=click.Choice(["text", "extract"]),
        default="text",
        show_default=True,
        help="text: the pack's phrases read the notes; extract: they say what the vignette's extract states.",
    )(command)


def json_option(command: Command) -> Command:
    """Add `--json`."""
    return click.option(
        "--json", "is_json", is_flag=True, help="Print JSON, and nothing else, on standard output."
    )(command)


def print_json(document: object) -> None:
    """Print one JSON document on standard output."""
    click.echo(json_line(document, indent=2))


def print_lines(lines: Iterable[str]) -> None:
    """Print lines on standard output; each stays one line."""
    for line in lines:
        click.echo(visible(line))


def print_counts(title: str, rows: Iterable[Sequence[object]]) -> None:
    """Print a table whose last column is a number; nothing where there are no rows."""
    lines = [tuple(map(str, row)) for row in rows]
    if not lines:
        return
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    for _ in lines[0][:-1]:
        table.add_column(overflow="fold")
    table.add_column(justify="right")
    for line in lines:
        table.add_row(*(escape(visible(cell)) for cell in line))
    console = Console(highlight=False)
    console.print(title, style="bold")
    console.print(Padding(table, (0, 0, 1, 2)))


def warn(text: str) -> None:
    """Say something on standard error."""
    click.echo(visible(text), err=True)


def warn_skipped(file: SkippedFile) -> None:
    """Say that nothing was read from a file."""
    warn(f"not read: {file.path}: {file.reason}")


@contextmanager
def counting(what: str) -> Iterator[Callable[[int], None]]:
    """Show on standard error, where it is a terminal, how many were done so far."""
    console = Console(stderr=True)
    columns = (
        SpinnerColumn(),
        TextColumn("{task.completed:,} {task.description}"),
        BarColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(what, total=None)
        yield lambda count: progress.advance(task, count)
