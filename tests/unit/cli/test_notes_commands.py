"""`lpwatch notes` and `lpwatch notes-eval`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from worker.cli.main import main

LABELLED = """\
version: 1
author: somebody
sentences:
- {id: a1, kind: plain, text: "Denies headache.", expect: [{f: headache, s: absent}]}
- {id: a2, kind: plain, text: "Drowsy.", expect: [{f: drowsiness, s: absent}], doubt: "an opinion"}
"""


def run(*arguments: str, given: str | bytes | None = None) -> Result:
    return CliRunner().invoke(main, arguments, input=given)


def test_a_note_is_shown_with_its_findings_marked_and_why() -> None:
    shown = run("notes", "Denies headache but drowsy.").output
    assert shown.splitlines() == [
        "Denies [1: headache] but [2: drowsy].",
        "",
        "1  headache: absent",
        '   because "denies" makes it absent',
        "",
        "2  drowsiness: present",
        "   because no word speaks against it",
    ]


def test_a_note_is_read_from_a_file_or_standard_input(tmp_path: Path) -> None:
    file = tmp_path / "note.txt"
    file.write_bytes("Fièvre \xff. Numb legs.".encode("latin-1"))
    assert "numbness: present" in run("notes", str(file)).output
    assert "numbness: present" in run("notes", "-", given="Numb legs.").output
    assert run("notes", "-", given=b"").output.strip() == "No finding."


def test_a_file_is_read_as_a_document_in_a_message_is(tmp_path: Path) -> None:
    letter = tmp_path / "letter.dat"
    letter.write_bytes(rb"{\rtf1 No headache.\par New leg weakness.}")
    shown = run("notes", str(letter)).output
    assert "leg-weakness: present" in shown
    assert "rtf1" not in shown
    letter.write_bytes(
        b"Content-Type: multipart/mixed; boundary=b\n\n--b\n\nDrowsy.\n--b\nContent-Type: application/zip\n\nPK\n--b--"
    )
    assert "Not read: zip." in run("notes", str(letter)).output
    assert json.loads(run("notes", str(letter), "--json").output)["text"] == "Drowsy."
    letter.write_bytes(b"\x89PNG\r\n")
    unread = run("notes", str(letter))
    assert (unread.exit_code, "png" in unread.output) == (3, True)


def test_a_file_that_is_not_there_is_no_note(tmp_path: Path) -> None:
    result = run("notes", str(tmp_path / "missing.txt"))
    assert result.exit_code == 2
    assert "no such file" in result.output


@pytest.mark.parametrize("text", ["Drowsy. " * 2_000, "Drowsy\x00.", "Drowsy.\x1b[2J", "Drowsy."])
def test_any_text_is_a_note(text: str) -> None:
    result = run("notes", text)
    assert result.exit_code == 0
    assert "drowsiness: present" in result.output
    assert "\x1b" not in result.output


def test_a_note_as_json() -> None:
    shown = json.loads(run("notes", "Advice:\nreturn if fever", "--title", "LP: 3 passes", "--json").output)
    (one,) = shown["assertions"]
    assert (one["finding"], one["status"], one["section"], one["heading"]) == (
        "fever-finding",
        "hypothetical",
        "hypothetical",
        "Advice",
    )
    assert {"by": "cue", "status": "hypothetical", "words": "return if"} in one["why"]
    assert shown["puncture"] == {"status": "completed", "attempts": 3, "traumatic": None}


def test_labelled_sentences_are_counted_and_listed_only_when_asked_for(tmp_path: Path) -> None:
    file = tmp_path / "labelled.yaml"
    file.write_text(LABELLED)
    plain = run("notes-eval", str(file)).output
    assert "2 sentences, 1 read exactly as labelled" in plain
    assert "Drowsy" not in plain
    assert "a2: Drowsy." in run("notes-eval", str(file), "--differences").output
    counted = json.loads(run("notes-eval", str(file), "--json").output)["files"][0]
    assert counted["all"]["by_status"]["absent"] == {
        "right": 1,
        "extra": 0,
        "missed": 1,
        "precision": 1.0,
        "recall": 0.5,
        "f1": 0.6667,
    }
    assert counted["without_doubt"]["overall"]["f1"] == 1.0
    assert "differences" not in counted


def test_a_history_keeps_what_it_has(tmp_path: Path) -> None:
    file, history = tmp_path / "labelled.yaml", tmp_path / "history.yaml"
    file.write_text(LABELLED)
    append = ("notes-eval", str(file), "--history", str(history), "--release")
    assert run(*append, "0.1").exit_code == 0
    first = history.read_text()
    assert '"by_status": {"absent": [1, 0, 1], "present": [0, 1, 0]}' in first
    assert run(*append, "0.1").exit_code == 3
    assert run(*append, "0.2").exit_code == 0
    assert history.read_text().startswith(first)
    assert run("notes-eval", str(file), "--release", "0.3").exit_code == 2
