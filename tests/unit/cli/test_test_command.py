"""`lpwatch test`: what it prints, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import pytest
from click.testing import CliRunner, Result

from worker.cli.main import main
from worker.decode.located_yaml import load_yaml

GOOD = """scenarios:
- {id: A1, title: a fever, patient: {age_y: 40}, kind: positive,
   facts: [{c: lumbar-puncture, t: 0}, {c: body-temperature, t: 5, v: 38.6}],
   alerts: [{rule: fever-single, sev: urgent, at: 5}]}
- {id: A2, title: no fever, patient: {age_y: 40}, kind: near-miss,
   facts: [{c: lumbar-puncture, t: 0}, {c: body-temperature, t: 5, v: 37.0}], alerts: []}
"""
BAD = """scenarios:
- {id: B1, title: asks for what no rule gives, patient: {age_y: 40}, kind: positive,
   facts: [{c: lumbar-puncture, t: 0}, {c: body-temperature, t: 5, v: 38.6}],
   alerts: [{rule: no-such-rule, sev: urgent, at: 5}]}
"""


def _run(tmp_path: Path, text: str, *options: str) -> Result:
    file = tmp_path / "mine.yaml"
    file.write_text(text, encoding="utf-8")
    return CliRunner().invoke(main, ["test", str(file), *options])


def test_vignettes_that_pass_are_counted(tmp_path: Path) -> None:
    result = _run(tmp_path, GOOD)
    assert result.exit_code == 0, result.output
    assert "2 passed, 0 failed" in result.stdout


def test_json_is_all_that_stands_on_standard_output(tmp_path: Path) -> None:
    result = _run(tmp_path, GOOD, "--json")
    assert json.loads(result.stdout) == {"passed": 2, "failed": 0, "failures": []}


def test_a_failure_names_the_form_what_was_expected_and_what_came(tmp_path: Path) -> None:
    result = _run(tmp_path, BAD, "--json")
    assert result.exit_code == 1
    told = json.loads(result.stdout)
    assert (told["passed"], told["failed"]) == (0, 1)
    first = told["failures"][0]
    assert (first["id"], first["form"], first["order"]) == ("B1", "hl7v2", "in order")
    assert first["expected"] == [{"rule": "no-such-rule", "sev": "urgent", "at": 5.0}]
    assert first["got"] == [{"rule": "fever-single", "sev": "urgent", "at": 5.0}]


def test_a_rule_that_the_pack_does_not_have_is_named(tmp_path: Path) -> None:
    result = _run(tmp_path, BAD)
    assert result.exit_code == 1
    assert "FAIL B1 asks for what no rule gives" in result.stdout
    assert "the pack has no rule no-such-rule" in result.stdout


def test_a_folder_gives_all_its_vignettes(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/one.yml").write_text(GOOD, encoding="utf-8")
    result = CliRunner().invoke(main, ["test", str(tmp_path)])
    assert "2 passed" in result.stdout


@pytest.mark.parametrize("content", [b"scenarios: 3\n", b"\xff\xfe\n"])
def test_an_unreadable_file_ends_with_the_code_of_a_wrong_configuration(
    tmp_path: Path, content: bytes
) -> None:
    file = tmp_path / "x.yaml"
    file.write_bytes(content)
    result = CliRunner().invoke(main, ["test", str(file)])
    assert result.exit_code == 3
    assert "x.yaml" in result.stderr


def test_a_folder_without_vignettes_is_refused(tmp_path: Path) -> None:
    assert CliRunner().invoke(main, ["test", str(tmp_path)]).exit_code == 3


def test_a_failure_names_what_a_layer_changed_that_its_rules_rest_on(tmp_path: Path, root: Path) -> None:
    vitals = load_yaml((root / "mappings/concepts/vitals.yaml").read_text(encoding="utf-8"), "vitals.yaml")
    (concept,) = [one for one in cast("Any", vitals.data)["concepts"] if one["id"] == "body-temperature"]
    ours = tmp_path / "ours"
    for folder in ("concepts", "rules", "notes"):
        (ours / folder).mkdir(parents=True)
    narrow = json.dumps({"concepts": [concept | {"plausible": [25, 38.55]}]})
    (ours / "concepts/vitals.yaml").write_text(narrow, encoding="utf-8")
    (ours / "rules/off.yaml").write_text("id: pain-spike\ndisabled: true\n", encoding="utf-8")
    (ours / "notes/findings.yaml").write_text("findings: []\n", encoding="utf-8")
    concept_line = f"{ours}/concepts/vitals.yaml:1:15: replaces the concept 'body-temperature'"
    told = json.loads(_run(tmp_path, GOOD, "--pack", str(ours), "--notes", "extract", "--json").stdout)
    assert {failure["id"]: failure["changed_by"] for failure in told["failures"]} == {"A1": [concept_line]}
    asks = GOOD.replace("rule: fever-single, sev: urgent, at: 5", "rule: pain-spike, sev: routine, at: 5")
    lines = _run(tmp_path, asks, "--pack", str(ours)).stdout.splitlines()
    assert f"  changed by {ours}/rules/off.yaml:1:5: pain-spike: removes the rule" in lines
    assert f"  changed by {ours}/notes/findings.yaml: phrases of its own" in lines
