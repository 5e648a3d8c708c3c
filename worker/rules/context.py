"""What predicates look at and what they answer with. Pure: no I/O, no clock."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from worker.model.finding import Truth
from worker.model.time import HOUR_MS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from worker.correlate.index import Series
    from worker.correlate.view import EpisodeView
    from worker.model.fact import Fact
    from worker.model.finding import Trace
    from worker.model.time import EpochMs


class Judged(NamedTuple):
    """Facts by what a clause says of them; those for which it is false are left out."""

    holding: Series
    unsure: Series


class Scanned(NamedTuple):
    """The facts of a reading that were looked at, and those of them that its fixed part does not rule out."""

    facts: tuple[Fact, ...]
    kept: tuple[Fact, ...]


class Hit(NamedTuple):
    """One fact for which a rule holds.

    Shape: `at_ms` is the instant from which it held (never before the LP); `support` the other facts that it rests on.
    `is_closed` only for a gap in observations that ended since, and for what must hold together with it. `remarks`
    say how the fact was judged, where it was not as reported.
    """

    fact: Fact
    at_ms: EpochMs
    support: tuple[Fact, ...] = ()
    is_closed: bool = False
    remarks: tuple[str, ...] = ()


class Outcome(NamedTuple):
    """What an episode predicate says.

    Shape: `hits` by time, empty unless true; `since_ms` the first instant at which it held, None for what has no time (an age,
    a negation). `next_ms` is the next instant at which the answer may change by time alone; `awaits_ms` an instant in
    the past up to which feeds must be consumed before the answer is known.
    """

    truth: Truth
    hits: tuple[Hit, ...] = ()
    since_ms: EpochMs | None = None
    next_ms: EpochMs | None = None
    awaits_ms: EpochMs | None = None


class Wanted(NamedTuple):
    """What somebody could bring of some concepts.

    Shape: `measured` what can be measured or reported, `given` drugs; `is_stated` where a note could say it. What happens to a
    patient (visits, procedures) nobody brings.
    """

    measured: tuple[str, ...] = ()
    given: tuple[str, ...] = ()
    is_stated: bool = False


class Blank(NamedTuple):
    """What an answer lacks.

    Shape: `reason` in words ("no data"); `inputs` name what it is said of, empty where the reason names it itself. `until_ms`
    is the last clinical instant that would count, None where any does. `is_on_file` of a value that decides nothing. `rule`
    names another rule on which the answer rests: what that one lacks is lacking here.
    """

    reason: str
    inputs: tuple[str, ...] = ()
    until_ms: EpochMs | None = None
    is_on_file: bool = False
    rule: str = ""


NOTHING = Outcome(Truth.FALSE)
UNKNOWN = Outcome(Truth.UNKNOWN)


@dataclass(slots=True)
class Context:
    """One assessment of one LP.

    Shape: `outcomes` hold what other rules said of the same LP, for the predicate `rule`. `answers` caches episode predicates
    by identity, because they are asked once for each reading of a rule; `remembered` what named definitions said of facts,
    by identity of both, because several rules ask the same; `judged` which facts
    can stand near or before others; `bases` the baseline of each concept, by how it is chosen. `scanned` may come from the
    assessment before this one, where LP and birth date are the same and every fact since is later than those of its concept.
    `unheard` are concepts whose feeds are silent, with the instant up to which they were heard.
    """

    view: EpisodeView
    as_of_ms: EpochMs
    consumed_until_ms: EpochMs
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    answers: dict[int, Outcome] = field(default_factory=dict)
    remembered: dict[int, dict[int, Truth]] = field(default_factory=dict)
    judged: dict[int, Judged] = field(default_factory=dict)
    bases: dict[tuple[str, str, int | None], Fact | None] = field(default_factory=dict)
    scanned: dict[int, Scanned] = field(default_factory=dict)
    unheard: Mapping[str, EpochMs] = field(default_factory=dict)
    anchor_ms: EpochMs = field(init=False)
    series_ms: EpochMs = field(init=False)
    age_days: int | None = field(init=False)

    def __post_init__(self) -> None:
        """Read once what every predicate asks for."""
        self.anchor_ms = self.view.anchor_ms
        self.series_ms = self.view.episode.series_start_ms
        self.age_days = self.view.age_days

    def hours(self, at_ms: EpochMs) -> str:
        """Write an instant as hours from the LP: "+10 h", "-0.3 h"."""
        return f"{round((at_ms - self.anchor_ms) / HOUR_MS, 2):+g} h"


@dataclass(frozen=True, slots=True)
class Window:
    """A span in milliseconds from the LP; both ends count.

    Shape: `starts_with_series` counts the start from the first LP of the series.
    """

    first_ms: int
    last_ms: int
    starts_with_series: bool = False
    words: str = ""

    def bounds(self, context: Context) -> tuple[EpochMs, EpochMs]:
        """Return the first and last instant; a window that starts at or after an LP never reaches before this one."""
        start = context.series_ms if self.starts_with_series else context.anchor_ms
        first_ms = start + self.first_ms
        if self.first_ms >= 0:
            first_ms = max(first_ms, context.anchor_ms)
        return first_ms, context.anchor_ms + self.last_ms


class ReadingNode:
    """A predicate about one fact r.

    `test` is the fast answer; `explain` gives the same truth with words; `support` the other facts it rests on, when true.
    `cost` orders the parts of a clause: what looks at r alone is asked before what looks for other facts.
    """

    __slots__ = ("label",)

    label: str

    @property
    def cost(self) -> int:
        """Return how much there is to look at: 0 for r alone."""
        return 0

    @property
    def is_fixed(self) -> bool:
        """Tell whether the answer for r stays while LP and birth date do, if of r's own concept only later facts come."""
        return False

    def test(self, fact: Fact, context: Context) -> Truth:
        """Answer for one fact."""
        raise NotImplementedError

    def explain(self, fact: Fact, context: Context) -> Trace:
        """Answer for one fact, with the reason."""
        raise NotImplementedError

    def support(self, fact: Fact, context: Context) -> tuple[Fact, ...]:  # noqa: ARG002 - most predicates rest on r alone
        """Return the facts besides r that make it true, any order."""
        return ()

    def lacks(self, fact: Fact, context: Context) -> tuple[Blank, ...]:  # noqa: ARG002 - most are answered by what is on file
        """Return what is not on file and may make it true; nothing where it is true, or stays as it is whatever comes."""
        return ()

    def remarks(self, fact: Fact, context: Context) -> tuple[str, ...]:  # noqa: ARG002 - most judge r as it was reported
        """Return what readers of an alert must know of how r was judged; nothing where it was as reported."""
        return ()


class EpisodeNode:
    """A predicate about one LP."""

    __slots__ = ("label",)

    label: str

    @property
    def is_fixed(self) -> bool:
        """Tell whether the answer stays while LP and birth date do, whatever facts come."""
        return False

    def ask(self, context: Context) -> Outcome:
        """Answer, at most once for each assessment."""
        known = context.answers.get(id(self))
        if known is None:
            known = context.answers[id(self)] = self.evaluate(context)
        return known

    def evaluate(self, context: Context) -> Outcome:
        """Answer afresh."""
        raise NotImplementedError

    def explain(self, context: Context) -> Trace:
        """Answer, with the reason."""
        raise NotImplementedError

    def blanks(self, context: Context) -> Iterator[Blank]:  # noqa: ARG002 - most predicates are answered by their parts
        """Give what is not on file and may make it true, or true of more; nothing that cannot be there yet."""
        yield from ()

    def undecided(self, context: Context) -> Iterator[Fact]:  # noqa: ARG002 - as for `blanks`
        """Give the facts that leave the answer unknown, because they decide nothing."""
        yield from ()
