"""An assessment that remembers the one before equals one that does not, whatever came in between."""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from tests.property.test_rules_evaluation import CONTEXT, HOURS, LPS, others, quantities, statements
from tests.unit.correlate.facts import at, discharge, fact, puncture, stay
from worker.model.fact import Assertion, AssertionStatus, Fact, Group, Quantity, Version
from worker.model.message import IssueKind, Unused
from worker.pipeline import Assessment, Pack, Recall, assess, find_blind_spots
from worker.rules.blanks import charted_of, missing_beside
from worker.runtime.offline import load_pack

UNREAD = "heart-rate"


@cache
def pack() -> Pack:
    return load_pack()


@st.composite
def unread(draw: st.DrawFn) -> Fact:
    """Draw a reading of a concept that no rule reads."""
    return fact(UNREAD, draw(HOURS), Quantity(draw(st.sampled_from([70.0, 120.0])), "/min"))


@st.composite
def versions(draw: st.DrawFn) -> Fact:
    """Draw a reading, perhaps a later or earlier version of one that is there, deleted, or of a group that replaces.

    As in what is read from messages, versions that say different things have different digests.
    """
    fact = draw(quantities() | statements() | others() | unread())
    hours = draw(st.sampled_from([0, 0, 0, 1, 5]))
    version = Version(fact.version.major + hours, draw(st.integers(1, 3)), fact.version.digest)
    changed: dict[str, Any] = {"version": version, "is_deleted": draw(st.sampled_from([False] * 5 + [True]))}
    if isinstance(fact.value, Quantity):
        changed["key"] = f"{fact.concept}|{fact.effective.start_ms}"
        if draw(st.booleans()):
            changed["key"] = f"{fact.concept}|{draw(st.integers(0, 2))}"
        status = draw(st.sampled_from(["final", "final", "preliminary"]))
        changed["result_status"] = status
        changed["version"] = Version(version.major, version.minor, version.digest + status)
    if draw(st.sampled_from([False] * 4 + [True])):
        key, stated = draw(st.sampled_from(["a", "b"])), draw(st.integers(0, 3))
        changed["group"] = Group(key, (stated, 1), draw(st.booleans()))
    return msgspec.structs.replace(fact, **changed)


@st.composite
def notes(draw: st.DrawFn) -> Fact:
    """Draw a line of a version of one of two notes, or the note itself: repeated, copied, contradicted, withdrawn."""
    number, stated = draw(st.sampled_from(["n1", "n2"])), (at(draw(st.integers(0, 3)) * 20.0), 2)
    group, hours = Group(number, stated, replaces=True), draw(st.sampled_from([-5.0, 4.0, 30.0]))
    concept = draw(st.sampled_from(["note", "headache", "headache", "positional-headache", "leg-weakness"]))
    key, major = f"{number}|{concept}", stated[0]
    if concept == "note":
        texts = draw(st.sampled_from([("text:a",), ("text:b",), ("text:b", "replaces:n1")]))
        is_deleted = draw(st.sampled_from([False] * 3 + [True]))
        return fact(
            concept, hours, None, key=number, group=group, major=major, deleted=is_deleted, qualifiers=texts
        )
    status = draw(st.sampled_from([AssertionStatus.PRESENT, AssertionStatus.RESOLVED]))
    said = Assertion(status, (), (0, 1), f"{concept} {status} {draw(st.integers(0, 1))}")
    return fact(concept, hours, said, key=key, group=group, major=major)


EVENTS = st.builds(puncture, st.sampled_from([0.0, 30.0, 50.0])) | st.builds(
    stay, st.sampled_from([-30.0, 2.0])
)
LEAVING = st.builds(discharge, st.sampled_from([5.0, 20.0]))
BATCH = st.lists(versions() | versions() | versions() | notes() | notes() | EVENTS | LEAVING, max_size=4)
STEPS = st.lists(st.tuples(BATCH, st.sampled_from([0, 0.1, 3, 8, 40])), min_size=1, max_size=6)
UNUSED = (
    Unused(at(3), "ward", IssueKind.MISSING_UNIT, "body-temperature"),
    Unused(at(4), "ward", IssueKind.UNMAPPED_CODE, "x|1"),
)


