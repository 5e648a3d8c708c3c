"""One feed by three ways gives equal findings, and a plain consumer of the alert topic reads them.

The ways: (1) a file into SQLite; (2) MLLP into the gateway, a topic, two workers on PostgreSQL, `deliver`, the alert topic;
(3) FHIR over HTTP. The feeds: the synthetic hospital, which is written in both forms, and the recording of SimHospital, which
is HL7 v2 alone and so goes the first two ways.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import pytest
from kafka import KafkaProducer
from kafka.consumer.fetcher import ConsumerRecord

from tests.integration.role_process import RoleProcess, all_ended, await_until, records
from worker.alerts.render import replay_line
from worker.model.message import Form
from worker.model.time import HOUR_MS
from worker.runtime.bootstrap import STATE, read_state, temporary_state
from worker.runtime.offline import load_pack, program
from worker.runtime.replay import replay
from worker.simulate.fhir_client import FhirClient
from worker.simulate.hospital.files import MESSAGES, write_files
from worker.simulate.hospital.rates import Rates
from worker.simulate.hospital.ward import Hospital, Settings
from worker.simulate.mllp_client import MllpClient
from worker.sources.files import read_files
from worker.storage.records import AlertRecord
from worker.storage.state import SqlState

pytestmark = [pytest.mark.integration, pytest.mark.slow]

PARTITIONS = 4
WAIT_S = 300.0
SLICE_MS = 12 * HOUR_MS
# More goes wrong than in life, so that a few patients show everything.
BUSY = Rates(
    {
        "has-lp": 0.9,
        "cns-infection-among-lps": 0.3,
        "fever-in-medical-inpatients": 0.6,
        "fever-two-days": 0.4,
        "incident-delirium-older-inpatients": 0.4,
        "older": 0.6,
        "pain-spike": 0.3,
        "missed-temperatures": 0.3,
        "inr-gt-1.4": 0.2,
        "lp-cancelled": 0.1,
    }
)
Start = Callable[..., RoleProcess]
Told = dict[str, dict[str, Any]]
GONE = {"withdrawn", "superseded"}
CLOUD_EVENT = {
    "ce_specversion",
    "ce_id",
    "ce_source",
    "ce_type",
    "ce_time",
    "ce_subject",
    "ce_dataschema",
    "content-type",
}


@dataclass(frozen=True)
class Ward:
    """The synthetic hospital as two files, and the numbers of its patients that both forms know."""

    hl7: Path
    fhir: Path
    numbers: frozenset[str]


def _read(path: Path) -> list[Any]:
    return list(read_files([path], received_at_ms=0, on_skipped=lambda skipped: pytest.fail(str(skipped))))


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Ward:
    folder = tmp_path_factory.mktemp("ward")
    numbers: set[str] = set()
    for form in Form:
        ward = Hospital(Settings(11, patients=9, rates=BUSY, form=form))
        write_files(ward, ward.messages(), folder, 0.0, 11)
    for line in (folder / "truth.ndjson").read_text(encoding="utf-8").splitlines():
        numbers |= {number["value"] for number in json.loads(line)["patient"]}
    return Ward(folder / MESSAGES[Form.HL7V2], folder / MESSAGES[Form.FHIR], frozenset(numbers))


def _bodies(path: Path) -> list[bytes]:
    return [raw.body for raw in _read(path)]


@pytest.fixture(scope="module")
def by_file(hospital: Ward, tmp_path_factory: pytest.TempPathFactory) -> tuple[AlertRecord, ...]:
    """Give the alerts of the hospital by the first way."""
    alerts = _by_file(hospital.hl7, tmp_path_factory.mktemp("file"))
    assert len(_findings(alerts, hospital.numbers)) > 10
    return alerts


# What is compared


def _meaning(found: object) -> object:
    """Leave out of evidence where it was read: which message, and which of its fields or elements.

    The record of an LP has a result status in one form and an order's in the other.
    """
    if isinstance(found, dict):
        is_lp = found.get("concept") == "lumbar-puncture"
        left_out = {"source", "origin", "result_status"} if is_lp else {"source", "origin"}
        return {name: _meaning(one) for name, one in found.items() if name not in left_out}
    return [_meaning(one) for one in found] if isinstance(found, list) else found


def _findings(alerts: Iterable[AlertRecord], numbers: frozenset[str]) -> list[str]:
    """Give the findings that stand at the end, one line each: whom, which LP, which rule, how severe, on what evidence.

    How an alert came about, and when, depends on the way; what it says in the end does not.
    """
    lines = [replay_line(record.alert, record.patients, record.history) for record in alerts]
    found = []
    for line in lines:
        names = {number["value"] for number in line["patient"]}
        if line["state"] not in GONE:
            said = (line["lp_at"], line["rule"], line["severity"], line["effective_at"], line["status"])
            who = sorted(names & numbers if numbers else names)
            found.append(repr((who, *said, _meaning(line["evidence"]))))
    return sorted(found)


# The first way


def _by_file(path: Path, folder: Path) -> tuple[AlertRecord, ...]:
    replay(_read(path), program(load_pack()), temporary_state(folder))
    with closing(SqlState(f"sqlite:///{folder / STATE}")) as state:
        return state.alerts()


# The second way


class Bus:
    """Two workers and `deliver` on topics and a database of their own; a gateway where one is asked for."""

    def __init__(
        self, kafka: str, url: str, folder: Path, new_topic: Callable[..., str], start: Start
    ) -> None:
        self.kafka = kafka
        self.alert_topic = new_topic(2, "alerts")
        self.topics = {form: new_topic(PARTITIONS, form.value) for form in Form}
        self.state = SqlState(url)
        self._folder = folder
        self._start = start
        pack = folder / "pack"
        pack.mkdir()
        route = {"id": "default", "topic": self.alert_topic, "variant": "full", "default": True}
        (pack / "routes.yaml").write_text(json.dumps({"routes": [route]}), encoding="utf-8")
        given: dict[str, object] = {
            "database": url,
            "kafka_bootstrap_servers": [kafka],
            "kafka_hl7_topics": [self.topics[Form.HL7V2]],
            "kafka_fhir_topics": [self.topics[Form.FHIR]],
            "kafka_group": self.alert_topic,
            "clock": "messages",
            "pack": [str(pack)],
        }
        roles = {"worker-1": "worker", "worker-2": "worker", "deliver": "deliver"}
        self._roles = [start(folder, role, name, **given) for name, role in roles.items()]

    def gateway(self) -> RoleProcess:
        given: dict[str, object] = {
            "kafka_bootstrap_servers": [self.kafka],
            "fhir": "127.0.0.1:0",
            "gateway_hl7_topic": self.topics[Form.HL7V2],
            "gateway_fhir_topic": self.topics[Form.FHIR],
        }
        gateway = self._start(self._folder, "gateway", **given)
        self._roles.append(gateway)
        return gateway

    def wait_until_read(self, count: int) -> None:
        """Wait until so many messages are ingested, and everybody who was due by then is assessed."""

        def is_done() -> bool:
            positions = self.state.positions().values()
            due_ms = self.state.next_due_ms()
            latest_ms = max((position.at_ms for position in positions), default=0)
            is_assessed = due_ms is None or due_ms > latest_ms
            return sum(position.next for position in positions) >= count and is_assessed

        self._wait(is_done, f"{count} messages to be read")

    def finish(self) -> tuple[AlertRecord, ...]:
        """Wait until every notice is out, let all processes end by themselves, and read the alerts."""
        self._wait(lambda: self.state.count_waiting("kafka") == 0, "notices to go out")
        for role in self._roles:
            assert role.end() == 0, role.log_text()
        return self.state.alerts()

    def _wait(self, is_done: Callable[[], bool], what: str) -> None:
        def has_ended() -> bool:
            for role in self._roles:
                assert role.process.poll() is None, f"{role.name}: {role.log_text()}"
            return is_done()

        await_until(has_ended, what, WAIT_S)


def _in_slices(path: Path, span_ms: int) -> dict[int, list[bytes]]:
    """Cut a feed into slices of its own time, as it would come day by day."""
    read = program(load_pack())
    slices: dict[int, list[bytes]] = defaultdict(list)
    latest_ms = 0
    for raw in _read(path):
        latest_ms = max(latest_ms, read.message_time(raw) or 0)
        slices[latest_ms // span_ms].append(raw.body)
    return slices


def _check_topic(found: list[ConsumerRecord], alerts: Iterable[AlertRecord]) -> Told:
    """Hold the topic against the store: each notice once, an alert's in order, the last one of each; return these."""
    last: Told = {}
    seen: set[bytes] = set()
    for record in found:
        headers = dict(record.headers)
        assert set(headers) == CLOUD_EVENT
        assert headers["ce_id"] not in seen
        seen.add(headers["ce_id"])
        document = json.loads(record.value)
        alert_id = document["alert_id"]
        assert (record.key.decode(), headers["ce_subject"].decode()) == (alert_id, alert_id)
        assert headers["ce_type"] == b"org.lpwatch.alert.v1"
        assert alert_id not in last or last[alert_id]["version"] < document["version"]
        last[alert_id] = document
    assert set(last) == {record.alert.alert_id for record in alerts if record.alert.told}
    return last


