"""Real messages through the default pack and a site's routes: who hears of a fever, of its end, and what they are told."""

from __future__ import annotations

import json
from itertools import permutations
from pathlib import Path

import pytest

from tests.rendered import TOPICS, message, notices_of
from worker.model.message import RawMessage
from worker.runtime.engine_program import PackProgram
from worker.runtime.offline import load_pack, program
from worker.storage.migrate import upgrade
from worker.storage.records import Outgoing
from worker.storage.state import SqlState

ROUTES = """
routes:
  - {id: amu, topic: ward.amu, units: [AMU]}
  - {id: itu, topic: ward.itu, units: [ITU]}
  - {id: pager, topic: pager, variant: minimal, severities: [emergent, urgent]}
  - {id: ehr, topic: ehr, variant: fhir, units: [ITU]}
"""
PERSON = "PID|1||47110815002^^^HOSP^MR||DOE^JANE||19800101|F"


def hl7(kind: str, at: str, *segments: str) -> RawMessage:
    control = f"{kind}{at}".replace("^", "")
    header = f"MSH|^~\\&|APP|HOSP|||20260105{at}+0000||{kind}|{control}|P|2.5.1"
    return message("\n".join([header, f"EVN||20260105{at}+0000", PERSON, *segments]))


def pv1(unit: str) -> str:
    return f"PV1|1|I|{unit}^7^BED3^NORTH||||||||||||||||V1" + "|" * 25 + "20260105060000+0000"


def fever(at: str, value: str = "39.4", status: str = "F") -> RawMessage:
    obr = f"OBR|1||F1|8310-5^Temp^LN|||20260105100000+0000|||||||||||||||20260105{at}+0000"
    obx = f"OBX|1|NM|8310-5^Body temperature^LN||{value}|Cel|||||{status}|||20260105100000+0000"
    return hl7("ORU^R01", at, obr, obx)


