"""`lpwatch doctor` on real servers with real faults: each is named in plain words, with the next step."""

from __future__ import annotations

import json
import shlex
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml
from click.testing import CliRunner
from kafka.admin import (
    ACL,
    ACLOperation,
    ACLPermissionType,
    KafkaAdminClient,
    ResourcePattern,
    ResourceType,
)
from sqlalchemy import make_url

from tests.integration.identities import make_expired, make_identity
from tests.integration.kafka_parts import send
from tests.integration.role_process import all_ended, await_until
from tests.topics import add_topic, set_topic
from tools.kafka_local import NEVER_KILLED, KafkaLocal
from tools.local_process import ServerError, free_ports
from worker.cli.main import main
from worker.runtime.clock import FixedClock, WallClock
from worker.runtime.doctor.checks import Check
from worker.runtime.doctor.examine import examine as examine_once
from worker.runtime.doctor.examine import is_well
from worker.runtime.role_settings import Role
from worker.storage.state import SqlState

SITE = Path(__file__).parent
SCRAM = {"worker": "right", "admin": "admin"}
SILENT = ("no answer in time", "did not answer", "do not answer")


def examine(*given: Any) -> list[Check]:  # noqa: ANN401 - as the original takes it
    """Examine, once more where a server stood still for longer than the doctor waits."""
    for _ in range(10):
        checks = examine_once(*given)
        if not any(sign in check.says for check in checks for sign in SILENT):
            break
    return checks


def said(checks: list[Check], status: str) -> list[str]:
    return [f"{check.name}: {check.says} → {check.next_step}" for check in checks if check.status == status]


def errors(checks: list[Check]) -> str:
    return "\n".join(said(checks, "error"))


@pytest.fixture
def pack(tmp_path: Path) -> Callable[[str], str]:
    """Give what makes a pack that routes every alert to a topic."""

    def make(topic: str) -> str:
        folder = tmp_path / "pack"
        folder.mkdir()
        text = f"routes:\n  - id: default\n    topic: {topic}\n    default: true\n"
        (folder / "routes.yaml").write_text(text, encoding="utf-8")
        return str(folder)

    return make


# What is on this machine


def test_embedded_installation_that_is_well(tmp_path: Path) -> None:
    checks = examine({"data": tmp_path / "data", "mllp": "127.0.0.1:0"}, None, None)
    assert is_well(checks), errors(checks)
    assert {check.name.split()[0] for check in checks} >= {"settings", "data", "listener", "pack", "time"}


def test_port_that_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        checks = examine({"data": tmp_path / "data", "mllp": address}, None, Role.RUN)
    assert f"listener mllp {address}: another program listens here already" in errors(checks)


def test_address_of_another_machine_and_plaintext_for_everybody(tmp_path: Path) -> None:
    given = {"data": tmp_path, "mllp": "0.0.0.0:0", "http": "192.0.2.1:80", "http_allow_insecure": True}
    found = errors(examine(given, None, Role.RUN))
    assert "listens in plaintext on an address that other machines can reach" in found
    assert "listener http 192.0.2.1:80: this machine has no such address" in found


