"""`lpwatch simulate`: where messages go, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from worker.cli.main import main


def _run(*options: str) -> Result:
    return CliRunner().invoke(main, ["simulate", *options])


def test_a_folder_holds_messages_and_truth(tmp_path: Path) -> None:
    result = _run("--seed", "2", "--patients", "4", "--out", str(tmp_path / "ward"), "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told["patients"] == 4
    assert len((tmp_path / "ward/truth.ndjson").read_text(encoding="utf-8").splitlines()) == 4
    assert (tmp_path / "ward/messages.hl7").stat().st_size > 1_000
    replayed = CliRunner().invoke(main, ["replay", str(tmp_path / "ward"), "--json"])
    messages = json.loads(replayed.stdout)["messages"]
    assert (messages["received"], messages["dead_lettered"]) == (told["messages"], 0), "the truth is none"


def test_a_file_ends_after_the_wanted_number_of_messages(tmp_path: Path) -> None:
    result = _run("--messages", "120", "--out", str(tmp_path / "a.mllp"))
    assert result.exit_code == 0, result.output
    assert (tmp_path / "a.mllp").read_bytes().count(b"\x0b") == 120
    assert (tmp_path / "truth.ndjson").is_file()


def test_equal_commands_give_equal_files(tmp_path: Path) -> None:
    for name in ("one", "two"):
        assert (
            _run("--seed", "9", "--patients", "3", "--out", str(tmp_path / name / "a.hl7.gz")).exit_code == 0
        )
    assert (tmp_path / "one/a.hl7.gz").read_bytes() == (tmp_path / "two/a.hl7.gz").read_bytes()


def test_both_forms_stand_side_by_side_with_one_truth(tmp_path: Path) -> None:
    result = _run("--seed", "2", "--patients", "3", "--form", "both", "--out", str(tmp_path), "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told["hl7"]["planted"] == told["fhir"]["planted"]
    documents = (tmp_path / "messages.ndjson").read_text(encoding="utf-8").splitlines()
    assert len(documents) == told["fhir"]["messages"]
    assert {json.loads(line)["resourceType"] for line in documents} >= {"Bundle", "DocumentReference"}
    assert (tmp_path / "messages.hl7").read_bytes().startswith((b"MSH|", b"FHS|"))
    assert len((tmp_path / "truth.ndjson").read_text(encoding="utf-8").splitlines()) == 3


def test_fhir_is_read_by_replay_and_finds_what_hl7_finds(tmp_path: Path) -> None:
    assert _run("--seed", "3", "--patients", "6", "--form", "both", "--out", str(tmp_path)).exit_code == 0
    found = [
        json.loads(CliRunner().invoke(main, ["replay", str(tmp_path / name), "--json"]).stdout)
        for name in ("messages.hl7", "messages.ndjson")
    ]
    assert found[0]["alerts"] == found[1]["alerts"]
    assert found[1]["messages"]["dead_lettered"] == 0


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ([], "say where the messages go"),
        (["--out", "x", "--quirks", "no-such"], "unknown quirk 'no-such'"),
        (["--out", "x", "--rates", "back-pain=much"], "needs a number"),
        (["--out", "x", "--rates", "no-such=0.1"], "unknown rate 'no-such'"),
        (["--mllp", "somewhere"], "HOST:PORT"),
        (["--mllp", "127.0.0.1:1", "--form", "fhir"], "MLLP carries HL7 v2"),
        (["--fhir", "http://127.0.0.1:1/fhir"], "--fhir goes with --form fhir"),
        (["--fhir", "127.0.0.1:1", "--form", "fhir"], "not a URL of a FHIR server"),
        (["--out", "x", "--form", "both", "--messages", "9"], "give --patients"),
        (["--out", "x.hl7", "--form", "both"], "need a folder"),
        (["--out", "x.hl7", "--form", "fhir"], "not that of a file of --form fhir"),
        (["--out", "x.ndjson"], "not that of a file of --form hl7"),
    ],
)
def test_wrong_options_are_refused_with_what_to_do(options: list[str], complaint: str) -> None:
    result = _run(*options)
    assert result.exit_code == 2
    assert complaint in result.stderr


def test_nobody_listening_is_told_in_one_line() -> None:
    result = _run("--mllp", "127.0.0.1:1", "--patients", "1")
    assert result.exit_code == 1
    assert "cannot connect" in result.stderr


def test_quirks_and_rates_are_listed_with_their_sources() -> None:
    result = _run("--list")
    assert "merge (0.06)" in result.stdout
    assert "Bodilsen 2020" in result.stdout
