"""What the tools for test servers decide without a server."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tools import asyncapi_parser, fhir_validator, java_peers, kafka_local, postgres_local
from tools.local_process import PORTS, ServerError, bound_command, cache_folder, free_ports
from tools.server_programs import FHIR_PEER, _is_there, fetch_later, java_version, postgres_version, steps
from tools.shared_servers import Run, _try_lock, is_container_wanted, named, shared_server


@pytest.mark.parametrize(
    ("environment", "address"),
    [
        ({}, None),
        ({"LPWATCH_TEST_KAFKA": ""}, None),
        ({"KAFKA_BOOTSTRAP_SERVERS": "a:1"}, "a:1"),
        ({"KAFKA_BOOTSTRAP_SERVERS": "a:1", "LPWATCH_TEST_KAFKA": "b:2"}, "b:2"),
    ],
)
def test_the_environment_names_the_server_first(environment: dict[str, str], address: str | None) -> None:
    assert named("kafka", environment) == address


@pytest.mark.parametrize(
    ("wanted", "answers", "is_container"),
    [("auto", True, True), ("auto", False, False), ("local", True, False), ("container", False, True)],
)
def test_a_container_is_taken_where_docker_answers_unless_told(
    wanted: str, *, answers: bool, is_container: bool
) -> None:
    assert is_container_wanted({"LPWATCH_TEST_SERVERS": wanted}, lambda: answers) is is_container


def test_another_word_for_the_kind_of_servers_is_refused() -> None:
    with pytest.raises(ServerError, match="take auto, container or local"):
        is_container_wanted({"LPWATCH_TEST_SERVERS": "docker"}, lambda: True)


def test_ports_are_below_those_of_outgoing_connections_and_free() -> None:
    ports = free_ports(5)
    assert len(set(ports)) == 5
    assert set(ports) <= set(PORTS)
    for port in ports:
        with socket.socket() as one:
            one.bind(("127.0.0.1", port))


def test_a_port_is_given_once_while_whoever_has_it_lives(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (port,) = free_ports(1)
    monkeypatch.setattr("tools.local_process.PORTS", range(port, port + 1))
    other = (
        f"from tools import local_process as l; l.PORTS = range({port}, {port + 1}); print(l.free_ports(1))"
    )
    with pytest.raises(ServerError, match="no 1 free ports"):
        free_ports(1)
    asked = subprocess.run(
        [sys.executable, "-c", other], cwd=root, capture_output=True, text=True, check=False
    )
    assert "no 1 free ports" in asked.stderr


def test_a_port_in_use_is_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        monkeypatch.setattr("tools.local_process.PORTS", range(port, port + 1))
        with pytest.raises(ServerError, match="no 1 free ports"):
            free_ports(1)


def test_a_command_is_bound_to_its_parent_and_runs_as_the_user() -> None:
    command = bound_command(["server"], signal="INT", user="postgres")
    assert command[1:] == [
        "--reuid=postgres",
        "--regid=postgres",
        "--init-groups",
        "--pdeathsig",
        "INT",
        "--",
        "server",
    ]
    assert bound_command(["server"], signal=None) == ["server"]


def test_a_user_cannot_be_had_without_setpriv(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert bound_command(["server"]) == ["server"]
    with pytest.raises(ServerError, match="util-linux"):
        bound_command(["server"], user="postgres")


def test_a_missing_program_is_named_with_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(ServerError, match=r"no mvn on PATH; as root: apt-get install .*maven"):
        kafka_local.program("mvn")
    with pytest.raises(ServerError, match="apt-get install postgresql"):
        postgres_local.program("no-such-program")


def test_the_cache_is_the_users_unless_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("LPWATCH_TEST_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "lpwatch"
    monkeypatch.setenv("XDG_CACHE_HOME", "/other")
    assert cache_folder() == Path("/other/lpwatch")
    monkeypatch.setenv("LPWATCH_TEST_CACHE", "/mine")
    assert cache_folder() == Path("/mine")


def test_versions_are_read_from_what_programs_print() -> None:
    assert java_version("javac 17.0.15\n") == 17
    assert java_version("javac 1.8.0_402") == 8
    assert java_version("") == 0
    assert postgres_version("initdb (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)\n") == 15
    assert postgres_version("sh: not found") == 0


def test_what_cannot_be_fetched_later_keeps_back_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    fetched = []

    def fetch(what: str) -> None:
        fetched.append(what)
        raise ServerError(f"no {what}")

    monkeypatch.setattr(fhir_validator, "prepare", lambda: fetch("validator"))
    monkeypatch.setattr(java_peers, "class_path", lambda project: fetch(project.name))
    monkeypatch.setattr(asyncapi_parser, "prepare", lambda: fetch("parser"))
    fetch_later()
    assert FHIR_PEER.is_dir()
    assert fetched == ["validator", "fhir", "parser"]


def test_maven_that_fails_is_told_with_what_it_was_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "mvn").write_text("#!/bin/sh\necho no such jar\nexit 1\n", encoding="utf-8")
    (tmp_path / "mvn").chmod(0o755)
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setenv("LPWATCH_TEST_CACHE", str(tmp_path / "cache"))
    with pytest.raises(ServerError, match=r"Maven could not fetch a jar:\nno such jar"):
        kafka_local.maven("fetch a jar", tmp_path, "goal")


def test_npm_that_apt_cannot_install_keeps_back_nothing_else() -> None:
    assert steps(["maven", "npm", "postgresql"]) == [["maven", "postgresql"], ["npm"]]
    assert steps(["npm"]) == [["npm"]]
    assert steps(["maven"]) == [["maven"]]


def test_npm_beside_a_node_that_is_linked_from_the_path_is_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for folder in ("bin", "node"):
        (tmp_path / folder).mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert not _is_there("npm")
    for name in ("node", "npm"):
        (tmp_path / "node" / name).touch(0o755)
    (tmp_path / "bin" / "node").symlink_to(tmp_path / "node" / "node")
    assert _is_there("node")
    assert _is_there("npm")


def test_a_server_that_cannot_be_had_is_told_to_everybody_who_asks(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("LPWATCH_TEST_POSTGRES", raising=False)
    monkeypatch.setenv("LPWATCH_TEST_SERVERS", "nothing")
    run = Run(tmp_path)
    for _ in range(2):
        with pytest.raises(ServerError, match=r"no PostgreSQL: LPWATCH_TEST_POSTGRES not set, .*take auto"):
            shared_server("postgres", tmp_path)
        monkeypatch.setenv("LPWATCH_TEST_SERVERS", "auto")
    run.end()


def test_the_lock_of_a_run_is_held_until_it_ends(tmp_path: Path) -> None:
    run = Run(tmp_path)
    assert not _try_lock(tmp_path / "run.lock")
    run.end()
    assert _try_lock(tmp_path / "run.lock")


@pytest.mark.parametrize("tool", [kafka_local, postgres_local])
def test_stopping_what_was_never_started_says_so(
    tool: object, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tool.main(["stop", "--folder", str(tmp_path)]) == 2
    assert "was started in" in capsys.readouterr().err
