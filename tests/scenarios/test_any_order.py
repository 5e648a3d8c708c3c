"""Messages of several feeds through the whole engine, in every order: what is open at the end is the same."""

from __future__ import annotations

import json
from itertools import permutations
from typing import Any

import pytest
from msgspec.structs import replace

from tests.rendered import WHOLE, notices_of
from tests.scenarios.wards import (
    MRN,
    NATIONAL,
    Json,
    build_site,
    deletion,
    fhir,
    history,
    hl7,
    in_any_order,
    instant,
    iso,
    merge,
    note,
    order,
    patient,
    procedure,
    puncture,
    result,
    run,
    scan,
    stamp,
    standing,
    temperature,
    unlink,
    versioned,
)
from worker.model.message import RawMessage
from worker.runtime.clock import FixedClock
from worker.runtime.engine import Engine, Options
from worker.runtime.engine_program import PackProgram
from worker.runtime.inlet import JournalInlet
from worker.runtime.offline import memory_store
from worker.storage.memory_journal import MemoryJournal

FEVER = ["fever-single urgent"]
ONGOING = ["fever-ongoing-after-day1 urgent"]
NOTHING: list[str] = []
LP, HOT = procedure(8.1), result(11, "39")
ONE, TWO, THREE = "1^^^HOSP^MR", "2^^^HOSP^MR", "3^^^HOSP^MR"
FIRST, SECOND = "E1^^^INDEX^PI", "E2^^^INDEX^PI"
FHIR_HOT = fhir(10.5, temperature("t", 39, 10))
REPLACED = {"other": {"reference": "Patient/1"}, "type": "replaced-by"}
YEARS = 24 * 365 * 9
TEMP = "8310-5^Temp^LN"
BARE: Json = {
    "resourceType": "Observation",
    "status": "final",
    "code": {"text": "vital signs"},
    "subject": {"reference": "Patient/1"},
}
HOT_PART = {name: temperature("t", 39, 10)[name] for name in ("code", "valueQuantity")}
SAMPLE: Json = {
    "resourceType": "Specimen",
    "id": "csf",
    "type": {"text": "CSF"},
    "subject": {"reference": "Patient/1"},
    "collection": {"collectedDateTime": iso(8)},
}
CELLS: Json = {
    **temperature("cells", 3, 8),
    "code": {"coding": [{"system": "http://loinc.org", "code": "26465-5"}]},
    "specimen": {"reference": "Specimen/csf"},
    "valueQuantity": {"value": 3, "system": "http://unitsofmeasure.org", "code": "/uL"},
}
WEAK, WELL = "Leg weakness, new today.", "Patient comfortable."
REPLACED_BY_SCAN = scan(13, "T10", number="D2", parent="D1")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> PackProgram:
    return build_site(tmp_path_factory.mktemp("house"))


def report(at: float, lines: list[str], corrected: str = "F") -> RawMessage:
    """Write a laboratory report of several lines under one number."""
    obr = f"OBR|1||R1|{TEMP}|||{stamp(10)}|||||||||||||||{stamp(at)}|||{corrected}"
    return hl7("ORU^R01", at, obr, *lines)


def line(position: int, value: str, sub: str = "", status: str = "F") -> str:
    return f"OBX|{position}|NM|{TEMP}|{sub}|{value}|Cel|||||{status}"


def fluid(at: float, when: float, kind: str = "CSF", status: str = "F") -> RawMessage:
    """Write a cell count with its specimen."""
    corrected = "C" if status == "C" else ""
    return hl7(
        "ORU^R01",
        at,
        f"OBR|1||C{when}|26464-8^WBC^LN|||{stamp(when)}|||||||||||||||{stamp(at)}|||{corrected}",
        f"OBX|1|NM|26464-8^WBC CSF^LN||3|/uL|||||{status}",
        f"SPM|1|||{kind}|||||||||||||{stamp(when)}",
    )


def told(at: float) -> RawMessage:
    """Write the note of a lumbar puncture."""
    return note(
        at, "T02", "LUMBAR PUNCTURE\\.br\\Performed at 08:10, clear CSF, no complications.", number="N1"
    )


def badly_timed(at: float, value: str, status: str, report: str = "", **sent: str) -> RawMessage:
    """Write a result with a time that nobody can read."""
    obr = f"OBR|1||R1|{TEMP}|||{stamp(10)}|||||||||||||||{stamp(at)}|||{report}"
    obx = f"OBX|1|NM|{TEMP}||{value}|Cel|||||{status}|||then"
    return hl7("ORU^R01", at, obr, obx, **sent)