def test_data_folder_that_cannot_be_one(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("", encoding="utf-8")
    found = errors(examine({"data": tmp_path / "data", "mllp": "127.0.0.1:0"}, None, Role.RUN))
    assert "it is no folder" in found


def test_certificate_that_expired_and_one_that_will_soon(tmp_path: Path) -> None:
    old, young = make_expired(tmp_path, "old"), make_identity(tmp_path, "young")
    given = {
        "data": tmp_path / "data",
        "mllp": "127.0.0.1:0",
        "mllp_cert": old.certificate,
        "mllp_key": old.key,
        "mllp_client_ca": young.certificate,
    }
    checks = examine(given, None, Role.RUN)
    assert "certificate of mllp: it expired at 2020-02-01T00:00:00Z → renew it" in errors(checks)
    assert any("client CA of mllp: it expires in 1 days" in line for line in said(checks, "warning"))


def test_key_of_another_certificate(tmp_path: Path) -> None:
    one, other = make_identity(tmp_path, "one"), make_identity(tmp_path, "other")
    given = {"data": tmp_path, "mllp": "127.0.0.1:0", "mllp_cert": one.certificate, "mllp_key": other.key}
    assert "both must be PEM and belong together" in errors(examine(given, None, Role.RUN))


def test_pack_with_problems(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "bad.yaml").write_text("id: bad\nfoo: 1\n", encoding="utf-8")
    given = {"data": tmp_path / "data", "mllp": "127.0.0.1:0", "pack": str(tmp_path)}
    found = errors(examine(given, None, Role.RUN))
    assert "rules/bad.yaml" in found
    assert f"run: lpwatch lint --pack {tmp_path}" in found


def test_settings_that_are_wrong_or_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "set database" in errors(examine({}, None, Role.WORKER))
    monkeypatch.setenv("LPWATCH_KAFKA_BOOTSTRAP_SERVER", "x:1")
    assert "did you mean LPWATCH_KAFKA_BOOTSTRAP_SERVERS?" in errors(examine({}, None, Role.WORKER))


def test_secret_that_everybody_may_read(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("a-token-that-is-long-enough\n", encoding="utf-8")
    token.chmod(0o644)
    given = {"data": tmp_path, "mllp": "127.0.0.1:0", "fhir": "127.0.0.1:0", "fhir_token_file": token}
    checks = examine(given, None, Role.RUN)
    assert f"secret fhir_token_file: every user of this machine may read it → chmod o-rwx {token}" in said(
        checks, "warning"
    )


# The database


def _worker(url: str, kafka: str = "127.0.0.1:1", **given: object) -> dict[str, object]:
    return {"database": url, "kafka_bootstrap_servers": kafka, "kafka_hl7_topics": "hl7", **given}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"port": 1}, "nobody listens on this port → start the server, or correct host and port"),
        ({"host": "no.such.host.invalid"}, "the host name cannot be resolved"),
        ({"database": "absent"}, "the server has no such database"),
        ({"username": "nobody_at_all"}, "the server knows no such user"),
        ({"query": {"sslmode": "require"}}, "the server does not speak TLS"),
    ],
)
def test_database_that_cannot_be_used(state_url: str, change: dict[str, object], told: str) -> None:
    url = make_url(state_url).set(**change).render_as_string(hide_password=False)
    assert told in errors(examine(_worker(url), None, Role.WORKER))


def test_database_without_tables(postgres_url: str) -> None:
    found = errors(examine(_worker(postgres_url), None, Role.WORKER))
    assert "there are no tables yet → run: lpwatch db migrate" in found


@pytest.mark.parametrize(
    ("revision", "told"),
    [
        ("state_0001", "it is that of an older release → run: lpwatch db migrate"),
        ("newer", "it is that of another release → run the release that migrated it, or a newer one"),
    ],
)
def test_schema_of_another_release(state_url: str, revision: str, told: str) -> None:
    with psycopg.connect(state_url.replace("+psycopg", ""), autocommit=True) as conn:
        conn.execute("UPDATE state_revision SET version_num = %s", [revision])
    assert told in errors(examine(_worker(state_url), None, Role.WORKER))


def test_user_who_may_only_read(state_url: str) -> None:
    url = make_url(state_url)
    with psycopg.connect(state_url.replace("+psycopg", ""), autocommit=True) as conn:
        conn.execute("DROP ROLE IF EXISTS lpwatch_reader")
        conn.execute("CREATE ROLE lpwatch_reader LOGIN")
        conn.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO lpwatch_reader")
    reading = url.set(username="lpwatch_reader").render_as_string(hide_password=False)
    assert "this user may not write" in errors(examine(_worker(reading), None, Role.WORKER))


def test_clock_that_is_wrong(state_url: str) -> None:
    late = FixedClock(WallClock().now_ms() - 3_600_000)
    assert "ahead of this machine's clock → set both clocks by NTP" in errors(
        examine(_worker(state_url), None, Role.WORKER, late)
    )


# Kafka


@pytest.fixture(scope="module")
def guarded_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaLocal]:
    """Give a broker with logins, TLS and rights."""
    folder = tmp_path_factory.mktemp("tls")
    folder.chmod(0o755)
    broker = make_identity(folder, "broker")
    both = folder / "both.pem"
    both.write_text(broker.key.read_text() + broker.certificate.read_text(), encoding="ascii")
    login = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
    kafka = KafkaLocal(
        listeners={"SASL": "SASL_PLAINTEXT", "TLS": "SSL"},
        scram=SCRAM,
        config={
            **NEVER_KILLED,
            "listener.name.sasl.sasl.enabled.mechanisms": "SCRAM-SHA-512",
            "listener.name.sasl.scram-sha-512.sasl.jaas.config": login,
            "listener.name.tls.ssl.keystore.type": "PEM",
            "listener.name.tls.ssl.keystore.location": str(both),
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": "User:ANONYMOUS;User:admin",
            "early.start.listeners": "CONTROLLER",
        },
    )
    try:
        kafka.start()
    except ServerError as error:
        kafka.stop()
        pytest.fail(f"no Kafka of its own: {error}", pytrace=False)
    for name in ("hl7", "alerts", "beats"):
        add_topic(kafka.bootstrap, name)
    kafka.certificate = broker.certificate  # type: ignore[attr-defined]
    yield kafka
    kafka.stop()


