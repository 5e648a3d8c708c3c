"""The roles as processes, on a real broker and a real database: what each promises, also when it is asked to end."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integration.messages import fever
from tests.integration.role_process import RoleProcess, all_ended, records

Start = Callable[..., RoleProcess]


@pytest.fixture
def start() -> Iterator[Start]:
    """Give what starts roles; every one is gone when the test ends."""
    with all_ended() as begin:
        yield begin


@pytest.fixture
def alert_pack(tmp_path: Path, new_topic: Callable[..., str]) -> tuple[Path, str]:
    """Give a pack that routes every alert to a topic of its own, and the topic."""
    topic = new_topic(name="alerts")
    pack = tmp_path / "pack"
    pack.mkdir()
    (pack / "routes.yaml").write_text(
        f"routes:\n  - id: default\n    topic: {topic}\n    default: true\n", encoding="utf-8"
    )
    return pack, topic


def test_run_sends_its_notices_to_the_topic_of_the_route(
    tmp_path: Path, start: Start, kafka: str, alert_pack: tuple[Path, str]
) -> None:
    pack, topic = alert_pack
    run = start(
        tmp_path,
        "run",
        data=str(tmp_path / "data"),
        clock="messages",
        kafka_bootstrap_servers=kafka,
        alerts_to_kafka=True,
        pack=str(pack),
    )
    assert [b"MSA|AA|" in answer for answer in run.send(*fever())] == [True, True]
    assert run.end() == 0
    (record,) = records(kafka, topic)
    headers = {name: value.decode() for name, value in record.headers}
    alert = json.loads(record.value)
    assert alert["rule"]["id"] == "fever-single"
    assert headers["ce_subject"] == alert["alert_id"] == record.key.decode()
    assert (tmp_path / "data" / "notices.ndjson").exists()
