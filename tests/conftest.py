"""What every test may ask for: hypothesis profiles, and the shared material where it exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import structlog
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"
NO_SHARED = "shared material not on this machine"
pytest_plugins = ["tests.servers", "tests.once", "tests.kafka_sockets"]
FAST = "not integration and not slow"
TICKS = pytest.StashKey[tuple[int, int]]()
ALL_SLOW = re.compile(r"^pytestmark = .*\bpytest\.mark\.(?:integration|slow)\b", re.MULTILINE)
# A file stays in one process: were a long one the last, all others would wait for it.
LONGEST_FIRST = {
    name: place
    for place, name in enumerate(
        [
            "test_bus_kills.py",
            "test_laws_of_order.py",
            "test_laws_of_revisions.py",
            "test_laws_of_stores.py",
            "test_three_ways.py",
            "test_rule_vignettes.py",
            "test_cohorts.py",
            "test_mutation.py",
            "test_roles.py",
            "test_races.py",
            "test_simhospital.py",
            "test_alert_documents.py",
            "test_message_bus.py",
            "test_relay_crash.py",
            "test_relay_brokers.py",
            "test_kill9.py",
            "test_fhir_hapi.py",
            "test_laws_on_feeds.py",
            "test_fhir_validator.py",  # far behind test_alert_documents.py: it waits for the notices that this one makes
            "test_laws_of_time.py",
            "test_laws_broken.py",
            "test_demo.py",
            "test_relay_kill9.py",
            "test_doctor.py",
            "test_simhospital_mllp.py",
            "test_engine_order.py",
            "test_simulate_hospital.py",
            "test_crash.py",
            "test_storage.py",
        ]
    )
}

# `ci` repeats the same examples on every run, `quick` a third of them; `long` looks for new ones:
# pytest --hypothesis-profile=long
settings.register_profile(
    "ci",
    derandomize=True,
    max_examples=60,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("quick", settings.get_profile("ci"), max_examples=20)
settings.register_profile(
    "long", max_examples=5_000, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("ci")


@pytest.fixture(scope="session")
def root() -> Path:
    """Give the root of the repository."""
    return ROOT


@pytest.fixture(scope="session")
def shared() -> Path:
    """Give the folder of shared material beside the repository, or skip by name."""
    if not SHARED.is_dir():
        pytest.skip(NO_SHARED)
    return SHARED


@pytest.fixture(autouse=True)
def _every_line_is_logged() -> None:
    """Forget the level that another test's command chose."""
    structlog.reset_defaults()


def _ticks() -> tuple[int, int]:
    """Give how long the host took the processors away, and how long they were wanted; 0 where the system does not say."""
    try:
        line = Path("/proc/stat").read_text(encoding="utf-8").partition("\n")[0]
    except OSError:
        return 0, 0
    user, nice, system, _idle, _iowait, irq, softirq, stolen = map(int, line.split()[1:9])
    return stolen, user + nice + system + irq + softirq + stolen


def pytest_configure(config: pytest.Config) -> None:
    """Remember what the host took away by now; let `make check` try fewer examples of each property."""
    config.stash[TICKS] = _ticks()
    if config.option.markexpr == FAST and config.getoption("--hypothesis-profile") is None:
        settings.load_profile("quick")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Do not even read files whose every test `make check` leaves out: to rewrite their assertions takes seconds."""
    if config.option.markexpr != FAST or collection_path.suffix != ".py":
        return None
    return True if ALL_SLOW.search(collection_path.read_text(encoding="utf-8")) else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test that asks for `shared`, so that `-m` needs no second list; let the longest files begin first."""
    for item in items:
        if "shared" in getattr(item, "fixturenames", ()):
            item.add_marker("shared")
    items.sort(key=lambda item: LONGEST_FIRST.get(item.path.name, len(LONGEST_FIRST)))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the tables of tests that make one, how many could not run without the shared material, and what the run lacked."""
    for report in terminalreporter.stats.get("passed", []):
        for name, value in report.user_properties:
            if name == "table":
                terminalreporter.section(report.nodeid.rpartition("::")[2])
                terminalreporter.write_line(str(value))
    skipped = terminalreporter.stats.get("skipped", [])
    count = sum(NO_SHARED in str(report.longrepr) for report in skipped)
    if count:
        terminalreporter.write_line(f"{count} skipped: {NO_SHARED} ({SHARED.name}/ beside the repository)")
    stolen, wanted = (
        now - then for now, then in zip(_ticks(), terminalreporter.config.stash[TICKS], strict=True)
    )
    if stolen * 20 > wanted:
        terminalreporter.write_line(f"the host took away {stolen / wanted:.0%} of the time of the processors")
