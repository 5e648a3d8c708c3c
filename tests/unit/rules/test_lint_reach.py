"""What can never hold is refused; the nearest thing that can hold passes."""

from __future__ import annotations

import pytest

from tests.unit.rules.pack import book_of, rule_text
from worker.model.errors import PackError

HOUSE = "house_choice: a lead"
NUMBERS = {
    "minus_day": "-24, unit: h",
    "zero": "0, unit: h",
    "day": "24, unit: h",
    "two_days": "48, unit: h",
    "four_days": "96, unit: h",
    "end_h": "100, unit: h",
    "late": "101, unit: h",
    "long": "200, unit: h",
    "warm": "38, unit: Cel",
    "hot": "39, unit: Cel",
    "five": "5, unit: '1'",
    "six": "6, unit: '1'",
    "young": "90, unit: d",
    "old": "91, unit: d",
    "one": "1, unit: Cel",
    "two": "2, unit: Cel",
}
DEFINITIONS = f"""
definitions:
  infant:
    title: Infant
    params: {{age: {{value: 90, unit: d, {HOUSE}}}}}
    where: {{age: {{below: $age}}}}
  hot:
    title: Hot
    of: [body-temperature]
    params: {{limit: {{value: 39, unit: Cel, {HOUSE}}}}}
    where: {{above: $limit}}
"""


def compile_rule(
    when: str, more: str = "", definitions: str = DEFINITIONS, severity: str = "urgent"
) -> list[str]:
    """Compile a rule of which the window is 0 to 100 h, with the numbers that it names; give the problems."""
    used = "\n".join(
        f"{name}: {{value: {value}, {HOUSE}}}"
        for name, value in NUMBERS.items()
        if f"${name}" in (when + more).replace("}", ",").replace("]", ",").replace(",", " ").split()
    )
    try:
        book_of(rule_text(when, used, more=more, severity=severity), definitions=definitions)
    except PackError as error:
        return str(error).splitlines()
    return []


def temperature(where: str) -> str:
    return f"reading: {{of: [body-temperature], where: {where}}}"


def finding(where: str) -> str:
    return f"finding: {{of: [headache], {where}}}"


