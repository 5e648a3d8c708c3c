"""What `/readyz` says while a role cannot take messages."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from worker.runtime.metrics import Metrics
from worker.runtime.role_settings import Role
from worker.runtime.serve import _Process
from worker.runtime.settings import Settings


@pytest.mark.parametrize(
    ("is_draining", "trouble", "not_ready", "said"),
    [
        (False, "", "", ""),
        (False, "", "storage fails", "storage fails"),
        (False, "the engine has stopped", "storage fails", "the engine has stopped"),
        (True, "", "", "draining"),
    ],
)
def test_readiness_says_what_is_wrong(*, is_draining: bool, trouble: str, not_ready: str, said: str) -> None:
    process = _process()
    if is_draining:
        process._ending.set()
    # Any: stand-ins for what takes a whole worker to build.
    process._threads = cast("Any", [SimpleNamespace(trouble=text, delay="") for text in ("", trouble)])
    process._service = cast("Any", SimpleNamespace(not_ready=lambda: not_ready))
    assert process._not_ready() == said
    assert process._not_alive() == trouble


def test_role_that_waits_for_a_broker_is_alive_but_not_ready_and_says_for_what() -> None:
    process = _process()
    assert process._not_ready() == "starting"
    process._patience.waits_for = "waiting for kafka 127.0.0.1:9092: nobody listens on this port"
    assert process._not_ready() == process._patience.waits_for
    assert process._not_alive() == ""


def _process() -> _Process:
    async def make() -> _Process:
        return _Process(Role.WORKER, Settings.model_construct(), Metrics())

    return asyncio.run(make())
