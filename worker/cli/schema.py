"""`lpwatch schema`: tell programs what alerts look like, and on which topics they come."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from ruamel.yaml import YAML

from worker.alerts.schemas import DOCUMENTS, alert_schema
from worker.cli.render import json_option, pack_option, print_json
from worker.runtime.asyncapi import Topics, asyncapi_document
from worker.runtime.offline import load_pack

ASYNCAPI = "asyncapi"
_WIDTH = 120
EPILOG = """\b
Examples:
  lpwatch schema alert
  lpwatch schema asyncapi --pack ours --dead-letter-topic lpwatch.dead-letters > asyncapi.yaml

A schema is JSON; the AsyncAPI document is YAML, or JSON with --json.
"""


@click.command(name="schema", epilog=EPILOG)
@click.argument("name", type=click.Choice([*DOCUMENTS, ASYNCAPI]))
@pack_option
@click.option("--dead-letter-topic", metavar="TOPIC", help="asyncapi: as the setting dead_letter_topic says.")
@click.option("--heartbeat-topic", metavar="TOPIC", help="asyncapi: as the setting heartbeat_topic says.")
@json_option
def schema(
    *,
    name: str,
    packs: tuple[Path, ...],
    dead_letter_topic: str | None,
    heartbeat_topic: str | None,
    is_json: bool,
) -> None:
    """Print a JSON Schema of what goes out, or the AsyncAPI document of a site's routes."""
    if name != ASYNCAPI:
        print_json(alert_schema(name))
        return
    topics = Topics(dead_letter_topic, heartbeat_topic)
    document = asyncapi_document(load_pack(packs).routes, topics)
    if is_json:
        print_json(document)
        return
    yaml = YAML()
    yaml.width = _WIDTH
    yaml.dump(document, sys.stdout)
