"""Write logs as JSON lines, with the keys of an allow-list only: nothing of a patient can slip into a log.

A value under a key that is not listed is dropped and counted; the line says how many were dropped. A listed key takes
numbers, booleans and short texts of plain characters, `error` only the name of a class; the listed keys are chosen so
that none of them holds patient data.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from typing import Any, TextIO

import structlog

from worker.runtime.clock import Stopwatch

ALLOWED_KEYS = frozenset(
    {
        "address",
        "alert",
        "attempt",
        "cases",
        "changes",
        "clock",
        "code",
        "count",
        "dead_lettered",
        "due",
        "error",
        "event",
        "facts",
        "failed",
        "feed",
        "ignored",
        "lag",
        "level",
        "mode",
        "next_offset",
        "notices",
        "pack",
        "part",
        "place",
        "port",
        "processed",
        "reason",
        "received",
        "role",
        "rule",
        "rules",
        "seconds",
        "severity",
        "signal",
        "sink",
        "source",
        "stage",
        "state",
        "status",
        "timestamp",
        "version",
    }
)

REPEAT_S = 60.0

_MAX_TEXT = 200
_PLAIN = re.compile(r"[\w .,:;/()\[\]{}@^|+=<>*'\"#%-]*", re.ASCII)
_EVENT = re.compile(r"[a-z][a-z0-9_]*")
_CLASS_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")

Event = MutableMapping[str, Any]  # structlog's own type for a line that is being built
OnDropped = Callable[[int], None]

_Statement = tuple[str, str, int]  # the name of a library's logger, a file and a line


class AllowList:
    """Drop from every log line what is not on the list (a structlog processor)."""

    def __init__(self, on_dropped: OnDropped) -> None:
        """Keep whom to tell how many keys were dropped."""
        self._on_dropped = on_dropped

    def __call__(self, _logger: object, _method: str, line: Event) -> Event:
        """Return the line without foreign keys, odd values, exception texts or events that are not constant."""
        kept = {key: value for key, value in line.items() if key in ALLOWED_KEYS and _is_plain(value)}
        if "error" in kept and not _CLASS_NAME.fullmatch(str(kept["error"])):
            del kept["error"]
        if not _EVENT.fullmatch(str(kept.get("event", ""))):
            kept["event"] = "unnamed_event"
        dropped = len(line) - len(kept)
        if dropped > 0:
            self._on_dropped(dropped)
            kept["dropped_keys"] = dropped
        return kept


def _is_plain(value: object) -> bool:
    if isinstance(value, str):
        return len(value) <= _MAX_TEXT and _PLAIN.fullmatch(value) is not None
    return value is None or isinstance(value, bool | int | float)


def configure_logs(
    stream: TextIO,
    *,
    level: str = "info",
    on_dropped: OnDropped | None = None,
    repeat_s: float = REPEAT_S,
) -> None:
    """Send the logs of the worker, and of the libraries under it, to a stream as JSON lines.

    Shape: `level` as in `logging`, any case. Texts of other libraries' log lines are replaced by the logger's name: they are
    not ours to vouch for. What a library says again and again is told once in `repeat_s`, with a count.
    """
    number = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            AllowList(on_dropped or _ignore),
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(stream),
        cache_logger_on_first_use=False,
    )
    logging.getLogger().handlers = [_ForeignLogs(repeat_s)]


@dataclass(slots=True)
class _Repeated:
    """A line of a library that was told: since when, and how often it came again."""

    told: Stopwatch
    count: int = 0


class _ForeignLogs(logging.Handler):
    """Say that a library logged something, without its text; the same thing again once a minute, with how often it came.

    Shape: the same thing is what one statement of a library says. What came while it was not told is told with the next
    line of any library after the minute is over, so that a library which says something else is never kept silent.
    """

    def __init__(self, every_s: float) -> None:
        super().__init__(logging.WARNING)
        self._every_s = every_s
        self._told: dict[_Statement, _Repeated] = {}

    def emit(self, record: logging.LogRecord) -> None:
        key = (record.name, record.pathname, record.lineno)
        if key in self._told:
            self._told[key].count += 1
        else:
            self._told[key] = _Repeated(Stopwatch())
            _tell(key)
        for known, repeated in list(self._told.items()):
            if repeated.told.seconds >= self._every_s:
                del self._told[known]
                if repeated.count:
                    self._told[known] = _Repeated(Stopwatch())
                    _tell(known, count=repeated.count)


def _tell(statement: _Statement, **counted: int) -> None:
    structlog.get_logger().warning("library_warning", source=statement[0], **counted)


def _ignore(_count: int) -> None:
    """Count nothing."""