VERSIONS = {
    "a value alone": ([LP, HOT], FEVER),
    "corrected": ([LP, HOT, result(12, "37", status="C")], NOTHING),
    "corrected upwards": ([LP, result(11, "37"), result(12, "39", status="C")], FEVER),
    "corrected by code and time": (
        [LP, result(11, "39", app="WARD"), result(12, "37", status="C", app="WARD")],
        NOTHING,
    ),
    "deleted": ([LP, HOT, result(12, "39", status="D")], NOTHING),
    "deleted by code and time": (
        [LP, result(11, "39", app="WARD"), result(12, "39", status="D", app="WARD")],
        NOTHING,
    ),
    "cannot be obtained": ([LP, HOT, result(12, "", status="X")], NOTHING),
    "posted as wrong": ([LP, HOT, result(12, "39", status="W")], NOTHING),
    "two quotation marks": ([LP, HOT, result(12, '""')], NOTHING),
    "preliminary then final": ([LP, result(11, "39", status="P"), result(12, "37")], NOTHING),
    "preliminary confirmed": ([LP, result(11, "39", status="P"), result(12, "39")], FEVER),
    "preliminary sent late": ([LP, result(11, "37"), result(10.5, "39", status="P")], NOTHING),
    "cannot be obtained, then final again": ([LP, HOT, result(12, "", status="X"), result(13, "39")], FEVER),
    "cannot be obtained, then final again, by code and time": (
        [
            LP,
            result(11, "39", app="WARD"),
            result(12, "", status="X", app="WARD"),
            result(13, "39", app="WARD"),
        ],
        FEVER,
    ),
    "cannot be obtained, then final again, of a feed that restamps": (
        [
            LP,
            result(11, "39", app="REPLAYING"),
            result(12, "", status="X", app="REPLAYING"),
            result(13, "39", app="REPLAYING"),
            result(15, "39", stated=11, app="REPLAYING"),
        ],
        FEVER,
    ),
    "deleted, then replayed by a feed that restamps": (
        [
            LP,
            result(11, "39", app="REPLAYING"),
            result(12, "39", status="D", app="REPLAYING"),
            result(15, "39", stated=11, app="REPLAYING"),
        ],
        NOTHING,
    ),
    "time moved": ([LP, HOT, result(12, "39", when=-60, status="C")], NOTHING),
    "position moved": ([LP, HOT, result(12, "37", status="C", position=7)], NOTHING),
    "code moved in a corrected report": (
        [
            LP,
            report(11, [line(1, "39")]),
            hl7(
                "ORU^R01",
                12,
                f"OBR|1||R1|{TEMP}|||{stamp(10)}|||||||||||||||{stamp(12)}|||C",
                "OBX|1|NM|8867-4^Pulse^LN||39|/min|||||F",
            ),
        ],
        NOTHING,
    ),
    "reported years ahead of its message, then corrected": (
        [LP, result(11, "39", stated=YEARS), result(13, "37", status="C")],
        NOTHING,
    ),
    "sent by a clock years ahead, then corrected": (
        [LP, result(YEARS, "39", stated=-1), result(13, "37", status="C")],
        NOTHING,
    ),
    "sent by a clock years ahead, then final": (
        [LP, result(YEARS, "39", stated=-1), result(13, "37")],
        NOTHING,
    ),
    "sent by a clock years ahead": ([LP, result(YEARS, "39", stated=-1)], FEVER),
    "sent twice by a clock years ahead, higher the second time (blind spot)": (
        [LP, result(YEARS, "37", stated=-1), result(YEARS + 1, "39", stated=-1)],
        NOTHING,
    ),
    "sent by a clock years ahead, restamped": (
        [LP, result(YEARS, "39", stated=-1, app="REPLAYING"), result(13, "37", stated=-1, app="REPLAYING")],
        NOTHING,
    ),
    "corrected by a clock years ahead": (
        [LP, result(13, "39"), result(YEARS, "37", status="C", stated=-1)],
        NOTHING,
    ),
    "deleted by a clock years ahead": ([LP, HOT, result(YEARS, "39", status="D", stated=-1)], NOTHING),
    "corrected by a clock years ahead, and again (blind spot)": (
        [LP, HOT, result(YEARS, "39.5", status="C", stated=-1), result(14, "37", status="C")],
        FEVER,
    ),
    "FHIR sent by a clock years ahead, then final": (
        [LP, fhir(YEARS, patient(), temperature("t", 39, 10)), fhir(13, temperature("t", 37, 10))],
        NOTHING,
    ),
    "FHIR corrected by a clock years ahead": (
        [LP, FHIR_HOT, fhir(9, patient()), fhir(YEARS, temperature("t", 37, 10, "corrected"))],
        NOTHING,
    ),
    "FHIR deleted by a clock years ahead": (
        [LP, FHIR_HOT, fhir(9, patient()), deletion(YEARS, "Observation/t")],
        NOTHING,
    ),
    "corrected to what cannot be read": ([LP, HOT, result(12, "see comment", status="C")], NOTHING),
    "corrected at a time that cannot be read": ([LP, HOT, badly_timed(12, "39.5", "C")], NOTHING),
    "corrected as a whole at a time that cannot be read": (
        [LP, HOT, badly_timed(12, "39.5", "F", "C")],
        NOTHING,
    ),
    "sent again at a time that cannot be read": ([LP, HOT, badly_timed(12, "37", "F")], FEVER),
    "corrected by code and time at a time that cannot be read (blind spot)": (
        [LP, result(11, "39", app="WARD"), badly_timed(12, "37", "C", app="WARD")],
        FEVER,
    ),
    "FHIR corrected at a time that cannot be read": (
        [
            LP,
            FHIR_HOT,
            fhir(9, patient()),
            fhir(12, {**temperature("t", 39.5, 10, "corrected"), "effectiveDateTime": "then"}),
        ],
        NOTHING,
    ),
    "FHIR corrected to what cannot be read": (
        [
            LP,
            FHIR_HOT,
            fhir(9, patient()),
            fhir(
                12,
                {
                    **{
                        k: v for k, v in temperature("t", 39, 10, "corrected").items() if k != "valueQuantity"
                    },
                    "valueString": "see comment",
                },
            ),
        ],
        NOTHING,
    ),
    "one of two readings under one number is deleted alone (blind spot)": (
        [LP, report(11, [line(1, "39"), line(2, "37")]), report(12, [line(1, "37", status="D")], "F")],
        NOTHING,
    ),
    "report called off without its lines (blind spot)": ([LP, HOT, report(12, [], "X")], FEVER),
    "line left out of a corrected report": (
        [LP, report(11, [line(1, "37"), line(2, "39", "b")]), report(12, [line(1, "37")], "C")],
        NOTHING,
    ),
    "line added to an order": (
        [LP, report(11, [line(1, "39", "b")]), report(12, [line(1, "37", "c")])],
        FEVER,
    ),
    "sent again": ([LP, HOT, HOT, result(12, "37", status="C"), HOT], NOTHING),
    "replayed with another MSH-7": (
        [LP, HOT, result(12, "37", status="C"), result(15, "39", stated=11)],
        NOTHING,
    ),
    "replayed with another MSH-7, no OBR-22, by rank": (
        [
            LP,
            result(11, "39", app="REPLAYING", stated=-1),
            result(12, "37", status="C", app="REPLAYING", stated=-1),
            result(15, "39", app="REPLAYING", stated=-1),
        ],
        NOTHING,
    ),
    "comment says entered in error": (
        [LP, result(11, "39", app="WARD"), result(12, "39", app="WARD", more=["NTE|1||Entered in error"])],
        NOTHING,
    ),
    "comment says that another value was entered in error": (
        [LP, result(11, "39", app="WARD", more=["NTE|1||41 was entered in error, this one is right"])],
        FEVER,
    ),
    "comment where the feed says nothing of it": (
        [LP, HOT, result(12, "39", more=["NTE|1||Entered in error"])],
        FEVER,
    ),
    "FHIR corrected": (
        [LP, fhir(11, patient(), temperature("t", 39, 10)), fhir(12, temperature("t", 37, 10, "corrected"))],
        NOTHING,
    ),
    "FHIR amended": (
        [LP, fhir(11, patient(), temperature("t", 39, 10)), fhir(12, temperature("t", 37, 10, "amended"))],
        NOTHING,
    ),
    "FHIR entered in error": (
        [
            LP,
            fhir(11, patient(), temperature("t", 39, 10)),
            fhir(12, temperature("t", 39, 10, "entered-in-error")),
        ],
        NOTHING,
    ),
    "FHIR preliminary then final": (
        [
            LP,
            fhir(11, patient(), temperature("t", 39, 10, "preliminary")),
            fhir(12, temperature("t", 37, 10)),
        ],
        NOTHING,
    ),
    "FHIR sent again": (
        [
            LP,
            fhir(11, patient(), temperature("t", 39, 10)),
            fhir(12, temperature("t", 37, 10, "corrected")),
            fhir(15, {**temperature("t", 39, 10), "meta": {"lastUpdated": iso(11)}}),
        ],
        NOTHING,
    ),
    "FHIR entered in error by mistake, then final again": (
        [
            LP,
            fhir(11, patient(), temperature("t", 39, 10)),
            fhir(12, temperature("t", 39, 10, "entered-in-error")),
            fhir(13, temperature("t", 39, 10)),
        ],
        FEVER,
    ),
    "FHIR code moved": (
        [
            LP,
            fhir(11, patient(), temperature("t", 39, 10)),
            fhir(
                12,
                {
                    **temperature("t", 39, 10, "corrected"),
                    "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]},
                },
            ),
        ],
        NOTHING,
    ),
    "FHIR cancelled": (
        [LP, fhir(11, patient(), temperature("t", 39, 10)), fhir(12, temperature("t", 39, 10, "cancelled"))],
        NOTHING,
    ),
    "FHIR entered in error, bare of code, time and value": (
        [
            LP,
            fhir(11, patient(), temperature("t", 39, 10)),
            fhir(12, {**BARE, "id": "t", "status": "entered-in-error"}),
        ],
        NOTHING,
    ),
    "FHIR panel corrected, bare of the value": (
        [
            LP,
            fhir(11, patient(), {**BARE, "id": "t", "effectiveDateTime": iso(10), "component": [HOT_PART]}),
            fhir(12, {**BARE, "id": "t", "effectiveDateTime": iso(10), "status": "corrected"}),
        ],
        NOTHING,
    ),
    "FHIR procedure turns out to be another one (blind spot)": (
        [
            fhir(9, patient(), puncture()),
            HOT,
            fhir(12, {**puncture(), "code": {"text": "appendicectomy"}}),
        ],
        FEVER,
    ),
    "FHIR specimen turns out to be of a shunt": (
        [fhir(9.5, patient(), SAMPLE), HOT, fhir(13, {**SAMPLE, "type": {"text": "CSF shunt"}})],
        NOTHING,
    ),
    "FHIR specimen turns out to be of a shunt, its result is not sent again (blind spot)": (
        [fhir(9.5, patient(), SAMPLE, CELLS), HOT, fhir(13, {**SAMPLE, "type": {"text": "CSF shunt"}})],
        FEVER,
    ),
    "FHIR time moved": (
        [LP, fhir(11, patient(), temperature("t", 39, 10)), fhir(12, temperature("t", 39, -60, "corrected"))],
        NOTHING,
    ),
    "FHIR history of one resource, newest first": (
        [
            LP,
            fhir(
                13,
                patient(),
                {**temperature("t", 37, 10, "corrected"), "meta": {"lastUpdated": iso(12)}},
                {**temperature("t", 39, 10), "meta": {"lastUpdated": iso(11)}},
            ),
        ],
        NOTHING,
    ),
    "FHIR deletion in a Bundle": (
        [LP, fhir(11, patient(), temperature("t", 39, 10)), deletion(12, "Observation/t")],
        NOTHING,
    ),
    "FHIR deletion, then made again": (
        [
            LP,
            fhir(11, patient(), temperature("t", 39, 10)),
            deletion(12, "Observation/t"),
            fhir(13, temperature("t", 39, 10)),
        ],
        FEVER,
    ),
    "FHIR deletion, dated by the server": (
        [
            LP,
            fhir(11, patient(), temperature("t", 39, 10)),
            deletion(14, "Observation/t", modified=10.5),
        ],
        FEVER,
    ),
    "FHIR deletion of another resource": (
        [LP, fhir(11, patient(), temperature("t", 39, 10)), deletion(12, "Observation/other")],
        FEVER,
    ),
    "FHIR puncture deleted": (
        [fhir(9, patient(), puncture()), HOT, deletion(12, "Procedure/lp")],
        NOTHING,
    ),
    "time moved where code and time name the result (blind spot)": (
        [LP, result(11, "39", app="WARD"), result(12, "39", when=10.5, status="C", app="WARD")],
        FEVER,
    ),
    "note withdrawn": ([LP, note(12, "T02", WEAK), note(13, "T11", "")], NOTHING),
    "note replaced": ([LP, note(12, "T02", WEAK), note(13, "T10", WELL, number="D2", parent="D1")], NOTHING),
    "note replaced by a scan": ([LP, note(12, "T02", WEAK), REPLACED_BY_SCAN], ["leg-weakness emergent"]),
    "note replaced by a scan that is read later": (
        [LP, note(12, "T02", WEAK), REPLACED_BY_SCAN, note(14, "T08", WELL, number="D2")],
        NOTHING,
    ),
    "note replaced by a scan that is replaced": (
        [LP, note(12, "T02", WEAK), REPLACED_BY_SCAN, note(14, "T10", WELL, number="D3", parent="D2")],
        NOTHING,
    ),
    "note replaced by a scan that is withdrawn": (
        [LP, note(12, "T02", WEAK), REPLACED_BY_SCAN, note(14, "T11", "", number="D2")],
        ["leg-weakness emergent"],
    ),
    "note edited": ([LP, note(12, "T02", WEAK), note(13, "T08", WELL)], NOTHING),
    "note that stands": ([LP, note(12, "T02", WEAK)], ["leg-weakness emergent"]),
    "specimen corrected to a shunt": (
        [fluid(9.5, 9), HOT, fluid(13, 9, "SHUNT^CSF from shunt^L", "C")],
        NOTHING,
    ),
    "specimen corrected to a shunt, line by line": (
        [fluid(9.5, 9), HOT, fluid(13, 9, "SHUNT^CSF from shunt^L", "A")],
        NOTHING,
    ),
    "specimen taken back": ([fluid(9.5, 9), HOT, fluid(13, 9, "CSF", "D")], NOTHING),
    "order done, then cancelled": ([order(8.1, "RE", "CM"), HOT, order(12, "OC", "CA")], NOTHING),
    "order cancelled by its filler number alone": (
        [
            order(8.1, "RE", "CM"),
            HOT,
            hl7("ORM^O01", 12, "ORC|OC||FP1||CA", f"OBR|1||FP1|62270^LP^C4|||{stamp(8)}"),
        ],
        NOTHING,
    ),
    "order cancelled and placed again": (
        [
            order(7, "NW", "IP"),
            order(7.5, "OC", "CA"),
            order(7.6, "NW", "IP", number="P2"),
            order(8.1, "RE", "CM", number="P2"),
            HOT,
        ],
        FEVER,
    ),
    "listed procedure deleted": ([LP, HOT, procedure(12, more="|" * 15 + "D")], NOTHING),
    "listed procedure left out of a later list (blind spot)": (
        [LP, HOT, hl7("ADT^A08", 12, f"PR1|1||80146002^Appendectomy^SCT||{stamp(-900)}")],
        FEVER,
    ),
    "listed procedure moved behind the fever": (
        [
            procedure(8.1, more="|" * 14 + "77"),
            result(11, "39"),
            procedure(12, when=11.5, more="|" * 14 + "77"),
        ],
        NOTHING,
    ),
    "FHIR puncture entered in error": (
        [fhir(9, patient(), puncture()), HOT, fhir(12, puncture(status="entered-in-error"))],
        NOTHING,
    ),
    "FHIR puncture not done": (
        [fhir(9, patient(), puncture()), HOT, fhir(12, puncture(status="not-done"))],
        NOTHING,
    ),
}

