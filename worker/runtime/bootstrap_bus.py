"""Build the roles of an installation on a message bus: gateway, worker, deliver."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import ExitStack
from typing import Final

from worker.model.errors import ConfigError
from worker.runtime.bootstrap_database import await_database
from worker.runtime.bootstrap_out import relay_jobs
from worker.runtime.kafka_options import kafka_options
from worker.runtime.metrics import Metrics
from worker.runtime.role_settings import Role, uses_kafka
from worker.runtime.service import Service
from worker.runtime.settings import Settings
from worker.runtime.start import Patience
from worker.sources.kafka_cluster import Ends, Topic, asking, check_topics, topic_trouble
from worker.storage.state import SqlState

_READ: Final = ("READ",)
_WRITE: Final = ("WRITE",)


def build_gateway(settings: Settings, metrics: Metrics, patience: Patience) -> Service:
    """Build the role that writes what it receives to topics."""
    raise NotImplementedError


def build_worker(settings: Settings, metrics: Metrics, patience: Patience) -> Service:
    """Build the role that reads topics and assesses patients."""
    raise NotImplementedError


def build_deliver(settings: Settings, metrics: Metrics, patience: Patience) -> Service:
    """Build the role that sends notices.

    Raises: ConfigError where the database or the brokers refuse us or lack what is needed, TemporaryError where they stay away.
    """
    url = await_database(settings, patience)
    if uses_kafka(settings, Role.DELIVER):
        topics = [topic for topic in (settings.dead_letter_topic, settings.heartbeat_topic) if topic]
        await_topics(settings, Role.DELIVER, dict.fromkeys(topics, _WRITE), patience)
    with ExitStack() as opened:
        jobs = relay_jobs(settings, Role.DELIVER, lambda: SqlState(url), metrics, opened)
        return Service(jobs, metrics, opened.pop_all().close)


def await_topics(
    settings: Settings, role: Role, rights: Mapping[str, Collection[str]], patience: Patience
) -> dict[str, Topic]:
    """Wait for the brokers, and give these topics once we may do with each what is named.

    Raises: ConfigError where the brokers refuse us, or a topic is missing or closed; TemporaryError where they stayed away.
    """
    options = kafka_options(settings, f"lpwatch-{role}")
    return patience.wait(lambda: check_topics(options, rights))


def partition_ends(settings: Settings, topic: str, partition: int) -> Ends:
    """Ask the brokers where the log of a partition begins and ends.

    Raises: ConfigError where the brokers refuse us or there is no such partition, TemporaryError where they are away.
    """
    with asking(kafka_options(settings, "lpwatch-db")) as cluster:
        found = cluster.topics([topic])[topic]
        if partition >= found.partitions:
            raise ConfigError(
                topic_trouble(found, ["READ"]) or "there is no such partition", f"topic {topic}"
            )
        return cluster.ends(topic, [partition])[partition]
