"""What messages hold does not steer the terminal of whoever reads it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from click.testing import Result

from tests.unit.cli.conftest import puncture, temperature
from worker.cli.screen import json_line, visible

Lpwatch = Callable[..., Result]

AT = "2026-01-06T08:00:00Z"
HOSTILE = "\x1b]0;title\x07\x1b[2J\x9b31m\u202e\u2028\r\nfalse line"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("38.4 °C, Müller, 山田", "38.4 °C, Müller, 山田"),
        ("\x1b[2J", "\\x1b[2J"),
        ("a\r\nb\tc", "a\\r\\nb\\tc"),
        ("\x9b31m", "\\x9b31m"),
        ("\u202eabc", "\\u202eabc"),
        ("half \ud83d", "half \\ud83d"),
    ],
)
def test_a_line_stays_one_line_and_shows_what_it_holds(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_json_means_the_same_and_can_be_written() -> None:
    document = {"name": HOSTILE, "half": "\ud83d", "plain": "Müller"}
    text = json_line(document)
    assert json.loads(text) == document
    assert "Müller" in text
    assert visible(text) == text
    assert json_line([1, 2], indent=2) == "[\n  1,\n  2\n]"


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """Give a file whose patient, unit, code and note are made to steer a terminal."""
    wild = temperature("t1", "A1", "2026-01-05T10:00:00Z", 39.0)
    wild["valueQuantity"] = {"value": 39.0, "unit": f"Cel{HOSTILE}"}
    unknown = temperature("t2", "A1", "2026-01-05T11:00:00Z", 39.0)
    unknown["code"] = {"coding": [{"system": "urn:x", "code": f"TEMP{HOSTILE}"}]}
    documents = [
        puncture("A1", "2026-01-05T08:00:00Z"),
        wild,
        unknown,
        temperature("t3", "A1", "2026-01-05T12:00:00Z", 39.0),
        puncture(f"A2{HOSTILE}", "2026-01-05T08:00:00Z"),
        temperature("t4", f"A2{HOSTILE}", "2026-01-05T12:30:00Z", 39.0),
    ]
    path = tmp_path / "hostile.ndjson"
    path.write_text("".join(json.dumps(each) + "\n" for each in documents), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "command",
    [
        ("why", "A1", "--at", AT, "--from"),
        ("why", "A1", "--at", AT, "--json", "--from"),
        ("why-not", "A1", "--rule", "fever-single", "--at", AT, "--from"),
        ("why", f"A2{HOSTILE}", "--at", AT, "--from"),
        ("replay",),
        ("replay", "--json"),
    ],
)
def test_no_command_passes_it_on(lpwatch: Lpwatch, hostile: Path, command: Sequence[str]) -> None:
    result = lpwatch(*command, hostile)
    assert result.exit_code == 0
    assert "false line" in result.output
    assert not [line for line in result.output.split("\n") if visible(line) != line]
    assert not any(line.startswith("false line") for line in result.output.split("\n"))
    if "--json" in command:
        json.loads(result.stdout)
