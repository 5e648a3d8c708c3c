"""Bearer tokens from a file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from worker.model.errors import ConfigError
from worker.sources.tokens import TokenFile

OLD, NEW = "the-old-token-12345", "the-new-token-12345"


def _write(path: Path, text: str, at_s: int) -> None:
    path.write_text(text, encoding="utf-8")
    os.utime(path, (at_s, at_s))


def test_each_line_is_a_token(tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    _write(file, f"\n  {OLD}  \r\n\n{NEW}", 1)
    tokens = TokenFile(file)
    assert tokens.allows(f"Bearer {OLD}")
    assert tokens.allows(f"bearer  {NEW}")
    assert not tokens.allows(f"Bearer {OLD}{NEW}")
    assert not tokens.allows("Bearer ")


def test_rotated_token_counts_from_the_next_request_on(tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    _write(file, OLD, 1)
    tokens = TokenFile(file)
    _write(file, f"{OLD}\n{NEW}", 2)
    assert tokens.allows(f"Bearer {NEW}")
    assert tokens.allows(f"Bearer {OLD}")
    _write(file, NEW, 3)
    assert not tokens.allows(f"Bearer {OLD}")


def test_file_that_cannot_be_used_leaves_the_tokens(tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    _write(file, OLD, 1)
    tokens = TokenFile(file)
    _write(file, "", 2)
    assert tokens.allows(f"Bearer {OLD}")
    assert not tokens.allows("Bearer ")
    file.unlink()
    assert tokens.allows(f"Bearer {OLD}")


@pytest.mark.parametrize(
    ("text", "said"), [("", "no token"), (" \n", "no token"), (f"{OLD}\nshort", "shorter than 16")]
)
def test_file_without_secrets_is_a_configuration_error(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "tokens"
    _write(file, text, 1)
    with pytest.raises(ConfigError, match=said):
        TokenFile(file)


def test_missing_file_is_a_configuration_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        TokenFile(tmp_path / "none")
