"""What a failure of the brokers is called in plain words."""

from __future__ import annotations

import ssl

import pytest
from kafka import errors

from worker.model.errors import ConfigError, TemporaryError
from worker.sources.kafka_reach import explain_kafka

CONFIG, AWAY = ConfigError, TemporaryError
REFUSED = "refuses the login: user name, password or kafka_sasl_mechanism"


@pytest.mark.parametrize(
    ("error", "protocol", "is_greeted", "kind", "said"),
    [
        (ConnectionRefusedError(111, "Connection refused"), "SSL", False, AWAY, "nobody listens"),
        (OSError(113, "No route to host"), "SSL", False, AWAY, "the connection ended"),
        (FileNotFoundError(2, "No such file"), "SSL", False, CONFIG, "cannot be read"),
        (ssl.SSLError("[SSL: KEY_VALUES_MISMATCH]"), "SSL", False, CONFIG, "do not match"),
        (
            ssl.SSLZeroReturnError("TLS/SSL connection has been closed (EOF)"),
            "SSL",
            False,
            CONFIG,
            "not speak TLS",
        ),
        (ssl.SSLError("hostname mismatch, certificate"), "SSL", False, CONFIG, "another host name"),
        (ssl.SSLError("certificate has expired"), "SSL", False, CONFIG, "has expired"),
        (errors.KafkaConnectionError("DNS Resolution failure"), "PLAINTEXT", False, AWAY, "resolved"),
        (errors.KafkaTimeoutError("late"), "PLAINTEXT", False, AWAY, "no answer in time"),
        (errors.KafkaTimeoutError("late"), "SASL_SSL", True, AWAY, "no answer in time"),
        (errors.KafkaConnectionError("socket disconnected"), "SASL_SSL", True, CONFIG, REFUSED),
        (errors.KafkaConnectionError("socket disconnected"), "PLAINTEXT", True, CONFIG, "want a login"),
        (errors.SaslAuthenticationFailedError("no"), "SASL_SSL", True, CONFIG, REFUSED),
        (errors.UnsupportedSaslMechanismError(), "SASL_SSL", True, CONFIG, "kafka_sasl_mechanism"),
        (errors.IllegalSaslStateError(), "SASL_SSL", True, CONFIG, "asks for no login"),
        (errors.InvalidReceiveError("frame"), "PLAINTEXT", False, CONFIG, "no Kafka in plaintext"),
    ],
)
def test_failure_is_said_in_plain_words(
    error: Exception, protocol: str, *, is_greeted: bool, kind: type[Exception], said: str
) -> None:
    found = explain_kafka(error, "broker:9092", protocol, is_greeted=is_greeted)
    assert type(found) is kind
    assert said in found.reason
    assert found.place == "kafka broker:9092"
