"""The commands of "Connect a message bus", in their order, as somebody would type them; on free ports."""

from __future__ import annotations

import re
import select
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.integration.role_process import await_until
from tools.kafka_local import KafkaLocal
from tools.local_process import free_ports

BLOCK = re.compile(r"<!-- test: (?P<name>[^>]+) -->\n```\w+\n(?P<text>.*?)```", re.DOTALL)
PORTS = (2575, 8090, 8080, 8081, 8082, 8083)
DATABASE = "postgresql+psycopg://lpwatch@127.0.0.1:5433/postgres"
PAGE = Path("docs/how-to-connect-a-message-bus.md")
PROGRAMS = {".venv/bin/": f"{Path(sys.executable).parent}/"}
WAIT_S = 300.0
# Each look starts processes, which keep the roles from their work.
PAUSE_S = 1.0


class Reader:
    """The page, its addresses replaced by those of this test, and a folder to type its commands in."""

    def __init__(self, page: Path, folder: Path, replaced: dict[str, str]) -> None:
        self.folder = folder
        text = page.read_text(encoding="utf-8")
        for old, new in replaced.items():
            assert old in text, old
            text = text.replace(old, new)
        self.blocks = {found["name"]: found["text"] for found in BLOCK.finditer(text)}
        for name in list(self.blocks):
            if name.startswith("file "):
                path = folder / name.removeprefix("file ")
                path.parent.mkdir(exist_ok=True)
                path.write_text(self.blocks[name], encoding="utf-8")
        self._ended = ExitStack()

    def lines(self, name: str) -> list[str]:
        return self.blocks[name].splitlines()

    def run(self, name: str) -> str:
        """Type all commands of a block; give what they print."""
        done = subprocess.run(
            ["bash", "-ec", self.blocks[name]], cwd=self.folder, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def start(self, command: str) -> subprocess.Popen[str]:
        """Type a command that goes on; it is ended with the test."""
        log = self._ended.enter_context((self.folder / "log").open("a"))
        # A terminal gets each line at once; a pipe would not.
        typed = ["bash", "-c", f"exec env PYTHONUNBUFFERED=1 {command}"]
        process = subprocess.Popen(typed, cwd=self.folder, stdout=subprocess.PIPE, stderr=log, text=True)
        self._ended.callback(self._end, process)
        return process

    def first_line(self, command: str) -> str:
        """Type a command that goes on, and give the first line that it prints."""
        process = self.start(command)
        assert process.stdout is not None
        readable, _, _ = select.select([process.stdout], [], [], WAIT_S)
        assert readable, f"no line of: {command}"
        return process.stdout.readline()

    def close(self) -> None:
        self._ended.close()

    def _end(self, process: subprocess.Popen[str]) -> None:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=60)
        process.kill()
        if process.stdout is not None:
            process.stdout.close()


@pytest.fixture
def reader(root: Path, tmp_path: Path, own_kafka: KafkaLocal, postgres_url: str) -> Iterator[Reader]:
    ports = {
        f"127.0.0.1:{port}": f"127.0.0.1:{free}"
        for port, free in zip(PORTS, free_ports(len(PORTS)), strict=True)
    }
    replaced = {
        DATABASE: postgres_url,
        "127.0.0.1:9092": own_kafka.bootstrap,
        **PROGRAMS,
        **ports,
    }
    reader = Reader(root / PAGE, tmp_path, replaced)
    yield reader
    reader.close()


def _get(address: str, page: str) -> str:
    with suppress(OSError), urllib.request.urlopen(f"http://{address}{page}", timeout=WAIT_S) as answer:
        return answer.read().decode()
    return ""


def _sum(text: str, metric: str) -> float:
    return sum(float(value) for value in re.findall(rf"^{metric}(?:{{[^}}]*}})? (\S+)$", text, re.MULTILINE))


