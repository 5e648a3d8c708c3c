"""What `/readyz` says while the worker cannot take messages."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from worker.runtime.run import _health


@pytest.mark.parametrize(
    ("is_draining", "is_engine_alive", "is_storage_failing", "said"),
    [
        (False, True, False, ""),
        (False, True, True, "storage fails"),
        (False, False, True, "the engine has stopped"),
        (True, True, True, "draining"),
    ],
)
def test_readiness_says_what_is_wrong(
    *, is_draining: bool, is_engine_alive: bool, is_storage_failing: bool, said: str
) -> None:
    ending = asyncio.Event()
    if is_draining:
        ending.set()
    settings = SimpleNamespace(http=SimpleNamespace(host="127.0.0.1", port=0), http_allow_insecure=False)
    parts = SimpleNamespace(seconds_since_step=lambda: 0.0, is_storage_failing=lambda: is_storage_failing)
    engine = SimpleNamespace(is_alive=is_engine_alive)
    # Any: stand-ins for what takes a whole worker to build.
    server = _health(*cast("tuple[Any, Any, Any]", (settings, parts, engine)), ending)
    assert server is not None
    assert server._probes.not_ready() == said