def told(found: Assessment) -> dict[str, Any]:
    """Write down everything that anybody asks of an assessment."""
    return {
        "episodes": found.episodes,
        "findings": found.findings,
        "next": (found.next_change_at_ms, found.awaits_feeds),
        "ties": found.ties,
        "facts": {concept: found.index.series(concept) for concept in found.index.concepts},
        "rules": [
            (each.rule.id, each.truth, each.finding, each.next_change_at_ms, each.awaits_feeds_until_ms)
            for each in found.evaluations
        ],
        "missing": [
            missing_beside(finding, found.evaluations, charted_of(found.expected))
            for finding in found.findings
        ],
        "beside": found.beside,
        "traces": [each.trace for each in found.evaluations],
        "blind": find_blind_spots(found, pack(), UNUSED),
    }


@given(
    LPS,
    CONTEXT,
    STEPS,
    st.booleans(),
    st.sampled_from([1000.0, 6.0, 20.0]),
    st.randoms(use_true_random=False),
)
def test_asking_what_changed_equals_asking_everything(
    lps: list[float],
    context: tuple[Fact, ...],
    steps: list[tuple[list[Fact], float]],
    is_shuffled: bool,  # noqa: FBT001 - hypothesis passes it so
    silent_from: float,
    random: Any,  # noqa: ANN401 - hypothesis gives a random.Random
) -> None:
    recall, facts, hours = Recall(pack()), [*map(puncture, lps), *context], 0.0
    for batch, passed in [([], 0.0), *steps]:
        facts += batch
        hours += passed
        if is_shuffled:
            random.shuffle(facts)
        unheard = {"body-temperature": at(silent_from)} if hours > silent_from else {}
        again = recall.assess(tuple(facts), at(hours), at(hours), unheard)
        assert told(again) == told(assess(facts, pack(), at(hours), at(hours), unheard))


def test_a_fact_that_no_rule_reads_asks_none_until_one_is_due() -> None:
    assert UNREAD not in pack().rules.read
    facts: tuple[Fact, ...] = (puncture(0), stay(-1), fact("body-temperature", 1, Quantity(39.0, "Cel")))
    recall = Recall(pack())
    before = recall.assess(facts, at(2), at(2)).evaluations
    for hours, is_asked in [(3, False), (4, False), (9, True)]:
        facts = (*facts, fact(UNREAD, hours, Quantity(80.0, "/min")))
        again = recall.assess(facts, at(hours), at(hours))
        assert (again.evaluations is not before) == is_asked
        assert told(again) == told(assess(facts, pack(), at(hours), at(hours)))


@given(st.lists(versions(), min_size=2, max_size=8), st.integers(0, 8))
def test_facts_that_are_gone_and_time_that_went_back_are_met_anew(facts: list[Fact], gone: int) -> None:
    recall = Recall(pack())
    recall.assess((puncture(0), *facts), at(50), at(50))
    kept = (puncture(0), *facts[gone:])
    assert told(recall.assess(kept, at(40), at(30))) == told(assess(kept, pack(), at(40), at(30)))


@given(versions(), HOURS)
def test_an_assessment_that_failed_leaves_nothing_half_done(fact: Fact, hours: float) -> None:
    recall, facts = Recall(pack()), (puncture(0), fact)
    recall.assess(facts[:1], at(60), at(60))
    broken = msgspec.structs.replace(fact, patient=None)  # type: ignore[arg-type] # a fact that nobody can have stored
    with suppress(AttributeError):
        recall.assess((*facts[:1], broken), at(60), at(60))
    later = at(60 + abs(hours))
    assert told(recall.assess(facts, later, later)) == told(assess(facts, pack(), later, later))


@st.composite
def parts(draw: st.DrawFn) -> Fact:
    """Draw a part of the GCS, or the GCS itself, at one of two instants; perhaps taken back."""
    concept = draw(st.sampled_from(["gcs-eye", "gcs-verbal", "gcs-motor", "gcs"]))
    hours, value = draw(st.sampled_from([2.0, 3.0])), Quantity(draw(st.sampled_from([1.0, 4.0])), "{score}")
    is_deleted = draw(st.sampled_from([False] * 3 + [True]))
    major = at(draw(st.integers(3, 5)))
    return fact(concept, hours, value, key=f"{concept}|{hours}", deleted=is_deleted, major=major)


@given(st.lists(st.lists(parts(), min_size=1, max_size=3), min_size=1, max_size=6))
def test_totals_are_those_of_all_parts_that_stand(batches: list[list[Fact]]) -> None:
    recall, facts = Recall(pack()), [puncture(0)]
    for batch in [[], *batches]:
        facts += batch
        again = recall.assess(tuple(facts), at(9), at(9))
        assert told(again) == told(assess(facts, pack(), at(9), at(9)))