ADMITTED = hl7("ADT^A01", "060000", pv1("AMU"))
PUNCTURE = hl7("ADT^A08", "080500", pv1("AMU"), "PR1|1||62270^LP^C4||20260105080000+0000")
FEVER = fever("101000")
MOVED = hl7("ADT^A02", "120000", pv1("ITU"))
CORRECTED = fever("130000", "37.0", "C")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    (folder / "routes.yaml").write_text(ROUTES, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def site(folder: Path) -> PackProgram:
    return program(load_pack([folder]))


def sent(site: PackProgram, *messages: RawMessage) -> dict[str, list[Outgoing]]:
    """Return the notices of the fever alert by topic."""
    found: dict[str, list[Outgoing]] = {}
    for item in notices_of(messages, site, [TOPICS]):
        if b"ever" in item.notice.body and b'"severity":"urgent"' in item.notice.body:
            found.setdefault(item.target, []).append(item)
    return found


def states(found: dict[str, list[Outgoing]]) -> dict[str, list[str]]:
    return {
        topic: [json.loads(item.notice.body)["state"] for item in items]
        for topic, items in sorted(found.items())
    }


def test_a_fever_goes_to_its_ward_and_to_the_pager_and_not_to_the_default(site: PackProgram) -> None:
    found = sent(site, ADMITTED, PUNCTURE, FEVER)
    assert states(found) == {"pager": ["raised"], "ward.amu": ["raised"]}
    (whole,) = found["ward.amu"]
    document = json.loads(whole.notice.body)
    assert whole.kind == "alert"
    assert document["location"] == {
        "now": {
            "unit": "AMU",
            "room": "7",
            "bed": "BED3",
            "facility": "NORTH",
            "since": "2026-01-05T06:00:00Z",
        },
        "at_lp": None,
        "remark": "",
        "not_observed_since": None,
    }
    (small,) = found["pager"]
    assert small.kind == "alert-minimal"
    assert small.notice.notice_id == whole.notice.notice_id
    assert json.loads(small.notice.body)["unit"] == "AMU"
    for secret in (b"47110815002", b"39.4", b"BED3", b"V1", b"HOSP"):
        assert secret in whole.notice.body
        assert secret not in small.notice.body


def test_a_ward_that_was_told_hears_the_withdrawal_though_the_patient_moved(site: PackProgram) -> None:
    found = sent(site, ADMITTED, PUNCTURE, FEVER, MOVED, CORRECTED)
    assert states(found) == {
        "ehr": ["withdrawn"],
        "pager": ["raised", "withdrawn"],
        "ward.amu": ["raised", "withdrawn"],
        "ward.itu": ["withdrawn"],
    }
    told = json.loads(found["ward.itu"][0].notice.body)["location"]
    assert (told["now"]["unit"], told["at_lp"]["unit"]) == ("ITU", "AMU")
    assert [item.kind for item in found["ehr"]] == ["alert-fhir"]
    assert json.loads(found["ehr"][0].notice.body)["patient"], "the sink makes FHIR from the whole alert"


def test_without_a_ward_the_default_gets_it_and_the_alert_says_so(site: PackProgram) -> None:
    bare = hl7("ADT^A08", "080500", "PR1|1||62270^LP^C4||20260105080000+0000")
    found = sent(site, bare, FEVER)
    assert states(found) == {"lpwatch.alerts": ["raised"], "pager": ["raised"]}
    document = json.loads(found["lpwatch.alerts"][0].notice.body)
    assert document["location"] == {
        "now": None,
        "at_lp": None,
        "remark": "unit not known",
        "not_observed_since": None,
    }


def test_a_ward_that_becomes_known_late_hears_how_it_goes_on(site: PackProgram) -> None:
    bare = hl7("ADT^A08", "080500", "PR1|1||62270^LP^C4||20260105080000+0000")
    found = sent(site, bare, FEVER, MOVED, CORRECTED)
    assert states(found) == {
        "ehr": ["withdrawn"],
        "lpwatch.alerts": ["raised", "withdrawn"],
        "pager": ["raised", "withdrawn"],
        "ward.itu": ["withdrawn"],
    }


def test_after_the_discharge_the_alert_says_so_and_the_default_gets_it_too(site: PackProgram) -> None:
    left = hl7("ADT^A03", "110000", pv1("AMU"))
    found = sent(site, ADMITTED, PUNCTURE, FEVER, left, CORRECTED)
    assert states(found)["ward.amu"] == ["raised", "withdrawn"]
    (told,) = found["lpwatch.alerts"]
    assert json.loads(told.notice.body)["location"] == {
        "now": None,
        "at_lp": {
            "unit": "AMU",
            "room": "7",
            "bed": "BED3",
            "facility": "NORTH",
            "since": "2026-01-05T06:00:00Z",
        },
        "remark": "discharged; not observed since 2026-01-05T11:00:00Z",
        "not_observed_since": "2026-01-05T11:00:00Z",
    }


def test_whatever_the_order_of_arrival_the_last_notice_reaches_ward_and_past_wards(site: PackProgram) -> None:
    for order in permutations([ADMITTED, MOVED, PUNCTURE]):
        found = states(sent(site, *order, FEVER, CORRECTED))
        assert found["ward.itu"][-1] == "withdrawn"
        assert all(ends[-1] == "withdrawn" for ends in found.values()), found


def test_the_database_remembers_who_was_told_over_restarts(site: PackProgram, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'state.db'}"
    upgrade(url, "state")
    messages = [ADMITTED, PUNCTURE, FEVER, MOVED, CORRECTED]
    found: dict[str, list[str]] = {}
    for count in range(1, len(messages) + 1):
        store = SqlState(url, synchronous="OFF")
        for item in notices_of(messages[:count], site, [TOPICS], store=store):
            document = json.loads(item.notice.body)
            if document["severity"] == "urgent":
                found.setdefault(item.target, []).append(document["state"])
        store.close()
    assert found == {
        "ehr": ["withdrawn"],
        "pager": ["raised", "withdrawn"],
        "ward.amu": ["raised", "withdrawn"],
        "ward.itu": ["withdrawn"],
    }


def gcs(at: str, value: int) -> RawMessage:
    obr = f"OBR|1||G{at}|9269-2^GCS^LN|||20260105{at}+0000|||||||||||||||20260105{at}+0000"
    obx = f"OBX|1|NM|9269-2^Glasgow coma score total^LN||{value}|{{score}}|||||F|||20260105{at}+0000"
    return hl7("ORU^R01", at, obr, obx)


@pytest.mark.parametrize("is_stored", [False, True], ids=["memory", "sqlite"])
def test_alerts_of_one_lp_name_each_other_over_restarts(
    site: PackProgram,
    tmp_path: Path,
    is_stored: bool,  # noqa: FBT001 - a table
) -> None:
    url = f"sqlite:///{tmp_path / 'state.db'}"
    messages = [ADMITTED, PUNCTURE, gcs("081000", 15), FEVER, gcs("110000", 11), CORRECTED]
    found: list[tuple[str, str, list[str]]] = []
    counts = range(1, len(messages) + 1) if is_stored else [len(messages)]
    if is_stored:
        upgrade(url, "state")
    for count in counts:
        store = SqlState(url, synchronous="OFF") if is_stored else None
        for item in notices_of(messages[:count], site, store=store):
            body = json.loads(item.notice.body)
            others = [f"{other['severity']} {other['title']}" for other in body["also_open"]]
            found.append((body["rule"]["id"], body["state"], others))
        if store is not None:
            store.close()
    titles = {rule.id: rule.text.title for rule in load_pack().rules.rules}
    fever, confused = f"urgent {titles['fever-single']}", f"emergent {titles['altered-consciousness']}"
    assert found == [
        ("fever-single", "raised", []),
        ("altered-consciousness", "raised", [fever]),
        ("fever-single", "withdrawn", [confused]),
    ]


def test_routes_are_part_of_what_a_pack_is(site: PackProgram) -> None:
    assert site.digest != load_pack().digest
