"""A scanned note, in each standard: counted, a blind spot of its patient, told by `why-not`, and quoted nowhere."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.unit.decode.pdf_files import pdf
from worker.cli.main import main
from worker.model.time import from_rfc3339
from worker.runtime.bootstrap import migrate
from worker.runtime.clock import MessageClock
from worker.runtime.engine import Engine
from worker.runtime.inlet import JournalInlet
from worker.runtime.metrics import Metrics
from worker.runtime.metrics_store import MeteredState
from worker.runtime.offline import load_pack, program
from worker.sources.files import read_files
from worker.storage.memory_journal import MemoryJournal
from worker.storage.state import SqlState

pytestmark = pytest.mark.slow

SCAN = base64.b64encode(pdf(b"/I Do")).decode()
"""A page that is a picture."""
Message = str | dict[str, object]
LATER = "2026-01-05T13:00:00Z"
HL7 = (
    r"""MSH|^~\&|EHR|NORTH|LP|NORTH|20260105080500+0000||ADT^A08|m1|P|2.5.1
EVN|A08|20260105080500+0000
PID|1||SCANNED^^^NORTH^MR
PV1|1|I|A3^^1
PR1|1||277762005^Lumbar puncture^SCT||20260105080000+0000
""",
    rf"""MSH|^~\&|EHR|NORTH|LP|NORTH|20260105120000+0000||MDM^T02|m2|P|2.5.1
EVN|T02|20260105120000+0000
PID|1||SCANNED^^^NORTH^MR
PV1|1|I|A3^^1
TXA|1|PN|AP|20260105115500+0000||||||||D1
OBX|1|ED|11506-3^Progress note^LN||^application^pdf^Base64^{SCAN}||||||F
""",
)
SUBJECT = {"identifier": {"system": "urn:example:north", "value": "SCANNED"}}
FHIR: tuple[dict[str, object], ...] = (
    {
        "resourceType": "Procedure",
        "id": "p1",
        "meta": {"lastUpdated": "2026-01-05T08:05:00Z"},
        "status": "completed",
        "subject": SUBJECT,
        "code": {"coding": [{"system": "http://snomed.info/sct", "code": "277762005"}]},
        "performedDateTime": "2026-01-05T08:00:00Z",
    },
    {
        "resourceType": "DocumentReference",
        "id": "d1",
        "meta": {"lastUpdated": "2026-01-05T12:00:00Z"},
        "status": "current",
        "subject": SUBJECT,
        "date": "2026-01-05T11:55:00Z",
        "type": {"coding": [{"system": "http://loinc.org", "code": "11506-3"}]},
        "content": [{"attachment": {"contentType": "application/pdf", "data": SCAN}}],
    },
)


@dataclass(frozen=True)
class Ward:
    """A file of messages, the data folder of a worker that took it in, and its metrics."""

    file: Path
    data: Path
    metrics: str


@pytest.fixture(params=["hl7v2", "fhir"])
def ward(request: pytest.FixtureRequest, tmp_path: Path) -> Ward:
    return _work(tmp_path, FHIR if request.param == "fhir" else HL7)


def _work(tmp_path: Path, messages: Sequence[Message]) -> Ward:
    """Let a worker take messages in, in this order."""
    if isinstance(messages[0], str):
        file = tmp_path / "feed.mllp"
        written = (f"\x0b{body}\x1c\n".replace("\n", "\r") for body in messages)
    else:
        file = tmp_path / "feed.ndjson"
        written = (json.dumps(each) + "\n" for each in messages)
    file.write_bytes("".join(written).encode())
    data = tmp_path / "data"
    data.mkdir()
    migrate(data)
    metrics = Metrics()
    with closing(SqlState(f"sqlite:///{data / 'state.db'}")) as state:

        def metered() -> MeteredState:
            return MeteredState(
                state, state.count_due, state.count_waiting, metrics, count_blind=state.count_blind
            )

        journal = MemoryJournal(
            read_files([file], received_at_ms=0, on_skipped=lambda skipped: pytest.fail(str(skipped)))
        )
        Engine([JournalInlet(journal)], metered(), program(load_pack()), MessageClock()).drain()
        metered().assess(from_rfc3339(LATER), (), pytest.fail)  # nobody is due; gauges are set by it
    return Ward(file, data, metrics.render().decode())


def _answer(*arguments: object) -> dict[str, Any]:
    result = CliRunner().invoke(main, [*map(str, arguments), "--json"])
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def _mdm(event: str, number: str) -> str:
    return rf"""MSH|^~\&|EHR|NORTH|LP|NORTH|20260105123000+0000||MDM^{event}|m3|P|2.5.1
