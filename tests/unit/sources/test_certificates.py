"""Reading until when a certificate is valid."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.identities import make_expired, make_identity
from worker.model.errors import ConfigError
from worker.model.time import DAY_MS, from_rfc3339
from worker.runtime.clock import WallClock
from worker.sources.certificates import validity


def test_validity_is_that_of_the_file(tmp_path: Path) -> None:
    found = validity(make_identity(tmp_path, "young").certificate)
    now_ms = WallClock().now_ms()
    assert found.from_ms <= now_ms
    assert 0 < found.until_ms - now_ms <= 2 * DAY_MS
    expired = validity(make_expired(tmp_path, "old").certificate)
    assert expired.from_ms == from_rfc3339("2020-01-01T00:00:00Z")
    assert expired.until_ms == from_rfc3339("2020-02-01T00:00:00Z")


def test_chain_is_valid_while_each_of_it_is(tmp_path: Path) -> None:
    old, young = make_expired(tmp_path, "old").certificate, make_identity(tmp_path, "young").certificate
    chain = tmp_path / "chain.pem"
    chain.write_text(young.read_text() + old.read_text(), encoding="ascii")
    assert validity(chain).until_ms == validity(old).until_ms


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nothing of the kind", "holds no certificate"),
        ("-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n", "damaged"),
        ("-----BEGIN CERTIFICATE-----\n????\n-----END CERTIFICATE-----\n", "damaged"),
    ],
)
def test_file_without_a_certificate_is_refused(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "file.pem").write_text(text, encoding="ascii")
    with pytest.raises(ConfigError, match=said):
        validity(tmp_path / "file.pem")


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"absent\.pem"):
        validity(tmp_path / "absent.pem")
