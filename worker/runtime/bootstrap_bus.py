"""Build the roles of an installation on a message bus: gateway, worker, deliver."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import ExitStack
from typing import Final

import structlog

from worker.model.errors import ConfigError
from worker.model.message import Form
from worker.runtime.bootstrap import load_pack
from worker.runtime.bootstrap_database import await_database
from worker.runtime.bootstrap_out import relay_jobs
from worker.runtime.bootstrap_servers import build_reception
from worker.runtime.kafka_options import kafka_options
from worker.runtime.metrics import Metrics
from worker.runtime.metrics_store import MeteredIntake
from worker.runtime.role_settings import Role, uses_kafka
from worker.runtime.service import Service
from worker.runtime.settings import Settings
from worker.runtime.start import Patience
from worker.sources.kafka_cluster import Ends, Topic, asking, check_topics, topic_trouble
from worker.sources.kafka_intake import KafkaIntake, batch_limit, largest_message
from worker.storage.state import SqlState

_log = structlog.get_logger(__name__)

_READ: Final = ("READ",)
_WRITE: Final = ("WRITE",)


def build_gateway(settings: Settings, metrics: Metrics, patience: Patience) -> Service:
    """Build the role that writes what it receives to topics.

    Raises: ConfigError where the brokers refuse us, or a topic is missing or closed; TemporaryError where they stay away.
    """
    topics = _gateway_topics(settings)
    written = [*topics.values(), *_heartbeat_topics(settings)]
    asked = await_topics(settings, Role.GATEWAY, dict.fromkeys(written, _WRITE), patience)
    found = {form: asked[topic] for form, topic in topics.items()}
    settings = _within_limits(settings, found)
    options = kafka_options(settings, f"lpwatch-{Role.GATEWAY}")
    with ExitStack() as opened:
        limit = min(batch_limit(topic) for topic in found.values())
        topic_intake = KafkaIntake(options, topics, timeout_s=settings.gateway_timeout_seconds, limit=limit)
        opened.callback(topic_intake.close)
        intake = MeteredIntake(topic_intake, metrics, _nobody)
        reception = build_reception(settings, intake, metrics)
        return Service(
            (),
            metrics,
            opened.pop_all().close,
            reception,
            lambda: "the brokers do not take messages" if intake.is_failing else "",
        )


def _heartbeat_topics(settings: Settings) -> list[str]:
    return [] if settings.heartbeat_topic is None else [settings.heartbeat_topic]


def _gateway_topics(settings: Settings) -> dict[Form, str]:
    named = {Form.HL7V2: settings.gateway_hl7_topic, Form.FHIR: settings.gateway_fhir_topic}
    listens = {Form.HL7V2: settings.mllp is not None, Form.FHIR: settings.fhir is not None}
    return {form: topic for form, topic in named.items() if topic is not None and listens[form]}


def _within_limits(settings: Settings, topics: Mapping[Form, Topic]) -> Settings:
    """Take no larger messages than the topics do: one too large would fail all those that are written with it."""
    lower: dict[str, int] = {}
    for form, setting in ((Form.HL7V2, "mllp_max_frame_bytes"), (Form.FHIR, "fhir_max_body_bytes")):
        if form in topics and (largest := largest_message(topics[form])) < getattr(settings, setting):
            _log.warning(
                "limit_lowered_to_that_of_topic", role=setting, place=topics[form].name, count=largest
            )
            lower[setting] = largest
    return settings.model_copy(update=lower)


def _nobody() -> None:
    """Wake nobody: those who read the topic are elsewhere."""


def build_worker(settings: Settings, metrics: Metrics, patience: Patience) -> Service:
    """Build the role that reads topics and assesses patients.

    Raises: PackError with every problem of the packs, ConfigError where the database or the brokers refuse us or lack what is
    needed, TemporaryError where they stay away.
    """
    load_pack(settings.pack)
    await_database(settings, patience)
    rights = {
        **dict.fromkeys((*settings.kafka_hl7_topics, *settings.kafka_fhir_topics), _READ),
        **dict.fromkeys(_heartbeat_topics(settings), _WRITE),
    }
    await_topics(settings, Role.WORKER, rights, patience)
    raise NotImplementedError(metrics)


def build_deliver(settings: Settings, metrics: Metrics, patience: Patience) -> Service:
    """Build the role that sends notices.

    Raises: ConfigError where the database or the brokers refuse us or lack what is needed, TemporaryError where they stay away.
    """
    url = await_database(settings, patience)
    if uses_kafka(settings, Role.DELIVER):
        topics = _heartbeat_topics(settings)
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
