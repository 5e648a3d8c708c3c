"""The image, the compose file and its scripts are what their tools and the standards accept."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from worker.runtime.settings import Settings

pytestmark = pytest.mark.integration


def copied_from_the_checkout(dockerfile: str) -> list[tuple[str, ...]]:
    lines = re.findall(r"^COPY (?!--from)(.+)$", dockerfile, re.MULTILINE)
    return [tuple(line.split()[:-1]) for line in lines]


def test_hadolint_has_nothing_to_say(deploy: Path, tool: Callable[[str], str]) -> None:
    said = subprocess.run(
        [tool("hadolint"), str(deploy / "Dockerfile")], capture_output=True, text=True, check=False
    )
    assert (said.returncode, said.stdout + said.stderr) == (0, "")


def test_what_the_image_copies_is_enough_to_install_the_command(
    deploy: Path, root: Path, tmp_path: Path
) -> None:
    for paths in copied_from_the_checkout((deploy / "Dockerfile").read_text(encoding="utf-8")):
        for path in paths:
            target = tmp_path / "src" / path
            target.parent.mkdir(parents=True, exist_ok=True)
            if (root / path).is_dir():
                shutil.copytree(root / path, target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(root / path, target)
    install = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--no-index",
    ]
    subprocess.run([*install, "--target", str(tmp_path / "site"), str(tmp_path / "src")], check=True)
    linted = subprocess.run(
        [sys.executable, "-m", "worker.cli", "lint"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path / "site")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert linted.returncode == 0, linted.stdout + linted.stderr
    assert (tmp_path / "site" / "worker" / "_pack" / "rules").is_dir()


def test_the_builder_gets_what_the_image_copies(deploy: Path, root: Path) -> None:
    allowed = {
        line.removeprefix("!")
        for line in (root / ".dockerignore").read_text(encoding="utf-8").splitlines()
        if line.startswith("!")
    }
    copied = {
        path
        for paths in copied_from_the_checkout((deploy / "Dockerfile").read_text(encoding="utf-8"))
        for path in paths
    }
    assert copied == allowed


def test_the_image_runs_as_a_numbered_user_who_is_not_root(deploy: Path) -> None:
    users = re.findall(r"^USER (.+)$", (deploy / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
    assert users == ["10001:10001"]


def test_compose_follows_the_specification(deploy: Path, tool: Callable[[str], str]) -> None:
    said = subprocess.run(
        [
            tool("check-jsonschema"),
            "--builtin-schema",
            "vendor.compose-spec",
            str(deploy / "compose.yaml"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 0, said.stdout + said.stderr


def test_compose_opens_ports_on_loopback_only_and_waits_for_what_exists(deploy: Path) -> None:
    compose = YAML(typ="safe", pure=True).load((deploy / "compose.yaml").read_text(encoding="utf-8"))
    for name, service in compose["services"].items():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ())), name
        assert set(service.get("depends_on", ())) <= set(compose["services"])
        assert set(service.get("secrets", ())) <= set(compose["secrets"])
        assert ":" in service["image"], name
    for role in ("gateway", "worker", "deliver"):
        service = compose["services"][role]
        assert service["read_only"]
        assert service["cap_drop"] == ["ALL"]
        assert service["command"] == [role]
        named = {
            name.removeprefix("LPWATCH_").lower()
            for name in service["environment"]
            if name.startswith("LPWATCH")
        }
        assert named <= Settings.model_fields.keys()


def test_secrets_are_made_once_and_shut_off_from_others(deploy: Path, tmp_path: Path) -> None:
    script = shutil.copy(deploy / "compose" / "make-secrets.sh", tmp_path)
    compose = YAML(typ="safe", pure=True).load((deploy / "compose.yaml").read_text(encoding="utf-8"))
    subprocess.run(["bash", str(script)], check=True, capture_output=True)
    made = {path.name: path.read_bytes() for path in (tmp_path / "secrets").iterdir()}
    subprocess.run(["bash", str(script)], check=True, capture_output=True)
    assert {path.name: path.read_bytes() for path in (tmp_path / "secrets").iterdir()} == made
    assert {Path(secret["file"]).name for secret in compose["secrets"].values()} == set(made)
    assert all(len(content.strip()) == 32 for content in made.values())
    assert (tmp_path / "secrets").stat().st_mode & 0o777 == 0o700