IDENTITY = {
    **{
        f"merged by {event}": (
            [procedure(8.1, who=ONE), result(11, "39", who=TWO), merge(12, ONE, TWO, event)],
            FEVER,
        )
        for event in ("A18", "A30", "A34", "A40", "A46", "A47")
    },
    "not merged": ([procedure(8.1, who=ONE), result(11, "39", who=TWO)], NOTHING),
    "linked by A24": (
        [procedure(8.1, who=ONE), result(11, "39", who=TWO), hl7("ADT^A24", 12, f"PID|2||{TWO}", who=ONE)],
        FEVER,
    ),
    "merged and parted": (
        [procedure(8.1, who=ONE), result(11, "39", who=TWO), merge(12, ONE, TWO), unlink(13, ONE, TWO)],
        NOTHING,
    ),
    "parted and merged again": (
        [procedure(8.1, who=ONE), result(11, "39", who=TWO), unlink(12, ONE, TWO), merge(13, ONE, TWO)],
        FEVER,
    ),
    "corrected under the number that was kept": (
        [
            procedure(8.1, who=TWO),
            result(11, "39", who=TWO),
            merge(11.5, ONE, TWO),
            result(12, "37", status="C", who=ONE),
        ],
        NOTHING,
    ),
    "deleted under the number that was kept": (
        [
            procedure(8.1, who=TWO),
            result(11, "39", who=TWO),
            merge(11.5, ONE, TWO),
            result(12, "39", status="D", who=ONE),
        ],
        NOTHING,
    ),
    "puncture cancelled under the number that was kept": (
        [
            order(8.1, "RE", "CM", who=TWO),
            result(11, "39", who=TWO),
            merge(11.5, ONE, TWO),
            order(12, "OC", "CA", who=ONE),
        ],
        NOTHING,
    ),
    "note withdrawn under the number that was kept": (
        [
            procedure(8.1, who=TWO),
            note(12, "T02", WEAK, who=TWO),
            merge(12.5, ONE, TWO),
            note(13, "T11", "", who=ONE),
        ],
        NOTHING,
    ),
    "FHIR subject rewritten after a link, then corrected": (
        [
            fhir(9, patient("1", "1"), puncture()),
            fhir(
                11,
                patient("2", "2", link=[{"other": {"reference": "Patient/1"}, "type": "replaced-by"}]),
                temperature("t", 39, 10, subject="Patient/2"),
            ),
            fhir(12, temperature("t", 39, 10)),
            fhir(13, temperature("t", 37, 10, "corrected")),
        ],
        NOTHING,
    ),
    "FHIR subject moved to a stranger": (
        [
            fhir(9, patient("1", "1"), puncture()),
            fhir(11, temperature("t", 39, 10)),
            fhir(12, temperature("t", 39, 10, subject="Patient/9")),
        ],
        NOTHING,
    ),
    "FHIR subject moved from a stranger": (
        [
            fhir(9, patient("1", "1"), puncture()),
            fhir(11, temperature("t", 39, 10, subject="Patient/9")),
            fhir(12, temperature("t", 39, 10)),
        ],
        FEVER,
    ),
    "FHIR subject moved to a stranger and back": (
        [
            fhir(9, patient("1", "1"), puncture()),
            fhir(11, temperature("t", 39, 10)),
            fhir(12, temperature("t", 39, 10, subject="Patient/9")),
            fhir(13, temperature("t", 39, 10)),
        ],
        FEVER,
    ),
    "FHIR puncture moved to the patient with the fever": (
        [
            fhir(9, puncture(subject="Patient/9")),
            fhir(11, temperature("t", 39, 10)),
            fhir(12, puncture()),
        ],
        FEVER,
    ),
    "FHIR subject moved to a stranger by two versions of one second (blind spot)": (
        [
            fhir(9, patient("1", "1"), puncture()),
            fhir(11, temperature("t", 39, 10)),
            fhir(11, temperature("t", 39, 10, subject="Patient/9")),
        ],
        FEVER,
    ),
    "corrected under a stranger's number (blind spot)": (
        [procedure(8.1, who=ONE), result(11, "39", who=ONE), result(12, "39", status="C", who=TWO)],
        FEVER,
    ),
    "numbers of PID-3 in another order": (
        [
            procedure(8.1, who=f"{MRN}~{NATIONAL}"),
            result(11, "39", who=f"{MRN}~{NATIONAL}"),
            result(12, "37", status="C", who=f"{NATIONAL}~{MRN}"),
        ],
        NOTHING,
    ),
    "HL7 and FHIR by a declared authority": ([LP, fhir(11, patient(), temperature("t", 39, 10))], FEVER),
    "FHIR link": (
        [
            fhir(9, patient("1", "1"), puncture()),
            fhir(11, temperature("t", 39, 10, subject="Patient/2")),
            fhir(
                12,
                patient(
                    "2",
                    "2",
                    link=[{"other": {"reference": "Patient/1"}, "type": "replaced-by"}],
                    active=False,
                ),
            ),
        ],
        FEVER,
    ),
    **{
        f"moved by {event}: the two patients are joined (blind spot)": (
            [procedure(8.1, who=ONE), result(11, "39", who=TWO), merge(12, ONE, TWO, event)],
            FEVER,
        )
        for event in ("A44", "A45")
    },
    "a visit that moves to another account of its patient": (
        [procedure(8.1, who=ONE), result(11, "39", who=TWO), merge(12, ONE, ONE, "A45")],
        NOTHING,
    ),
    "a number that A43 moves": (
        [
            procedure(8.1, who=f"{ONE}~{FIRST}"),
            result(11, "39", who=FIRST),
            merge(12, f"{ONE}~{SECOND}", f"{ONE}~{FIRST}", "A43"),
        ],
        NOTHING,
    ),
    "a number that A43 moves to whom it names": (
        [
            procedure(8.1, who=ONE),
            result(11, "39", who=SECOND),
            merge(12, f"{ONE}~{SECOND}", f"{ONE}~{FIRST}", "A43"),
        ],
        FEVER,
    ),
    "merged, one number without authority": (
        [procedure(8.1, who=ONE), result(11, "39", who=TWO), merge(12, ONE, "2")],
        FEVER,
    ),
    "merged, the kept number without authority": (
        [procedure(8.1, who=ONE), result(11, "39", who=TWO), merge(12, "1", TWO)],
        FEVER,
    ),
    "merged with itself": (
        [procedure(8.1, who=ONE), result(11, "39", who=TWO), merge(12, ONE, ONE)],
        NOTHING,
    ),
    "merged with a placeholder": (
        [
            procedure(8.1, who=ONE),
            result(11, "39", who=TWO),
            merge(12, ONE, "0000000^^^HOSP^MR"),
            merge(13, TWO, "0000000^^^HOSP^MR"),
        ],
        NOTHING,
    ),
    "merged with a newborn number": (
        [
            procedure(8.1, who=ONE),
            result(11, "39", who=TWO),
            merge(12, ONE, "NB7^^^HOSP^MR"),
            merge(13, TWO, "NB7^^^HOSP^MR"),
        ],
        NOTHING,
    ),
    "merged in a chain": (
        [
            procedure(8.1, who=ONE),
            result(11, "39", who=THREE),
            merge(12, TWO, ONE),
            merge(13, THREE, TWO),
        ],
        FEVER,
    ),
    "merged in a chain that parts in the middle": (
        [
            procedure(8.1, who=ONE),
            result(11, "39", who=THREE),
            merge(12, TWO, ONE),
            merge(13, THREE, TWO),
            unlink(14, ONE, TWO),
        ],
        NOTHING,
    ),
    "merged one way and then the other": (
        [procedure(8.1, who=ONE), result(11, "39", who=TWO), merge(12, ONE, TWO), merge(13, TWO, ONE)],
        FEVER,
    ),
    "several numbers merged at once": (
        [procedure(8.1, who=TWO), result(11, "39", who=THREE), merge(12, ONE, f"{TWO}~{THREE}")],
        FEVER,
    ),
    "parted by numbers that did not join them": (
        [
            procedure(8.1, who=f"{ONE}~{FIRST}"),
            result(11, "39", who=f"{TWO}~{SECOND}"),
            merge(12, ONE, TWO),
            unlink(13, f"{FIRST}~{ONE}", f"{SECOND}~{TWO}"),
        ],
        NOTHING,
    ),
    "a number that a later version of a FHIR Patient drops": (
        [LP, FHIR_HOT, versioned(11, patient()), versioned(12, patient(mrn="5"))],
        NOTHING,
    ),
    "a number that a FHIR Patient drops and has again": (
        [LP, FHIR_HOT, versioned(12, patient(mrn="5")), versioned(13, patient())],
        FEVER,
    ),
    "a number that a FHIR Patient drops, and an HL7 merge": (
        [
            LP,
            FHIR_HOT,
            versioned(11, patient()),
            versioned(12, patient(mrn="5")),
            merge(11.5, "5^^^HOSP^MR", MRN),
        ],
        FEVER,
    ),
    "a number that moves from one FHIR Patient to another": (
        [
            LP,
            FHIR_HOT,
            versioned(11, patient()),
            versioned(12, patient(mrn="5")),
            versioned(12, patient("2")),
        ],
        NOTHING,
    ),
    "a number that another FHIR resource gave its Patient": (
        [
            LP,
            fhir(
                11,
                {
                    **temperature("t", 39, 10),
                    "subject": {
                        "reference": "Patient/1",
                        "identifier": {"system": "urn:hosp:mrn", "value": "4711"},
                    },
                },
            ),
            versioned(12, patient(mrn="5")),
        ],
        NOTHING,
    ),
    "a number that a part of a FHIR Patient leaves out": (
        [LP, FHIR_HOT, versioned(11, patient()), versioned(12, patient(mrn="5"), "SUBSETTED")],
        FEVER,
    ),
    "a number that a FHIR Patient without a version leaves out stays joined (blind spot)": (
        [LP, FHIR_HOT, fhir(11, patient()), fhir(12, patient(mrn="5"))],
        FEVER,
    ),
    "a FHIR link that a later version takes back": (
        [
            fhir(9, patient("1", "1"), puncture()),
            fhir(11, temperature("t", 39, 10, subject="Patient/2")),
            versioned(12, patient("2", "2", link=[REPLACED], active=False)),
            versioned(13, patient("2", "2")),
        ],
        NOTHING,
    ),
    "a FHIR Patient that is deleted after it was merged away": (
        [
            fhir(9, patient("1", "1"), puncture()),
            fhir(11, temperature("t", 39, 10, subject="Patient/2")),
            versioned(12, patient("2", "2", link=[REPLACED], active=False)),
            deletion(13, "Patient/2"),
        ],
        FEVER,
    ),
    "a FHIR link that one of two takes back": (
        [
            fhir(9, patient("1", "1"), puncture()),
            fhir(11, temperature("t", 39, 10, subject="Patient/2")),
            versioned(12, patient("2", "2", link=[REPLACED], active=False)),
            versioned(
                12, patient("1", "1", link=[{"other": {"reference": "Patient/2"}, "type": "replaces"}])
            ),
            versioned(13, patient("1", "1")),
        ],
        FEVER,
    ),
    "a number that two people had joins them (blind spot)": (
        [
            procedure(8.1, who=f"{ONE}~{NATIONAL}"),
            result(11, "39", who=f"{TWO}~{NATIONAL}"),
            hl7("ADT^A31", 12, who=ONE),
        ],
        FEVER,
    ),
    "a number that two people had, until A37": (
        [
            procedure(8.1, who=f"{ONE}~{NATIONAL}"),
            result(11, "39", who=f"{TWO}~{NATIONAL}"),
            unlink(12, ONE, NATIONAL),
        ],
        NOTHING,
    ),
    "no authority": ([procedure(8.1, who="4711"), result(11, "39", who="4711")], FEVER),
    "placeholder": (
        [procedure(8.1, who="000000^^^HOSP^MR"), result(11, "39", who="000000^^^HOSP^MR")],
        NOTHING,
    ),
    "placeholder beside a number joins nobody": (
        [
            procedure(8.1, who="1^^^HOSP^MR~9999999^^^NHS^NI"),
            result(11, "39", who="2^^^HOSP^MR~9999999^^^NHS^NI"),
        ],
        NOTHING,
    ),
    "newborn number joins nobody": (
        [
            procedure(8.1, who="NB1^^^HOSP^MR"),
            result(11, "39", who="5^^^HOSP^MR"),
            hl7("ADT^A01", 7, who="NB1^^^HOSP^MR~5^^^HOSP^MR"),
        ],
        NOTHING,
    ),
    "account number joins nobody": (
        [
            procedure(8.1, who="1^^^HOSP^MR~77^^^HOSP^AN"),
            result(11, "39", who="2^^^HOSP^MR~77^^^HOSP^AN"),
        ],
        NOTHING,
    ),
}

