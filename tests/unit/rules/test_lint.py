"""Every problem of a rule file is refused, with its place."""

from __future__ import annotations

import pytest

from tests.unit.rules.pack import CLAIMS, SOURCES, book_of, default_layer, default_terms, rule_text
from worker.model.errors import PackError
from worker.rules.parse import compile_rules

HOUSE = "house_choice: a lead"
LIMIT = f"limit: {{value: 38.0, unit: Cel, {HOUSE}}}"
BAND_A, BAND_D = "{below: 1, age_unit: a, value: 3}", "{below: 29, age_unit: d, value: 2}"
MINUS_PARAMS = f"""
none: {{value: 0, unit: "1", {HOUSE}}}
age: {{value: 1, unit: d, {HOUSE}}}
cells: {{value: 5, unit: /uL, {HOUSE}}}
"""
HOT = "reading: {of: [body-temperature], where: {above: $limit}}"


def refused(*rules: str, definitions: str = "") -> list[str]:
    with pytest.raises(PackError) as caught:
        book_of(*rules, definitions=definitions)
    return str(caught.value).splitlines()


def test_a_problem_names_file_line_and_column() -> None:
    (line,) = refused(rule_text("reading: {of: [body-temp]}"))
    assert line == "rules/rule-0.yaml:14:18: unknown concept 'body-temp'; name one of concepts/*.yaml"


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ("limit: {value: 38.0, house_choice: a lead}", "'unit' is missing"),
        ("limit: {value: 38.0, unit: Cel}", "needs either source"),
        ("limit: {value: 38.0, unit: Cel, source: [A01], house_choice: a lead}", "needs either source"),
        ("limit: {value: 38.0, unit: Cel, source: [OTHER]}", "unknown source 'OTHER'"),
        ("limit: {value: 38.0, unit: Cel, source: [A04]}", "unknown source 'A04'"),
        ("limit: {value: 100.4, unit: '[degF]', house_choice: a lead}", "write it in Cel"),
        (f"{LIMIT}\nspare: {{value: 1, unit: h, {HOUSE}}}", "'spare' is used nowhere"),
        ("", "unknown parameter '$limit'"),
        (
            f"limit: {{value: 1, unit: Cel, {HOUSE}, by_age: [{BAND_A}, {BAND_D}]}}",
            "bands stand from the youngest on",
        ),
    ],
)
def test_a_number_needs_a_unit_a_basis_and_a_use(params: str, message: str) -> None:
    assert any(message in line for line in refused(rule_text(HOT, params)))


@pytest.mark.parametrize(
    ("relation", "value", "how_many"),
    [
        ("above", 383, "no"),
        ("above", 45, "no"),
        ("above", 3.83, "every"),
        ("at_least", 45.1, "no"),
        ("below", 25, "no"),
        ("below", 45.1, "every"),
        ("at_most", 24.9, "no"),
    ],
)
def test_a_threshold_that_tells_no_plausible_values_apart_is_refused(
    relation: str, value: float, how_many: str
) -> None:
    when = f"reading: {{of: [body-temperature], where: {{{relation}: $limit}}}}"
    (line,) = refused(rule_text(when, f"limit: {{value: {value}, unit: Cel, {HOUSE}}}"))
    assert line.startswith("rules/rule-0.yaml:")
    assert f"'$limit' is {value:g}: {how_many} plausible value (25 to 45 Cel) is " in line


def test_a_threshold_of_a_definition_is_refused_once_and_by_age() -> None:
    definitions = f"""
definitions:
  hot:
    title: hot
    of: [body-temperature]
    params:
      limit: {{value: 38, unit: Cel, {HOUSE}, by_age: [{{below: 90, age_unit: d, value: 383}}]}}
    where: {{above: $limit}}
"""
    (line,) = refused(
        rule_text("reading: {of: [body-temperature], where: {is: hot}}"), definitions=definitions
    )
    assert line.startswith("rules/definitions.yaml:")


@pytest.mark.parametrize(("relation", "value"), [("at_least", 25), ("at_most", 45), ("above", 44.9)])
def test_a_threshold_at_the_end_of_what_is_plausible_stands(relation: str, value: float) -> None:
    when = f"reading: {{of: [body-temperature], where: {{{relation}: $limit}}}}"
    book_of(rule_text(when, f"limit: {{value: {value}, unit: Cel, {HOUSE}}}"))