NEVER = [
    # the window is 0 to 100 h
    (
        temperature("{since_lp: {above: $end_h}}"),
        temperature("{since_lp: {at_least: $end_h}}"),
        "excludes this time",
    ),
    (
        temperature("{since_lp: {below: $zero}}"),
        temperature("{since_lp: {at_most: $zero}}"),
        "excludes this time",
    ),
    (
        temperature("{since_series: {below: $zero}}"),
        temperature("{since_series: {above: $late}}"),
        "excludes this time",
    ),
    # a gap and a first instant that leave nothing
    (
        temperature(
            "{preceded_by: {of: [body-temperature], gap: {at_least: $long}, not_before: $minus_day}}"
        ),
        temperature("{preceded_by: {of: [body-temperature], gap: {at_least: $end_h}, not_before: $zero}}"),
        "nothing stands so long before r",
    ),
    (
        temperature(
            "{since_lp: {below: $day}, preceded_by: {of: [gcs], gap: {at_least: $day}, not_before: $zero}}"
        ),
        temperature(
            "{since_lp: {at_most: $day}, preceded_by: {of: [gcs], gap: {at_least: $day}, not_before: $zero}}"
        ),
        "nothing stands so long before r",
    ),
    (
        temperature("{preceded_by: {of: [gcs], not_before: $day, where: {since_lp: {below: $day}}}}"),
        temperature("{preceded_by: {of: [gcs], not_before: $day, where: {since_lp: {at_most: $day}}}}"),
        "excludes this time",
    ),
    (
        temperature(
            "{since_lp: {at_least: $two_days}, near: {of: [gcs], within: $day, where: {since_lp: {below: $day}}}}"
        ),
        temperature(
            "{since_lp: {at_least: $two_days}, near: {of: [gcs], within: $day, where: {since_lp: {at_most: $day}}}}"
        ),
        "excludes this time",
    ),
    (
        temperature("{rise: {over: previous, within: $day, not_before: $end_h, above: $one}}"),
        temperature("{rise: {over: previous, within: $day, not_before: $four_days, above: $one}}"),
        "no earlier reading stands after this",
    ),
    (
        temperature(
            "{rising: {readings: $five, within: $day, by: {at_least: $one}, spanning: {above: $day}}}"
        ),
        temperature(
            "{rising: {readings: $five, within: $day, by: {at_least: $one}, spanning: {at_least: $day}}}"
        ),
        "longer than `within`",
    ),
    (
        "count: {of: [gcs], readings: $six, apart: $day}",
        "count: {of: [gcs], readings: $five, apart: $day}",
        "longer than the window",
    ),
    (
        "missing: {of: [gcs], gap: $late, grace: $zero, encounter: [inpatient]}",
        "missing: {of: [gcs], gap: $end_h, grace: $zero, encounter: [inpatient]}",
        "the gap is longer than the window",
    ),
    (
        temperature("{baseline_has: {since_lp: {above: $zero}}}"),
        temperature("{baseline_has: {since_lp: {at_most: $zero}}}"),
        "excludes this time",
    ),
    # ages
    ("age: {at_least: $young, below: $young}", "age: {at_least: $young, below: $old}", "no age is left"),
    (
        f"all: [{{age: {{above: $young}}}}, {{is: infant}}, {{{temperature('{above: $warm}')}}}]",
        f"all: [{{age: {{below: $young}}}}, {{is: infant}}, {{{temperature('{above: $warm}')}}}]",
        "definition 'infant' can never hold here",
    ),
    (
        temperature("{is: infant, age: {at_least: $young}}"),
        temperature("{is: infant, age: {at_most: $young}}"),
        "can never hold here",
    ),
    # numbers
    (
        temperature("{above: $hot, at_most: $hot}"),
        temperature("{at_least: $hot, at_most: $hot}"),
        "another comparison",
    ),
    (temperature("{is: hot, below: $hot}"), temperature("{is: hot, at_least: $hot}"), "can never hold here"),
    (
        temperature("{rise_from_baseline: {over: highest, above: $two, below: $one}}"),
        temperature("{rise_from_baseline: {over: highest, above: $one, below: $two}}"),
        "the limits exclude each other",
    ),
    # words
    (
        finding("with: [severe], without: [severe]"),
        finding("with: [severe, mild], without: [mild]"),
        "excludes",
    ),
    (
        finding("where: {asserted: [absent]}"),
        finding("where: {asserted: [uncertain]}"),
        "no statement of this status",
    ),
    (
        temperature("{asserted: [present]}"),
        finding("where: {asserted: [present]}"),
        "no statement of this status",
    ),
    (
        "reading: {of: [csf-gram], where: {answer: [positve]}}",
        "reading: {of: [csf-gram], where: {answer: [positive]}}",
        "'positve' is no answer here",
    ),
    # one way of several
    (
        temperature("{any: [{above: $hot, below: $warm}, {below: $warm}]}"),
        temperature("{any: [{above: $warm, below: $hot}, {below: $warm}]}"),
        "another comparison",
    ),
    (
        temperature("{not: {above: $hot, below: $warm}}"),
        temperature("{not: {above: $warm}}"),
        "another comparison",
    ),
]


@pytest.mark.parametrize(("never", "near", "message"), NEVER)
def test_a_condition_that_can_never_hold_is_refused(never: str, near: str, message: str) -> None:
    lines = compile_rule(never)
    assert any(message in line for line in lines), lines
    assert all(line.startswith("rules/rule-0.yaml:") and ": 1:1" not in line for line in lines)
    assert compile_rule(near) == []


HOT = temperature("{above: $hot}")
BOTH = f"any: [{{{HOT}}}, {{{finding('without: [chronic]')}}}]"