TIMES = {
    "later than its message": ([LP, result(11, "39", when=12)], NOTHING),
    "before birth": ([LP, result(11, "39", when=-24 * 365 * 50)], NOTHING),
    "told by two feeds in a rise": (
        [
            LP,
            result(34.1, "37.2", when=34, number="R1"),
            result(36.1, "37.6", when=36, number="R2"),
            fhir(36.2, patient(), temperature("t", 37.6, 36)),
            result(39.1, "38.1", when=39, number="R3"),
        ],
        ONGOING,
    ),
}


def came(
    at: float,
    event: str,
    why: str = "",
    *,
    visit: str = "V2",
    since: float | None = None,
    kind: str = "E",
    priority: str = "",
) -> RawMessage:
    """Write a message about a visit, with the reason why the patient came where one is given."""
    admitted = "" if since is None else stamp(since)
    pv1 = f"PV1|1|{kind}||{priority}|||||||||||||||{visit}{'|' * 25}{admitted}"
    return hl7(f"ADT^{event}", at, pv1, *([f"PV2|||^{why}"] if why else []))


def went(at: float, visit: str = "V1") -> RawMessage:
    return hl7("ADT^A03", at, f"PV1|1|I|||||||||||||||||{visit}{'|' * 26}{stamp(at)}")