@pytest.mark.parametrize(
    "where",
    [
        "{asserted: [present]}",
        "{any: [{asserted: [present]}, {concept: [headache-score], at_least: $limit}]}",
        "{all: [{asserted: [present]}, {with: [mild]}], any: [{with: [severe]}, {at_least: $limit}]}",
        "{is: there}",
    ],
)
def test_a_reading_of_a_finding_may_say_by_any_way_which_statements_count(where: str) -> None:
    definitions = """
params:
  limit: {value: 4, unit: '{score}', house_choice: a lead}
definitions:
  there:
    title: Headache stated or scored
    of: [headache, positional-headache, headache-score]
    where: {any: [{asserted: [present]}, {concept: [headache-score], at_least: $limit}]}
"""
    book_of(
        rule_text(f"reading: {{of: [headache, headache-score], where: {where}}}"), definitions=definitions
    )


@pytest.mark.parametrize(
    ("when", "params", "message"),
    [
        ("above: $limit", LIMIT, "unknown key 'above'"),
        ("reading: {of: [acvpu], where: {above: $limit}}", LIMIT, "r has none here"),
        ("reading: {of: [body-temperature, gcs], where: {above: $limit}}", LIMIT, "different units"),
        ("reading: {of: [headache]}", "", "may be stated as absent"),
        (
            "reading: {of: [headache, gcs], where: {any: [{asserted: [present]}, {at_least: $limit}]}}",
            "limit: {value: 4, unit: '{score}', house_choice: a lead}",
            "headache may be stated as absent",
        ),
        (
            (
                "reading: {of: [gcs], where: {preceded_by: {of: [headache], gap: {above: $start},"
                " where: {asserted: [absent]}, unbroken_by: {with: [mild]}}}}"
            ),
            "",
            "may be stated as absent",
        ),
        ("reading: {of: [gcs], window: {from: $end, to: $start}}", "", "ends before it starts"),
        ("reading: {of: [gcs], window: {from: $start}}", "", "needs either to"),
        ("reading: {of: [gcs], window: {to: $start}}", "", "needs either from"),
        ("is: febrile", "", "unknown definition 'febrile'"),
        ("rule: other", "", "unknown rule 'other'"),
        ("puncture: {}", "", "needs is_traumatic or passes"),
        ("{}", "", "needs at least one predicate"),
        ("age: {}", "", "needs one of above"),
        ("age: {below: $start}", "", "an age needs one of"),
        ("reading: {of: [gcs], where: {since_lp: {above: $limit}}}", LIMIT, "a duration needs one of"),
        ("count: {of: [gcs], readings: $limit}", LIMIT, "must be a whole number"),
        (
            "reading: {of: [gcs], where: {preceded_by: {of: [gcs], gap: {above: $end, below: $start}}}}",
            "",
            "no time can be as short and as long",
        ),
        (
            "reading: {of: [acvpu], where: {worse_than_baseline: {order: [A, C], or_assume: V}}}",
            "",
            "'V' is not in `order`",
        ),
        (
            "reading: {of: [csf-wbc], where: {minus: {of: csf-rbc, each: $none, from_age: $age, above: $cells}}}",
            MINUS_PARAMS,
            "must be above zero",
        ),
        ("reading: {of: [gcs], where: {baseline_has: {answer: [x], asserted: []}}}", "", "at least 1 item"),
    ],
)
def test_a_clause_that_cannot_mean_anything_is_refused(when: str, params: str, message: str) -> None:
    lines = refused(rule_text(when, params))
    assert any(message in line for line in lines), lines


