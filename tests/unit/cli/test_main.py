"""The command as a whole: help, exit codes, where output goes, and what it imports."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from click.testing import Result

from worker import __version__
from worker.cli.main import COMMANDS

HEAVY = ("sqlalchemy", "alembic", "pydantic", "ruamel", "rich", "worker.pipeline", "prometheus_client")


Run = Callable[..., Result]


def _python(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout


def test_help_lists_every_command(lpwatch: Run) -> None:
    result = lpwatch("--help")
    assert result.exit_code == 0
    assert [
        line.split()[0] for line in result.output.partition("Commands:")[2].splitlines() if line.strip()
    ] == [*COMMANDS]


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom click.testing import CliRunner\nfrom worker.cli.main import main\n"
        "assert CliRunner().invoke(main, ['--help']).exit_code == 0\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    assert _python(code).strip() == "[]"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_an_example(lpwatch: Run, name: str) -> None:
    arguments = [name, "migrate", "--help"] if name == "db" else [name, "--help"]
    result = lpwatch(*arguments)
    assert result.exit_code == 0, result.output
    assert "Example" in result.output
    assert f"lpwatch {name}" in result.output


@pytest.mark.parametrize("name", ["run", "db"])
def test_help_of_a_service_command_imports_no_database(name: str) -> None:
    code = (
        "import sys\nfrom click.testing import CliRunner\nfrom worker.cli.main import main\n"
        f"assert CliRunner().invoke(main, [{name!r}, '--help']).exit_code == 0\nprint('sqlalchemy' in sys.modules)"
    )
    assert _python(code).strip() == "False"


def test_version_is_that_of_the_package(lpwatch: Run) -> None:
    assert lpwatch("--version").output.strip().endswith(__version__)


def test_unknown_command_and_option_are_usage_errors(lpwatch: Run) -> None:
    assert lpwatch("fly").exit_code == 2
    assert lpwatch("replay", "--fly").exit_code == 2


def test_configuration_error_is_one_line_on_standard_error_with_code_3(lpwatch: Run, tmp_path: Path) -> None:
    result = lpwatch("replay", tmp_path / "absent.hl7")
    assert result.exit_code == 3
    assert result.stdout == ""
    assert result.stderr.splitlines() == [f"Error: {tmp_path / 'absent.hl7'}: no such file or folder"]


def test_run_without_a_data_folder_says_which_setting_is_missing(
    lpwatch: Run,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("LPWATCH_DATA", raising=False)
    result = lpwatch("run")
    assert result.exit_code == 3
    assert "data: `lpwatch run` needs the folder" in result.stderr


def test_migrate_makes_the_databases_and_can_be_repeated(lpwatch: Run, tmp_path: Path) -> None:
    for _ in range(2):
        assert lpwatch("db", "migrate", "--data", tmp_path / "data").exit_code == 0
    assert {path.name for path in (tmp_path / "data").iterdir()} >= {"intake.db", "state.db"}


def test_a_ready_file_that_cannot_be_written_is_told_before_anything_listens(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "worker.cli", "run", "--data", str(tmp_path)]
    place = tmp_path / "nowhere" / "ready"
    done = subprocess.run([*command, "--ready-file", str(place)], capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert f"ready_file {place}: no file can be written there" in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("command", [("why", "1", "--at", "2026-01-05T08:00:00Z"), ("blindspots",)])
def test_a_damaged_database_is_told_without_a_traceback(
    lpwatch: Run, tmp_path: Path, command: Sequence[str]
) -> None:
    (tmp_path / "state.db").write_bytes(b"no database")
    result = lpwatch(*command, "--data", tmp_path)
    assert result.exit_code == 3
    assert result.output.startswith("Error: database cannot be used: ")
    assert "not a database" in result.output