BACK, IN_SINCE = ["return-after-lp urgent"], came(-20, "A01", visit="V1", kind="I")
VISITS = {
    "reason in an update without an admission time": (
        [LP, came(20, "A04"), came(21, "A08", "Fever")],
        BACK,
    ),
    "reason in an update, sent again hours later": (
        [LP, came(20, "A04"), came(21, "A08", "Fever"), came(40, "A08", "Fever")],
        BACK,
    ),
    "reason in an update alone, after another visit": (
        [IN_SINCE, LP, went(15), came(21, "A08", "Fever"), came(40, "A08", "Fever")],
        BACK,
    ),
    "reason in an update alone, of a visit of which nothing else is known (blind spot)": (
        [LP, came(21, "A08", "Fever")],
        NOTHING,
    ),
    "reason in an update of who has been in since before": (
        [IN_SINCE, LP, came(21, "A08", "Fever", visit="V1", kind="I")],
        NOTHING,
    ),
    "admission sent again after the puncture, without its time": (
        [IN_SINCE, LP, came(21, "A01", "Fever", visit="V1", kind="I")],
        NOTHING,
    ),
    "reason, then a change of class without one": (
        [LP, came(20, "A04", "Fever", since=20), came(23, "A06", since=20, kind="I")],
        BACK,
    ),
    "reason corrected in an update": (
        [LP, came(20, "A04", "Fever", since=20), came(22, "A08", "Sprained ankle")],
        NOTHING,
    ),
    "reason in an update of a planned admission": (
        [LP, came(20, "A01", kind="I", priority="C"), came(21, "A08", "Fever", kind="I")],
        NOTHING,
    ),
    "a return under the number of the visit before, with its admission time": (
        [IN_SINCE, LP, went(15), came(30, "A04", "Fever", visit="V1", since=30)],
        BACK,
    ),
    "a return under the number of the visit before, without its admission time": (
        [IN_SINCE, LP, went(15), came(30, "A04", "Fever", visit="V1")],
        BACK,
    ),
    "a return under the number of the visit before, which has ended": (
        [IN_SINCE, LP, went(15), came(30, "A04", "Fever", visit="V1"), went(34)],
        BACK,
    ),
    "a return under the number of the visit before, with a reason that comes later": (
        [IN_SINCE, LP, went(15), came(30, "A04", visit="V1"), came(31, "A08", "Fever", visit="V1")],
        BACK,
    ),
    "a discharge taken back, and the admission sent again": (
        [
            IN_SINCE,
            LP,
            went(15),
            came(16, "A13", visit="V1", kind="I"),
            came(30, "A01", "Fever", visit="V1", kind="I"),
        ],
        NOTHING,
    ),
    "coded after the patient had left": (
        [IN_SINCE, LP, went(15), came(40, "A08", "Fever", visit="V1", kind="I")],
        NOTHING,
    ),
    "a visit that a clock years ahead cancelled, announced again (blind spot)": (
        [LP, came(20, "A04", "Fever"), came(YEARS, "A11"), came(22, "A04", "Fever")],
        NOTHING,
    ),
    "planned, then an emergency": (
        [
            LP,
            came(20, "A01", kind="I", priority="C", since=20),
            came(21, "A08", "Fever", kind="I", priority="E", since=20),
        ],
        BACK,
    ),
    "planned with a reason, then another reason without a type": (
        [
            LP,
            came(20, "A01", "Review", kind="I", priority="C"),
            came(21, "A08", "Fever", kind="I"),
        ],
        NOTHING,
    ),
    "an emergency, then planned": (
        [
            LP,
            came(20, "A01", "Fever", kind="I", priority="E"),
            came(21, "A08", "Fever", kind="I", priority="C"),
        ],
        NOTHING,
    ),
    "reason in an update, the visit cancelled": (
        [LP, came(20, "A04"), came(21, "A08", "Fever"), came(22, "A11")],
        NOTHING,
    ),
}


