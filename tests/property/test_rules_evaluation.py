"""Laws of evaluation: order and receipt do not matter, incremental equals full, the trace tells the same truth."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.unit.correlate.facts import Coded, at, born, fact, finding, puncture, stay
from tests.unit.rules.pack import default_book, evaluations
from worker.model.fact import AssertionStatus, Comparator, Fact, Quantity, SourceRef
from worker.model.finding import Finding, Trace, Truth
from worker.rules.evaluate import Evaluation
from worker.rules.interval import Interval, Relation, decide, interval_of, negate
from worker.rules.predicates.logic import all_of, any_of

HOURS = st.integers(-40 * 4, 60 * 4).map(lambda quarter: quarter / 4)
QUANTITIES = {
    "body-temperature": ("Cel", [36.9, 37.6, 38.0, 38.2, 38.7, 39.4]),
    "pain-score": ("{score}", [0.0, 2.0, 4.0, 5.0, 8.0]),
    "back-pain-score": ("{score}", [1.0, 4.0, 7.0]),
    "gcs": ("{score}", [15.0, 14.0, 13.0, 9.0]),
    "gcs-eye": ("{score}", [4.0, 2.0]),
    "gcs-motor": ("{score}", [6.0, 4.0]),
    "gcs-verbal": ("{score}", [5.0, 2.0]),
    "csf-wbc": ("/uL", [2.0, 6.0, 12.0, 240.0]),
    "csf-rbc": ("/uL", [0.0, 9000.0]),
    "platelets": ("10*9/L", [38.0, 60.0]),
    "inr": ("1", [1.2, 1.6]),
}
STATEMENTS = ("confusion", "drowsiness", "altered-consciousness")
QUALIFIERS = st.lists(st.sampled_from(["baseline", "chronic", "worsening"]), max_size=1)


@st.composite
def quantities(draw: st.DrawFn) -> Fact:
    concept = draw(st.sampled_from(sorted(QUANTITIES)))
    unit, values = QUANTITIES[concept]
    comparator = draw(st.sampled_from([Comparator.EXACT] * 5 + [Comparator.BELOW, Comparator.ABOVE]))
    value = Quantity(draw(st.sampled_from(values)), unit, comparator)
    hours = draw(HOURS)
    return fact(concept, hours, value, key=f"{concept}|{hours}|{value.value}|{comparator}")


@st.composite
def statements(draw: st.DrawFn) -> Fact:
    status = draw(st.sampled_from(AssertionStatus))
    return finding(draw(st.sampled_from(STATEMENTS)), draw(HOURS), status, *draw(QUALIFIERS))


@st.composite
def others(draw: st.DrawFn) -> Fact:
    concept, values = draw(
        st.sampled_from(
            [("acvpu", "ACVPU?"), ("sedation", "m"), ("anticoagulant", "w"), ("note", "x"), ("attempts", "y")]
        )
    )
    value = None if concept == "note" else Coded(draw(st.sampled_from(values)))
    return fact(concept, draw(HOURS), value)


FACTS = st.lists(quantities() | statements() | others(), max_size=14)
LPS = st.lists(st.sampled_from([0.0, 30.0, 50.0]), min_size=1, max_size=2, unique=True)
CONTEXT = st.sampled_from([(), (born(9000),), (born(20),), (stay(-30),), (born(9000), stay(-30), stay(2))])


@st.composite
def records(draw: st.DrawFn) -> tuple[Fact, ...]:
    found = (*map(puncture, draw(LPS)), *draw(CONTEXT), *draw(FACTS))
    return tuple({each.key: each for each in found}.values())


def told(found: tuple[Evaluation, ...]) -> dict[tuple[str, int], Finding | None]:
    return {(each.rule.id, each.context.anchor_ms): each.finding for each in found}


@given(records(), st.randoms(use_true_random=False), st.integers(0, 80))
def test_order_and_receipt_of_facts_do_not_matter(
    facts: tuple[Fact, ...], random: object, as_of: int
) -> None:
    shuffled = list(facts)
    random.shuffle(shuffled)  # type: ignore[attr-defined] # hypothesis gives a random.Random
    late = [replace(each, source=SourceRef("feed", "m1", "OBR[1]/OBX[1]", at(999))) for each in shuffled]
    first, second = told(evaluations(facts, as_of=as_of)), told(evaluations(late, as_of=as_of))
    assert first.keys() == second.keys()
    for name, finding_ in first.items():
        other = second[name]
        assert (finding_ is None) == (other is None)
        if finding_ is not None and other is not None:
            assert finding_.identity == other.identity
            assert (finding_.effective_ms, finding_.latest_ms) == (other.effective_ms, other.latest_ms)
            assert (finding_.remarks, finding_.peak) == (other.remarks, other.peak)


@given(
    records(), st.lists(quantities() | statements() | others(), min_size=1, max_size=3), st.integers(0, 80)
)
def test_asking_only_what_a_change_concerns_equals_asking_everything(
    facts: tuple[Fact, ...], added: list[Fact], as_of: int
) -> None:
    known = {each.key for each in facts}
    fresh = [each for each in added if each.key not in known]
    concepts = {each.concept for each in fresh}
    before = told(evaluations(facts, as_of=as_of))
    full = told(evaluations((*facts, *fresh), as_of=as_of))
    again = told(evaluations((*facts, *fresh), as_of=as_of, changed=concepts))
    concerned = {rule.id for rule in default_book().rules_for(concepts)}
    assert {name for name, _ in again} <= concerned
    kept = {name: found for name, found in before.items() if name[0] not in concerned}
    assert kept | again == full


@given(records(), st.integers(0, 80), st.integers(0, 80))
def test_the_trace_tells_the_truth_of_the_evaluation(
    facts: tuple[Fact, ...], as_of: int, consumed: int
) -> None:
    for each in evaluations(facts, as_of=as_of, consumed=consumed):
        assert each.trace.truth is each.truth
        assert (each.finding is not None) == (each.truth is Truth.TRUE)
        _assert_joined(each.trace)


def _assert_joined(trace: Trace) -> None:
    """Every all, any and not of a trace agrees with its children."""
    truths = [child.truth for child in trace.children]
    joins = {"all": all_of, "any": any_of, "not": lambda parts: negate(parts[0])}
    if trace.label in joins:
        assert trace.truth is joins[trace.label](truths)
    for child in trace.children:
        _assert_joined(child)


@given(records(), st.integers(0, 80))
def test_nothing_changes_before_the_next_change_is_due(facts: tuple[Fact, ...], as_of: int) -> None:
    found = evaluations(facts, as_of=as_of)
    for each in found:
        next_ms = each.next_change_at_ms
        if next_ms is not None:
            assert next_ms > at(as_of)
            until = (next_ms - 1 - at(0)) / 3_600_000
            just_before = told(evaluations(facts, as_of=until))
            name = (each.rule.id, each.context.anchor_ms)
            assert just_before[name] == each.finding


NUMBERS = st.builds(
    Quantity, st.integers(-3, 12).map(float), st.just("/uL"), st.sampled_from(Comparator), st.just("")
)


@given(NUMBERS, st.integers(-3, 12), st.floats(-20, 30))
def test_a_comparison_is_decided_only_where_every_possible_number_agrees(
    quantity: Quantity, limit: int, candidate: float
) -> None:
    number = interval_of(quantity)
    is_possible = (number.low < candidate or (number.low == candidate and not number.is_low_open)) and (
        candidate < number.high or (candidate == number.high and not number.is_high_open)
    )
    for relation in Relation:
        truth = decide(relation, number, limit)
        if is_possible and truth is not Truth.UNKNOWN:
            assert decide(relation, Interval(candidate, candidate), limit) is truth