@pytest.mark.parametrize(
    ("clause", "near", "message"),
    [
        ("{since_lp: {above: $end_h}}", "{since_lp: {above: $four_days}}", "excludes this time"),
        ("{concept: [gcs]}", "{concept: [headache]}", "rests on no such fact"),
        ("{asserted: [absent]}", "{asserted: [uncertain]}", "no statement of this status"),
        (
            "{concept: [headache], with: [chronic]}",
            "{concept: [headache], with: [chronic, severe]}",
            "these qualifiers",
        ),
        (
            "{concept: [body-temperature], below: $warm}",
            "{concept: [body-temperature], above: $warm}",
            "another comparison",
        ),
        (
            "{concept: [headache], asserted: [absent]}",
            "{concept: [headache], asserted: [present]}",
            "no statement",
        ),
        (
            "{any: [{with: [mild]}, {concept: [gcs]}]}",
            "{any: [{with: [mild]}, {concept: [headache]}]}",
            "no such fact",
        ),
    ],
)
@pytest.mark.parametrize("key", ["raise", "lower", "unless", "remarks"])
def test_a_clause_about_hits_that_can_never_hold_is_refused(
    key: str, clause: str, near: str, message: str
) -> None:
    to = {"raise": "to: emergent, ", "lower": "to: routine, "}.get(key, "")
    lines = compile_rule(BOTH, f'{key}: [{{{to}say: "Said.", when: {clause}}}]')
    assert any(message in line for line in lines), lines
    assert compile_rule(BOTH, f'{key}: [{{{to}say: "Said.", when: {near}}}]') == []


@pytest.mark.parametrize(
    ("key", "to", "message"),
    [
        ("raise", "urgent", "the rule is urgent by itself; this raises nothing"),
        ("raise", "routine", "this raises nothing"),
        ("raise", "emergent", ""),
        ("lower", "emergent", "the rule is never above urgent; this lowers nothing"),
        ("lower", "urgent", "this lowers nothing"),
        ("lower", "routine", ""),
    ],
)
def test_a_severity_that_changes_nothing_is_refused(key: str, to: str, message: str) -> None:
    lines = compile_rule(HOT, f'{key}: [{{to: {to}, say: "Said.", when: {{above: $hot}}}}]')
    assert [message in line for line in lines] == ([True] if message else [])


def test_what_was_raised_may_be_lowered_to_where_it_began() -> None:
    raised = 'raise: [{to: emergent, say: "R.", when: {above: $hot}}]'
    assert (
        compile_rule(
            HOT,
            raised.replace("R.", "Raised.")
            + '\nlower: [{to: urgent, say: "Said.", when: {since_lp: {above: $day}}}]',
        )
        == []
    )


def test_a_series_may_reach_what_one_lp_does_not() -> None:
    window = "window: {from: $start, to: $end}"
    series = "window: {from: $start, to: $end, counts_from: series}"
    early = rule_text(temperature("{since_series: {below: $start}}"))
    assert window in early
    with pytest.raises(PackError, match="excludes this time"):
        book_of(early.replace(window, series))
    gap = "{preceded_by: {of: [gcs], gap: {at_least: $long}, not_before: $zero, counts_from: series}}"
    assert compile_rule(temperature(gap)) == []


@pytest.mark.parametrize(("start", "is_never"), [(100, False), (101, True)])
def test_a_rule_folds_only_what_is_open_at_the_same_time(start: int, *, is_never: bool) -> None:
    later = rule_text(
        temperature("{above: $warm}"),
        f"warm: {{value: 38, unit: Cel, {HOUSE}}}",
        rule_id="later",
        more="folds: [tested]",
    )
    later = later.replace("value: 100, unit: h", "value: 300, unit: h").replace(
        "value: 0, unit: h", f"value: {start}, unit: h"
    )
    tested = rule_text(temperature("{above: $warm}"), f"warm: {{value: 38, unit: Cel, {HOUSE}}}")
    try:
        book_of(tested, later)
        lines = []
    except PackError as error:
        lines = str(error).splitlines()
    assert ["'tested' is never open at the same time" in line for line in lines] == [True] * is_never


def test_a_definition_is_checked_by_itself() -> None:
    odd = (
        DEFINITIONS
        + f"""
  odd:
    title: Odd
    of: [body-temperature]
    params: {{low: {{value: 36, unit: Cel, {HOUSE}}}, high: {{value: 39, unit: Cel, {HOUSE}}}}}
    where: {{above: $high, below: $low}}
"""
    )
    (line,) = compile_rule(HOT, definitions=odd)
    assert line.startswith("rules/definitions.yaml:")
    assert "another comparison of the same value excludes it" in line