def _rows(*tables: dict[str, tuple[list[RawMessage], list[str]]]) -> list[object]:
    return [pytest.param(*row, id=name) for table in tables for name, row in table.items()]


def _is_of_laboratory(raw: RawMessage) -> bool:
    return b"|LAB|" in raw.body and b"ORU^R01" in raw.body


def _by_code_and_time(raw: RawMessage) -> RawMessage:
    return replace(raw, body=raw.body.replace(b"|LAB|", b"|CLINIC|")) if _is_of_laboratory(raw) else raw


@pytest.mark.parametrize(("messages", "expected"), _rows(VERSIONS, IDENTITY, TIMES, VISITS))
def test_the_answer_is_the_same_in_any_order(
    site: PackProgram, messages: list[RawMessage], expected: list[str]
) -> None:
    assert in_any_order(site, *messages) == expected


BY_CODE_AND_TIME = {
    "time moved": FEVER,
    "code moved in a corrected report": FEVER,
    "line left out of a corrected report": FEVER,
    "corrected at a time that cannot be read": FEVER,
    "corrected as a whole at a time that cannot be read": FEVER,
}
"""What a feed answers otherwise whose results are named by code and time: nobody says that the old one is gone."""


@pytest.mark.parametrize(
    "name", [name for name, row in VERSIONS.items() if any(map(_is_of_laboratory, row[0]))]
)
def test_the_answer_is_the_same_where_code_and_time_name_a_result(site: PackProgram, name: str) -> None:
    """The same feed, declared otherwise (`result_identity`)."""
    messages, expected = VERSIONS[name]
    assert in_any_order(site, *map(_by_code_and_time, messages)) == BY_CODE_AND_TIME.get(name, expected)


PUNCTURES = {
    "order and procedure": ([order(8.1, "RE", "CM"), procedure(8.2)], (1, 0)),
    "three feeds": (
        [
            order(8.1, "RE", "CM"),
            procedure(8.5, when=8.2),
            fhir(9, patient(), puncture(when=8.3)),
            fluid(9.5, 8.1),
        ],
        (1, 0),
    ),
    "two of one day": ([procedure(8.1), procedure(20, when=19)], (2, 0)),
    "two of one day in two feeds": (
        [
            procedure(8.1),
            procedure(20, when=12),
            fhir(9, patient(), puncture("a", when=8.2)),
            fhir(20, puncture("b", when=12.2)),
        ],
        (2, 0),
    ),
    "three days": ([procedure(8.1), procedure(32.1, when=32), procedure(56.1, when=56)], (3, 0)),
    "date only": ([procedure(9, text="20260105")], (1, 0)),
    "date only, then a time": ([procedure(9, text="20260105"), procedure(9.5, when=9)], (1, 0)),
    "date only in FHIR, and a specimen": (
        [fhir(9, patient(), puncture(when="2026-01-05")), fluid(9.5, 9)],
        (1, 0),
    ),
    "order and the note of it": ([order(8.1, "RE", "CM"), told(8.5)], (1, 0)),
    "the note of it alone": ([told(8.5)], (1, 0)),
    "date only and a specimen": ([procedure(9, text="20260105"), fluid(9.5, 9)], (1, 0)),
    "fluid alone": ([fluid(9.5, 9)], (1, 1)),
    "fluid, documented later": ([fluid(9.5, 9), procedure(20, when=9.1)], (1, 0)),
    "fluid of a shunt": ([fluid(9.5, 9, "SHUNT^CSF from shunt^L")], (0, 0)),
    "fluid of a ventricle": ([fluid(9.5, 9, "VENTCSF^ventricular CSF^L")], (0, 0)),
    "fluid of a drain": ([fluid(9.5, 9, "EVD^EVD^L")], (0, 0)),
    "attempted": ([order(8.1, "DC", "DC")], (1, 0)),
    "planned": ([order(7, "NW", "IP")], (0, 0)),
    "planned for tomorrow": ([order(7, "NW", "SC", when=32)], (0, 0)),
    "planned for tomorrow, then done": (
        [order(7, "NW", "SC", when=32), order(33, "RE", "CM", when=32)],
        (1, 0),
    ),
    "planned for tomorrow, then cancelled": (
        [order(7, "NW", "SC", when=32), order(9, "OC", "CA", when=32)],
        (0, 0),
    ),
    "said to be done by mistake, then planned for tomorrow": (
        [order(8.1, "RE", "CM"), order(9, "SC", "SC", when=32)],
        (0, 0),
    ),
    "planned for tomorrow, then discontinued (blind spot)": (
        [order(7, "NW", "SC", when=32), order(9, "DC", "DC", when=32)],
        (1, 0),
    ),
    "cancelled": ([order(8.1, "RE", "CM"), order(9, "OC", "CA")], (0, 0)),
    "cancelled in one of two feeds": (
        [order(8.1, "RE", "CM"), procedure(8.2), order(9, "OC", "CA")],
        (1, 0),
    ),
    "cancelled and fluid": ([order(8.1, "RE", "CM"), order(9, "OC", "CA"), fluid(9.5, 8.1)], (1, 1)),
    "entered in error in one of two feeds": (
        [procedure(8.2), fhir(9, patient(), puncture()), fhir(12, puncture(status="entered-in-error"))],
        (1, 0),
    ),
}


@pytest.mark.parametrize(
    ("messages", "expected"), [pytest.param(*row, id=name) for name, row in PUNCTURES.items()]
)
def test_as_many_punctures_are_found_in_any_order(
    site: PackProgram, messages: list[RawMessage], expected: tuple[int, int]
) -> None:
    found = {tuple(run(site, some).summary["episodes"].values()) for some in permutations(messages)}
    assert found == {expected}


def told_of(site: PackProgram, *messages: RawMessage) -> list[dict[str, Any]]:  # Any: JSON
    return [json.loads(item.notice.body) for item in notices_of(messages, site)]


def numbers_in(document: dict[str, Any]) -> list[str]:  # Any: JSON
    return [number["value"] for number in document["patient"]]


def test_a_merge_moves_the_open_alert_and_tells_who_was_told(site: PackProgram) -> None:
    raised, moved = told_of(site, procedure(8.1, who=TWO), result(11, "39", who=TWO), merge(12, ONE, TWO))
    assert (raised["state"], numbers_in(raised)) == ("raised", ["2"])
    assert (moved["state"], numbers_in(moved)) == ("updated", ["1", "2"])
    assert moved["alert_id"] == raised["alert_id"]
    assert moved["reason"] == "numbers of the patient joined or parted"


