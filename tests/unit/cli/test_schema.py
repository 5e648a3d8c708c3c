"""`lpwatch schema`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from ruamel.yaml import YAML

from worker.alerts.schemas import DOCUMENTS, alert_schema
from worker.cli.main import main


def output(*arguments: str) -> str:
    result = CliRunner().invoke(main, ["schema", *arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_schema_is_printed_as_json(name: str) -> None:
    assert json.loads(output(name)) == alert_schema(name)


def test_the_topics_of_a_site_are_described(tmp_path: Path) -> None:
    (tmp_path / "routes.yaml").write_text(
        "routes:\n  - {id: itu, topic: ward.itu, units: [ITU]}\n", encoding="utf-8"
    )
    options = ["asyncapi", "--pack", str(tmp_path), "--heartbeat-topic", "alive"]
    written = YAML(typ="safe").load(output(*options))
    assert sorted(written["channels"]) == ["alive", "lpwatch.alerts", "ward.itu"]
    assert json.loads(output(*options, "--json")) == written


def test_an_unknown_name_is_wrong_usage() -> None:
    assert CliRunner().invoke(main, ["schema", "alerts"]).exit_code == 2
