"""Waiting for what is away at the start."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from structlog.testing import capture_logs

from worker.model.errors import ConfigError, TemporaryError
from worker.runtime.start import Patience, Stopped

AWAY = TemporaryError("nobody listens on this port", "kafka 127.0.0.1:9092")
WRONG = ConfigError("the broker refuses the user name or password", "kafka 127.0.0.1:9092")


def _attempts(*ends: Exception | str) -> Callable[[], str]:
    left = list(ends)

    def attempt() -> str:
        end = left.pop(0)
        if isinstance(end, Exception):
            raise end
        return end

    return attempt


def test_waits_until_it_answers_and_says_so_once() -> None:
    with capture_logs() as logs:
        assert Patience(pause_s=0).wait(_attempts(AWAY, AWAY, AWAY, "here")) == "here"
    assert [line["event"] for line in logs] == ["waiting", "waited_for"]


def test_another_reason_is_told_again() -> None:
    other = TemporaryError("the database is starting", "database")
    with capture_logs() as logs:
        Patience(pause_s=0).wait(_attempts(AWAY, other, "here"))
    assert [line.get("place") for line in logs] == ["kafka 127.0.0.1:9092", "database", None]


def test_what_no_retry_can_help_ends_the_waiting_when_it_was_said_twice() -> None:
    with pytest.raises(ConfigError, match="password"):
        Patience(pause_s=0).wait(_attempts(AWAY, WRONG, WRONG, "never"))
    assert Patience(pause_s=0).wait(_attempts(WRONG, AWAY, WRONG, "here")) == "here"


def test_waiting_can_be_bounded() -> None:
    with pytest.raises(TemporaryError, match="nobody listens"):
        Patience(0.0, pause_s=0).wait(_attempts(AWAY, "never"))


def test_process_that_is_asked_to_end_waits_no_more() -> None:
    patience = Patience(pause_s=60)
    patience.stop()
    with pytest.raises(Stopped):
        patience.wait(_attempts(AWAY, "never"))