def test_a_merge_of_two_patients_with_one_puncture_leaves_one_alert_that_names_the_other(
    site: PackProgram,
) -> None:
    first, second, joined = told_of(
        site,
        procedure(8.1, who=ONE),
        order(8.1, "RE", "CM", who=TWO),
        result(11, "39", who=ONE),
        result(11.2, "39.2", number="R2", who=TWO),
        merge(13, ONE, TWO),
    )
    assert joined["alert_id"] == first["alert_id"]
    assert joined["joined"] == [second["alert_id"]]
    assert len(joined["evidence"]) == 2


def test_an_lp_that_more_and_more_feeds_tell_of_keeps_its_alert_and_is_told_once(site: PackProgram) -> None:
    records = [procedure(12, when=8.2), fhir(13, patient(), puncture(when=8.3)), fluid(14, 8.1)]
    assert len(told_of(site, order(8.1, "RE", "CM"), HOT, *records)) == 1


def test_parting_withdraws_the_alert_and_tells_who_was_told(site: PackProgram) -> None:
    raised, withdrawn = told_of(
        site, procedure(8.1, who=ONE), result(11, "39", who=TWO), merge(12, ONE, TWO), unlink(13, ONE, TWO)
    )
    assert (raised["state"], withdrawn["state"]) == ("raised", "withdrawn")
    assert raised["alert_id"] == withdrawn["alert_id"]


def test_a_version_that_drops_a_number_withdraws_the_alert_and_tells_who_was_told(site: PackProgram) -> None:
    raised, withdrawn = told_of(site, LP, FHIR_HOT, versioned(11, patient()), versioned(12, patient(mrn="5")))
    assert (raised["state"], withdrawn["state"]) == ("raised", "withdrawn")
    assert raised["alert_id"] == withdrawn["alert_id"]
    assert numbers_in(withdrawn) == ["4711"]


def test_a_value_that_moves_takes_its_alert_along_and_tells_both_wards(site: PackProgram) -> None:
    raised, *both = told_of(
        site,
        fhir(9, patient("1", "1"), patient("2", "2"), puncture("a"), puncture("b", subject="Patient/2")),
        fhir(11, temperature("t", 39, 10)),
        fhir(12, temperature("t", 39, 10, subject="Patient/2")),
    )
    moved, withdrawn = sorted(both, key=lambda item: item["state"])
    assert [item["state"] for item in (raised, moved, withdrawn)] == ["raised", "raised", "withdrawn"]
    assert withdrawn["alert_id"] == raised["alert_id"]
    assert [numbers_in(item)[0] for item in (raised, moved)] == ["1", "2"]


def test_who_was_told_hears_of_a_severity_that_sinks_by_a_correction(site: PackProgram) -> None:
    cells: dict[str, Any] = {
        "when": 8.1,
        "code": "26465-5^WBC CSF^LN",
        "unit": "/uL",
    }  # Any: passes builder options on
    high, low = result(11, "500", **cells), result(12, "50", status="C", **cells)
    raised, sunk = told_of(site, LP, high, low, result(13, "50", **cells))
    assert (raised["rule"]["id"], raised["severity"], raised["state"]) == ("csf-cells", "emergent", "raised")
    assert (sunk["alert_id"], sunk["severity"], sunk["state"]) == (raised["alert_id"], "urgent", "updated")
    assert sunk["reason"] == "severity lowered by a correction"


def test_nobody_is_alerted_on_whom_no_message_named(site: PackProgram) -> None:
    nowhere = temperature("t", 39, 10)
    messages = [
        procedure(8.1, who="000000^^^HOSP^MR"),
        fhir(9, {**puncture(), "subject": {"reference": "urn:uuid:00000000-0000-0000-0000-000000000001"}}),
        fhir(11, {**nowhere, "subject": {"display": "Jane Doe"}}),
        fhir(11.1, {**nowhere, "subject": {"reference": "Group/1"}}),
        result(11, "39", who='""'),
    ]
    report = run(site, messages, 96)
    assert report.alerts == ()
    assert report.summary["messages"]["dead_lettered"] == 4
    named = {item["value"] for line in run(site, [LP, HOT], 96).alerts for item in line["patient"]}
    assert named == {"4711"}


def test_a_puncture_documented_ten_hours_late_reads_what_came_before_it(site: PackProgram) -> None:
    (line,) = run(site, [HOT, procedure(18.1)], 20).alerts
    assert (line["rule"], line["raised_at"], line["paged"]) == ("fever-single", "2026-01-05T18:06:00Z", True)


@pytest.mark.parametrize(("last", "is_paged"), [(10, False), (31, False), (33, True)])
def test_after_a_puncture_documented_three_days_late_old_evidence_is_listed_and_fresh_pages(
    site: PackProgram, last: float, *, is_paged: bool
) -> None:
    """Older than 48 h when it becomes known is old: the alert is there, and pages nobody."""
    messages = [HOT, result(last + 0.1, "39.1", when=last, number="R2"), procedure(80.1)]
    (line,) = [
        line
        for line in run(site, messages, 81).alerts
        if line["rule"] in {"fever-single", "fever-ongoing-after-day1"}
    ]
    assert (line["state"], line["paged"]) == ("raised", is_paged)


def test_fresh_evidence_of_an_alert_that_was_only_listed_pages(site: PackProgram) -> None:
    backfilled, fresh = result(80, "39.1", when=9, number="R2"), result(82, "39", when=82, number="R3")
    (listed,) = run(site, [LP, backfilled], 81).alerts
    (told,) = run(site, [LP, backfilled, fresh], 83).alerts
    assert (listed["paged"], told["paged"]) == (False, True)
    assert [line["reason"] for line in told["history"]] == ["raised", "fresh evidence of what was listed"]


def visit(
    at: float, event: str = "A01", *, left: float | None = None, kind: str = "I", pid: str = ""
) -> RawMessage:
    """Write a message about a stay that began at 7."""
    gone = "" if left is None else f"|{stamp(left)}"
    pv1 = f"PV1|1|{kind}|AMU^7^3^N||||||||||||||||V1{'|' * 25}{stamp(7)}{gone}"
    return hl7(f"ADT^{event}", at, pv1, pid=pid)


STAYS = {
    "nothing charted": ([LP], ["raised"]),
    "charted in time": ([LP, result(12.1, "37", when=12, number="R2"), visit(17, "A03", left=17)], []),
    "charted late": (
        [LP, result(17, "37", when=12, number="R2"), visit(17.5, "A03", left=17.5)],
        ["raised", "withdrawn"],
    ),
    "discharged": ([LP, visit(12.1, "A03", left=12)], []),
    "discharge told late": ([LP, visit(18, "A03", left=12)], ["raised", "withdrawn"]),
    "discharge cancelled": ([LP, visit(12.1, "A03", left=12), visit(13, "A13")], ["raised"]),
    "transferred": ([LP, visit(10.1, "A02")], ["raised"]),
    "died": ([LP, visit(12.1, "A03", left=12, pid="|" * 21 + f"|{stamp(12)}|Y")], []),
    "died, as PID alone says": ([LP, visit(12.1, "A08", pid="|" * 22 + "Y")], []),
    "said to have died by mistake": (
        [LP, visit(12.1, "A08", pid="|" * 22 + "Y"), visit(13, "A08", pid="|" * 22 + "N")],
        ["raised"],
    ),
    "puncture cancelled": ([order(8.1, "RE", "CM"), order(9, "OC", "CA")], []),
    "puncture cancelled late": ([order(8.1, "RE", "CM"), order(18, "OC", "CA")], ["raised", "withdrawn"]),
    "admission cancelled": ([LP, visit(9, "A11")], []),
    "outpatient": ([visit(7.2, "A06", kind="O"), LP], []),
}


