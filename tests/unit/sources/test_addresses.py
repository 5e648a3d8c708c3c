from __future__ import annotations

import pytest

from worker.runtime.settings import Address
from worker.sources.addresses import write_address


@pytest.mark.parametrize(
    ("host", "written"), [("127.0.0.1", "127.0.0.1:2575"), ("ward", "ward:2575"), ("::1", "[::1]:2575")]
)
def test_an_address_is_written_as_it_is_read(host: str, written: str) -> None:
    assert write_address(host, 2575) == written
    assert Address.model_validate(written) == Address(host=host, port=2575)
