"""When an addendum was written, by its heading: "Addendum day 2:", "Update 06/01 14:30". Pure: no I/O, no clock.

Systems send a note about an LP again with what was added days later, and with the time of the LP. What stands under a heading
that names a later day counts from then (ADR 0026): not before the note's own time, and not after the version was sent.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta, tzinfo
from itertools import pairwise

from msgspec import structs

from worker.model.time import ClinicalTime, EpochMs, to_datetime, to_ms

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_NUMBER = re.compile(r"(\d{1,4})(?:st|nd|rd|th)?")
_MOST_DAYS = 90
"""Days after an LP that a heading may name: the last window of the catalogue ends 90 days after it."""


def time_under(
    written: Sequence[str], note: ClinicalTime, sent_ms: EpochMs | None, zone: tzinfo
) -> ClinicalTime:
    """Return when what stands under a heading was true, by the heading's words that say when it was written.

    Shape: `note` itself where they say nothing later, or where it is not known when the version was sent.
    """
    if not written or sent_ms is None:
        return note
    begun = to_datetime(note.start_ms).astimezone(zone)
    words = list(written)
    named = [to_ms(moment) for moment in _moments(words, begun)]
    if _days(words) is not None:
        named.append(sent_ms)  # some call the day of the LP day 1: then the day named is yet to come
    at_ms = next((at_ms for at_ms in named if note.start_ms < at_ms <= sent_ms), None)
    if at_ms is None:
        return note
    return structs.replace(note, start_ms=at_ms, end_ms=None, origin=f"{note.origin}, heading")


def _moments(words: list[str], begun: datetime) -> Iterator[datetime]:
    """Give the instants that the words may mean, the likeliest first."""
    clock, words = _clock(words)
    days = _days(words)
    if days is not None:
        with suppress(OverflowError):
            yield _at(begun + timedelta(days=days), clock)
    for month, day in _dates(words):
        for year in (begun.year, begun.year + 1):
            with suppress(ValueError):  # no such day
                yield _at(begun.replace(year=year, month=month, day=day), clock)
    if clock is not None and not any(map(_NUMBER.fullmatch, words)):
        yield _at(begun, clock)


def _clock(words: list[str]) -> tuple[tuple[int, int] | None, list[str]]:
    """Return the time of day, and the words without it."""
    for at in range(1, len(words) - 1):
        hour, minute = words[at - 1], words[at + 1]
        is_clock = words[at] == ":" and hour.isdecimal() and minute.isdecimal()
        if is_clock and int(hour) <= 23 and int(minute) <= 59:  # noqa: PLR2004 - hours and minutes of a day
            return (int(hour), int(minute)), words[: at - 1] + words[at + 2 :]
    return None, words


def _at(day: datetime, clock: tuple[int, int] | None) -> datetime:
    return day if clock is None else day.replace(hour=clock[0], minute=clock[1], second=0, microsecond=0)


def _days(words: list[str]) -> int | None:
    """Return how many days after the LP: "day 2", "2 days post LP"; None for its own day."""
    for at, word in enumerate(words):
        beside = {"day": words[at + 1 : at + 2], "days": words[max(0, at - 1) : at]}.get(word, [])
        if beside and (count := _number(beside[0])) is not None and count <= _MOST_DAYS:
            return count or None
    return None


def _dates(words: list[str]) -> Iterator[tuple[int, int]]:
    """Give (month, day): a day beside the name of its month, or two numbers, the day first and then the month first."""
    for at, word in enumerate(words):
        month = _MONTHS.index(word[:3]) + 1 if word[:3] in _MONTHS else None
        if month is not None:
            beside = (_number(one) for one in (*words[max(0, at - 1) : at], *words[at + 1 : at + 2]))
            yield from ((month, day) for day in beside if day is not None)
    numbers = [_number(word) for word in words]
    for first, second in pairwise(numbers):
        if first is not None and second is not None:
            yield from ((second, first), (first, second))


def _number(word: str) -> int | None:
    found = _NUMBER.fullmatch(word)
    return int(found[1]) if found else None