@pytest.mark.parametrize(
    ("messages", "expected"), [pytest.param(*row, id=name) for name, row in STAYS.items()]
)
def test_what_is_overdue_is_told_only_of_who_is_there(
    site: PackProgram, messages: list[RawMessage], expected: list[str]
) -> None:
    """A temperature is due at 14:00, and overdue at 15:30."""
    told = [states for states in history(run(site, [visit(7.1), *messages], 20), "no-temp-6h") if states]
    assert told == ([expected] if expected else [])


class Standstill:
    """A worker with a clock of its own that is away for a while; senders keep what they could not send."""

    def __init__(self, site: PackProgram) -> None:
        self.site, self.store, self.journal = site, memory_store(), MemoryJournal()
        self.engine = self._start(7)

    def _start(self, hours: float) -> Engine:
        self.clock = FixedClock(instant(hours))
        return Engine(
            [JournalInlet(self.journal)],
            self.store,
            self.site,
            self.clock,
            options=Options(outlets=(WHOLE,)),
        )

    def restart(self, hours: float) -> None:
        self.engine = self._start(hours)
        self.engine.drain()

    def work(self, hours: float, *messages: RawMessage) -> None:
        """Receive messages, and judge."""
        self.clock.at_ms = instant(hours)
        self.journal.append([replace(raw, received_at_ms=instant(hours)) for raw in messages])
        self.engine.drain()

    @property
    def overdue(self) -> list[str]:
        return [
            str(record.alert.state) for record in self.store.alerts() if record.alert.rule == "no-temp-6h"
        ]


def charted(*hours: float, **sent: str) -> list[RawMessage]:
    return [result(at + 0.1, "37", when=at, number=f"T{at}", **sent) for at in hours]


def test_a_worker_that_was_down_for_eight_hours_raises_no_false_overdue_alert(site: PackProgram) -> None:
    ward = Standstill(site)
    ward.work(8.2, visit(7.1), LP)
    ward.work(9, *charted(8.8))
    ward.restart(17)
    assert ward.overdue == [], "its senders have not connected again"
    ward.work(17.1, *charted(11, 14))
    assert ward.overdue == [], "they have more to send"
    ward.work(17.2, *charted(16.9))
    ward.work(17.5)
    assert ward.overdue == []
    ward.work(25.5)
    assert ward.overdue == ["raised"], "now nobody charts"


def test_while_the_feed_that_charts_is_silent_nobody_is_overdue(site: PackProgram) -> None:
    """Due at 14.8, overdue at 16.3; the laboratory goes on, the charts are back at 18 with what they kept."""
    ward = Standstill(site)
    ward.work(8.2, visit(7.1), LP)
    ward.work(8.9, *charted(8.8, app="CHARTS"))
    for hours in (10, 12, 14, 16.3, 16.4, 17):
        ward.work(hours, result(hours, "80", when=hours, code="8867-4^Pulse^LN", unit="/min"))
        assert ward.overdue == [], hours
    ward.work(18, *charted(11, 14, 17, app="CHARTS"))
    ward.work(18.1)
    assert ward.overdue == []


def test_who_alone_is_not_charted_is_overdue_although_others_are(site: PackProgram) -> None:
    ward = Standstill(site)
    ward.work(8.2, visit(7.1), LP)
    ward.work(8.9, *charted(8.8, app="CHARTS"))
    ward.work(16, *charted(15.9, app="CHARTS", who=TWO))
    assert ward.overdue == []
    ward.work(16.4)
    assert ward.overdue == ["raised"]


def test_a_silent_feed_that_comes_back_without_readings_is_believed(site: PackProgram) -> None:
    ward = Standstill(site)
    ward.work(8.2, visit(7.1), LP)
    ward.work(8.9, *charted(8.8, app="CHARTS"))
    ward.work(17)
    assert ward.overdue == []
    ward.work(17.1, *charted(17, app="CHARTS", who=TWO))
    assert ward.overdue == ["raised"]


def test_after_eight_hours_each_alert_is_told_once(site: PackProgram) -> None:
    ward = Standstill(site)
    ward.work(8.2, visit(7.1), LP)
    ward.restart(17)
    hot = [result(at + 0.1, "39", when=at, number=f"H{at}") for at in range(10, 17)]
    for number, raw in enumerate(hot):
        ward.work(17 + number / 60, raw)
    assert [item.notice.version for item in ward.store.pending("whole", 2**53, 99)] == [1]


def test_silence_after_a_standstill_is_believed_in_the_end(site: PackProgram) -> None:
    ward = Standstill(site)
    ward.work(8.2, visit(7.1), LP)
    ward.restart(17)
    ward.work(17.2)
    assert ward.overdue == []
    ward.work(17.3)
    assert ward.overdue == ["raised"]


@pytest.mark.parametrize("app", ["LAB", "CLINIC"])
@pytest.mark.parametrize("values", [("37", "39"), ("39", "37")])
def test_two_finals_of_one_second_are_one_answer_and_a_data_quality_notice(
    site: PackProgram, values: tuple[str, str], app: str
) -> None:
    one, other = (result(11, value, app=app) for value in values)
    again, later = result(11, "39", app=app), result(20, "37", when=19.9, number="R2")
    report = run(site, [LP, one, other, again, later], 96)
    assert standing(report) == NOTHING, "the same of the two, whichever came first"
    (notice,) = [item for item in report.summary["set_aside"] if item["kind"] == "version-tie"]
    assert (notice["feed"], notice["subject"], notice["n"]) == (app.lower(), "body-temperature", 1)


@pytest.mark.parametrize(("days", "rules"), [(6.9, ["fever-single"]), (8.9, [])])
def test_facts_wait_seven_days_for_a_puncture_to_be_documented(
    site: PackProgram, days: float, rules: list[str]
) -> None:
    ward = Standstill(site)
    ward.work(11, HOT)
    for day in range(1, 9):
        if day < days:
            ward.work(11 + 24 * day, result(11 + 24 * day, "37", when=10 + 24 * day, who=TWO))
    ward.work(8 + 24 * days, procedure(8 + 24 * days))
    found = [record.alert for record in ward.store.alerts()]
    assert [alert.rule for alert in found] == rules
    assert not any(alert.paged for alert in found)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("20260705100000", "2026-07-05T09:00:00Z"),
        ("20260705100000+0300", "2026-07-05T07:00:00Z"),
        ("20260329013000", "2026-03-29T01:30:00Z"),
        ("20261025013000", "2026-10-25T00:30:00Z"),
    ],
    ids=["summer", "offset", "hour that is left out", "hour that comes twice"],
)
def test_a_time_without_an_offset_is_in_the_zone_of_its_feed(
    site: PackProgram, written: str, meant: str
) -> None:
    day = written[:8]
    listed = hl7("ADT^A08", f"{day}000500+0000", f"PR1|1||62270^LP^C4||{day}000000+0000")
    obr, obx = f"OBR|1||R1|{TEMP}|||{written}", f"OBX|1|NM|{TEMP}||39|Cel|||||F|||{written}"
    sent = hl7("ORU^R01", f"{day}120000+0000", obr, obx, app="LONDON")
    (line,) = run(site, [listed, sent]).alerts
    assert line["effective_at"] == meant
    (evidence,) = line["evidence"]
    assert evidence["origin"] == "OBX-14"
