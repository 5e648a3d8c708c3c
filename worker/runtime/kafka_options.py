"""Make kafka-python's options from the settings; which of them a client takes, the client knows."""

from __future__ import annotations

from typing import Final

from worker.model.errors import ConfigError
from worker.runtime.settings import Settings
from worker.runtime.settings_given import read_secret

_RECONNECT_MAX_MS: Final = 1_000
_SIGNS_OF_LIFE: Final = 4


def kafka_options(settings: Settings, client_id: str) -> dict[str, object]:
    """Give the options that every client of the brokers takes.

    Raises: ConfigError where no broker is named, or the password's file cannot be read.
    """
    if not settings.kafka_bootstrap_servers:
        raise ConfigError("kafka_bootstrap_servers: the brokers are not set, HOST:PORT,…", "settings")
    options: dict[str, object] = {
        "bootstrap_servers": list(settings.kafka_bootstrap_servers),
        "client_id": client_id,
        "reconnect_backoff_max_ms": _RECONNECT_MAX_MS,
        "security_protocol": settings.kafka_security_protocol,
    }
    return {**options, **_tls(settings), **_login(settings)}


def member_options(settings: Settings, client_id: str) -> dict[str, object]:
    """Give the options of a member of the workers' group: a few signs of life are sent before it counts as dead.

    Raises: ConfigError where the password's file cannot be read.
    """
    session_ms = round(settings.kafka_session_seconds * 1_000)
    session = {"session_timeout_ms": session_ms, "heartbeat_interval_ms": session_ms // _SIGNS_OF_LIFE}
    return {**kafka_options(settings, client_id), **session}


def _tls(settings: Settings) -> dict[str, object]:
    if not settings.kafka_security_protocol.endswith("SSL"):
        return {}
    files = {
        "ssl_cafile": settings.kafka_ca,
        "ssl_certfile": settings.kafka_cert,
        "ssl_keyfile": settings.kafka_key,
    }
    return {name: str(path) for name, path in files.items() if path is not None}


def _login(settings: Settings) -> dict[str, object]:
    if not settings.kafka_security_protocol.startswith("SASL"):
        return {}
    password = settings.kafka_sasl_password
    if settings.kafka_sasl_password_file is not None:
        password = read_secret(settings.kafka_sasl_password_file, "kafka_sasl_password_file")
    return {
        "sasl_mechanism": settings.kafka_sasl_mechanism,
        "sasl_plain_username": settings.kafka_sasl_username,
        "sasl_plain_password": "" if password is None else password.get_secret_value(),
    }
