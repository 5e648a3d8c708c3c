"""`lpwatch run --fhir` as a process: what was accepted survives `kill -9`, and nothing of it is in the logs."""

from __future__ import annotations

import asyncio
import json
import random
import signal
from contextlib import suppress
from pathlib import Path

import httpx2
import pytest

from tests.integration.worker_process import Running
from worker.model.message import Form
from worker.storage.intake import SqlJournal
from worker.storage.state import SqlState

pytestmark = pytest.mark.integration

TOKEN = "a-token-of-a-sender"
HEADERS = {"content-type": "application/fhir+json", "authorization": f"Bearer {TOKEN}"}
SENDERS = 8
KILLS = 5


def _observation(name: str) -> bytes:
    """Make an observation whose id and note must not be seen outside."""
    return json.dumps(
        {
            "resourceType": "Observation",
            "id": f"secret-{name}",
            "status": "final",
            "code": {"coding": [{"system": "http://loinc.org", "code": "8310-5"}]},
            "subject": {"identifier": {"system": "urn:north", "value": "mrn-4711"}},
            "effectiveDateTime": "2026-01-05T08:00:00Z",
            "valueQuantity": {
                "value": 37,
                "unit": "Cel",
                "system": "http://unitsofmeasure.org",
                "code": "Cel",
            },
            "note": [{"text": "Jane Doe"}],
        }
    ).encode()


def _start(folder: Path) -> Running:
    (folder / "tokens").write_text(TOKEN, encoding="utf-8")
    config = folder / "lpwatch.yaml"
    config.write_text(f"fhir: 127.0.0.1:0\nfhir_token_file: {folder / 'tokens'}\n", encoding="utf-8")
    return Running(folder, "--config", str(config))


async def _send_until_it_dies(client: httpx2.AsyncClient, sender: str, accepted: list[str]) -> None:
    with suppress(httpx2.TransportError):
        for number in range(10_000):
            answer = await client.post("/Observation", content=_observation(f"{sender}-{number}"))
            assert answer.status_code == 201, answer.text
            accepted.append(f"secret-{sender}-{number}")


async def _torment(worker: Running, trial: int, accepted: list[str], kill_after: int) -> None:
    """Send until so many were accepted, then kill."""
    before = len(accepted)
    base_url = f"http://{worker.addresses()['fhir']}/fhir"
    async with httpx2.AsyncClient(base_url=base_url, headers=HEADERS, trust_env=False, timeout=60) as client:
        names = [f"{trial}-{number}" for number in range(SENDERS)]
        sending = asyncio.gather(*[_send_until_it_dies(client, name, accepted) for name in names])
        while len(accepted) < before + kill_after:
            assert not sending.done(), "the worker ended by itself"
            await asyncio.sleep(0.001)
        worker.process.send_signal(signal.SIGKILL)
        await asyncio.to_thread(worker.process.wait)
        await sending


def _journal(folder: Path) -> list[str]:
    journal = SqlJournal(f"sqlite:///{folder / 'data' / 'intake.db'}")
    stored = [message for _, message in journal.read(0, 1_000_000)]
    journal.close()
    assert {message.form for message in stored} == {Form.FHIR}
    assert all(message.transport.startswith("http:") for message in stored)
    return [json.loads(message.body)["id"] for message in stored]


@pytest.mark.slow
def test_what_was_accepted_is_there_after_kill_9(tmp_path: Path) -> None:
    rng = random.Random(1)  # noqa: S311  a seed must give the same moments again
    accepted: list[str] = []
    for trial in range(KILLS):
        worker = _start(tmp_path)
        worker.addresses()
        asyncio.run(_torment(worker, trial, accepted, rng.randint(1, 12 * SENDERS)))
    worker = _start(tmp_path)
    worker.addresses()
    assert worker.end() == 0, worker.log.read_text(encoding="utf-8")

    stored = _journal(tmp_path)
    assert len(accepted) > KILLS * SENDERS
    assert set(accepted) <= set(stored)
    assert len(stored) == len(set(stored))
    state = SqlState(f"sqlite:///{tmp_path / 'data' / 'state.db'}")
    ended = sum(count for key, count in state.counts().items() if key.stage == "processed")
    state.close()
    assert ended == len(stored)


def test_drained_worker_has_ingested_what_it_accepted_and_tells_nothing_of_it(tmp_path: Path) -> None:
    worker = _start(tmp_path)
    base_url = f"http://{worker.addresses()['fhir']}/fhir"
    with httpx2.Client(base_url=base_url, headers=HEADERS, trust_env=False, timeout=60) as client:
        put = client.put("/Observation/secret-1", content=_observation("1"))
        assert put.status_code == 200
        assert client.post("/Observation", content=_observation("2")[:-9]).status_code == 400
        assert client.put("/Observation/secret-9", content=_observation("3")).status_code == 400
        wrong = {"authorization": "Bearer mistaken-token-1"}
        assert client.post("/Patient", content=b"{}", headers=wrong).status_code == 401
        metadata = client.get("/metadata").json()
        assert metadata["resourceType"] == "CapabilityStatement"
        answers = [put.text, json.dumps(metadata)]
    page = worker.get("/metrics")
    assert 'lpwatch_fhir_request_seconds_count{status="2xx"} 2.0' in page
    assert 'lpwatch_fhir_request_seconds_count{status="4xx"} 3.0' in page
    assert 'lpwatch_messages_received_total{transport="http:' in page
    assert worker.end() == 0, worker.log.read_text(encoding="utf-8")
    assert _journal(tmp_path) == ["secret-1"]
    log = worker.log.read_text(encoding="utf-8")
    for secret in ("secret-", "mrn-4711", "Jane Doe", TOKEN, "mistaken"):
        assert not [text for text in (log, page, *answers) if secret in text]
