"""The laws on whole feeds, as anybody shows them: `lpwatch replay` with every disturbance at once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.laws.histories import FOLDER
from tests.laws.sizes import IS_LONG
from worker.cli.main import main
from worker.model.time import from_rfc3339
from worker.simulate.hospital.files import write_files
from worker.simulate.hospital.ward import Hospital, Settings
from worker.simulate.letters import HL7_WAYS, write
from worker.simulate.vignettes import parse_vignettes

pytestmark = pytest.mark.slow
EVERYTHING = ("--shuffle", "5", "--duplicate", "0.2", "--split", "200", "--restart", "3")
MESSAGES = "100000" if IS_LONG else "3000"


def _found(folder: Path, *options: str) -> int:
    """Give how many findings there are, all the same when the feed is disturbed."""
    result = CliRunner().invoke(main, ["replay", str(folder), "--json", *(options or EVERYTHING)])
    compared = json.loads(result.stdout)["compared"]
    assert compared["differing"] == []
    assert result.exit_code == 0
    return int(compared["findings"])


def _simulated(folder: Path, *options: str) -> Path:
    result = CliRunner().invoke(main, ["simulate", *options, "--out", str(folder)])
    assert result.exit_code == 0, result.output
    return folder


def test_a_hospital_with_every_bad_habit_finds_the_same(tmp_path: Path) -> None:
    folder = _simulated(tmp_path / "ward", "--seed", "3", "--messages", MESSAGES, "--quirks", "all")
    assert (
        _found(
            folder,
            *(
                ("--shuffle", "5", "--duplicate", "0.1", "--split", "2000", "--restart", "3")
                if IS_LONG
                else ()
            ),
        )
        > 50
    )


@pytest.mark.parametrize("day", ["2026-03-28T20:00Z", "2026-10-24T20:00Z"], ids=["spring", "autumn"])
def test_a_hospital_in_which_clocks_change_at_night_finds_the_same(day: str, tmp_path: Path) -> None:
    """Half of its times have no offset: an hour of them does not exist, or comes twice."""
    hospital = Hospital(Settings(seed=6, patients=25, start_ms=from_rfc3339(day)))
    write_files(hospital, hospital.messages(), tmp_path / "ward", 0.0, 6)
    assert _found(tmp_path / "ward") > 10


@pytest.mark.parametrize("form", ["fhir", "both"])
def test_fhir_alone_and_beside_hl7_finds_the_same(form: str, tmp_path: Path) -> None:
    assert _found(_simulated(tmp_path / "ward", "--seed", "4", "--patients", "30", "--form", form)) > 10


def test_adt_alone_finds_the_same(tmp_path: Path) -> None:
    """Procedures of PR1 and returns to the hospital: all that ADT says."""
    path = FOLDER / "return-after-lp.yaml"
    vignettes = parse_vignettes({path.name: path.read_text(encoding="utf-8")})
    messages = [raw for vignette in vignettes for raw in write(vignette, HL7_WAYS[1])]
    adt = [raw.body for raw in sorted(messages, key=lambda raw: raw.received_at_ms) if b"|ADT^" in raw.body]
    (tmp_path / "adt.hl7").write_bytes(b"\n".join(adt))
    assert len(adt) > 100
    assert _found(tmp_path) > 10
