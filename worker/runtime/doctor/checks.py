"""What a check says: how it stands, one sentence, and the next step."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from shlex import quote

from worker.model.errors import ConfigError, LpwatchError


class Status(StrEnum):
    """How a check ended: `WARNING` works today and may not tomorrow, `ERROR` does not work."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Check:
    """The outcome of one check.

    Shape: `name` says what was looked at, `says` how it is, in one sentence; `next_step` is empty where all is well. Neither
    holds a secret or a patient's data.
    """

    name: str
    status: Status
    says: str
    next_step: str = ""


def well(name: str, says: str) -> Check:
    """Say that something works."""
    return Check(name, Status.OK, says)


def doubtful(name: str, says: str, next_step: str) -> Check:
    """Say that something works today and may not tomorrow."""
    return Check(name, Status.WARNING, says, next_step)


def wrong(name: str, says: str, next_step: str) -> Check:
    """Say that something does not work."""
    return Check(name, Status.ERROR, says, next_step)


def of_error(name: str, error: LpwatchError, next_step: str = "") -> Check:
    """Make a check of an error, whose reason says what is wrong and mostly what to do."""
    usual = "correct the setting" if isinstance(error, ConfigError) else "start it, or correct its address"
    return wrong(name, str(error), next_step or usual)


def command(words: str, config: Path | None) -> str:
    """Write a command of ours as it can be run here: with the settings file that doctor was given."""
    return f"lpwatch {words}" if config is None else f"lpwatch {words} --config {quote(str(config))}"


def guarded(name: str, checks: Callable[[], Iterable[Check]]) -> Iterator[Check]:
    """Give what these checks say; what they raise becomes a check too."""
    try:
        yield from checks()
    except LpwatchError as error:
        yield of_error(name, error)


def once(checks: Iterable[Check]) -> list[Check]:
    """Leave out what was said already, if with other figures: roles share settings."""
    first: dict[tuple[str, Status, str], Check] = {}
    for check in checks:
        first.setdefault((check.name, check.status, check.next_step), check)
    return list(first.values())
