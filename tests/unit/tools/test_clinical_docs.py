"""docs/clinical.md says every rule of the pack, in words."""

from __future__ import annotations

import re

import pytest

from tests.unit.rules.pack import book_of, default_book, rule_text
from tools.clinical_docs import TICKS, bar, page
from tools.clinical_words import Words
from worker.decode.located_yaml import load_yaml, validate
from worker.rules.clauses import RELATIONS, EpisodeClause, ReadingClause, predicate_names
from worker.rules.rule_files import RuleFiles
from worker.rules.spec import ParamSpec

HOUSE = {"house_choice": "a lead"}
PARAMS = {
    "x": ParamSpec(value=38, unit="Cel", **HOUSE),
    "y": ParamSpec(value=40, unit="Cel", **HOUSE),
    "h": ParamSpec(value=12, unit="h", **HOUSE),
    "n": ParamSpec(value=3, unit="1", **HOUSE),
    "week": ParamSpec(value=168, unit="h", **HOUSE),
    "a": ParamSpec(value=90, unit="d", **HOUSE),
}


def words_of(clause: str, kind: type[EpisodeClause] = ReadingClause) -> str:
    words = Words(PARAMS, RuleFiles(), lambda _kind, name: name)
    node = words.condition(validate(kind, load_yaml(clause, "test.yaml")))
    assert not words.unwritten
    return "\n".join(node.lines())


def test_every_predicate_has_words() -> None:
    known = {*predicate_names(EpisodeClause), *predicate_names(ReadingClause)} - {*RELATIONS}
    assert [name for name in sorted(known - {"all"}) if not hasattr(Words, f"_{name}")] == []


@pytest.mark.parametrize(
    ("clause", "said"),
    [
        ("{above: $x, at_most: $y}", "- it is above 38 Cel and at most 40 Cel"),
        ("{since_lp: {at_most: $week}}", "- it stands at most 168 h (7 d) after the LP"),
        ("{age: {below: $a}}", "- the patient is younger than 90 d"),
        ("{not: {with: [mild, chronic]}}", "- **not**: it is qualified as mild or chronic"),
        ("{without: [mild], concept: [gcs], above: $x}",
         "- it is `gcs` and it is not qualified as mild and it is above 38 Cel"),
        ("{rise: {over: previous, within: $h, not_before: $h, above: $x}}",
         "- it is more than 38 Cel above the previous value of the same kind within 12 h and not before 12 h from the LP"),
        ("{any: [{answer: [A]}, {is: hot}]}", "- one of these holds:\n  - it is “A”\n  - hot holds"),
        ("{all: [{with: [mild]}, {any: [{above: $x}, {new: true}]}]}",
         ("- all of these:\n  - it is qualified as mild\n  - one of these holds:\n    - it is above 38 Cel\n"
          "    - it is new since the LP")),
        ("{near: {of: [gcs], within: $h, where: {above: $x}}}",
         "- `gcs` that is above 38 Cel stands within 12 h before or after it"),
        ("{near: {of: [gcs], within: $h, where: {any: [{above: $x}, {below: $y}]}}}",
         ("- `gcs` stands within 12 h before or after it, where one of these holds:"
         "\n  - it is above 38 Cel\n  - it is below 40 Cel")),
        ("{preceded_by: {of: [gcs], gap: {at_least: $h}, not_before: $h, counts_from: series, where: {above: $x}}}",
         ("- `gcs` that is above 38 Cel stood at least 12 h before it"
         " and not before 12 h from the first LP of the series")),
    ],
)  # fmt: skip
def test_a_clause_about_a_fact_in_words(clause: str, said: str) -> None:
    assert words_of(clause) == said


@pytest.mark.parametrize(
    ("clause", "said"),
    [
        ("{finding: {of: [headache], with: [severe], without: [mild], new: false, status: [present]}}",
         "- `headache` is stated as present, as severe, not as mild"),
        ("{finding: {of: [headache, back-pain]}}",
         "- `headache` or `back-pain` is stated as present or uncertain, new since the LP"),
        ("{count: {of: [gcs], readings: $n, apart: $h, window: {after: $h, to: $week, counts_from: series}}}",
         ("- at least 3 values of `gcs`, each at least 12 h after the one before,"
          " later than 12 h after the first LP of the series to 168 h (7 d) after this LP")),
        ("{all: [{rule: other}, {not: {is: risk}}]}",
         "- the rule other holds for this LP and **not**: risk holds"),
        ("{puncture: {is_traumatic: true, passes: {at_least: $n}}}",
         "- the LP is documented as traumatic or with at least 3 passes of the needle"),
    ],
)  # fmt: skip
def test_a_clause_about_the_lp_in_words(clause: str, said: str) -> None:
    assert words_of(clause, EpisodeClause) == said


def test_a_window_is_drawn_on_the_scale_that_all_rules_share() -> None:
    (rule,) = book_of(rule_text("reading: {of: [gcs]}")).rules
    columns = dict(zip((label for _, label in TICKS), range(0, 5 * len(TICKS), 5), strict=True))
    drawn = bar(rule)
    assert drawn.index("█") == columns["LP"]
    assert columns["3d"] < drawn.rindex("█") < columns["5d"]  # 100 h


def test_an_alert_that_outlasts_the_window_is_drawn_paler() -> None:
    cells = bar(default_book().by_id["csf-cells"])
    assert re.fullmatch(r" {9}█{6}░+", cells)


def test_every_rule_stands_in_the_index_and_has_a_chapter() -> None:
    text = page()
    for rule in default_book().rules:
        assert f"| [`{rule.id}`](#{rule.id}) |" in text
        assert f"\n## {rule.id}\n" in text


def test_links_within_the_page_lead_somewhere() -> None:
    text = page()
    chapters = {line.lstrip("# ") for line in text.splitlines() if line.startswith("#")}
    anchors = {name.casefold().replace(" ", "-").replace(":", "") for name in chapters}
    anchors |= set(re.findall(r'<a id="([^"]+)">', text))
    assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= anchors
