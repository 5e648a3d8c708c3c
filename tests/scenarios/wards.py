"""A small house with feeds of every kind, and what it alerts on when its messages come in this or that order."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import permutations
from pathlib import Path
from typing import Any

from worker.model.message import Form, RawMessage
from worker.model.time import EpochMs
from worker.runtime.engine_program import PackProgram
from worker.runtime.offline import load_pack, memory_store, program
from worker.runtime.replay import ReplayReport, replay

IDENTITY = """
identity:
  authorities:
    - {name: mrn, authority: HOSP}
    - {name: mrn, system: 'urn:hosp:mrn'}
    - {name: national, type: NI}
    - {name: national, system: 'urn:nation'}
  placeholders: ['^0+$', '^9{6,}$', '^(?i:unknown)$']
  never_join_numbers: ['^NB[0-9]+$']
  never_join_types: [VN, AN]
"""
FEEDS = {
    "lab": "match: [{application: LAB}]\nresult_identity: order",
    "ward": "match: [{application: WARD}]\nresult_identity: order_time\nerror_comments: ['entered in error']",
    "replaying": "match: [{application: REPLAYING}]\nresult_identity: order\nversion: rank_first",
    "london": "match: [{application: LONDON}]\nresult_identity: order\nzone: Europe/London",
    "clinic": "match: [{application: CLINIC}]\nresult_identity: order_time",
    "charts": (
        "match: [{application: CHARTS}]\nexpected_rate: {quiet_after_min: 60, charts: [body-temperature]}"
    ),
    "ehr": "match: [{transport: ehr}]",
}
Json = dict[str, Any]  # Any: what JSON holds
MRN, NATIONAL = "4711^^^HOSP^MR", "900^^^NHS^NI"
_ORDERS_TRIED = 12


def build_site(folder: Path) -> PackProgram:
    """Lay the house over the default pack."""
    (folder / "feeds").mkdir()
    for name, said in FEEDS.items():
        text = f"feed: {name}\ntitle: {name}\n{said}\n{IDENTITY}"
        (folder / "feeds" / f"{name}.yaml").write_text(text, encoding="utf-8")
    return program(load_pack([folder]))


def stamp(hours: float, *, zone: str = "+0000") -> str:
    """Write an instant, in hours after midnight of 5 January 2026, as HL7 v2 does."""
    at = datetime(2026, 1, 5, tzinfo=UTC) + timedelta(seconds=round(hours * 3600))
    return f"{at:%Y%m%d%H%M%S}{zone}"


def iso(hours: float) -> str:
    """Write the same as FHIR does."""
    text = stamp(hours, zone="")
    return f"{text[:4]}-{text[4:6]}-{text[6:8]}T{text[8:10]}:{text[10:12]}:{text[12:14]}Z"


def hl7(
    kind: str, at: float | str, *segments: str, who: str = MRN, app: str = "LAB", pid: str = ""
) -> RawMessage:
    """Write one message; `at` is MSH-7, `who` PID-3."""
    sent = at if isinstance(at, str) else stamp(at)
    lines = [
        f"MSH|^~\\&|{app}|HOSP|||{sent}||{kind}|{app}{kind[-3:]}{sent}|P|2.5.1",
        f"EVN||{sent}",
        f"PID|1||{who}||DOE^JANE||19800101|F{pid}",
        *segments,
    ]
    return RawMessage("\r".join(lines).encode(), Form.HL7V2, "test", 0)


def result(  # noqa: PLR0913 # a builder names every part it can set
    at: float,
    value: str,
    *,
    when: float = 10,
    status: str = "F",
    number: str = "R1",
    code: str = "8310-5^Temp^LN",
    unit: str = "Cel",
    stated: float | None = None,
    position: int = 1,
    more: Sequence[str] = (),
    **sent: str,
) -> RawMessage:
    """Write one result sent at `at` about `when`; `stated` is OBR-22, as MSH-7 where left out ("" for none)."""
    reported = stamp(at if stated is None else stated) if stated != -1 else ""
    obr = f"OBR|1||{number}|{code}|||{stamp(when)}|||||||||||||||{reported}"
    kind = "NM" if value.replace(".", "").isdigit() else "ST"
    obx = f"OBX|{position}|{kind}|{code}||{value}|{unit}|||||{status}|||{stamp(when)}"
    return hl7("ORU^R01", at, obr, obx, *more, **sent)


def procedure(at: float, when: float = 8, *, text: str = "", more: str = "", **sent: str) -> RawMessage:
    """Write a lumbar puncture listed as PR1; `text` replaces its time, `more` follows it, `at` is MSH-7."""
    return hl7("ADT^A08", at, f"PR1|1||62270^LP^C4||{text or stamp(when)}{more}", **sent)


def order(
    at: float, control: str, status: str, *, number: str = "P1", when: float = 8, **sent: str
) -> RawMessage:
    """Write an order for a lumbar puncture."""
    orc = f"ORC|{control}|{number}|F{number}||{status}||||{stamp(at)}"
    return hl7("ORM^O01", at, orc, f"OBR|1|{number}|F{number}|62270^LP^C4|||{stamp(when)}", **sent)


def note(
    at: float, event: str, text: str, *, number: str = "D1", parent: str = "", who: str = MRN
) -> RawMessage:
    """Write an MDM with a progress note; `parent` is the document in whose place it comes."""
    return _document(at, event, f"TX|11506-3^Progress note^LN||{text}", number, parent, who)


def scan(at: float, event: str, *, number: str = "D1", parent: str = "", who: str = MRN) -> RawMessage:
    """Write an MDM with a progress note that is a picture."""
    return _document(
        at, event, "ED|11506-3^Progress note^LN||^image^jpeg^Base64^/9j/4AAQ", number, parent, who
    )


def _document(at: float, event: str, said: str, number: str, parent: str, who: str) -> RawMessage:
    txa = f"TXA|1|PN|TX|{stamp(at)}||||||||{number}|{parent}||||AU"
    return hl7(f"MDM^{event}", at, txa, f"OBX|1|{said}||||||F", who=who)


def merge(at: float, kept: str, gone: str, event: str = "A40") -> RawMessage:
    """Write a merge of `gone` into `kept`."""
    return hl7(f"ADT^{event}", at, f"MRG|{gone}", who=kept)


def unlink(at: float, one: str, other: str) -> RawMessage:
    """Write an A37."""
    return hl7("ADT^A37", at, f"PID|2||{other}", who=one)


def fhir(at: float, *resources: Json) -> RawMessage:
    """Write a Bundle of resources that were last updated at `at`."""
    entries = [{"resource": {"meta": {"lastUpdated": iso(at)}, **resource}} for resource in resources]
    body = {"resourceType": "Bundle", "type": "collection", "timestamp": iso(at), "entry": entries}
    return RawMessage(json.dumps(body).encode(), Form.FHIR, "ehr", 0)


def deletion(at: float, url: str, modified: float | None = None) -> RawMessage:
    """Write a Bundle that deletes a resource, which the server did at `modified` where given."""
    entry: Json = {"request": {"method": "DELETE", "url": url}}
    if modified is not None:
        entry["response"] = {"status": "204", "lastModified": iso(modified)}
    body = {"resourceType": "Bundle", "type": "history", "timestamp": iso(at), "entry": [entry]}
    return RawMessage(json.dumps(body).encode(), Form.FHIR, "ehr", 0)


def patient(id_: str = "1", mrn: str = "4711", **more: object) -> Json:
    """Write a Patient with the number of the house."""
    identifiers = [{"system": "urn:hosp:mrn", "value": mrn}] if mrn else []
    return {"resourceType": "Patient", "id": id_, "identifier": identifiers, **more}


def versioned(at: float, resource: Json, *labels: str) -> RawMessage:
    """Write a Patient as a server gives it out: with its version, and labels that say what was left out."""
    tags = {"tag": [{"code": label} for label in labels]} if labels else {}
    return fhir(at, {**resource, "meta": {"versionId": f"v{at}", "lastUpdated": iso(at), **tags}})


def temperature(
    id_: str, value: float, when: float, status: str = "final", subject: str = "Patient/1"
) -> Json:
    """Write an Observation of a temperature."""
    return {
        "resourceType": "Observation",
        "id": id_,
        "status": status,
        "code": {"coding": [{"system": "http://loinc.org", "code": "8310-5"}]},
        "subject": {"reference": subject},
        "effectiveDateTime": iso(when),
        "valueQuantity": {"value": value, "system": "http://unitsofmeasure.org", "code": "Cel"},
    }


def puncture(
    id_: str = "lp", status: str = "completed", when: float | str = 8, subject: str = "Patient/1"
) -> Json:
    """Write a Procedure."""
    return {
        "resourceType": "Procedure",
        "id": id_,
        "status": status,
        "code": {"coding": [{"system": "http://www.ama-assn.org/go/cpt", "code": "62270"}]},
        "subject": {"reference": subject},
        "performedDateTime": when if isinstance(when, str) else iso(when),
    }


def run(site: PackProgram, messages: Iterable[RawMessage], until: float | None = None) -> ReplayReport:
    """Run messages in the order in which they are given."""
    return replay(messages, site, memory_store, until_ms=None if until is None else instant(until))


def instant(hours: float) -> EpochMs:
    """Give an instant, in hours after midnight of 5 January 2026."""
    return 1_767_571_200_000 + round(hours * 3_600_000)


def standing(report: ReplayReport) -> list[str]:
    """Name what is open at the end: "rule severity", sorted; the context of bleeding is left out."""
    return sorted(
        f"{line['rule']} {line['severity']}"
        for line in report.alerts
        if line["state"] in {"raised", "updated", "escalated", "acknowledged"} and line["severity"] != "info"
    )


def history(report: ReplayReport, rule: str = "fever-single") -> list[list[str]]:
    """Give the states of each alert of a rule, one after the other."""
    return [[item["state"] for item in line["history"]] for line in report.alerts if line["rule"] == rule]


def in_any_order(site: PackProgram, *messages: RawMessage, until: float | None = None) -> list[str]:
    """Run messages in every order (a dozen at most) and say what is open at the end, which must be the same."""
    orders = list(permutations(messages))
    step = max(1, len(orders) // _ORDERS_TRIED)
    last = max(96.0, until or 0)
    found = {tuple(standing(run(site, some, last))) for some in [*orders[::step], orders[-1]]}
    assert len(found) == 1, f"the answer depends on the order: {found}"
    return list(found.pop())
