"""What doctor says where a program runs already, of a FHIR server's answers, of plaintext, of files that others may read."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from worker.model.errors import ConfigError
from worker.runtime.clock import FixedClock
from worker.runtime.doctor.brokers import check_encryption
from worker.runtime.doctor.checks import Check, Status
from worker.runtime.doctor.fhir_server import check_fhir_server
from worker.runtime.doctor.here import check_listeners, check_secrets, is_running
from worker.runtime.role_settings import Role
from worker.runtime.settings import Settings, load_settings
from worker.sinks.fhir import check_base_url

Serve = Callable[..., str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Give what starts a server that answers every GET with one body; its address is returned."""
    servers: list[ThreadingHTTPServer] = []

    def start(body: bytes, **headers: str) -> str:
        class Handler(BaseHTTPRequestHandler):
            def send_response(self, code: int, message: str | None = None) -> None:
                self.send_response_only(code, message)

            def do_GET(self) -> None:
                self.send_response(200)
                for name, value in {**headers, "Content-Length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  as its base names it
                pass

        servers.append(ThreadingHTTPServer(("127.0.0.1", 0), Handler))
        Thread(target=servers[-1].serve_forever, daemon=True).start()
        return f"127.0.0.1:{servers[-1].server_address[1]}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def _listeners(settings: Settings, role: Role = Role.GATEWAY) -> dict[str, Status]:
    running = is_running(settings, role)
    return {check.name.split()[1]: check.status for check in check_listeners(settings, role, running)}


def test_gateway_that_runs_already_is_well(serve: Serve) -> None:
    pages = serve(b"# HELP lpwatch_messages_received_total Messages\n")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        mllp = f"127.0.0.1:{taken.getsockname()[1]}"
        settings = load_settings({"mllp": mllp, "http": pages})
        assert _listeners(settings) == {"mllp": Status.OK, "http": Status.OK}


def test_other_program_in_the_place_of_the_health_pages_is_wrong(serve: Serve) -> None:
    settings = load_settings({"mllp": "none", "http": serve(b"ok\n")})
    assert _listeners(settings) == {"http": Status.ERROR}


def test_port_that_is_taken_is_a_doubt_where_nobody_can_tell_by_whom(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        mllp = f"127.0.0.1:{taken.getsockname()[1]}"
        ready = tmp_path / "ready"
        settings = load_settings({"mllp": mllp, "ready_file": str(ready)})
        assert _listeners(settings) == {"mllp": Status.WARNING}
        ready.write_text(json.dumps({"mllp": mllp, "pid": os.getpid()}), encoding="utf-8")
        assert _listeners(settings) == {"mllp": Status.OK}
        run = load_settings({"mllp": mllp, "data": str(tmp_path)})
        assert _listeners(run, Role.RUN) == {"mllp": Status.ERROR}


def _fhir(base_url: str, now_ms: int = 0, **given: object) -> list[Check]:
    return list(check_fhir_server(load_settings({"fhir_out": base_url, **given}), FixedClock(now_ms)))


CAPABLE = b'{"fhirVersion": "4.0.1"}'


def test_date_that_is_none_is_passed_over(serve: Serve) -> None:
    checks = _fhir(f"http://{serve(CAPABLE, Date='yesterday at noon')}/r4")
    assert [check.status for check in checks] == [Status.OK]


def test_clock_of_a_fhir_server_is_a_doubt_however_wrong(serve: Serve) -> None:
    checks = _fhir(f"http://{serve(CAPABLE, Date='Mon, 05 Jan 2026 08:00:00 GMT')}/r4")
    assert [check.status for check in checks] == [Status.OK, Status.WARNING]


def test_base_url_that_the_sink_refuses_is_wrong() -> None:
    (check,) = _fhir("http://u:hunter2@127.0.0.1/r4")
    assert check.status is Status.ERROR
    assert "without user" in check.says
    assert "hunter2" not in repr(check)


def test_proxies_of_the_environment_are_not_asked(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    assert _fhir(f"http://{serve(CAPABLE)}/r4")[0].status is Status.OK


def test_token_is_not_sent_in_the_clear(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="https://"):
        check_base_url("http://fhir.example/r4", has_token=True)
    check_base_url("http://127.0.0.1:8080/r4", has_token=True)
    check_base_url("https://fhir.example/r4", has_token=True)
    token = tmp_path / "token"
    token.write_text("a-token-that-is-long-enough", encoding="utf-8")
    (check,) = _fhir("http://fhir.example/r4", fhir_out_token_file=str(token))
    assert check.status is Status.ERROR


def test_patients_in_the_clear_are_a_doubt() -> None:
    checks = _fhir("http://fhir.invalid/r4")
    assert checks[0].status is Status.WARNING
    assert "https://" in checks[0].next_step


@pytest.mark.parametrize(
    ("broker", "protocol", "status"),
    [
        ("127.0.0.1:9092", "PLAINTEXT", Status.OK),
        ("kafka.example:9092", "PLAINTEXT", Status.WARNING),
        ("kafka.example:9092", "SASL_PLAINTEXT", Status.WARNING),
        ("kafka.example:9092", "SASL_SSL", Status.OK),
        ("[::1]:9092", "SASL_PLAINTEXT", Status.OK),
    ],
)
def test_plaintext_to_another_machine_is_a_doubt(broker: str, protocol: str, status: Status) -> None:
    assert check_encryption(protocol, [broker]).status is status


def test_file_that_we_read_as_others_do_is_not_closed_to_us(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = tmp_path / "token"
    token.write_text("a-token-that-is-long-enough", encoding="utf-8")
    token.chmod(0o644)
    settings = load_settings({"fhir_token_file": str(token)})
    (ours,) = check_secrets(settings, Role.GATEWAY)
    assert ours.next_step == f"chmod o-rwx {token}"
    monkeypatch.setattr(os, "geteuid", lambda: 54_321)
    monkeypatch.setattr(os, "getgroups", lambda: [54_321])
    monkeypatch.setattr(os, "getegid", lambda: 54_321)
    (theirs,) = check_secrets(settings, Role.GATEWAY)
    assert theirs.status is Status.WARNING
    assert theirs.next_step.startswith("first make the user that runs lpwatch its owner")
