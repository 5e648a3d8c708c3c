"""Topics for tests, made and known to their broker."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from contextlib import closing

from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient
from kafka.errors import InvalidReplicationFactorError

PATIENCE_S = 100.0


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
    asked = {topic: {"num_partitions": partitions, "replication_factor": replicas, "configs": wanted}}
    deadline = time.monotonic() + PATIENCE_S
    with closing(KafkaAdminClient(bootstrap_servers=bootstrap)) as admin:
        while True:
            try:
                admin.create_topics(asked)
            except InvalidReplicationFactorError:  # a broker that stood still is not let in again yet
                assert time.monotonic() < deadline, "the brokers are away"
                time.sleep(0.1)
            else:
                break
        admin.wait_for_topics([topic])


def grow_topic(bootstrap: str, topic: str, partitions: int) -> None:
    """Give a topic more partitions, and wait until the broker tells of them."""
    with closing(KafkaAdminClient(bootstrap_servers=bootstrap)) as admin:
        admin.create_partitions({topic: partitions})
        _await(
            lambda: len(admin.describe_topics([topic])[0]["partitions"]) == partitions,
            "the topic did not grow",
        )


def set_topic(bootstrap: str, topic: str, **config: str) -> None:
    """Change settings of a topic, `config` with underscores for dots, and wait until the broker tells of them."""
    wanted = {name.replace("_", "."): value for name, value in config.items()}
    with closing(KafkaAdminClient(bootstrap_servers=bootstrap)) as admin:
        admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, wanted)])

        def is_set() -> bool:
            (told,) = admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])[
                "topic"
            ].values()
            return all(told[name]["value"] == value for name, value in wanted.items())

        _await(is_set, "the settings did not change")


def _await(is_done: Callable[[], bool], what: str) -> None:
    """Wait until a broker knows what its controller has confirmed: that is a moment later."""
    deadline = time.monotonic() + PATIENCE_S
    while not is_done():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)
