"""Check Kafka: brokers, login, topics with their rights and limits, the consumer group, how far behind workers are."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from worker.model.errors import ConfigError, LpwatchError
from worker.model.time import DAY_MS
from worker.runtime.doctor.checks import Check, command, doubtful, of_error, well, wrong
from worker.runtime.kafka_options import kafka_options
from worker.runtime.offline import load_pack
from worker.runtime.role_settings import Role, sends_to_kafka
from worker.runtime.settings import Settings
from worker.sources.kafka_cluster import Ends, KafkaCluster, Topic, asking, topic_trouble
from worker.sources.kafka_reach import reach
from worker.sources.tls import is_loopback
from worker.storage.records import Position

_CONNECT_S: Final = 3.0
_SHORT_RETENTION_MS: Final = 3 * DAY_MS
_ADDRESS: Final = "start the broker, or correct kafka_bootstrap_servers"


@dataclass(frozen=True, slots=True)
class Use:
    """What a role does with a topic.

    Shape: `setting` is where its name stands. `largest` is the size of the largest message that we may write, 0 for small ones.
    """

    topic: str
    setting: str
    rights: tuple[str, ...]
    is_input: bool = False
    largest: int = 0


def uses(settings: Settings, role: Role) -> list[Use]:
    """List the topics of a role.

    Raises: PackError, ConfigError where the pack, whose routes name topics, cannot be read.
    """
    found: list[Use] = []
    if role is Role.GATEWAY:
        if settings.mllp is not None and settings.gateway_hl7_topic:
            size = settings.mllp_max_frame_bytes
            found.append(Use(settings.gateway_hl7_topic, "gateway_hl7_topic", ("WRITE",), largest=size))
        if settings.fhir is not None and settings.gateway_fhir_topic:
            size = settings.fhir_max_body_bytes
            found.append(Use(settings.gateway_fhir_topic, "gateway_fhir_topic", ("WRITE",), largest=size))
    if role in {Role.RUN, Role.WORKER}:
        for setting in ("kafka_hl7_topics", "kafka_fhir_topics"):
            found.extend(
                Use(topic, setting, ("READ",), is_input=True) for topic in getattr(settings, setting)
            )
    if role in {Role.RUN, Role.DELIVER}:
        # A relay reads its topics back after a crash.
        both = ("READ", "WRITE")
        if sends_to_kafka(settings, role):
            routes = load_pack(settings.pack).routes
            found.extend(Use(route.topic, f"route {route.id}", both) for route in routes.all)
        if settings.dead_letter_topic:
            found.append(Use(settings.dead_letter_topic, "dead_letter_topic", both))
    if settings.heartbeat_topic:
        found.append(Use(settings.heartbeat_topic, "heartbeat_topic", ("WRITE",)))
    return found


def check_brokers(
    settings: Settings, role: Role, positions: Mapping[str, Position] | None, config: Path | None = None
) -> Iterator[Check]:
    """Connect to the brokers, and look at all that a role needs of them; `positions` is None where they are not known."""
    try:
        options = kafka_options(settings, "lpwatch-doctor")
        reached = reach(options)
    except ConfigError as error:
        yield of_error("kafka", error, "correct the kafka_… setting that it names")
        return
    except LpwatchError as error:
        yield of_error("kafka", error, _ADDRESS)
        return
    for server, failure in reached.failed.items():
        yield doubtful(f"kafka {server}", failure.reason, _ADDRESS)
    yield well("kafka", f"{len(reached.brokers)} brokers answer, {settings.kafka_security_protocol}")
    yield check_encryption(settings.kafka_security_protocol, reached.brokers)
    for broker in reached.brokers:
        yield from _advertised(broker)
    try:
        with asking(options) as cluster:
            yield from _topics(settings, role, cluster, positions, config)
    except LpwatchError as error:
        yield of_error("kafka topics", error)


def check_encryption(protocol: str, brokers: Iterable[str]) -> Check:
    """See whether others could read what goes to brokers, HOST:PORT each."""
    name = "encryption to kafka"
    if protocol.endswith("SSL"):
        return well(name, "the connection is encrypted")
    if all(is_loopback(broker.rpartition(":")[0].strip("[]")) for broker in brokers):
        return well(name, "the connection stays on this machine")
    secret = "the password and patients' data" if protocol.startswith("SASL") else "patients' data"
    return doubtful(
        name,
        f"{secret} are sent to the brokers in the clear",
        "turn TLS on at the brokers, and set kafka_security_protocol to SSL or SASL_SSL and kafka_ca",
    )


def _advertised(broker: str) -> Iterator[Check]:
    """See whether a broker can be reached where the cluster says that it is."""
    host, _, port = broker.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_CONNECT_S).close()
    except OSError:
        yield wrong(
            f"kafka broker {broker}",
            "the cluster names this address, and it cannot be reached from here",
            "correct advertised.listeners of the broker, or name and route to this address",
        )


def _topics(
    settings: Settings,
    role: Role,
    cluster: KafkaCluster,
    positions: Mapping[str, Position] | None,
    config: Path | None,
) -> Iterator[Check]:
    wanted = uses(settings, role)
    found = cluster.topics({use.topic for use in wanted})
    for use in wanted:
        topic, name = found[use.topic], f"topic {use.topic} ({use.setting})"
        if trouble := topic_trouble(topic, use.rights):
            yield wrong(name, trouble.partition(";")[0], trouble.partition("; ")[2] or "see kafka-acls.sh")
            continue
        yield well(
            name, f"it has {topic.partitions} partitions, and we may {' and '.join(use.rights).lower()}"
        )
        yield from _limits(name, use, cluster.settings(use.topic))
        if use.is_input and positions is not None:
            yield from _lag(topic, cluster, positions, config)
    if any(use.is_input for use in wanted):
        yield _group(settings.kafka_group, cluster)


def _limits(name: str, use: Use, limits: Mapping[str, str] | None) -> Iterator[Check]:
    if limits is None:
        yield doubtful(
            f"limits of {name}", "this user may not read the topic's settings", "grant DESCRIBE_CONFIGS"
        )
        return
    largest = int(limits.get("max.message.bytes", "0"))
    if largest < use.largest:
        yield doubtful(
            f"limits of {name}",
            f"it takes messages up to {largest:,} bytes, and we up to {use.largest:,}: larger ones are refused",
            f"set max.message.bytes of the topic to {use.largest + 1024:,}, or lower our limit",
        )
    if "compact" in limits.get("cleanup.policy", ""):
        say = wrong if use.is_input else doubtful
        yield say(
            f"clean-up of {name}",
            "it is compacted: of messages with the same key only the last is kept",
            "set cleanup.policy=delete",
        )
    kept_ms = int(limits.get("retention.ms", "-1"))
    if use.is_input and 0 <= kept_ms < _SHORT_RETENTION_MS:
        yield doubtful(
            f"retention of {name}",
            f"messages are kept for {kept_ms / DAY_MS:.1f} days: workers that are away for longer lose some",
            "set retention.ms to a week or more",
        )


def _lag(
    topic: Topic, cluster: KafkaCluster, positions: Mapping[str, Position], config: Path | None
) -> Iterator[Check]:
    ends = cluster.ends(topic.name, range(topic.partitions))
    waiting = 0
    for number, end in ends.items():
        part = f"kafka:{topic.name}:{number}"
        position = positions.get(part)
        if position is None:
            waiting += end.next - end.first
        elif trouble := _position_trouble(position, topic, end):
            way = command(f"db move-position {part} beginning", config)
            yield wrong(f"position of {part}", trouble, f"messages were lost; go on by: {way}")
            waiting += end.next - end.first
        else:
            waiting += end.next - position.next
    yield well(f"lag of topic {topic.name}", f"{waiting:,} messages wait to be read")


def _position_trouble(position: Position, topic: Topic, ends: Ends) -> str:
    """Say why a partition cannot be read on, "" when it can."""
    log = f"the log holds {ends.first} to {ends.next}"
    if position.log and topic.log and position.log != topic.log:
        return f"the topic was made anew since it was stored, or this is another cluster: it is {position.next}, and {log}"
    if not ends.first <= position.next <= ends.next:
        return f"the next message to read is {position.next}, and {log}"
    return ""


def _group(group: str, cluster: KafkaCluster) -> Check:
    if cluster.may_join(group):
        return well(f"consumer group {group}", "we may join it")
    return wrong(f"consumer group {group}", "this user may not join it", "grant READ on the group")