def _login(kafka: KafkaLocal, password: str = SCRAM["worker"], **given: object) -> dict[str, object]:
    return {
        "kafka_bootstrap_servers": kafka.bootstrap_of("SASL"),
        "kafka_security_protocol": "SASL_PLAINTEXT",
        "kafka_sasl_mechanism": "SCRAM-SHA-512",
        "kafka_sasl_username": "worker",
        "kafka_sasl_password": password,
        **given,
    }


def _grant(
    kafka: KafkaLocal, topic: str, *operations: ACLOperation, kind: ResourceType = ResourceType.TOPIC
) -> None:
    with closing(KafkaAdminClient(bootstrap_servers=kafka.bootstrap)) as admin:
        allow, pattern = ACLPermissionType.ALLOW, ResourcePattern(kind, topic)
        granted = [ACL("User:worker", "*", operation, allow, pattern) for operation in operations]
        admin.create_acls(granted)
        # The controller has them; the broker that is asked next hears of them a moment later.
        for acl in granted:
            await_until(partial(_is_known, admin, acl), f"the right to {acl.operation}")


def _is_known(admin: KafkaAdminClient, acl: ACL) -> bool:
    found, _ = admin.describe_acls(acl)
    return acl in found


def _gateway(given: Mapping[str, object], topic: str = "hl7") -> dict[str, object]:
    return {"mllp": "127.0.0.1:0", "gateway_hl7_topic": topic, **given}


@pytest.mark.integration
def test_broker_that_cannot_be_used(guarded_kafka: KafkaLocal, tmp_path: Path) -> None:
    other = make_identity(tmp_path, "other").certificate
    plain, tls = guarded_kafka.bootstrap, guarded_kafka.bootstrap_of("TLS")
    cases: list[tuple[dict[str, object], str]] = [
        ({"kafka_bootstrap_servers": f"127.0.0.1:{free_ports(1)[0]}"}, "nobody listens on this port"),
        ({"kafka_bootstrap_servers": "no.such.host.invalid:9092"}, "the host name cannot be resolved"),
        (_login(guarded_kafka, "wrong"), "the broker refuses the login: user name, password"),
        (_login(guarded_kafka, kafka_bootstrap_servers=plain), "the broker asks for no login on this port"),
        ({"kafka_bootstrap_servers": guarded_kafka.bootstrap_of("SASL")}, "it may want a login"),
        (
            {"kafka_bootstrap_servers": tls, "kafka_security_protocol": "SSL", "kafka_ca": other},
            "the broker's certificate is not signed by a CA of kafka_ca",
        ),
        (
            {"kafka_bootstrap_servers": plain, "kafka_security_protocol": "SSL", "kafka_ca": other},
            "the broker does not speak TLS on this port",
        ),
        (
            {
                "kafka_bootstrap_servers": tls,
                "kafka_security_protocol": "SSL",
                "kafka_ca": tmp_path / "absent",
            },
            "a certificate or key file cannot be read",
        ),
    ]
    for given, told in cases:
        assert told in errors(examine(_gateway(given), None, Role.GATEWAY)), told


@pytest.mark.integration
def test_broker_over_tls_that_is_well(guarded_kafka: KafkaLocal) -> None:
    given = {
        "kafka_bootstrap_servers": guarded_kafka.bootstrap_of("TLS"),
        "kafka_security_protocol": "SSL",
        "kafka_ca": guarded_kafka.certificate,  # type: ignore[attr-defined]
        "mllp_max_frame_bytes": 100_000,
    }
    checks = examine(_gateway(given), None, Role.GATEWAY)
    assert is_well(checks), errors(checks)


@pytest.mark.integration
def test_rights_that_are_missing_one_after_the_other(
    guarded_kafka: KafkaLocal, state_url: str, pack: Callable[[str], str]
) -> None:
    given = {
        **_login(guarded_kafka),
        "database": state_url,
        "kafka_hl7_topics": "hl7",
        "gateway_hl7_topic": "hl7",
        "mllp": "127.0.0.1:0",
        "pack": pack("alerts"),
        "heartbeat_topic": "beats",
    }

    def found(role: Role) -> str:
        return errors(examine(given, None, role))

    assert "topic hl7 (kafka_hl7_topics): this user may not see the topic → grant READ" in found(Role.WORKER)
    _grant(guarded_kafka, "hl7", ACLOperation.READ)
    assert "topic hl7 (gateway_hl7_topic): this user may not write here → grant WRITE" in found(Role.GATEWAY)
    assert "consumer group lpwatch: this user may not join it → grant READ on the group" in found(Role.WORKER)
    _grant(guarded_kafka, "lpwatch", ACLOperation.READ, kind=ResourceType.GROUP)
    _grant(guarded_kafka, "beats", ACLOperation.WRITE)
    assert found(Role.WORKER) == ""
    _grant(guarded_kafka, "alerts", ACLOperation.WRITE)
    assert "topic alerts (route default): this user may not read here → grant READ" in found(Role.DELIVER)
    _grant(guarded_kafka, "alerts", ACLOperation.READ)
    assert found(Role.DELIVER) == ""


