"""Deaths in PID-29 and PID-30."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from worker.correlate.versions import current_facts
from worker.model.fact import DIED, EncounterValue, Fact
from worker.model.message import IssueKind, Reading
from worker.model.time import from_rfc3339

Read = Callable[..., Reading]
SENT = from_rfc3339("2026-01-05T12:00:00Z")
NINE = "20260105090000+0000"


def death(read: Read, time: str = "", indicator: str = "", kind: str = "ADT^A08") -> tuple[Fact, ...]:
    pid = "PID|1||P1" + "|" * 26 + f"{time}|{indicator}"
    return read(kind=kind, pid=pid).facts


@pytest.mark.parametrize("indicator", ["", "Y", "y"])
def test_a_death_is_a_discharge_at_its_time(read: Read, indicator: str) -> None:
    (fact,) = death(read, NINE, indicator)
    assert (fact.concept, fact.value) == ("discharge", EncounterValue("unknown", reason=DIED))
    assert (fact.effective.start_ms, fact.effective.origin) == (
        from_rfc3339("2026-01-05T09:00:00Z"),
        "PID-29",
    )


def test_a_death_without_a_time_counts_from_its_message(read: Read) -> None:
    (fact,) = death(read, "", "Y")
    assert fact.effective.start_ms == SENT


def test_of_a_death_that_is_known_to_the_day_its_last_instant_known_counts(read: Read) -> None:
    """The stay may have begun on that day."""
    assert [fact.effective.start_ms for fact in death(read, "20260105")] == [SENT]
    assert [fact.effective.start_ms for fact in death(read, "20260104")] == [
        from_rfc3339("2026-01-05T00:00:00Z")
    ]


def test_a_death_at_an_impossible_time_counts_from_its_message_and_is_told(read: Read) -> None:
    reading = read(kind="ADT^A08", pid="PID|1||P1" + "|" * 26 + "20270101|Y")
    assert [fact.effective.start_ms for fact in reading.facts] == [SENT]
    assert [issue.kind for issue in reading.issues] == [IssueKind.BAD_TIME]


@pytest.mark.parametrize(
    ("time", "indicator", "kind"), [("", "N", "ADT^A31"), ('""', "", "ADT^A01"), ("", '""', "ADT^A08")]
)
def test_a_death_is_taken_back_at_any_time_of_it(read: Read, time: str, indicator: str, kind: str) -> None:
    stated = [*death(read, NINE), *death(read, "", "Y")]
    (void,) = death(read, time, indicator, kind)
    assert current_facts([*stated, void]).facts == current_facts([void, *stated]).facts == ()


def test_that_somebody_lives_is_no_news(read: Read) -> None:
    assert death(read, "", "N", "ADT^A01") == ()
    assert death(read) == ()
