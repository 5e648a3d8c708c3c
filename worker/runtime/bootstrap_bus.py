"""Build the roles of an installation on a message bus: gateway, worker, deliver."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack
from typing import Final

import structlog

from worker.model.errors import ConfigError
from worker.model.message import Form
from worker.pipeline import Pack
from worker.runtime.bootstrap_beats import Watched, beats, identity, state_beats
from worker.runtime.bootstrap_database import await_database
from worker.runtime.bootstrap_engine import engine_job, kafka_forms, kafka_inlet
from worker.runtime.bootstrap_out import build_relays, dead_letters, name_process, network_outlets, relay_job
from worker.runtime.bootstrap_servers import build_reception
from worker.runtime.clock import Clock, MessageClock, WallClock
from worker.runtime.engine import Engine, Options
from worker.runtime.heartbeat import Pulse
from worker.runtime.kafka_options import kafka_options
from worker.runtime.metrics import Metrics
from worker.runtime.metrics_store import MeteredIntake, MeteredState, nobody, tell_feeds
from worker.runtime.offline import load_pack, program
from worker.runtime.relay import Relay
from worker.runtime.role_settings import Role, uses_kafka
from worker.runtime.service import Service
from worker.runtime.settings import Settings
from worker.runtime.start import Patience
from worker.sources.kafka_cluster import Ends, Topic, asking, check_topics, topic_trouble
from worker.sources.kafka_intake import KafkaIntake, batch_limit, largest_message
from worker.storage.listening import OutboxBell
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
        intake = MeteredIntake(topic_intake, metrics, nobody)
        reception = build_reception(settings, intake, metrics)
        jobs = beats(settings, identity(settings, Role.GATEWAY), lambda _now_ms: Pulse(), opened)
        return Service(
            jobs,
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


def build_worker(settings: Settings, metrics: Metrics, patience: Patience) -> Service:
    """Build the role that reads topics and assesses patients.

    Raises: PackError with every problem of the packs, ConfigError where the database or the brokers refuse us or lack what is
    needed, TemporaryError where they stay away.
    """
    pack = load_pack(settings.pack)
    url = await_database(settings, patience)
    forms = kafka_forms(settings)
    rights = {**dict.fromkeys(forms, _READ), **dict.fromkeys(_heartbeat_topics(settings), _WRITE)}
    await_topics(settings, Role.WORKER, rights, patience, group=settings.kafka_group)
    return patience.wait(lambda: _worker(settings, metrics, pack, url))


def _worker(settings: Settings, metrics: Metrics, pack: Pack, url: str) -> Service:
    name = name_process(settings)
    clock: Clock = MessageClock() if settings.clock == "messages" else WallClock()
    with ExitStack() as opened:
        state = SqlState(url)
        opened.callback(state.close)
        metered = MeteredState(
            state, state.count_due, state.count_waiting, metrics, count_blind=state.count_blind
        )
        tell_feeds(state.feeds(), pack.mapping.feeds.values(), metrics)
        inlet, watch = kafka_inlet(settings, Role.WORKER, clock, metrics)
        options = Options(
            is_exact=False,
            worker_id=name,
            outlets=network_outlets(settings, Role.WORKER, pack.routes),
            dead_letters=dead_letters(settings),
        )
        engine = Engine([inlet], metered, program(pack), clock, options=options)
        job = engine_job(engine, metered, inlet)
        watched = Watched((), lambda: metered.last_step.seconds, lambda: watch.lags)
        who = identity(settings, Role.WORKER, pack.digest)
        beating = state_beats(settings, who, lambda: SqlState(url), watched, opened)
        return Service((job, *beating), metrics, opened.pop_all().close, pack_digest=pack.digest)


def build_deliver(settings: Settings, metrics: Metrics, patience: Patience) -> Service:
    """Build the role that sends notices.

    Raises: ConfigError where the database or the brokers refuse us or lack what is needed, TemporaryError where they stay away.
    """
    url = await_database(settings, patience)
    if uses_kafka(settings, Role.DELIVER):
        topics = _heartbeat_topics(settings)
        await_topics(settings, Role.DELIVER, dict.fromkeys(topics, _WRITE), patience)
    return patience.wait(lambda: _deliver(settings, metrics, url))


def _deliver(settings: Settings, metrics: Metrics, url: str) -> Service:
    with ExitStack() as opened:
        relays = build_relays(
            settings, Role.DELIVER, lambda: SqlState(url), metrics, opened, lambda sink: OutboxBell(url, sink)
        )
        watched = Watched([relay.name for relay in relays], lambda: _slowest(relays), dict)
        who = identity(settings, Role.DELIVER)
        beating = state_beats(settings, who, lambda: SqlState(url), watched, opened)
        return Service((*map(relay_job, relays), *beating), metrics, opened.pop_all().close)


def _slowest(relays: Sequence[Relay]) -> float:
    return max((relay.last_step.seconds for relay in relays), default=0.0)


def await_topics(
    settings: Settings,
    role: Role,
    rights: Mapping[str, Collection[str]],
    patience: Patience,
    *,
    group: str = "",
) -> dict[str, Topic]:
    """Wait for the brokers, and give these topics once we may do with each what is named, and join the group.

    Raises: ConfigError where the brokers refuse us, or a topic is missing or closed; TemporaryError where they stayed away.
    """
    options = kafka_options(settings, f"lpwatch-{role}")
    return patience.wait(lambda: check_topics(options, rights, group))


def partition_ends(settings: Settings, topic: str, partition: int) -> tuple[Ends, str]:
    """Ask the brokers where the log of a partition begins and ends, and which log it is.

    Raises: ConfigError where the brokers refuse us or there is no such partition, TemporaryError where they are away.
    """
    with asking(kafka_options(settings, "lpwatch-db")) as cluster:
        found = cluster.topics([topic])[topic]
        if partition >= found.partitions:
            raise ConfigError(
                topic_trouble(found, ["READ"]) or "there is no such partition", f"topic {topic}"
            )
        return cluster.ends(topic, [partition])[partition], found.log