def test_topic_that_is_missing_or_has_the_wrong_settings(
    kafka: str, new_topic: Callable[..., str], state_url: str
) -> None:
    topic = new_topic()
    missing = examine(_worker(state_url, kafka, kafka_hl7_topics="absent"), None, Role.WORKER)
    assert "topic absent (kafka_hl7_topics): there is no such topic → create it" in errors(missing)
    set_topic(kafka, topic, cleanup_policy="compact", retention_ms="3600000")
    checks = examine(_worker(state_url, kafka, kafka_hl7_topics=topic), None, Role.WORKER)
    assert "only the last is kept → set cleanup.policy=delete" in errors(checks)
    assert any("workers that are away for longer lose some" in line for line in said(checks, "warning"))
    gateway = examine(_gateway({"kafka_bootstrap_servers": kafka}, topic), None, Role.GATEWAY)
    assert any("larger ones are refused → set max.message.bytes" in line for line in said(gateway, "warning"))


@pytest.mark.parametrize(
    ("next_", "log", "found"),
    [
        (500, "", "the next message to read is 500, and the log holds 0 to 3"),
        (1, "x", "the topic was made anew since"),
    ],
)
def test_position_that_the_log_has_lost(
    kafka: str,
    new_topic: Callable[..., str],
    state_url: str,
    tmp_path: Path,
    next_: int,
    log: str,
    found: str,
) -> None:
    topic = new_topic(partitions=1)
    send(kafka, topic, [b"x", b"x", b"x"])
    with closing(SqlState(state_url)) as state:
        state.move_position(f"kafka:{topic}:0", next_, log)
    config = tmp_path / "my settings.yaml"
    config.write_text(yaml.safe_dump(_worker(state_url, kafka, kafka_hl7_topics=topic)), encoding="utf-8")
    checks = examine({}, config, Role.WORKER)
    told = errors(checks)
    assert found in told
    way = f"lpwatch db move-position kafka:{topic}:0 beginning --config '{config}'"
    assert f"go on by: {way}" in told
    assert any("3 messages wait" in line for line in said(checks, "ok"))
    moved = CliRunner().invoke(main, shlex.split(way)[1:])
    assert moved.exit_code == 0, moved.output
    assert is_well(examine({}, config, Role.WORKER))


# FHIR servers


def test_fhir_server_that_is_not_there(tmp_path: Path) -> None:
    given = {"data": tmp_path, "mllp": "127.0.0.1:0", "fhir_out": f"http://127.0.0.1:{free_ports(1)[0]}/fhir"}
    assert "FHIR server 127.0.0.1: it cannot be reached" in errors(examine(given, None, Role.RUN))


@pytest.mark.integration
def test_fhir_server_that_is_well_and_one_that_is_something_else(tmp_path: Path) -> None:
    with all_ended() as start:
        server = start(tmp_path, "run", data=str(tmp_path / "data"), fhir="127.0.0.1:0")
        address, pages = server.addresses()["fhir"], server.addresses()["http"]
        given = {"data": tmp_path / "other", "mllp": "127.0.0.1:0"}
        checks = examine({**given, "fhir_out": f"http://{address}/fhir"}, None, Role.RUN)
        assert is_well(checks), errors(checks)
        assert "FHIR server 127.0.0.1: it answers and speaks FHIR 4" in "\n".join(said(checks, "ok"))
        wrong = examine({**given, "fhir_out": f"http://{pages}"}, None, Role.RUN)
        assert "it answers 404 to GET metadata → correct the base URL fhir_out" in errors(wrong)
        assert server.end() == 0


# The command


def test_command_says_it_for_people_and_for_programs(tmp_path: Path) -> None:
    config = tmp_path / "lpwatch.yaml"
    config.write_text(f"data: {tmp_path / 'data'}\nmllp: 127.0.0.1:0\n", encoding="utf-8")
    told = CliRunner().invoke(main, ["doctor", "--config", str(config)])
    assert told.exit_code == 0, told.output
    assert "ok      pack:" in told.output
    config.write_text("mllp: 192.0.2.1:1\n", encoding="utf-8")
    document = CliRunner().invoke(main, ["doctor", "--config", str(config), "--role", "run", "--json"])
    assert document.exit_code == 1
    parsed = json.loads(document.stdout)
    assert parsed["is_well"] is False
    assert {"name", "status", "says", "next_step"} == set(parsed["checks"][0])