def _told(alerts: Iterable[AlertRecord], numbers: frozenset[str], last: Told | None = None) -> list[str]:
    """Give what people were told and stands: whom, which LP, which rule, how severe by `last`, else by the store.

    An LP whose time is learned more exactly, and an alert for which another speaks now, are not told again.
    """
    found = []
    for one in alerts:
        line = replay_line(one.alert, one.patients, one.history)
        if line["state"] in GONE or one.alert.notified_severity is None:
            continue
        names = {number["value"] for number in line["patient"]}
        severity = line["severity"] if last is None else last[one.alert.alert_id]["severity"]
        found.append(
            repr((sorted(names & numbers if numbers else names), line["lp_at"], line["rule"], severity))
        )
    return sorted(found)


def _is_of_fhir(numbers: Iterable[str]) -> bool:
    """Tell by the authorities of a patient's numbers which form they came in: in two forms, one patient is two."""
    return any(authority.startswith("https://") for authority in numbers)


def _split(alerts: Iterable[AlertRecord]) -> dict[Form, list[AlertRecord]]:
    parts: dict[Form, list[AlertRecord]] = {form: [] for form in Form}
    for one in alerts:
        is_of_fhir = _is_of_fhir(number.authority for number in one.patients)
        parts[Form.FHIR if is_of_fhir else Form.HL7V2].append(one)
    return parts


