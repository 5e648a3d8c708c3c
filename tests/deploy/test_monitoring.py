"""Alert rules fire when they should, and name metrics that lpwatch has; so does the dashboard."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from worker.runtime.metrics import Metrics

pytestmark = pytest.mark.integration


@pytest.fixture(scope="session")
def promtool(debian_tool: Callable[[str, str], str]) -> str:
    return debian_tool("promtool", "prometheus")


@pytest.mark.parametrize(
    "command",
    [
        ("check", "rules", "alerts.yml"),
        ("check", "config", "prometheus.yml"),
        ("test", "rules", "alerts_test.yml"),
    ],
    ids=" ".join,
)
def test_prometheus_accepts_its_files(command: tuple[str, ...], promtool: str, deploy: Path) -> None:
    said = subprocess.run(
        [promtool, *command], cwd=deploy / "prometheus", capture_output=True, text=True, check=False
    )
    assert said.returncode == 0, said.stdout + said.stderr


def known_metrics() -> set[str]:
    names = set()
    for line in Metrics().render().decode().splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split()
            names |= {f"{name}_bucket", f"{name}_sum", f"{name}_count"} if kind == "histogram" else {name}
    return names


@pytest.mark.parametrize("file", ["prometheus/alerts.yml", "grafana/dashboards/lpwatch.json"])
def test_every_metric_that_is_asked_for_exists(file: str, deploy: Path) -> None:
    named = set(re.findall(r"\blpwatch_[a-z_]+", (deploy / file).read_text(encoding="utf-8")))
    assert named
    assert named - known_metrics() == set()


def test_every_alert_says_what_to_do_and_is_tested(deploy: Path) -> None:
    rules = (deploy / "prometheus" / "alerts.yml").read_text(encoding="utf-8")
    tests = (deploy / "prometheus" / "alerts_test.yml").read_text(encoding="utf-8")
    alerts = re.findall(r"- alert: (\w+)", rules)
    assert len(alerts) == rules.count("action:") == rules.count("summary:")
    for alert in alerts:
        assert f"alertname: {alert}," in tests
        assert f'alertname="{alert}"' in tests


def test_the_dashboard_uses_the_provisioned_source_and_its_panels_do_not_overlap(deploy: Path) -> None:
    source = (deploy / "grafana" / "provisioning" / "datasources" / "prometheus.yaml").read_text(
        encoding="utf-8"
    )
    dashboard = json.loads((deploy / "grafana" / "dashboards" / "lpwatch.json").read_text(encoding="utf-8"))
    taken: set[tuple[int, int]] = set()
    for panel in dashboard["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert place["x"] + place["w"] <= 24
        taken |= cells
        for target in panel.get("targets", ()):
            assert f"uid: {target['datasource']['uid']}" in source
