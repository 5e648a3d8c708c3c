"""`lpwatch run`: all roles in one process."""

from __future__ import annotations

from pathlib import Path

import click

from worker.cli.render import FOLDER

EPILOG = """\b
Examples:
  lpwatch run --data /var/lib/lpwatch --mllp 127.0.0.1:2575 --http 127.0.0.1:8080
  lpwatch run --data data --mllp 127.0.0.1:0 --clock messages --stdout
  LPWATCH_DATA=data lpwatch run --config lpwatch.yaml

Every option can stand as `name: value` in the file, or as LPWATCH_NAME in the environment. TLS, limits and log level
are settings without an option. SIGTERM and Ctrl-C end it after everything received is stored, assessed and delivered.
"""


@click.command(name="run", epilog=EPILOG)
@click.option(
    "--data", type=click.Path(file_okay=False, path_type=Path), metavar="DIR", help="Folder of the databases."
)
@click.option(
    "--mllp", metavar="HOST:PORT", help="Take HL7 v2 messages here; port 0: any (default 127.0.0.1:2575)."
)
@click.option("--http", metavar="HOST:PORT", help="Serve /healthz, /readyz and /metrics here (default: off).")
@click.option(
    "--clock",
    type=click.Choice(["wall", "messages"]),
    help="What time it is: the machine's clock (default), or the newest time stamp of the messages.",
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Append notices to this file as NDJSON (default: notices.ndjson in the data folder).",
)
@click.option("--stdout", is_flag=True, default=None, help="Write notices to standard output as NDJSON.")
@click.option(
    "--pack", type=FOLDER, multiple=True, metavar="DIR", help="Layer this pack folder over the default pack."
)
@click.option(
    "--config",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Read settings from this YAML file; options and the environment win over it.",
)
@click.option(
    "--ready-file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write the bound addresses to this file, as JSON, when messages are accepted.",
)
def run(*, config: Path | None, **options: object) -> None:
    """Take messages over MLLP, assess patients, deliver notices.

    A message is acknowledged when it is stored for good. Killed at any moment, the next start goes on where this one
    stopped. Logs go to standard error as JSON lines.
    """
    from worker.runtime.run import run as work  # noqa: PLC0415  not needed for --help
    from worker.runtime.settings import load_settings  # noqa: PLC0415  not needed for --help

    given = {name: value for name, value in options.items() if value is not None and value != ()}
    if code := work(load_settings(given, config)):
        raise SystemExit(code)
