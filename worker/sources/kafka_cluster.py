"""Ask a cluster about topics, rights and offsets, for the start of a role, for operators and for `doctor`."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from time import sleep
from typing import Any, Final
from uuid import UUID

from kafka import TopicPartition, errors
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient, MemberToRemove, OffsetSpec
from kafka.net.compat import KafkaNetClient

from worker.model.errors import ConfigError, TemporaryError
from worker.sources.kafka_messages import log_name
from worker.sources.kafka_reach import PLACE, reach

_ANSWER_MS: Final = 10_000
_TRIES: Final = 20
_PAUSE_S: Final = 0.25
_NOT_YET: Final = (
    errors.CoordinatorNotAvailableError,
    errors.CoordinatorLoadInProgressError,
    errors.NotCoordinatorError,
)
_NOBODY: Final = "lpwatch-nobody"
_UNKNOWN: Final = errors.UnknownTopicOrPartitionError.errno
_FORBIDDEN: Final = errors.TopicAuthorizationFailedError.errno
_INVALID: Final = errors.InvalidTopicError.errno


@dataclass(frozen=True, slots=True)
class Topic:
    """What the cluster says of a topic.

    Shape: `partitions` is 0 where there is no such topic or we may not know of it (`is_hidden`). `may` names what we may do
    with it (READ, WRITE, …). `settings` holds the topic's settings by name, None where we may not see them. `log` names what
    its partitions hold, "" where the brokers give topics no ids.
    """

    name: str
    partitions: int = 0
    is_hidden: bool = False
    may: frozenset[str] = frozenset()
    settings: Mapping[str, str] | None = None
    log: str = ""

    @property
    def is_there(self) -> bool:
        """Tell whether the topic exists."""
        return self.partitions > 0


@dataclass(frozen=True, slots=True)
class Ends:
    """Where the log of a partition begins, and the offset after its last message."""

    first: int
    next: int


class KafkaCluster:
    """A connection for questions; made by `asking`."""

    def __init__(self, admin: KafkaAdminClient) -> None:
        """Keep the client."""
        self._admin = admin

    def topics(self, names: Collection[str]) -> dict[str, Topic]:
        """Look up topics by name; nothing is made."""
        wanted = sorted(set(names))
        if not wanted:
            return {}
        found = {told["name"]: _topic(told) for told in self._admin.describe_topics(wanted)}
        return {name: found.get(name, Topic(name)) for name in wanted}

    def settings(self, name: str) -> Mapping[str, str] | None:
        """Read the settings of a topic that exists, defaults included; None where we may not see them."""
        asked = ConfigResource(ConfigResourceType.TOPIC, name)
        try:
            told = self._admin.describe_configs([asked], config_filter="all")
        except errors.AuthorizationError:
            return None
        entries = told.get("topic", {}).get(name, {})
        return {key: str(entry["value"]) for key, entry in entries.items()} or None

    def ends(self, topic: str, partitions: Sequence[int]) -> dict[int, Ends]:
        """Tell where each of these partitions begins and ends."""
        keys = [TopicPartition(topic, partition) for partition in partitions]
        first = self._admin.list_partition_offsets(dict.fromkeys(keys, OffsetSpec.EARLIEST))
        last = self._admin.list_partition_offsets(dict.fromkeys(keys, OffsetSpec.LATEST))
        return {key.partition: Ends(first[key].offset, last[key].offset) for key in keys}

    def may_join(self, group: str) -> bool:
        """Tell whether we may read as a member of this consumer group, which need not be there yet.

        Somebody who never joined leaves: the brokers look at the rights first, and change nothing.
        """
        for _ in range(_TRIES):
            try:
                self._admin.remove_group_members(group, [MemberToRemove(_NOBODY)])
            except errors.AuthorizationError:
                return False
            except _NOT_YET:
                sleep(_PAUSE_S)  # a new cluster needs a moment before it knows who keeps the groups
            else:
                return True
        raise errors.CoordinatorNotAvailableError


@contextmanager
def asking(options: Mapping[str, object]) -> Iterator[KafkaCluster]:
    """Connect, ask, and let go.

    Raises: ConfigError or TemporaryError in plain words where the brokers cannot be used, or end while they are asked.
    """
    reach(options)
    opened: list[KafkaNetClient] = []

    def network(**configs: object) -> KafkaNetClient:
        opened.append(KafkaNetClient(**configs))
        return opened[-1]

    try:
        admin = KafkaAdminClient(
            **options,
            bootstrap_timeout_ms=_ANSWER_MS,
            request_timeout_ms=_ANSWER_MS,
            kafka_client=network,
        )
    except errors.KafkaError as error:
        for (
            client
        ) in opened:  # an admin client that never came to be leaves its thread and connections behind
            client.close()
            client._net.stop()  # noqa: SLF001  clients do the same in their own `close`
        raise TemporaryError(f"the brokers do not answer ({type(error).__name__})", PLACE) from error
    try:
        yield KafkaCluster(admin)
    except errors.KafkaError as error:
        raise TemporaryError(f"the brokers did not answer ({type(error).__name__})", PLACE) from error
    finally:
        admin.close()


def check_topics(
    options: Mapping[str, object], rights: Mapping[str, Collection[str]], group: str = ""
) -> dict[str, Topic]:
    """Make sure that these topics exist, and that we may do with them what is named (READ, WRITE); give them with settings.

    Raises: ConfigError that names the first topic, or the consumer group, that is missing or closed to us; as `asking` else.
    """
    with asking(options) as cluster:
        topics = cluster.topics(rights)
        for name, needed in rights.items():
            if trouble := topic_trouble(topics[name], needed):
                raise ConfigError(trouble, f"topic {name}")
        if group and not cluster.may_join(group):
            raise ConfigError("this user may not join it; grant READ on the group", f"consumer group {group}")
        return {name: _with_settings(topic, cluster) for name, topic in topics.items()}


def topic_trouble(topic: Topic, needed: Collection[str]) -> str:
    """Say why a topic cannot be used, "" when it can."""
    if topic.is_hidden:
        return "this user may not see the topic; grant " + " and ".join(needed)
    if not topic.is_there:
        return "there is no such topic; create it, or correct its name"
    missing = [right for right in needed if right not in topic.may]
    return (
        f"this user may not {' or '.join(missing).lower()} here; grant {' and '.join(missing)}"
        if missing
        else ""
    )


def _with_settings(topic: Topic, cluster: KafkaCluster) -> Topic:
    return replace(topic, settings=cluster.settings(topic.name))


def _topic(told: Mapping[str, Any]) -> Topic:  # Any: a response of the brokers
    name = str(told["name"])
    code = told["error_code"]
    if code == _FORBIDDEN:
        return Topic(name, is_hidden=True)
    if code in {_UNKNOWN, _INVALID}:
        return Topic(name)
    may = frozenset(told.get("authorized_operations") or ())
    return Topic(name, len(told["partitions"]), may=may, log=_log_name(told.get("topic_id")))


def _log_name(topic_id: UUID | str | None) -> str:
    return log_name(UUID(topic_id) if isinstance(topic_id, str) else topic_id)
