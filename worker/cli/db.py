"""`lpwatch db`: look after the databases."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from worker.cli.database_options import database_options, database_settings, open_state
from worker.cli.render import json_option, print_json

if TYPE_CHECKING:
    from worker.runtime.settings import Settings

MIGRATE_EPILOG = """\b
Examples:
  lpwatch db migrate --data /var/lib/lpwatch
  lpwatch db migrate --database postgresql+psycopg://lpwatch@db/lpwatch
  lpwatch db migrate --config lpwatch.yaml
"""
POSITIONS_EPILOG = """\b
Examples:
  lpwatch db positions --config lpwatch.yaml
  lpwatch db positions --database postgresql+psycopg://lpwatch@db/lpwatch --json
"""
MOVE_EPILOG = """\b
Examples:
  lpwatch db move-position kafka:lpwatch.in.hl7:3 beginning --config lpwatch.yaml
  lpwatch db move-position kafka:lpwatch.in.hl7:3 18230 --database postgresql+psycopg://lpwatch@db/lpwatch
"""


@click.group(name="db")
def db() -> None:
    """Look after the databases."""


@db.command(name="migrate", epilog=MIGRATE_EPILOG)
@database_options
def migrate(*, data: Path | None, database: str | None, config: Path | None) -> None:
    """Bring a database to the schema of this release; one that is up to date stays as it is.

    `lpwatch run` does the same with its data folder when it starts; stop it first. Workers and deliver start only on a
    database that is up to date. A database that is away is waited for.
    """
    from worker.runtime.bootstrap import locked  # noqa: PLC0415  not needed for --help
    from worker.runtime.bootstrap import migrate as migrate_data  # noqa: PLC0415  see above
    from worker.runtime.bootstrap_database import migrate_database  # noqa: PLC0415  see above
    from worker.runtime.start import Patience  # noqa: PLC0415  see above

    settings = database_settings(data, database, config)
    if settings.database is None:
        with locked(settings.folder):
            migrate_data(settings.folder)
        place = str(settings.folder)
    else:
        place = migrate_database(settings, Patience(settings.start_wait_seconds))
    click.echo(f"up to date: {place}", err=True)


@db.command(name="positions", epilog=POSITIONS_EPILOG)
@database_options
@json_option
def positions(*, data: Path | None, database: str | None, config: Path | None, is_json: bool) -> None:
    """List how far each part of the input is consumed: the next offset, and when its newest message was received."""
    from worker.model.time import to_rfc3339  # noqa: PLC0415  not needed for --help

    state = open_state(database_settings(data, database, config))
    try:
        found = state.positions()
    finally:
        state.close()
    rows = {
        part: {
            "next": position.next,
            "received_at": to_rfc3339(position.at_ms) if position.at_ms else None,
            "caught_up_at": to_rfc3339(position.caught_up_ms) if position.caught_up_ms else None,
        }
        for part, position in sorted(found.items())
    }
    if is_json:
        print_json(rows)
        return
    for part, row in rows.items():
        click.echo(f"{part}  next {row['next']}  received {row['received_at'] or 'nothing yet'}")


@db.command(name="move-position", epilog=MOVE_EPILOG)
@click.argument("part")
@click.argument("to", metavar="OFFSET|beginning|end")
@database_options
def move_position(
    *, part: str, to: str, data: Path | None, database: str | None, config: Path | None
) -> None:
    """Say where a part of the input goes on: for a partition that stopped, its next offset or its whole topic being gone.

    PART is named as `lpwatch db positions` names it, kafka:TOPIC:PARTITION. Moving forward leaves messages out, moving back
    reads some again, which changes no finding. The position counts in the topic that is there now, also where that was made
    anew or another cluster has taken its place. Workers that run take note within seconds.
    """
    settings = database_settings(data, database, config)
    state = open_state(settings)
    try:
        known = state.positions()
        if part not in known and not part.startswith("kafka:"):
            raise click.UsageError("no such part; `lpwatch db positions` lists them")
        offset, log, doubt = _place_in(settings, part, to)
        state.move_position(part, offset, log)
    finally:
        state.close()
    was = known[part].next if part in known else "nothing"
    click.echo(f"{part}: next {offset}, was {was}", err=True)
    if doubt:
        click.echo(f"not checked whether the log holds offset {offset}: {doubt}", err=True)


def _place_in(settings: Settings, part: str, to: str) -> tuple[int, str, str]:
    """Find an offset in the log that is there now: the offset, which log it is, and why that could not be looked up."""
    is_number = to.isascii() and to.isdigit()
    if not is_number and to not in {"beginning", "end"}:
        raise click.UsageError("say where to: an offset, beginning or end")
    topic, _, partition = part.removeprefix("kafka:").rpartition(":")
    if not part.startswith("kafka:") or not topic or not partition.isdigit():
        if is_number:
            return int(to), "", ""
        raise click.UsageError(f"{to} is known of Kafka's partitions only; give an offset")
    from worker.model.errors import TemporaryError  # noqa: PLC0415  not needed for --help
    from worker.runtime.bootstrap_bus import partition_ends  # noqa: PLC0415  see above

    if is_number and not settings.kafka_bootstrap_servers:
        return int(to), "", "no brokers are named; give --config FILE, or set LPWATCH_KAFKA_BOOTSTRAP_SERVERS"
    try:
        ends, log = partition_ends(settings, topic, int(partition))
    except TemporaryError as error:
        if is_number:
            return int(to), "", str(error)
        raise
    if not is_number:
        return ends.first if to == "beginning" else ends.next, log, ""
    if not ends.first <= int(to) <= ends.next:
        raise click.UsageError(
            f"{part} would stop at {to}: its log holds {ends.first} to {ends.next}; give one of these, beginning or end"
        )
    return int(to), log, ""
