"""The recorded ward: each pathway gives the alerts of the committed table, however the recording is fed."""

from __future__ import annotations

import gzip
import json
import re
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pytest
from click.testing import CliRunner
from ruamel.yaml import YAML

from worker.cli.main import main

pytestmark = pytest.mark.slow

TABLE = YAML(typ="safe").load((Path(__file__).parent / "simhospital_alerts.yaml").read_text(encoding="utf-8"))


@dataclass
class Person:
    """One person of the recording: all numbers, and which named messages there are."""

    label: str
    numbers: set[str]
    is_infant: bool
    recorded: set[str] = field(default_factory=set)


def _people(recording: Path) -> list[Person]:
    """Read labels and messages with plain string methods, so that no code of ours decides what is expected."""
    frames = [
        frame.split(b"\x1c")[0].decode() for frame in gzip.decompress(recording.read_bytes()).split(b"\x0b")
    ]
    messages: dict[str, list[str]] = defaultdict(list)
    labels: dict[str, str] = {}
    merged: dict[str, str] = {}
    for frame in filter(None, frames):
        segments = {segment[:3]: segment.split("|") for segment in reversed(frame.split("\r"))}
        number = segments["PID"][2].split("^")[0]
        messages[number].append(frame)
        labels.setdefault(number, segments["PID"][5].split("^")[1])
        if "MRG" in segments:
            merged[segments["MRG"][1].split("^")[0]] = number
    people = []
    for number, label in labels.items():
        if label == "LPMERGEKEEP":
            continue  # judged with the number it was merged with
        numbers = {number} | ({merged[number]} if number in merged else set())
        found = [frame for one in numbers for frame in messages[one]]
        person = Person(label, numbers, any(map(_is_of_infant, found)))
        for name, (kind, text) in TABLE[label]["messages"].items():
            if any(f"|{kind}|" in frame and text in frame for frame in found):
                person.recorded.add(name)
        people.append(person)
    return people


def _is_of_infant(frame: str) -> bool:
    segments = {segment[:3]: segment.split("|") for segment in frame.split("\r")}
    sent, born = (datetime.strptime(text[:8], "%Y%m%d") for text in (segments["MSH"][6], segments["PID"][7]))  # noqa: DTZ007 - dates
    return (sent - born).days < 90


def _expected(person: Person) -> list[str]:
    for case in TABLE[person.label]["cases"]:
        if set(case["recorded"]) <= person.recorded:
            fever = "fever-single emergent" if person.is_infant else "fever-single urgent"
            return sorted(alert.replace("fever-single urgent", fever) for alert in case["alerts"])
    return []


def _got(alerts: list[dict], person: Person) -> list[str]:
    return sorted(
        f"{alert['rule']} {alert['severity']}" + (" withdrawn" if alert["state"] == "withdrawn" else "")
        for alert in alerts
        if alert["status"] != "shadow" and person.numbers & {number["value"] for number in alert["patient"]}
    )


def _replay(recording: Path, tmp_path: Path, *options: str) -> tuple[dict, list[dict]]:
    out = tmp_path / "alerts.ndjson"
    result = CliRunner().invoke(main, ["replay", str(recording), "--json", "--alerts", str(out), *options])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout), [
        json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()
    ]


def _standing(alerts: list[dict]) -> set[str]:
    """Return what must not depend on the arrival: the alerts whose findings stand at the end."""
    return {
        json.dumps(
            [
                sorted(n["value"] for n in a["patient"]),
                a["lp_at"],
                a["rule"],
                a["severity"],
                a["effective_at"],
                a["evidence"],
            ]
        )
        for a in alerts
        if a["state"] not in {"withdrawn", "superseded"}
    }


@pytest.fixture(scope="module")
def recording(shared: Path) -> Path:
    return shared / "feeds" / "simhospital" / "lp.mllp.gz"


@pytest.fixture(scope="module")
def plain(recording: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict, list[dict]]:
    return _replay(recording, tmp_path_factory.mktemp("plain"))


def test_every_message_of_the_recording_is_accounted_for(
    plain: tuple[dict, list[dict]], recording: Path
) -> None:
    report, _ = plain
    kinds = re.findall(rb"\x0bMSH\|(?:[^|]*\|){7}([^|]*)\|", gzip.decompress(recording.read_bytes()))
    counts = report["messages"]
    assert counts["received"] == 2154
    assert counts["dead_lettered"] == 0
    assert counts["processed"] + counts["ignored"] == counts["received"]
    ignored = " ".join(report["ignored"])
    assert "ORU" not in ignored
    assert "MDM" not in ignored
    assert sum(report["ignored"].values()) == counts["ignored"]
    assert counts["processed"] >= sum(kind[:3] in {b"ORU", b"MDM"} for kind in kinds) == 894 + 71
    assert report["seconds"] > 0


def test_each_patient_of_an_lp_pathway_has_an_lp_once_it_is_recorded(
    plain: tuple[dict, list[dict]], recording: Path
) -> None:
    report, _ = plain
    expected = sum(TABLE[person.label].get("lp") in person.recorded for person in _people(recording))
    assert report["episodes"]["n"] == expected
    assert report["episodes"]["presumed"] == 0


def test_alerts_equal_the_committed_table(plain: tuple[dict, list[dict]], recording: Path) -> None:
    _, alerts = plain
    wrong = {
        (person.label, tuple(sorted(person.recorded)), tuple(_expected(person)), tuple(_got(alerts, person)))
        for person in _people(recording)
        if _expected(person) != _got(alerts, person)
    }
    assert not wrong


@pytest.mark.parametrize(
    "options",
    [("--shuffle", "1", "--duplicate", "0.2"), ("--shuffle", "77", "--split", "50"), ("--restart", "5")],
    ids=" ".join,
)
def test_findings_do_not_depend_on_how_the_recording_is_fed(
    plain: tuple[dict, list[dict]], recording: Path, tmp_path: Path, options: tuple[str, ...]
) -> None:
    _, alerts = _replay(recording, tmp_path, *options)
    assert _standing(alerts) == _standing(plain[1])
