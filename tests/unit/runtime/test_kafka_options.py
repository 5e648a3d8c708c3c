"""Options of Kafka clients out of settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from worker.model.errors import ConfigError
from worker.runtime.kafka_options import kafka_options, member_options
from worker.runtime.settings import load_settings


def _options(**given: object) -> dict[str, object]:
    return kafka_options(load_settings({"kafka_bootstrap_servers": "one:9092,two:9092", **given}), "me")


def test_plaintext_needs_the_brokers_only() -> None:
    assert _options(kafka_ca="ca.pem", kafka_sasl_username="u") == {
        "bootstrap_servers": ["one:9092", "two:9092"],
        "client_id": "me",
        "reconnect_backoff_max_ms": 1_000,
        "security_protocol": "PLAINTEXT",
    }


def test_a_member_gives_several_signs_of_life_before_it_counts_as_dead() -> None:
    settings = load_settings({"kafka_bootstrap_servers": "one:9092", "kafka_session_seconds": 6})
    options = member_options(settings, "me")
    assert (options["session_timeout_ms"], options["heartbeat_interval_ms"]) == (6_000, 1_500)
    assert options.items() >= kafka_options(settings, "me").items()


def test_mutual_tls_names_its_files() -> None:
    options = _options(
        kafka_security_protocol="SSL", kafka_ca="ca.pem", kafka_cert="c.pem", kafka_key="k.pem"
    )
    files = {name: value for name, value in options.items() if name.startswith("ssl_")}
    assert files == {"ssl_cafile": "ca.pem", "ssl_certfile": "c.pem", "ssl_keyfile": "k.pem"}


def test_password_comes_from_its_file_without_the_line_end(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("right\n", encoding="utf-8")
    options = _options(
        kafka_security_protocol="SASL_PLAINTEXT",
        kafka_sasl_mechanism="SCRAM-SHA-512",
        kafka_sasl_username="worker",
        kafka_sasl_password_file=tmp_path / "password",
    )
    assert options["sasl_plain_password"] == "right"
    assert options["sasl_mechanism"] == "SCRAM-SHA-512"
    assert options["sasl_plain_username"] == "worker"


def test_password_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"kafka_sasl_password_file .*absent"):
        _options(kafka_security_protocol="SASL_SSL", kafka_sasl_password_file=tmp_path / "absent")
