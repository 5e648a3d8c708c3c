"""One alert on a real broker, in every form that a site's routes ask for, as a plain consumer gets it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest
from kafka.consumer.fetcher import ConsumerRecord

from tests.integration.messages import fever
from tests.integration.role_process import all_ended, records
from worker.alerts.schemas import alert_schema

NewTopic = Callable[..., str]
Records = dict[str, ConsumerRecord]


@pytest.fixture
def told(tmp_path: Path, kafka: str, new_topic: NewTopic) -> Records:
    """Run a fever through one process, and give the record of each topic."""
    topics = {variant: new_topic(name=variant) for variant in ("full", "minimal", "fhir")}
    routes = [f"  - {{id: {name}, topic: {topic}, variant: {name}}}" for name, topic in topics.items()]
    routes.append(f"  - {{id: default, topic: {topics['full']}, default: true}}")
    pack = tmp_path / "pack"
    pack.mkdir()
    (pack / "routes.yaml").write_text("routes:\n" + "\n".join(routes) + "\n", encoding="utf-8")
    with all_ended() as start:
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
    return {variant: _only(records(kafka, topic)) for variant, topic in topics.items()}


def _only(found: list[ConsumerRecord]) -> ConsumerRecord:
    (record,) = found
    return record


def headers(record: ConsumerRecord) -> dict[str, str]:
    return {name: value.decode() for name, value in record.headers}


def test_each_topic_gets_the_alert_in_its_own_form(told: Records) -> None:
    ids = {headers(record)["ce_id"] for record in told.values()}
    assert len(ids) == 1, "one notice, whatever its form"
    assert {variant: headers(record)["ce_type"] for variant, record in told.items()} == {
        "full": "org.lpwatch.alert.v1",
        "minimal": "org.lpwatch.alert-minimal.v1",
        "fhir": "org.lpwatch.alert-fhir.v1",
    }
    whole = json.loads(told["full"].value)
    jsonschema.validate(whole, alert_schema("alert"))
    jsonschema.validate(json.loads(told["minimal"].value), alert_schema("alert-minimal"))
    (patient,) = {number["value"] for number in whole["patient"]}
    assert patient.encode() in told["full"].value
    assert patient.encode() not in told["minimal"].value
    bundle = json.loads(told["fhir"].value)
    assert [entry["resource"]["resourceType"] for entry in bundle["entry"]] == [
        "DetectedIssue",
        "Communication",
    ]
    assert bundle["entry"][0]["resource"]["id"] == whole["alert_id"]
    assert headers(told["fhir"])["content-type"] == "application/fhir+json"