def windowed(start: str, end: str) -> str:
    return (
        f"reading: {{of: [body-temperature], window: {{from: {start}, to: {end}}}, where: {{above: $hot}}}}"
    )


@pytest.mark.parametrize(
    ("refused", "accepted", "message"),
    [
        (
            windowed("$zero", "$late"),
            windowed("$zero", "$end_h"),
            "this reading reaches to 101 h after the LP",
        ),
        (
            f"all: [{{{temperature('{above: $hot}')}}}, {{{windowed('$zero', '$late')}}}]",
            f"all: [{{{temperature('{above: $hot}')}}}, {{{windowed('$minus_day', '$zero')}}}]",
            "this reading reaches to 101 h after the LP",
        ),
    ],
)
def test_what_opens_an_alert_lies_in_the_window_of_the_rule(
    refused: str, accepted: str, message: str
) -> None:
    (line,) = compile_rule(refused)
    assert message in line
    assert line.startswith("rules/rule-0.yaml:")
    assert compile_rule(accepted) == []


EARLY = windowed("$zero", "$end_h")
IN_TIME = temperature("{above: $hot}")


@pytest.mark.parametrize(
    ("when", "is_early"),
    [
        (EARLY, True),
        (windowed("$minus_day", "$end_h"), True),
        (windowed("$day", "$end_h"), False),
        (f"all: [{{{IN_TIME}}}, {{{EARLY}}}]", False),
        (f"any: [{{{IN_TIME}}}, {{{EARLY}}}]", True),
        (f"any: [{{{IN_TIME}}}, {{not: {{{EARLY}}}}}]", False),
        (f"all: [{{any: [{{{EARLY}}}, {{{IN_TIME}}}]}}, {{not: {{{EARLY}}}}}]", True),
    ],
)
def test_nothing_opens_an_alert_before_the_window_of_the_rule(when: str, *, is_early: bool) -> None:
    """The window of this rule begins at 24 h."""
    used = [
        f"{name}: {{value: {NUMBERS[name]}, {HOUSE}}}"
        for name in NUMBERS
        if f"${name}," in when or f"${name}}}" in when
    ]
    text = rule_text(when, "\n".join(used)).replace("start: {value: 0", "start: {value: 24")
    try:
        book_of(text)
        lines = []
    except PackError as error:
        lines = str(error).splitlines()
    assert ["would open an alert before the window of the rule" in line for line in lines] == [
        True
    ] * is_early, lines


def test_what_looks_back_to_before_the_lp_opens_an_alert_at_the_lp() -> None:
    assert compile_rule(windowed("$minus_day", "$end_h")) == []


def test_an_alert_lasts_at_least_as_long_as_the_window() -> None:
    (line,) = compile_rule(temperature("{above: $hot}"), "lasts: $day")
    assert "the alert ends before the window of the rule does" in line
    assert compile_rule(temperature("{above: $hot}"), "lasts: $end_h") == []
    assert compile_rule(temperature("{above: $hot}"), "lasts: $long") == []


@pytest.mark.parametrize(
    ("refused", "accepted"),
    [
        (
            temperature("{above: $hot, near: {of: [crp], within: $minus_day}}"),
            temperature("{above: $hot, near: {of: [crp], within: $day}}"),
        ),
        (
            "count: {of: [body-temperature], readings: $five, apart: $minus_day, where: {above: $hot}}",
            "count: {of: [body-temperature], readings: $five, apart: $zero, where: {above: $hot}}",
        ),
    ],
)
def test_a_length_of_time_is_not_below_zero(refused: str, accepted: str) -> None:
    (line,) = compile_rule(refused)
    assert "'$minus_day' is -24 h; how long something lasts is not below zero" in line
    assert compile_rule(accepted) == []


def test_an_alert_is_not_told_again_at_every_reading() -> None:
    nothing = f"none: {{value: 0, unit: Cel, {HOUSE}}}"
    with pytest.raises(PackError, match="every further reading would be told again"):
        book_of(
            rule_text(
                temperature("{above: $limit}"),
                f"limit: {{value: 39, unit: Cel, {HOUSE}}}\n{nothing}",
                more="renotify: {rise: $none}",
            )
        )
