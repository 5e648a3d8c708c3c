"""Build the roles of an installation on a message bus: gateway, worker, deliver."""

from __future__ import annotations

from worker.model.errors import ConfigError
from worker.runtime.kafka_options import kafka_options
from worker.runtime.metrics import Metrics
from worker.runtime.service import Service
from worker.runtime.settings import Settings
from worker.runtime.start import Patience
from worker.sources.kafka_cluster import Ends, asking, topic_trouble


def build_gateway(settings: Settings, metrics: Metrics, patience: Patience) -> Service:
    """Build the role that writes what it receives to topics."""
    raise NotImplementedError


def build_worker(settings: Settings, metrics: Metrics, patience: Patience) -> Service:
    """Build the role that reads topics and assesses patients."""
    raise NotImplementedError


def build_deliver(settings: Settings, metrics: Metrics, patience: Patience) -> Service:
    """Build the role that sends notices."""
    raise NotImplementedError


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
