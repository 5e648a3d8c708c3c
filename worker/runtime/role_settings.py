"""Which settings each role uses, and what it cannot do without."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from worker.model.errors import ConfigError
from worker.runtime.settings import Settings


class Role(StrEnum):
    """What a process does."""

    RUN = "run"
    GATEWAY = "gateway"
    WORKER = "worker"
    DELIVER = "deliver"


_SELF: Final = (
    "worker_id",
    "http",
    "http_allow_insecure",
    "log_level",
    "ready_file",
    "start_wait_seconds",
    "heartbeat_topic",
    "heartbeat_seconds",
    "source",
)
_KAFKA: Final = (
    "kafka_bootstrap_servers",
    "kafka_security_protocol",
    "kafka_sasl_mechanism",
    "kafka_sasl_username",
    "kafka_sasl_password",
    "kafka_sasl_password_file",
    "kafka_ca",
    "kafka_cert",
    "kafka_key",
)
_MLLP: Final = (
    "mllp",
    "mllp_cert",
    "mllp_key",
    "mllp_client_ca",
    "mllp_allow_insecure",
    "mllp_max_connections",
    "mllp_max_frame_bytes",
    "mllp_max_buffered_bytes",
    "mllp_idle_seconds",
)
_FHIR: Final = (
    "fhir",
    "fhir_cert",
    "fhir_key",
    "fhir_client_ca",
    "fhir_token_file",
    "fhir_allow_insecure",
    "fhir_max_body_bytes",
)
_CONSUME: Final = (
    "kafka_hl7_topics",
    "kafka_fhir_topics",
    "kafka_group",
    "kafka_start",
    "kafka_backlog_bytes",
    "kafka_session_seconds",
)
_DATABASE: Final = ("database", "database_password_file")
_RULES: Final = ("clock", "pack")
_OUTLETS: Final = ("alerts_to_kafka", "dead_letter_topic", "fhir_out")
_RELAY: Final = ("lease_seconds", "fhir_out_token_file", "fhir_out_ca")
_EMBEDDED: Final = ("data", "out", "stdout")
_GATEWAY: Final = ("gateway_hl7_topic", "gateway_fhir_topic", "gateway_timeout_seconds")

USES: Final[dict[Role, tuple[str, ...]]] = {
    Role.RUN: (*_EMBEDDED, *_MLLP, *_FHIR, *_RULES, *_OUTLETS, *_RELAY, *_CONSUME, *_KAFKA, *_SELF),
    Role.GATEWAY: (*_GATEWAY, *_MLLP, *_FHIR, *_KAFKA, *_SELF),
    Role.WORKER: (*_DATABASE, *_CONSUME, *_RULES, *_OUTLETS, *_KAFKA, *_SELF),
    Role.DELIVER: (*_DATABASE, *_OUTLETS, *_RELAY, "pack", *_KAFKA, *_SELF),
}
"""The settings that a role looks at, in the order of the reference; others may stand in a shared file."""


@dataclass(frozen=True, slots=True)
class Need:
    """A setting that a role cannot do without: in which case, and why."""

    roles: frozenset[Role]
    setting: str
    reason: str
    is_asked: Callable[[Settings, Role], bool]
    is_given: Callable[[Settings], bool]


def sends_to_kafka(settings: Settings, role: Role) -> bool:
    """Tell whether notices go to topics: as it is set, else in the roles that are made for it."""
    if settings.alerts_to_kafka is not None:
        return settings.alerts_to_kafka
    return role in {Role.WORKER, Role.DELIVER}


def consumes_kafka(settings: Settings) -> bool:
    """Tell whether messages come from topics."""
    return bool(settings.kafka_hl7_topics or settings.kafka_fhir_topics)


def uses_kafka(settings: Settings, role: Role) -> bool:
    """Tell whether the role speaks to brokers at all."""
    if role is Role.GATEWAY or settings.heartbeat_topic is not None:
        return True
    if role is not Role.DELIVER and consumes_kafka(settings):
        return True
    return sends_to_kafka(settings, role) or settings.dead_letter_topic is not None


def _always(_settings: Settings, _role: Role) -> bool:
    return True


NEEDS: Final = (
    Need(
        frozenset({Role.RUN}),
        "data",
        "the folder of its databases",
        _always,
        lambda settings: settings.data is not None,
    ),
    Need(
        frozenset({Role.WORKER, Role.DELIVER}),
        "database",
        "where its state is, postgresql+psycopg://USER@HOST:PORT/NAME",
        _always,
        lambda settings: settings.database is not None,
    ),
    Need(
        frozenset(Role),
        "kafka_bootstrap_servers",
        "the brokers, HOST:PORT,…",
        uses_kafka,
        lambda settings: bool(settings.kafka_bootstrap_servers),
    ),
    Need(
        frozenset({Role.WORKER}),
        "kafka_hl7_topics or kafka_fhir_topics",
        "where messages come from",
        _always,
        consumes_kafka,
    ),
    Need(
        frozenset({Role.RUN, Role.GATEWAY}),
        "mllp or fhir",
        "where messages come from",
        lambda settings, role: role is Role.GATEWAY or not consumes_kafka(settings),
        lambda settings: settings.mllp is not None or settings.fhir is not None,
    ),
    Need(
        frozenset({Role.GATEWAY}),
        "gateway_hl7_topic",
        "the topic for what comes over MLLP (mllp: none turns MLLP off)",
        lambda settings, _role: settings.mllp is not None,
        lambda settings: settings.gateway_hl7_topic is not None,
    ),
    Need(
        frozenset({Role.GATEWAY}),
        "gateway_fhir_topic",
        "the topic for what comes over FHIR",
        lambda settings, _role: settings.fhir is not None,
        lambda settings: settings.gateway_fhir_topic is not None,
    ),
    Need(
        frozenset({Role.WORKER, Role.DELIVER}),
        "alerts_to_kafka or fhir_out",
        "where alerts go; without either nobody would hear of them",
        lambda settings, role: not sends_to_kafka(settings, role),
        lambda settings: settings.fhir_out is not None,
    ),
    Need(
        frozenset(Role),
        "kafka_sasl_mechanism, kafka_sasl_username and kafka_sasl_password_file",
        "how to log in with the SASL protocols",
        lambda settings, role: (
            uses_kafka(settings, role) and settings.kafka_security_protocol.startswith("SASL")
        ),
        lambda settings: bool(
            settings.kafka_sasl_mechanism
            and settings.kafka_sasl_username
            and (settings.kafka_sasl_password or settings.kafka_sasl_password_file)
        ),
    ),
)
"""What is asked for at the start of a role, in this order."""


def missing(settings: Settings, role: Role) -> list[str]:
    """Say what the role cannot do without and was not given, one sentence for each setting."""
    return [
        f"{need.setting}: `lpwatch {role}` needs {need.reason}"
        for need in NEEDS
        if role in need.roles and need.is_asked(settings, role) and not need.is_given(settings)
    ]


def check_role(settings: Settings, role: Role) -> None:
    """Make sure that a role has all it needs.

    Raises: ConfigError that names each setting which is missing.
    """
    if found := missing(settings, role):
        raise ConfigError("; ".join(found), "settings")