@pytest.mark.slow
def test_the_commands_of_the_page_lead_to_an_alert_and_to_numbers_that_agree(reader: Reader) -> None:
    reader.run("topics")
    reader.run("prepare")
    roles = reader.lines("roles")
    for command in roles:
        reader.start(command)
    addresses = [command.rpartition(" ")[2] for command in roles]
    await_until(lambda: all(_get(at, "/readyz").strip() == "ok" for at in addresses), "the roles", WAIT_S)
    accepted = sum(int(number) for number in re.findall(r"(\d+) messages accepted", reader.run("send")))
    assert accepted > 400

    def is_done() -> bool:
        told = reader.run("counters")
        return sum(map(int, re.findall(r"next (\d+)", told))) == accepted

    await_until(is_done, "all messages to be read", WAIT_S, PAUSE_S)
    await_until(lambda: len(reader.run("alerts").splitlines()) > 3, "alerts on the topic", WAIT_S, PAUSE_S)
    (shown,) = {len(line.split()) for line in reader.run("alerts").splitlines()}
    assert shown == 5
    assert "ce_specversion" in reader.first_line(reader.blocks["console"].strip())

    told = reader.run("counters")
    assert _sum(told, "lpwatch_messages_received_total") == accepted
    assert _sum(told, "lpwatch_messages_total") == accepted
    assert _sum(told, "lpwatch_kafka_lag") == _sum(told, "lpwatch_kafka_stopped") == 0
    await_until(
        lambda: _sum(reader.run("counters"), "lpwatch_outbox_waiting") == 0, "notices", WAIT_S, PAUSE_S
    )

    produce, consume = reader.lines("dead-letter")
    subprocess.run(["bash", "-ec", produce], cwd=reader.folder, capture_output=True, check=True)
    record = reader.first_line(consume)
    assert "value=b'not a message'" in record
    assert "no MSH segment at the start" in record


@pytest.mark.slow
def test_the_ward_is_sent_with_the_token_of_the_containers(reader: Reader, root: Path) -> None:
    secrets = reader.folder / "deploy" / "compose"
    secrets.mkdir(parents=True)
    shutil.copy(root / "deploy" / "compose" / "make-secrets.sh", secrets)
    subprocess.run([secrets / "make-secrets.sh"], check=True, capture_output=True)
    reader.run("topics")
    gateway, *_ = reader.lines("roles")
    reader.start(f"env LPWATCH_FHIR_TOKEN_FILE=deploy/compose/secrets/fhir_tokens {gateway}")
    address = gateway.rpartition(" ")[2]
    await_until(lambda: _get(address, "/readyz").strip() == "ok", "the gateway", WAIT_S)
    assert re.search(r"[1-9]\d* messages accepted", reader.run("send-with-token"))
    plain = reader.lines("send")[1]
    refused = subprocess.run(["bash", "-ec", plain], cwd=reader.folder, capture_output=True, check=False)
    assert refused.returncode != 0


def test_the_containers_have_the_addresses_and_topics_of_the_page(root: Path) -> None:
    page = (root / PAGE).read_text(encoding="utf-8")
    blocks = {found["name"]: found["text"] for found in BLOCK.finditer(page)}
    settings = YAML(typ="safe").load(blocks["file lpwatch.yaml"])
    services = YAML(typ="safe").load(root / "deploy" / "compose.yaml")["services"]
    asked = services["gateway"]["environment"]
    for name in ("gateway_hl7_topic", "gateway_fhir_topic", "dead_letter_topic"):
        assert asked[f"LPWATCH_{name.upper()}"] == settings[name]
    for name in ("kafka_hl7_topics", "kafka_fhir_topics"):
        assert [asked[f"LPWATCH_{name.upper()}"]] == settings[name]
    made = (root / "deploy" / "compose" / "make-topics.sh").read_text(encoding="utf-8")
    for topic in re.findall(r"topics create -t (\S+)", blocks["topics"]):
        assert f"make_topic {topic} " in made
    opened = {port.rpartition(":")[0] for service in services.values() for port in service.get("ports", ())}
    assert {settings["mllp"], settings["fhir"], *settings["kafka_bootstrap_servers"]} <= opened
    assert settings["fhir"].rpartition(":")[2] == asked["LPWATCH_FHIR"].rpartition(":")[2]


def test_the_pack_of_the_page_is_one(root: Path, tmp_path: Path) -> None:
    Reader(root / PAGE, tmp_path, PROGRAMS).run("lint")


def test_every_block_of_the_page_that_is_tested_is_known(root: Path) -> None:
    page = (root / PAGE).read_text(encoding="utf-8")
    names = [found["name"] for found in BLOCK.finditer(page)]
    assert sorted(names) == [
        "alerts",
        "console",
        "counters",
        "dead-letter",
        "file alerts.py",
        "file lpwatch.yaml",
        "file my-hospital/routes.yaml",
        "lint",
        "prepare",
        "roles",
        "send",
        "send-with-token",
        "topics",
    ]
