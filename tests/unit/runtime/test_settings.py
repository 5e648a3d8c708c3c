"""Settings: where they come from, which source wins, and what wrong ones say."""

from __future__ import annotations

from pathlib import Path

import pytest

from worker.model.errors import ConfigError
from worker.runtime.settings import Address, Settings, load_settings


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LPWATCH_CONFIG", raising=False)
    for name in Settings.model_fields:
        monkeypatch.delenv(f"LPWATCH_{name.upper()}", raising=False)


def _config(folder: Path, text: str) -> Path:
    path = folder / "lpwatch.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_command_line_wins_over_environment_and_environment_over_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = _config(tmp_path, "data: from-file\nlog_level: debug\nclock: messages\n")
    monkeypatch.setenv("LPWATCH_DATA", "from-environment")
    monkeypatch.setenv("LPWATCH_LOG_LEVEL", "error")
    settings = load_settings({"data": "given"}, config)
    assert (settings.data, settings.log_level, settings.clock) == (Path("given"), "error", "messages")


def test_settings_file_can_be_named_in_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LPWATCH_CONFIG", str(_config(tmp_path, "data: somewhere\n")))
    assert load_settings({}).data == Path("somewhere")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("127.0.0.1:0", Address(host="127.0.0.1", port=0)),
        ("[::1]:2575", Address(host="::1", port=2575)),
        ("engine.example:6661", Address(host="engine.example", port=6661)),
    ],
)
def test_address_is_host_and_port(text: str, expected: Address) -> None:
    assert load_settings({"data": "x", "mllp": text}).mllp == expected


@pytest.mark.parametrize("text", ["2575", ":2575", "host:", "host:x", "host:70000", "host:-1"])
def test_address_without_host_or_port_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="mllp"):
        load_settings({"data": "x", "mllp": text})


def test_unknown_setting_in_the_file_is_refused_with_the_file_named(tmp_path: Path) -> None:
    config = _config(tmp_path, "data: x\nmlpp: 127.0.0.1:1\n")
    with pytest.raises(ConfigError, match=r"lpwatch\.yaml.*mlpp"):
        load_settings({}, config)


def test_the_setting_that_was_meant_in_the_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "lpwatch.yaml"
    path.write_text("dead_leter_topic: x\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"no setting has this name; did you mean dead_letter_topic\?"):
        load_settings({}, path)


def test_broken_settings_file_names_line_and_column(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"lpwatch\.yaml:2:\d+: not YAML"):
        load_settings({}, _config(tmp_path, "data: x\n\tclock: wall\n"))


def test_settings_file_that_is_no_mapping_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="one setting on each line"):
        load_settings({}, _config(tmp_path, "- data\n"))


def test_missing_settings_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"absent\.yaml"):
        load_settings({}, tmp_path / "absent.yaml")


def test_variable_that_is_no_setting_is_refused_with_the_one_that_was_meant(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LPWATCH_KAFKA_BOOTSTRAP_SERVER", "secret-host:9092")
    monkeypatch.setenv("LPWATCH_XYZZY", "1")
    with pytest.raises(ConfigError) as caught:
        load_settings({})
    assert "LPWATCH_KAFKA_BOOTSTRAP_SERVER: did you mean LPWATCH_KAFKA_BOOTSTRAP_SERVERS?" in str(
        caught.value
    )
    assert "LPWATCH_XYZZY: see docs/reference.md" in str(caught.value)
    assert "secret-host" not in str(caught.value)


@pytest.mark.parametrize(
    "name",
    [
        "LPWATCH_TEST_KAFKA",
        "LPWATCH_SERVICE_HOST",
        "LPWATCH_GATEWAY_PORT",
        "LPWATCH_GATEWAY_SERVICE_PORT_MLLP",
        "LPWATCH_GATEWAY_PORT_2575_TCP_ADDR",
    ],
)
def test_variables_of_tests_and_of_kubernetes_are_passed_over(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "tcp://10.0.0.1:2575")
    assert load_settings({"data": "x"}).data == Path("x")


def test_port_that_a_user_gave_apart_is_no_variable_of_kubernetes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LPWATCH_HTTP_PORT", "9999")
    with pytest.raises(ConfigError, match=r"LPWATCH_HTTP_PORT: did you mean LPWATCH_HTTP\?"):
        load_settings({"data": "x"})


def test_port_beside_the_host_of_its_service_is_one_of_kubernetes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LPWATCH_HTTP_PORT", "9999")
    monkeypatch.setenv("LPWATCH_HTTP_SERVICE_HOST", "10.0.0.1")
    assert load_settings({"data": "x"}).data == Path("x")


@pytest.mark.parametrize("text", ["http: 8080", "mllp: 2575", "fhir: 80.5", "http: [a]", "http: true"])
def test_address_that_is_no_text_says_what_to_write(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError, match=r"write HOST:PORT, for example"):
        load_settings({}, _config(tmp_path, text))


def test_lists_are_separated_by_commas_in_the_environment_and_are_lists_in_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LPWATCH_KAFKA_BOOTSTRAP_SERVERS", "one:9092, two:9092")
    settings = load_settings({}, _config(tmp_path, "kafka_hl7_topics: [a, b]\nkafka_fhir_topics: c\n"))
    assert settings.kafka_bootstrap_servers == ("one:9092", "two:9092")
    assert (settings.kafka_hl7_topics, settings.kafka_fhir_topics) == (("a", "b"), ("c",))


@pytest.mark.parametrize("text", ["none", "off", ""])
def test_listener_can_be_turned_off_by_a_word(text: str) -> None:
    assert load_settings({"mllp": text}).mllp is None


def test_secrets_are_not_shown() -> None:
    settings = load_settings(
        {"kafka_sasl_password": "hunter2", "database": "postgresql+psycopg://u:hunter2@h/d"}
    )
    assert "hunter2" not in repr(settings)
    assert "hunter2" not in str(settings)


def test_two_passwords_are_one_too_many() -> None:
    with pytest.raises(ConfigError, match="not both"):
        load_settings({"kafka_sasl_password": "x", "kafka_sasl_password_file": "y"})


@pytest.mark.parametrize(
    "given",
    [
        {"mllp_cert": "c.pem"},
        {"mllp_key": "k.pem"},
        {"mllp_client_ca": "ca.pem"},
        {"fhir_key": "k.pem"},
        {"kafka_cert": "c"},
    ],
)
def test_half_of_a_certificate_is_refused(given: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match=r"go together|needs"):
        load_settings({"data": "x", **given})


def test_errors_do_not_repeat_values(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LPWATCH_CLOCK", "hunter2")
    with pytest.raises(ConfigError) as caught:
        load_settings({"data": "x"})
    assert "hunter2" not in str(caught.value)


def test_packs_in_the_environment_are_separated_like_paths(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LPWATCH_PACK", "/site/a:/site/b")
    assert load_settings({"data": "x"}).pack == (Path("/site/a"), Path("/site/b"))


def test_every_setting_is_described() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"kafka_bootstrap_servers": "kafka"}, "kafka_bootstrap_servers: .*write HOST:PORT"),
        ({"kafka_hl7_topics": "a,b", "kafka_fhir_topics": "b"}, "a topic has one form: b"),
        ({"lease_seconds": 1}, "lease_seconds"),
        ({"kafka_security_protocol": "TLS"}, "kafka_security_protocol"),
    ],
)
def test_settings_that_cannot_work_are_refused(given: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        load_settings(given)
