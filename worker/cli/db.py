"""`lpwatch db`: look after the databases."""

from __future__ import annotations

from pathlib import Path

import click

EPILOG = """\b
Example:
  lpwatch db migrate --data /var/lib/lpwatch
"""


@click.group(name="db")
def db() -> None:
    """Look after the databases."""


@db.command(name="migrate", epilog=EPILOG)
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    metavar="DIR",
    help="Folder of the databases; made when it does not exist.",
)
def migrate(*, data: Path) -> None:
    """Bring both databases to the schema of this release; one that is up to date stays as it is.

    `lpwatch run` does the same when it starts. Stop the worker first.
    """
    from worker.runtime.bootstrap import locked  # noqa: PLC0415  not needed for --help
    from worker.runtime.bootstrap import migrate as migrate_data  # noqa: PLC0415  see above

    with locked(data):
        migrate_data(data)
    click.echo(f"up to date: {data}", err=True)
