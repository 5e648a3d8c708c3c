"""The slips of somebody who copies a rule of the pack below and edits it; the nearest thing that is right passes."""

from __future__ import annotations

from datetime import date

import pytest

from tests.unit.rules.pack import CLAIMS, SOURCES, default_terms, rule_text
from worker.decode.located_yaml import Problems
from worker.model.errors import PackError
from worker.rules.parse import compile_rules
from worker.rules.release import Given, Report, check_release
from worker.rules.rule_files import read_rule_files

HOUSE = "house_choice: a lead"
CITED = "limit: {value: 38.0, unit: Cel, source: [A01]}"
CHOSEN = "limit: {value: 38.0, unit: Cel, house_choice: a lead}"
HOT = "reading: {of: [body-temperature], where: {above: $limit}}"
DEFINITIONS = """
params: {shared: {value: 38.5, unit: Cel, source: [A02]}}
definitions:
  hot:
    title: Hot
    of: [body-temperature]
    params: {gap: {value: 24, unit: h, house_choice: a lead}}
    where: {above: $shared, since_lp: {above: $gap}}
"""


def report(ours: dict[str, str], params: str = CITED, when: str = HOT) -> Report:
    """Lay files over a pack with one rule and one definition; give what is said of copies."""
    below = {
        "rules/tested.yaml": rule_text(when, params).replace(
            "what it misses", "fever below 38 Cel, or after 100 h"
        ),
        "rules/sources.yaml": SOURCES,
        "rules/claims.yaml": CLAIMS.replace('A02: {kind: window, fact: "another", rules: [tested]}', ""),
        "rules/definitions.yaml": DEFINITIONS.replace("A02", "A01"),
    }
    layers = (below, {path: text.replace("A02", "A01") for path, text in ours.items()})
    book = compile_rules(layers, default_terms())
    given = Given(frozenset({"body-temperature", "crp"}), frozenset(), frozenset({"crp"}))
    found = check_release(read_rule_files(layers, Problems()), book, (), given, date(2026, 11, 22))
    return Report(_without_others(found.errors), _without_others(found.warnings))


def _without_others(lines: tuple[str, ...]) -> tuple[str, ...]:
    others = ("no vignette", "and means something else", "something else here")
    return tuple(line for line in lines if not any(each in line for each in others))


def copied(old: str, new: str, params: str = CITED, when: str = HOT) -> Report:
    """Copy the rule with one change and a version of its own."""
    text = rule_text(when, params).replace("version: 1", "version: 2")
    text = text.replace("what it misses", "fever below 38 Cel, or after 100 h")
    assert old in text
    return report({"rules/mine.yaml": text.replace(old, new)}, params, when)


def test_a_copy_without_a_change_has_nothing_to_say() -> None:
    assert copied("draft", "shadow") == Report()


def test_another_number_does_not_cite_the_source_of_the_old_one() -> None:
    (line,) = copied("value: 38.0", "value: 39").errors
    assert line.startswith(
        "rules/mine.yaml:12:41: 'limit' is 39 Cel here and 38 Cel below, and still cites A01; write house_choice"
    )
    assert (
        copied("value: 38.0, unit: Cel, source: [A01]", "value: 39, unit: Cel, source: [PAPER]").errors == ()
    )
    assert copied("value: 38.0", "value: 39", CHOSEN).errors == ()
    assert copied("value: 38.0", "value: 38", CITED).errors == ()


def test_a_shared_number_and_one_of_a_definition_are_compared_as_well() -> None:
    (line,) = report({"rules/definitions.yaml": DEFINITIONS.replace("38.5", "39")}).errors
    assert line.startswith(
        "rules/definitions.yaml:2:49: 'shared' is 39 Cel here and 38.5 Cel below, and still cites A01"
    )
    (line,) = report(
        {"rules/definitions.yaml": DEFINITIONS.replace("value: 24, unit: h", "value: 24, unit: d")}
    ).warnings
    assert line.startswith(
        "rules/definitions.yaml:7:27: 'gap' is 24 d here and 24 h below: 24 times as large; check"
    )


@pytest.mark.parametrize(
    ("new", "said"),
    [
        (
            "value: 1000,",
            "'end' is 1000 h here and 100 h below: 10 times as large; check the number and its unit",
        ),
        ("value: 10,", "'end' is 10 h here and 100 h below: 10 times as small"),
        ("value: 999,", ""),
        ("value: 10.1,", ""),
    ],
)
def test_a_number_far_from_the_one_below_is_told(new: str, said: str) -> None:
    warnings = [line for line in copied("value: 100,", new).warnings if "still says" not in line]
    assert [said in line and line.startswith("rules/mine.yaml:11:16: ") for line in warnings] == [
        True
    ] * bool(said)


