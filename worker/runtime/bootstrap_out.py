"""Build what sends notices over networks: the outlets that assessments write for, and a relay for each."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Callable
from contextlib import ExitStack
from typing import Final

from worker.alerts.routing import Outlet, Routes, Variant
from worker.model.errors import ConfigError
from worker.runtime.bell import Bell, ThreadBell
from worker.runtime.clock import WallClock
from worker.runtime.dead_letters import DeadLetters
from worker.runtime.kafka_options import kafka_options
from worker.runtime.lease import HeldLease
from worker.runtime.metrics import Metrics
from worker.runtime.metrics_relay import MeteredRelay
from worker.runtime.network_sink import Log, NetworkSink
from worker.runtime.notices import KINDS
from worker.runtime.relay import Relay
from worker.runtime.role_settings import Role, sends_to_kafka
from worker.runtime.service import Job
from worker.runtime.settings import Settings
from worker.runtime.settings_given import read_secret
from worker.runtime.shrink import shrink
from worker.sinks.fhir import FhirSink, check_base_url, load_trusted
from worker.sinks.fhir_documents import fhir_bundle, fhir_resources
from worker.sinks.kafka import KafkaSink
from worker.storage.state import SqlState

KAFKA: Final = "kafka"
FHIR: Final = "fhir"
_SEND_S: Final = 10.0
_LATE_S: Final = 60.0


def name_process(settings: Settings) -> str:
    """Name this process in leases: new with each start, so that a successor waits for its predecessor's end."""
    return f"{settings.worker_id or socket.gethostname()}-{secrets.token_hex(4)}"


def network_outlets(settings: Settings, role: Role, routes: Routes) -> tuple[Outlet, ...]:
    """Name the sinks for which assessments write notices that a relay delivers.

    Raises: ConfigError where a route leads to a topic that a setting uses for something else.
    """
    outlets = []
    if sends_to_kafka(settings, role):
        _check_topics(settings, routes)
        outlets.append(Outlet(KAFKA, is_routed=True))
    if settings.fhir_out is not None:
        outlets.append(Outlet(FHIR, variant=Variant.FHIR))
    return tuple(outlets)


def _check_topics(settings: Settings, routes: Routes) -> None:
    """Keep alerts out of the topics that we read: they would come back as messages; and out of those of operators."""
    used: dict[str | None, str] = {
        **dict.fromkeys(settings.kafka_hl7_topics, "kafka_hl7_topics"),
        **dict.fromkeys(settings.kafka_fhir_topics, "kafka_fhir_topics"),
        settings.gateway_hl7_topic: "gateway_hl7_topic",
        settings.gateway_fhir_topic: "gateway_fhir_topic",
        settings.dead_letter_topic: "dead_letter_topic",
        settings.heartbeat_topic: "heartbeat_topic",
    }
    for route in routes.all:
        if route.topic in used:
            reason = (
                f"the setting {used[route.topic]} names the topic '{route.topic}' too; give the route another"
            )
            raise ConfigError(reason, f"routes.yaml, route {route.id}")


def dead_letters(settings: Settings) -> DeadLetters | None:
    """Say where whole messages go that were set aside; None where they stay in quarantine only."""
    return None if settings.dead_letter_topic is None else DeadLetters(KAFKA, settings.dead_letter_topic)


def build_relays(
    settings: Settings,
    role: Role,
    open_state: Callable[[], SqlState],
    metrics: Metrics,
    opened: ExitStack,
    make_bell: Callable[[str], Bell] = lambda _sink: ThreadBell(),
) -> list[Relay]:
    """Build a relay for each network sink, with a store of its own.

    Shape: what is opened is let go with `opened`. `make_bell` gives what wakes the relay of a sink; without it, only whoever
    calls its `wake` does.
    Raises: ConfigError where a secret cannot be read, or `lease_seconds` is too short.
    """
    relays = []
    for sink, log in _network_sinks(settings, role):
        state = open_state()
        opened.callback(state.close)
        clock = WallClock()
        lease = HeldLease(state, f"relay:{sink.name}", name_process(settings), settings.lease_seconds)
        observer = MeteredRelay(state, clock, metrics)
        relay = Relay(sink, state, clock, lease, log=log, shrink=shrink, observer=observer)
        relay.bell = make_bell(sink.name)
        opened.callback(relay.bell.close)
        relays.append(relay)
    return relays


def relay_job(relay: Relay) -> Job:
    """Give a relay as the work of a thread."""

    def delay() -> str:
        return "a relay cannot reach the database" if relay.last_step.seconds > _LATE_S else ""

    return Job(f"relay of {relay.name}", relay.run, relay.wake, delay=delay)


def _network_sinks(settings: Settings, role: Role) -> list[tuple[NetworkSink, Log | None]]:
    sinks: list[tuple[NetworkSink, Log | None]] = []
    if sends_to_kafka(settings, role) or settings.dead_letter_topic is not None:
        options = kafka_options(settings, f"lpwatch-{role}")
        convert = {KINDS[Variant.FHIR]: fhir_bundle}
        kafka = KafkaSink(options, settings.source, name=KAFKA, timeout_s=_send_s(settings), convert=convert)
        sinks.append((kafka, kafka))
    if settings.fhir_out is not None:
        sinks.append((_fhir(settings, settings.fhir_out), None))
    return sinks


def _fhir(settings: Settings, base_url: str) -> FhirSink:
    def token() -> str:
        file = settings.fhir_out_token_file
        return "" if file is None else read_secret(file, "fhir_out_token_file").get_secret_value()

    check_base_url(base_url, has_token=settings.fhir_out_token_file is not None)
    token()  # a file that cannot be read is told now, not with the first alert
    return FhirSink(
        base_url,
        fhir_resources,
        token=token,
        tls=load_trusted(settings.fhir_out_ca),
        name=FHIR,
        timeout_s=_send_s(settings),
    )


def _send_s(settings: Settings) -> float:
    """Give how long a send may take: a relay stops well before its lease ends."""
    return min(_SEND_S, settings.lease_seconds / 2)