@pytest.mark.parametrize(
    ("says", "message"),
    [
        ('{possible_causes: ["meningitis"]}', "a cause starts with 'possible'"),
        (
            '{possible_causes: ["possible x"], considerations: ["give antibiotics"]}',
            "'give' reads as an order",
        ),
        (
            '{possible_causes: ["possible x"], considerations: ["antibiotics, treat now"]}',
            "'treat now' reads as an order",
        ),
        (
            '{possible_causes: ["possible x"], check: ["the patient must be seen"]}',
            "'must' reads as an order",
        ),
        ('{possible_causes: ["possible x"], check: ["stop heparin"]}', "'stop' reads as an order"),
    ],
)
def test_wording_that_orders_is_refused(says: str, message: str) -> None:
    text = rule_text(HOT, LIMIT).replace('{possible_causes: ["possible cause"]}', says)
    assert any(message in line for line in refused(text))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("seeds: [A01]", "seeds: []", "needs `seeds`"),
        ("sources: [PAPER]", "sources: []", "needs `sources`"),
        ("sources: [PAPER]", "sources: [OTHER]", "unknown source 'OTHER'"),
        ("by: null", "by: Somebody", "names who (by) and when (date)"),
        ("by: null}", "by: null, on: 2026}", "unknown key 'on'"),
        ("version: 1", "version: 0", "greater than or equal to 1"),
        ("status: draft", "status: maybe", "must be one of"),
    ],
)
def test_a_rule_needs_a_basis(old: str, new: str, message: str) -> None:
    assert any(message in line for line in refused(rule_text(HOT, LIMIT).replace(old, new)))


def test_a_lower_clause_says_how() -> None:
    more = 'lower: [{say: "Lower.", when: {above: $limit}}]'
    assert any(
        "needs either to (a severity) or by: 1" in line for line in refused(rule_text(HOT, LIMIT, more=more))
    )


def test_folds_name_rules_and_make_no_circle() -> None:
    one = rule_text(HOT, LIMIT, rule_id="one", more="folds: [two]")
    two = rule_text(HOT, LIMIT, rule_id="two", more="folds: [one]")
    assert any("unknown rule 'two'" in line for line in refused(one))
    assert any("folds go in a circle" in line for line in refused(one, two))


def test_rules_do_not_refer_to_each_other_in_a_circle() -> None:
    one, two = rule_text("rule: two", rule_id="one"), rule_text("rule: one", rule_id="two")
    assert any("in a circle" in line for line in refused(one, two))


def test_definitions_are_checked_even_where_nothing_uses_them() -> None:
    definitions = f"""
definitions:
  odd:
    title: Odd
    of: [gcs]
    params: {{spare: {{value: 1, unit: h, {HOUSE}}}}}
    where: {{concept: [gsc]}}
  circle:
    title: Circle
    where: {{is: circle}}
  lost:
    title: Lost
    where: {{reading: {{of: [gcs]}}}}
kinds: {{headache: [headake]}}
sums: {{gcs-all: {{parts: [gcs-eye, gcs-ear]}}}}
"""
    lines = refused(rule_text(HOT, LIMIT), definitions=definitions)
    wanted = (
        "'gsc'",
        "'spare' is used nowhere",
        "rests on itself",
        "needs a window of its own",
        "'headake'",
        "'gcs-ear'",
    )
    assert [part for part in wanted if not any(part in line for line in lines)] == []


def test_a_definition_stands_where_it_is_about_something() -> None:
    definitions = f"""
definitions:
  hot:
    title: Hot
    of: [body-temperature]
    params: {{limit: {{value: 38, unit: Cel, {HOUSE}}}}}
    where: {{above: $limit}}
  lp:
    title: About the LP
    where: {{above: $limit}}
"""
    lines = refused(
        rule_text("is: hot"),
        rule_text("reading: {of: [gcs], where: {is: hot}}", rule_id="b"),
        definitions=definitions,
    )
    assert any("is about a reading" in line for line in lines)
    assert any("is not about gcs" in line for line in lines)
    assert any("'above' is about one reading" in line for line in lines)


def test_one_id_stands_once_in_a_layer() -> None:
    assert any(
        "stands twice in this layer" in line for line in refused(rule_text(HOT, LIMIT), rule_text(HOT, LIMIT))
    )


def test_a_file_that_is_no_yaml_is_refused_beside_the_others() -> None:
    assert len(refused("id: [", rule_text("reading: {of: [body-temp]}"))) == 2