def test_a_number_with_the_other_sign_is_told() -> None:
    at_lp = copied("value: 0,", "value: -1,").warnings
    assert at_lp == ()
    params = f"{CHOSEN}\nlook: {{value: -24, unit: h, {HOUSE}}}\nback: {{value: 2, unit: h, {HOUSE}}}"
    where = "{above: $limit, near: {of: [crp], within: $back}, since_lp: {above: $look}}"
    when = f"reading: {{of: [body-temperature], where: {where}}}"
    (line,) = copied("value: -24", "value: 24", params, when).warnings
    assert "'look' is 24 h here and -24 h below: one is below zero; check the sign" in line


def test_a_sentence_that_tells_the_old_number_is_told() -> None:
    lines = copied("value: 100,", "value: 120,").warnings
    assert [line.partition(";")[0] for line in lines] == [
        "rules/mine.yaml:17:10: this still says 100, and 'end' is 120 h here"
    ]
    lines = copied("value: 38.0", "value: 38.2", CHOSEN).warnings
    assert [line.partition(";")[0] for line in lines] == [
        "rules/mine.yaml:17:10: this still says 38, and 'limit' is 38.2 Cel here"
    ]


def test_a_rule_with_the_condition_of_another_is_told_of_it() -> None:
    def twin(*changes: tuple[str, str]) -> tuple[str, ...]:
        text = rule_text(HOT, CITED, rule_id="twin").replace("title: A rule", "title: Our rule")
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        return report({"rules/twin.yaml": text}).warnings

    (line,) = twin()
    assert line.startswith(
        "rules/twin.yaml:2:5: 'twin' has the condition of 'tested', so one problem gives two alerts"
    )
    assert twin(("$limit", "$other"), ("limit:", "other:"))
    assert twin(("value: 100", "value: 101")) == ()
    assert twin(("seeds:", "folds: [tested]\nseeds:")) == ()
    assert twin(("status: draft", "status: retired")) == ()


@pytest.mark.parametrize("text", ["TODO", "tbd", "?", "???", "to be confirmed"])
def test_who_must_approve_a_number_is_somebody(text: str) -> None:
    (line,) = copied(
        "38.0, unit: Cel, house_choice: a lead", f"38.0, unit: Cel, house_choice: '{text}'", CHOSEN
    ).errors
    assert line.startswith(f"rules/mine.yaml:12:49: '{text}' names nobody; write who must approve 'limit'")


def test_a_sentence_is_finished() -> None:
    (line,) = copied("possible cause", "possible TODO").errors
    assert "'possible TODO' is not finished; people read it in alerts" in line
    assert copied("possible cause", "possible todoxin reaction").errors == ()


def test_a_limit_that_nothing_checks_is_told() -> None:
    when = "reading: {of: [crp], where: {not: {below: $limit}}}"
    params = "limit: {value: 50, unit: mg/L, house_choice: a lead}"
    (line,) = copied("value: 50", "value: 60", params, when).warnings
    assert line.startswith(
        "rules/mine.yaml:14:45: a slip in '$limit' would not be seen, because 'crp' has no plausible range"
    )
    assert copied("draft", "shadow", params, when).warnings == ()
    hot = "reading: {of: [body-temperature], where: {above: $limit, near: {of: [crp], within: $end}}}"
    assert not any("a slip in" in line for line in copied("value: 38.0", "value: 38.5", CHOSEN, hot).warnings)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "1:1: the file is empty; write a rule"),
        ("# nothing\n", "1:1: the file is empty; write a rule"),
        ("scenarios: []\n", "1:1: these are vignettes; they stand in tests/, beside rules/"),
        ("id: tested\nenabled: false\n", "2:1: a rule is removed with `id` and `disabled: true`"),
        (
            rule_text(HOT, CITED) + "disabled: true\n",
            "a file that removes a rule holds `id` and `disabled: true` alone",
        ),
        ("id: tested\ndisabled: false\n", "2:11: 'disabled' must be true"),
    ],
)
def test_a_file_that_is_no_rule_gives_one_line_that_says_what_it_is(text: str, message: str) -> None:
    with pytest.raises(PackError) as caught:
        report({"rules/mine.yaml": text})
    (line,) = str(caught.value).splitlines()
    assert line.startswith("rules/mine.yaml:")
    assert message in line