EVN|{event}|20260105123000+0000
PID|1||SCANNED^^^NORTH^MR
PV1|1|I|A3^^1
TXA|1|PN|AP|20260105115500+0000||||||||{number}
OBX|1|TX|11506-3^Progress note^LN||Patient comfortable.||||||F
"""


def _reference(number: str, *replaced: str) -> dict[str, object]:
    told = {"code": "replaces", "target": {"reference": "".join(replaced)}}
    words = base64.b64encode(b"Patient comfortable.").decode()
    return {
        **FHIR[1],
        "id": number,
        "meta": {"lastUpdated": "2026-01-05T12:30:00Z"},
        "content": [{"attachment": {"contentType": "text/plain", "data": words}}],
        "relatesTo": [told] if replaced else [],
    }


@pytest.mark.parametrize("is_late", [True, False])
@pytest.mark.parametrize(
    ("readable", "is_blind"),
    [
        (_mdm("T08", "D1"), False),
        (_mdm("T10", "D2|D1"), False),
        (_mdm("T02", "D2"), True),
        (_reference("d1"), False),
        (_reference("d2", "DocumentReference/d1"), False),
        (_reference("d2"), True),
    ],
)
def test_nobody_is_blind_by_a_scan_of_what_can_be_read_by_now(
    readable: Message, tmp_path: Path, *, is_blind: bool, is_late: bool
) -> None:
    lp, scanned = HL7 if isinstance(readable, str) else FHIR
    ward = _work(tmp_path, [lp, readable, scanned] if is_late else [lp, scanned, readable])
    found = _answer("blindspots", "--at", LATER, "--data", ward.data, "--kind", "unreadable")
    assert [spot["kind"] for lp in found["lps"] for spot in lp["spots"]] == ["unreadable"] * is_blind
    assert ('lpwatch_blind_spots{kind="unreadable"} 1.0' in ward.metrics) is is_blind


def test_blindspots_name_the_patient_whose_note_is_a_scan(ward: Ward) -> None:
    found = _answer("blindspots", "--at", LATER, "--data", ward.data, "--kind", "unreadable")
    (lp,) = found["lps"]
    (spot,) = lp["spots"]
    assert lp["patient"][0]["value"] == "SCANNED"
    assert (spot["kind"], spot["what"], spot["since"]) == (
        "unreadable",
        "unreadable-text: pdf without text",
        "2026-01-05T12:00:00Z",
    )
    assert {"leg-weakness", "bladder-bowel-saddle", "altered-consciousness"} <= set(spot["rules"])


@pytest.mark.parametrize("source", ["--from", "--data"])
def test_why_not_names_the_note_that_no_rule_saw(ward: Ward, source: str) -> None:
    place = ward.file if source == "--from" else ward.data
    found = _answer("why-not", "SCANNED", "--rule", "leg-weakness", "--at", LATER, source, place)
    told = [(item["kind"], item["subject"], item["message_id"] != "") for item in found["set_aside"]]
    assert told == [("unreadable-text", "pdf without text", True)]


def test_metrics_count_the_note_and_the_blind_spot_and_hold_nothing_of_it(ward: Ward) -> None:
    lines = ward.metrics.splitlines()
    counted = [line for line in lines if line.startswith("lpwatch_message_issues_total")]
    assert [line.rpartition(" ")[2] for line in counted if 'kind="unreadable-text"' in line] == ["1.0"]
    assert 'lpwatch_blind_spots{kind="unreadable"} 1.0' in lines
    assert "SCANNED" not in ward.metrics
    assert SCAN[:20] not in ward.metrics
