"""Find out in plain words why brokers cannot be used: kafka-python itself tries for ever, or says only that time is up."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from kafka import errors
from kafka.net.manager import KafkaConnectionManager
from kafka.net.selector import NetworkSelector

from worker.model.errors import ConfigError, LpwatchError, TemporaryError
from worker.sources.addresses import write_address

PLACE: Final = "kafka"
_MS: Final = 1_000
# What the broker's part of a failure is called in the texts of the ssl module.
_LATE: Final = (errors.KafkaTimeoutError, errors.RequestTimedOutError, TimeoutError)
_REFUSED_LOGIN: Final = "the broker refuses the login: user name, password or kafka_sasl_mechanism"
_WANTS_LOGIN: Final = "the broker ends the connection; it may want a login (kafka_security_protocol)"
_NO_FILE: Final = "a certificate or key file cannot be read; see kafka_ca, kafka_cert, kafka_key"
_TEXTS: Final = (
    ("hostname mismatch", "the broker's certificate is for another host name"),
    ("ip address mismatch", "the broker's certificate is for another address"),
    ("certificate has expired", "the broker's certificate has expired"),
    ("not yet valid", "the broker's certificate is not valid yet; is this machine's clock right?"),
    ("self-signed", "the broker's certificate is not signed by a CA of kafka_ca"),
    ("unable to get local issuer", "the broker's certificate is not signed by a CA of kafka_ca"),
    ("certificate verify failed", "the broker's certificate cannot be verified with kafka_ca"),
    ("certificate required", "the broker asks for a client certificate; give kafka_cert and kafka_key"),
    ("certificate unknown", "the broker does not accept the client certificate of kafka_cert"),
    ("unknown ca", "the broker does not know the CA that signed the client certificate of kafka_cert"),
    ("certificate expired", "the client certificate of kafka_cert has expired"),
    ("wrong version number", "the broker does not speak TLS on this port; see kafka_security_protocol"),
    ("unexpected eof", "the broker does not speak TLS on this port; see kafka_security_protocol"),
    # The same in the words of Python 3.11.2.
    ("has been closed (eof)", "the broker does not speak TLS on this port; see kafka_security_protocol"),
)
_KINDS: Final[tuple[tuple[type[BaseException], str], ...]] = (
    (ssl.SSLError, "a certificate or key file is not PEM, or key and certificate do not match"),
    (FileNotFoundError, _NO_FILE),
    (PermissionError, _NO_FILE),
    (IsADirectoryError, _NO_FILE),
    (
        errors.UnsupportedSaslMechanismError,
        "the broker does not offer this login; see kafka_sasl_mechanism",
    ),
    (
        errors.IllegalSaslStateError,
        "the broker asks for no login on this port; see kafka_security_protocol",
    ),
    (errors.SaslAuthenticationFailedError, _REFUSED_LOGIN),
    (errors.InvalidReceiveError, "no Kafka in plaintext on this port; see kafka_security_protocol"),
    (errors.IncompatibleBrokerVersion, "no broker for clients; it may be the port of a controller"),
    (errors.UnrecognizedBrokerVersion, "no broker for clients; it may be the port of a controller"),
)


@dataclass(frozen=True, slots=True)
class Reached:
    """The brokers that answered, as HOST:PORT, and what the others of those that were named said."""

    brokers: tuple[str, ...]
    failed: Mapping[str, LpwatchError]


def reach(options: Mapping[str, object], *, timeout_s: float = 5.0) -> Reached:
    """Connect to each of the bootstrap servers, log in, and ask for the brokers of the cluster.

    Raises: ConfigError where every retry would fail as well (password, certificate, protocol), TemporaryError where no server
    can be reached; the reason is in plain words.
    """
    brokers: tuple[str, ...] = ()
    failed: dict[str, LpwatchError] = {}
    for server in _servers(options):
        try:
            brokers = brokers or _ask(server, options, timeout_s)
        except LpwatchError as error:
            failed[server] = error
    if not brokers:
        raise min(failed.values(), key=lambda error: not isinstance(error, ConfigError))
    return Reached(brokers, failed)


def explain_kafka(
    error: BaseException, server: str, security_protocol: str, *, is_greeted: bool
) -> LpwatchError:
    """Say in plain words why a connection failed.

    Shape: `is_greeted` says that the broker had answered before it failed. The text of foreign errors is not repeated.
    """
    place = f"{PLACE} {server}"
    reason = _hopeless(error)
    if not reason and is_greeted and not isinstance(error, _LATE):
        # The library drops a refusal that comes together with the end of the connection: whether it does is chance.
        reason = _REFUSED_LOGIN if security_protocol.startswith("SASL") else _WANTS_LOGIN
    return ConfigError(reason, place) if reason else TemporaryError(_away(error), place)


def _hopeless(error: BaseException) -> str:
    """Say what no retry can help, "" where one may."""
    text = f"{error} {error.__context__ or ''}".lower().replace("_", " ")
    for sign, reason in _TEXTS:
        if sign in text:
            return reason
    return next((reason for kind, reason in _KINDS if isinstance(error, kind)), "")


def _away(error: BaseException) -> str:
    text = str(error).lower()
    if "dns" in text:
        return "the host name cannot be resolved"
    if "refused" in text:
        return "nobody listens on this port"
    if isinstance(error, _LATE):
        return "no answer in time; a firewall, or another protocol on this port"
    return "the connection ended before the broker answered; it may speak TLS (kafka_security_protocol)"


def _servers(options: Mapping[str, object]) -> list[str]:
    given = options.get("bootstrap_servers", ())
    return given.split(",") if isinstance(given, str) else [str(server) for server in _listed(given)]


def _listed(given: object) -> tuple[object, ...]:
    return tuple(given) if isinstance(given, list | tuple) else ()


def _ask(server: str, options: Mapping[str, object], timeout_s: float) -> tuple[str, ...]:
    """Connect to one server and give the brokers that it knows of."""
    protocol = str(options.get("security_protocol", "PLAINTEXT"))
    if protocol.endswith("SSL"):
        _shake_hands(server, options, timeout_s, protocol)
    net = NetworkSelector()
    manager = KafkaConnectionManager(net, **{**options, "bootstrap_servers": [server]})
    greeted: list[Any] = []  # Any: kafka-python's connection

    async def ask() -> tuple[str, ...]:
        node = manager.cluster.bootstrap_brokers()[0].node_id
        connection = manager.get_connection(
            node, timeout_ms=timeout_s * _MS, pop_on_close=False, refresh_metadata_on_err=False
        )
        greeted.append(connection)
        await manager.wait_for(connection.init_future, timeout_s * _MS)
        await manager.wait_for(manager.call_soon(manager.cluster.refresh_metadata, node), timeout_s * _MS)
        return tuple(write_address(broker.host, broker.port) for broker in manager.cluster.brokers())

    net.start()
    try:
        brokers: tuple[str, ...] = manager.run(ask)
    except Exception as error:
        is_greeted = any(connection.broker_version_data is not None for connection in greeted)
        raise explain_kafka(error, server, protocol, is_greeted=is_greeted) from error
    finally:
        manager.run(manager.close)
        net.close()
    return brokers


def _shake_hands(server: str, options: Mapping[str, object], timeout_s: float, protocol: str) -> None:
    """Try TLS by ourselves first: the library leaves the socket open where the handshake fails."""
    host, _, port = server.rpartition(":")
    host = host.strip("[]")
    try:
        context = ssl.create_default_context(cafile=_text(options.get("ssl_cafile")))
        if certificate := _text(options.get("ssl_certfile")):
            context.load_cert_chain(certificate, _text(options.get("ssl_keyfile")))
        with (
            socket.create_connection((host, int(port)), timeout_s) as plain,
            context.wrap_socket(plain, server_hostname=host),
        ):
            pass
    except socket.gaierror as error:
        raise TemporaryError("the host name cannot be resolved", f"{PLACE} {server}") from error
    except (OSError, ValueError) as error:
        raise explain_kafka(error, server, protocol, is_greeted=False) from error


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
