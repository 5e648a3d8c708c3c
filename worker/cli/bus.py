"""`lpwatch gateway`, `worker` and `deliver`: the roles of an installation on a message bus, one in each process."""

from __future__ import annotations

from pathlib import Path

import click

from worker.cli.role_options import role_options, start

GATEWAY_EPILOG = """\b
Examples:
  lpwatch gateway --config lpwatch.yaml
  LPWATCH_GATEWAY_HL7_TOPIC=lpwatch.in.hl7 lpwatch gateway --mllp 127.0.0.1:2575 --kafka-bootstrap-servers kafka:9092

Settings that it needs: kafka_bootstrap_servers, gateway_hl7_topic for MLLP, gateway_fhir_topic for FHIR.
"""
WORKER_EPILOG = """\b
Examples:
  lpwatch worker --config lpwatch.yaml --http 127.0.0.1:8081
  LPWATCH_KAFKA_HL7_TOPICS=lpwatch.in.hl7 lpwatch worker --database postgresql+psycopg://lpwatch@db/lpwatch \\
    --kafka-bootstrap-servers kafka:9092

Settings that it needs: database, kafka_bootstrap_servers, kafka_hl7_topics or kafka_fhir_topics.
"""
DELIVER_EPILOG = """\b
Examples:
  lpwatch deliver --config lpwatch.yaml --http 127.0.0.1:8082
  lpwatch deliver --database postgresql+psycopg://lpwatch@db/lpwatch --kafka-bootstrap-servers kafka:9092

Settings that it needs: database, and kafka_bootstrap_servers or fhir_out.
"""


@click.command(name="gateway", epilog=GATEWAY_EPILOG)
@role_options("mllp", "fhir", "kafka_bootstrap_servers")
def gateway(*, config: Path | None, **options: object) -> None:
    """Take messages over MLLP and FHIR, and write them to topics.

    A message is acknowledged when the brokers have it for good (acks=all); while they are away the sender is told to send
    again. It has no database; as many as are needed may run.
    """
    from worker.runtime.bootstrap_bus import build_gateway  # noqa: PLC0415  not needed for --help
    from worker.runtime.role_settings import Role  # noqa: PLC0415  not needed for --help

    start(Role.GATEWAY, build_gateway, config, options)


@click.command(name="worker", epilog=WORKER_EPILOG)
@role_options("database", "kafka_bootstrap_servers", "clock", "pack")
def worker(*, config: Path | None, **options: object) -> None:
    """Read messages from topics, assess patients, and write alerts to the database.

    As many as the topics have partitions may run. On SIGTERM a worker finishes its batch and hands its partitions to the
    others; killed at any moment, they go on where it stopped. Bring the database up to date first: lpwatch db migrate.
    """
    from worker.runtime.bootstrap_bus import build_worker  # noqa: PLC0415  not needed for --help
    from worker.runtime.role_settings import Role  # noqa: PLC0415  not needed for --help

    start(Role.WORKER, build_worker, config, options)


@click.command(name="deliver", epilog=DELIVER_EPILOG)
@role_options("database", "kafka_bootstrap_servers")
def deliver(*, config: Path | None, **options: object) -> None:
    """Send the notices that workers wrote to topics and FHIR servers.

    Of several, one delivers to an outlet at a time; another takes over within `lease_seconds` when it ends. Every notice
    is sent at least once, under one id, and versions of one alert arrive in order.
    """
    from worker.runtime.bootstrap_bus import build_deliver  # noqa: PLC0415  not needed for --help
    from worker.runtime.role_settings import Role  # noqa: PLC0415  not needed for --help

    start(Role.DELIVER, build_deliver, config, options)