def test_a_later_layer_replaces_and_removes_rules() -> None:
    base = {"rules/a.yaml": rule_text(HOT, LIMIT), "rules/b.yaml": rule_text(HOT, LIMIT, rule_id="other")}
    base |= {"rules/sources.yaml": SOURCES, "rules/claims.yaml": CLAIMS}
    site = {
        "rules/mine.yaml": rule_text(HOT, LIMIT).replace("version: 1", "version: 2"),
        "rules/gone.yaml": "{id: other, disabled: true}",
        "rules/readme.md": "not a rule",
    }
    book = compile_rules([base, site], default_terms())
    assert [(rule.id, rule.version) for rule in book.rules] == [("tested", 2)]


def test_a_site_changes_one_number_of_a_definition() -> None:
    text = default_layer()["rules/definitions.yaml"].replace("value: 38.0", "value: 38.3", 1)
    book = compile_rules([default_layer(), {"rules/definitions.yaml": text}], default_terms())
    assert len(book.rules) == len(compile_rules([default_layer()], default_terms()).rules)


def test_a_retired_rule_is_checked_and_left_out() -> None:
    retired = rule_text(HOT, LIMIT).replace("status: draft", "status: retired")
    assert book_of(retired).rules == ()
    assert refused(retired.replace("body-temperature", "body-temp"))


def layered(*site: str) -> list[str]:
    """Compile the default pack with rule files of a site over it, and give the problems."""
    layer = {f"rules/site-{at}.yaml": text for at, text in enumerate(site)}
    try:
        compile_rules([default_layer(), layer], default_terms())
    except PackError as error:
        return str(error).splitlines()
    return []


def test_a_rule_that_another_folds_can_be_removed() -> None:
    assert layered("{id: csf-chemistry, disabled: true}") == []


def test_a_rule_that_another_asks_for_cannot_be_removed_alone() -> None:
    asking = rule_text("rule: fever-single").replace("sources: [PAPER]", "sources: [ARTICLE-A]")
    problems = layered("{id: fever-single, disabled: true}", asking)
    assert any("rule 'fever-single' is disabled in this pack" in line for line in problems)


def test_removing_a_rule_that_no_layer_below_has_is_refused() -> None:
    (line,) = layered("id: fever-singel\ndisabled: true")
    assert line.startswith("rules/site-0.yaml:1:5: no layer below has a rule 'fever-singel' to disable")


def test_a_rule_asks_for_circumstances_that_there_are() -> None:
    (line,) = refused(rule_text(HOT, LIMIT, more="asks_for: [cloting]"))
    assert ":12: unknown circumstance 'cloting'; name one of those in definitions.yaml" in line


SILENT = rule_text(HOT, LIMIT, severity="info", more="opens: nothing")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("says: {possible_causes", "context_of: [other]\nsays: {possible_causes", "unknown rule 'other'"),
        (
            "says: {possible_causes",
            "context_of: [tested]\nsays: {possible_causes",
            "'tested' opens no alert in which anything could stand",
        ),
        ("severity: info", "severity: routine", "is of severity info, and has no folds"),
        ("opens: nothing", "opens: nothing\nfolds: [x]", "is of severity info, and has no folds"),
        ("opens: nothing", "opens: nothing\nasks_for: [x]", "no folds, no asks_for and no renotify"),
        ("opens: nothing", "context_of: [tested]", "are for rules with `opens: nothing`"),
        (
            'opens: nothing\nsays: {possible_causes: ["possible cause"]}',
            "says: {}",
            "needs says.possible_causes",
        ),
        (
            'possible_causes: ["possible cause"]',
            'education: ["do not stand up"]',
            "'do not' reads as an order",
        ),
    ],
)
def test_a_rule_that_opens_nothing_is_context_and_no_more(old: str, new: str, message: str) -> None:
    assert old in SILENT
    assert any(message in line for line in refused(SILENT.replace(old, new)))


def test_a_rule_that_opens_nothing_cannot_be_folded() -> None:
    folding = rule_text(HOT, LIMIT, rule_id="strong", more="folds: [tested]")
    assert any("there is nothing to fold" in line for line in refused(SILENT, folding))


def test_a_rule_that_opens_nothing_needs_no_cause() -> None:
    (rule,) = book_of(SILENT.replace('{possible_causes: ["possible cause"]}', "{}")).rules
    assert rule.is_silent