@pytest.fixture
def start() -> Iterator[Start]:
    with all_ended() as begin:
        yield begin


@pytest.fixture
def bus(
    kafka: str, state_url: str, tmp_path: Path, new_topic: Callable[..., str], start: Start
) -> Iterator[Bus]:
    bus = Bus(kafka, state_url, tmp_path, new_topic, start)
    yield bus
    bus.state.close()


# The three ways


def test_fhir_over_http_gives_the_findings_of_the_file(
    hospital: Ward, by_file: tuple[AlertRecord, ...], start: Start, tmp_path: Path
) -> None:
    worker = start(
        tmp_path, "run", data=str(tmp_path / "data"), clock="messages", mllp="none", fhir="127.0.0.1:0"
    )
    with FhirClient(f"http://{worker.addresses()['fhir']}/fhir") as client:
        sent = client.send_all(_bodies(hospital.fhir))
    assert sent.accepted == sent.messages > 200
    assert worker.end() == 0, worker.log_text()
    with closing(read_state(tmp_path / "data")) as state:
        alerts = state.alerts()
    assert _findings(alerts, hospital.numbers) == _findings(by_file, hospital.numbers)


def test_both_forms_over_the_bus_give_the_findings_of_the_file_and_the_topic_tells_them(
    hospital: Ward, by_file: tuple[AlertRecord, ...], bus: Bus
) -> None:
    """Through the gateway, day by day: as it comes, no patient's messages are in one partition."""
    addresses = bus.gateway().addresses()
    host, _, port = addresses["mllp"].rpartition(":")
    slices = [_in_slices(path, SLICE_MS) for path in (hospital.hl7, hospital.fhir)]
    with MllpClient(host, int(port)) as mllp, FhirClient(f"http://{addresses['fhir']}/fhir") as http:
        for number in sorted({*slices[0], *slices[1]}):
            told = mllp.send_all(slices[0].get(number, ()))
            posted = http.send_all(slices[1].get(number, ()))
            bus.wait_until_read(told.messages + posted.messages)
    assert told.accepted == told.messages > 200
    assert posted.accepted == posted.messages > 200
    alerts = _split(bus.finish())
    last = _check_topic(records(bus.kafka, bus.alert_topic), [*alerts[Form.HL7V2], *alerts[Form.FHIR]])
    for form in Form:
        assert _findings(alerts[form], hospital.numbers) == _findings(by_file, hospital.numbers)
        assert _told(alerts[form], hospital.numbers, last) == _told(by_file, hospital.numbers)


