"""Topics for tests, made and known to their broker."""

from __future__ import annotations

import time
import uuid

from kafka.admin import KafkaAdminClient


def make_topic(
    bootstrap: str, partitions: int = 2, replicas: int = 1, *, name: str = "test", **config: str
) -> str:
    """Make a topic of a name never used before; `config` with underscores for dots."""
    topic = f"{name}-{uuid.uuid4().hex[:12]}"
    add_topic(bootstrap, topic, partitions, replicas, **config)
    return topic


def add_topic(bootstrap: str, topic: str, partitions: int = 2, replicas: int = 1, **config: str) -> None:
    """Make a topic of this name."""
    wanted = {name.replace("_", "."): value for name, value in config.items()}
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        admin.create_topics(
            {topic: {"num_partitions": partitions, "replication_factor": replicas, "configs": wanted}}
        )
        admin.wait_for_topics([topic])
    finally:
        admin.close()


def grow_topic(bootstrap: str, topic: str, partitions: int) -> None:
    """Give a topic more partitions, and wait until the broker tells of them."""
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        admin.create_partitions({topic: partitions})
        deadline = time.monotonic() + 30
        while len(admin.describe_topics([topic])[0]["partitions"]) < partitions:
            assert time.monotonic() < deadline, "the topic did not grow"
            time.sleep(0.05)
    finally:
        admin.close()
