"""`lpwatch run`: all roles in one process."""

from __future__ import annotations

from pathlib import Path

import click

from worker.cli.role_options import role_options, start

EPILOG = """\b
Examples:
  lpwatch run --data /var/lib/lpwatch --mllp 127.0.0.1:2575 --http 127.0.0.1:8080
  lpwatch run --data data --mllp 127.0.0.1:0 --clock messages --stdout
  LPWATCH_DATA=data lpwatch run --config lpwatch.yaml

Every option can stand as `name: value` in the file, or as LPWATCH_NAME in the environment. TLS, limits, brokers and log
level are settings without an option. SIGTERM and Ctrl-C end it after everything received is stored, assessed and delivered.
"""


@click.command(name="run", epilog=EPILOG)
@click.option(
    "--data", type=click.Path(file_okay=False, path_type=Path), metavar="DIR", help="Folder of the databases."
)
@role_options("mllp", "fhir", "clock", "pack")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Append notices to this file as NDJSON (default: notices.ndjson in the data folder).",
)
@click.option("--stdout", is_flag=True, default=None, help="Write notices to standard output as NDJSON.")
def run(*, config: Path | None, **options: object) -> None:
    """Take messages, assess patients, deliver notices: all in one process.

    A message is acknowledged when it is stored for good. Killed at any moment, the next start goes on where this one
    stopped. Logs go to standard error as JSON lines.
    """
    from worker.runtime.bootstrap import build_run  # noqa: PLC0415  not needed for --help
    from worker.runtime.role_settings import Role  # noqa: PLC0415  not needed for --help

    start(Role.RUN, build_run, config, options)