def _patient_of(document: bytes) -> bytes:
    """Find whom a FHIR document is about, as a producer that keys by patient would."""
    found = re.search(rb"Patient/([^\"]+)|national-id\",\"value\":\"([0-9]+)", document)
    return found[0] if found else b""


def test_keys_decide_where_a_message_is_and_change_no_finding(
    hospital: Ward, by_file: tuple[AlertRecord, ...], bus: Bus
) -> None:
    """Written by somebody else's producer, raw bytes without headers, all at once: FHIR by patient, HL7 v2 at random."""
    random = Random(7)  # noqa: S311 - reproducible, nothing secret
    feeds = {Form.HL7V2: _bodies(hospital.hl7), Form.FHIR: _bodies(hospital.fhir)}
    with closing(KafkaProducer(bootstrap_servers=bus.kafka, acks="all")) as producer:
        for form, bodies in feeds.items():
            for body in bodies:
                key = _patient_of(body) if form is Form.FHIR else random.randbytes(8)
                producer.send(bus.topics[form], body, key=key)
    bus.wait_until_read(sum(map(len, feeds.values())))
    alerts = _split(bus.finish())
    _check_topic(records(bus.kafka, bus.alert_topic), [*alerts[Form.HL7V2], *alerts[Form.FHIR]])
    for form in Form:
        assert _findings(alerts[form], hospital.numbers) == _findings(by_file, hospital.numbers)


def test_the_recording_over_the_bus_gives_the_findings_of_its_file_and_the_topic_tells_them(
    shared: Path, bus: Bus, tmp_path: Path
) -> None:
    recording = shared / "feeds" / "simhospital" / "lp.mllp.gz"
    expected = _by_file(recording, tmp_path)
    host, _, port = bus.gateway().addresses()["mllp"].rpartition(":")
    with MllpClient(host, int(port)) as client:
        for bodies in _in_slices(recording, 4 * SLICE_MS).values():
            sent = client.send_all(bodies)
            bus.wait_until_read(sent.messages)
    assert sent.accepted == sent.messages == 2154
    alerts = bus.finish()
    nobody = frozenset[str]()
    assert _findings(alerts, nobody) == _findings(expected, nobody)
    last = _check_topic(records(bus.kafka, bus.alert_topic), alerts)
    assert _told(alerts, nobody, last) == _told(expected, nobody)
