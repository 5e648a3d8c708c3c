"""What is checked before people rely on a pack: claims, vignettes, versions, dates, inputs that nothing gives."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from tests.unit.rules.pack import CLAIMS, SOURCES, default_terms, rule_text
from worker.decode.located_yaml import Problems
from worker.model.errors import PackError
from worker.rules.lint_versions import write_lock
from worker.rules.parse import compile_rules
from worker.rules.release import Given, Report, Sample, check_release
from worker.rules.rule_files import LOCK, read_rule_files
from worker.rules.shared_changes import Origin, origins

HOUSE = "house_choice: a lead"
LIMIT = f"limit: {{value: 38.0, unit: Cel, {HOUSE}}}"
HOT = "reading: {of: [body-temperature], where: {above: $limit}}"
TODAY = date(2026, 11, 22)
SEEDED = "seeds: [A01, A02]"
FIRES = Sample("T01", "tested", frozenset({"tested"}), frozenset(), frozenset({"body-temperature"}))
NEARLY = Sample("T02", "tested", frozenset(), frozenset(), frozenset({"body-temperature"}))


def layer_of(*rules: str, **files: str) -> dict[str, str]:
    layer = {f"rules/rule-{at}.yaml": text.replace("seeds: [A01]", SEEDED) for at, text in enumerate(rules)}
    shared = {"rules/sources.yaml": SOURCES, "rules/claims.yaml": CLAIMS}
    return layer | shared | {f"rules/{name}.yaml": text for name, text in files.items()}


def report(
    *layers: dict[str, str], samples: tuple[Sample, ...] = (FIRES, NEARLY), mapped: str = "body-temperature"
) -> Report:
    given = layers or (layer_of(rule_text(HOT, LIMIT)),)
    book = compile_rules(given, default_terms())
    known = Given(frozenset({mapped}), frozenset({"severe"}))
    return check_release(read_rule_files(given, Problems()), book, samples, known, TODAY)


def test_a_pack_in_order_gives_nothing() -> None:
    assert report() == Report()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("A01: {kind: rule", "A01: {kind: rule, no_rule: none", "needs either rules"),
        ("rules: [tested]}", "no_rule: 'none'}", "claim A01 does not name 'tested'"),
        ('no_rule: "education only"', "rules: [tested]", "rule 'tested' has no seed A03"),
        ('no_rule: "education only"', "rules: [testd]", "unknown rule 'testd'"),
    ],
)
def test_claims_and_rules_name_each_other(old: str, new: str, message: str) -> None:
    layer = layer_of(rule_text(HOT, LIMIT))
    layer["rules/claims.yaml"] = CLAIMS.replace(old, new, 1)
    assert layer["rules/claims.yaml"] != CLAIMS
    try:
        lines = report(layer).errors
    except PackError as error:
        lines = tuple(str(error).splitlines())
    assert any(message in line and line.startswith("rules/") for line in lines), lines


def test_a_difference_names_rules_and_sources_that_exist() -> None:
    differing = (
        SOURCES
        + "differences:\n- {about: a limit, here: ours, rules: [testd], views: [{source: PAPER, says: 38.3 is}]}\n"
    )
    layer = layer_of(rule_text(HOT, LIMIT)) | {"rules/sources.yaml": differing}
    (line,) = report(layer).errors
    assert line.startswith("rules/sources.yaml:5:40: unknown rule 'testd'")
    with pytest.raises(PackError, match="unknown source 'PAPERS'"):
        report(layer | {"rules/sources.yaml": differing.replace("source: PAPER", "source: PAPERS")})


def test_a_site_need_not_change_the_claims_of_the_layer_below() -> None:
    own = rule_text(HOT, LIMIT.replace("38.0", "38.4"), rule_id="own")
    samples = (
        FIRES,
        NEARLY,
        Sample("O1", "own", frozenset({"own"}), frozenset(), frozenset()),
        Sample("O2", "x", frozenset(), frozenset({"own"}), frozenset({"body-temperature"})),
    )
    assert report(layer_of(rule_text(HOT, LIMIT)), {"rules/own.yaml": own}, samples=samples) == Report()


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        ((NEARLY,), "no vignette fires 'tested'"),
        ((FIRES,), "no vignette nearly fires 'tested'"),
        # Another file, and not named; nothing of what the rule reads.
        (
            (FIRES, Sample("X", "other", frozenset(), frozenset(), NEARLY.concepts)),
            "no vignette nearly fires",
        ),
        (
            (FIRES, Sample("X", "tested", frozenset(), frozenset(), frozenset({"gcs"}))),
            "no vignette nearly fires",
        ),
    ],
)
def test_a_rule_needs_a_vignette_that_fires_it_and_one_that_nearly_does(
    samples: tuple[Sample, ...], message: str
) -> None:
    (line,) = report(samples=samples).errors
    assert line.startswith("rules/rule-0.yaml:2:5:")
    assert message in line


@pytest.mark.parametrize("named", ["fires", "must_not"])
def test_a_vignette_that_names_no_rule_of_the_pack_is_refused(named: str) -> None:
    odd = replace(NEARLY, name="X", place="tests/x.yaml:2:7", **{named: frozenset({"testd"})})
    (line,) = report(samples=(FIRES, NEARLY, odd)).errors
    assert line == "tests/x.yaml:2:7: vignette 'X' names the rule 'testd', which the pack does not have"
    assert report(samples=(FIRES, NEARLY, replace(odd, **{named: frozenset({"tested"})}))) == Report()


def test_a_site_tries_its_own_rules() -> None:
    below, own = layer_of(rule_text(HOT, LIMIT)), {"rules/own.yaml": rule_text(HOT, LIMIT, rule_id="own")}
    lines = report(below, own, samples=()).errors
    assert ["'own'" in line for line in lines] == [True, True]
    assert report(below, {"feeds/ours.yaml": "feed: ours"}, samples=()) == Report()


def test_a_vignette_that_names_the_rule_as_silent_may_stand_elsewhere() -> None:
    elsewhere = Sample("X", "other", frozenset(), frozenset({"tested"}), NEARLY.concepts)
    assert report(samples=(FIRES, elsewhere)) == Report()


@pytest.mark.parametrize(
    ("review", "message"),
    [
        ("{status: clinically reviewed, by: B, date: 2025-01-01, until: 2026-11-21}", "ended on 2026-11-21"),
        ("{status: clinically reviewed, by: B, date: 2025-01-01, until: 2026-11-22}", ""),
        ("{status: clinically reviewed, by: B, date: 2026-11-23}", "dated 2026-11-23, after today"),
        ("{status: clinically reviewed, by: B, date: 2026-11-22}", ""),
    ],
)
def test_a_review_ends(review: str, message: str) -> None:
    text = rule_text(HOT, LIMIT).replace("{status: not clinically reviewed, by: null}", review)
    lines = report(layer_of(text)).errors
    assert [message in line for line in lines] == ([True] if message else [])


@pytest.mark.parametrize(
    ("review", "message"),
    [
        ("{status: clinically reviewed, by: B, date: 2025-01-01, until: 2024-12-31}", "until is a day after"),
        ("{status: not clinically reviewed, by: null, until: 2027-01-01}", "until is a day after"),
        ("{status: clinically reviewed, by: B, date: last week}", "valid date"),
    ],
)
def test_a_review_has_days_that_can_be(review: str, message: str) -> None:
    text = rule_text(HOT, LIMIT).replace("{status: not clinically reviewed, by: null}", review)
    with pytest.raises(PackError, match=message):
        report(layer_of(text))


@pytest.mark.parametrize(("until", "count"), [("2026-11-21", 1), ("2026-11-22", 0)])
def test_a_number_is_looked_at_again(until: str, count: int) -> None:
    limit = f"limit: {{value: 38.0, unit: Cel, {HOUSE}, review_until: {until}}}"
    lines = report(layer_of(rule_text(HOT, limit))).errors
    assert len([line for line in lines if "'limit' was to be looked at again by" in line]) == count


def test_an_active_rule_that_nobody_reviewed_is_warned_of() -> None:
    active = rule_text(HOT, LIMIT).replace("status: draft", "status: active")
    found = report(layer_of(active))
    assert found.errors == ()
    assert found.warnings[0].startswith("rules/rule-0.yaml:5:9: 'tested' is active and nobody reviewed it")
    reviewed = "{status: clinically reviewed, by: B, date: 2026-01-01}"
    assert (
        report(layer_of(active.replace("{status: not clinically reviewed, by: null}", reviewed))) == Report()
    )


def test_a_rule_that_nothing_can_feed_is_warned_of() -> None:
    found = report(mapped="gcs")
    assert found.errors == ()
    assert "'tested' cannot fire until a site maps body-temperature" in found.warnings[0]


def test_a_rule_that_sees_a_part_is_warned_of() -> None:
    text = rule_text("reading: {of: [pain-score, back-pain-score]}")
    nearly = Sample("T02", "tested", frozenset(), frozenset(), frozenset({"pain-score"}))
    found = report(layer_of(text), samples=(FIRES, nearly), mapped="pain-score")
    assert found.errors == ()
    assert "'tested' does not see back-pain-score until a site maps it" in found.warnings[0]


def test_a_kind_of_what_is_seen_need_not_be_mapped() -> None:
    definitions = "kinds: {headache: [positional-headache]}"
    text = rule_text("finding: {of: [headache]}")
    nearly = Sample("T02", "tested", frozenset(), frozenset(), frozenset({"headache"}))
    options = {"samples": (FIRES, nearly), "mapped": "headache"}
    assert report(layer_of(text, definitions=definitions), **options) == Report()


@pytest.mark.parametrize(("qualifier", "count"), [("severe", 0), ("sever", 1)])
def test_a_qualifier_that_nothing_gives_is_warned_of(qualifier: str, count: int) -> None:
    clause = f"any: [{{above: $limit}}, {{with: [severe, {qualifier}]}}]"
    text = rule_text(f"reading: {{of: [body-temperature], where: {{{clause}}}}}", LIMIT)
    found = report(layer_of(text))
    assert found.errors == ()
    assert [
        "no code and no phrase of the pack gives the qualifier 'sever'" in line for line in found.warnings
    ] == [True] * count
    assert all(line.startswith("rules/rule-0.yaml:14:84:") for line in found.warnings)


def test_a_qualifier_of_a_definition_is_looked_at_once() -> None:
    definitions = DEFINITIONS.replace("where: {above: $shared}", "where: {without: [sever], above: $shared}")
    found = report(layer_of(rule_text(IS_HOT), definitions=definitions))
    assert [line.partition(": ")[0] for line in found.warnings] == ["rules/definitions.yaml:7:23"]


DEFINITIONS = f"""
params: {{shared: {{value: 38.5, unit: Cel, {HOUSE}}}}}
definitions:
  hot:
    title: Hot
    of: [body-temperature]
    where: {{above: $shared}}
"""
IS_HOT = "reading: {of: [body-temperature], where: {is: hot}}"


def locked(layer: dict[str, str]) -> dict[str, str]:
    return layer | {LOCK: write_lock(read_rule_files([layer], Problems()))}


def test_a_pack_without_a_lock_has_no_versions_to_keep() -> None:
    assert report(layer_of(rule_text(HOT, LIMIT))) == Report()
    assert report(locked(layer_of(rule_text(HOT, LIMIT)))) == Report()


@pytest.mark.parametrize(
    ("old", "new", "is_meaning"),
    [
        ("value: 38.0", "value: 38.1", True),
        ("above: $limit", "at_least: $limit", True),
        ("value: 100", "value: 101", True),
        ("severity: urgent", "severity: routine", True),
        ("possible cause", "possible reason", True),
        ("title: A rule for a test", "title: A rule for two tests", True),
        ("from: $start", "after: $start", True),
        ("value: 38.0", "value: 38", False),
        ("limit", "threshold", False),
        ("status: draft", "status: shadow", False),
        ("what it misses", "what else it misses", False),
        (
            "review: {status: not clinically reviewed, by: null}",
            "review: {status: clinically reviewed, by: B, date: 2026-01-01}",
            False,
        ),
    ],
)
def test_a_change_of_meaning_needs_a_new_version(old: str, new: str, *, is_meaning: bool) -> None:
    before = rule_text(HOT, LIMIT)
    after = before.replace(old, new)
    assert after != before
    lock = locked(layer_of(before))[LOCK]
    lines = report(layer_of(after) | {LOCK: lock}).errors
    assert len(lines) == is_meaning
    if is_meaning:
        assert lines[0].startswith("rules/rule-0.yaml:3:10: 'tested' or a definition that it uses changed")
        assert "make it 2, then run `lpwatch lint --lock`" in lines[0]


@pytest.mark.parametrize(
    ("old", "new", "is_meaning"),
    [("38.5", "38.6", True), ("above:", "at_least:", True), ("title: Hot", "title: Warm", False)],
)
def test_a_change_of_what_a_rule_uses_needs_a_new_version_of_the_rule(
    old: str, new: str, *, is_meaning: bool
) -> None:
    rules = (rule_text(IS_HOT), rule_text(HOT, LIMIT, rule_id="other"))
    lock = locked(layer_of(*rules, definitions=DEFINITIONS))[LOCK]
    changed = layer_of(*rules, definitions=DEFINITIONS.replace(old, new)) | {LOCK: lock}
    lines = [line for line in report(changed).errors if "version" in line]
    assert [("'tested'" in line) for line in lines] == [True] * is_meaning


def locked_over(under: dict[str, str], layer: dict[str, str]) -> dict[str, str]:
    return layer | {LOCK: write_lock(read_rule_files([under, layer], Problems()))}


BELOW = locked(layer_of(rule_text(IS_HOT), rule_text(HOT, LIMIT, rule_id="other"), definitions=DEFINITIONS))
SEED_OF_OTHER = CLAIMS.replace("rules: [tested]", "rules: [tested, other]")


def over(*layers: dict[str, str]) -> Report:
    """Report on layers over one with two rules, of which one rests on a definition."""
    other = (replace(FIRES, fires=frozenset({"other"})), replace(NEARLY, file="other"))
    below = BELOW | {"rules/claims.yaml": SEED_OF_OTHER}
    return report(below, *layers, samples=(FIRES, NEARLY, *other))


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("38.5", "38.6", "rules/definitions.yaml:2:10: 'shared' is 38.6 Cel (38.5 Cel below): tested means"),
        (
            "above:",
            "at_least:",
            "rules/definitions.yaml:4:3: definition 'hot' differs from the one below: tested means",
        ),
        ("title: Hot", "title: Warm", ""),
        ("38.5", "38.50", ""),
    ],
)
def test_a_site_that_changes_a_definition_is_told_of_each_rule_of_others_that_means_something_else(
    old: str, new: str, says: str
) -> None:
    assert over() == Report()
    site = {"rules/definitions.yaml": DEFINITIONS.replace(old, new)}
    found = over(site)
    assert found.errors == ()
    assert [line.startswith(says) for line in found.warnings] == [True] * bool(says)
    assert all("`lpwatch lint --lock`" in line for line in found.warnings)
    if says:
        assert over(locked_over(BELOW, site)) == Report()


def test_the_lock_of_a_site_holds_what_its_definitions_make_of_the_rules_of_others() -> None:
    site = {"rules/definitions.yaml": DEFINITIONS.replace("38.5", "38.6")}
    lock = locked_over(BELOW, site)[LOCK]
    assert "below:\n  tested: {version: 1, digest: '" in lock
    assert "other" not in lock
    again = {"rules/definitions.yaml": DEFINITIONS.replace("38.5", "38.7"), LOCK: lock}
    (line,) = over(again).errors
    assert line.startswith("rules/definitions.yaml:2:10: 'shared' is 38.7 Cel (38.5 Cel below): tested means")
    own = layer_of(rule_text(IS_HOT).replace("version: 1", "version: 2")) | site
    assert "below:" not in locked_over(BELOW, own)[LOCK]


def test_a_site_is_told_when_the_rule_that_it_changes_has_a_new_version_below() -> None:
    site = locked_over(BELOW, {"rules/definitions.yaml": DEFINITIONS.replace("38.5", "38.6")})
    newer = rule_text(IS_HOT).replace("version: 1", "version: 2")
    below = locked(layer_of(newer, definitions=DEFINITIONS))
    assert "mean" in report(below, site).errors[0]
    assert report(below, locked_over(below, site)) == Report()


def test_a_number_of_a_definition_itself_is_named() -> None:
    own = DEFINITIONS.replace(
        "    where: {above", f"    params: {{limit: {{value: 38.5, unit: Cel, {HOUSE}}}}}\n    where: {{above"
    )
    own = own.replace("$shared", "$limit")
    below = locked(layer_of(rule_text(IS_HOT), definitions=own))
    found = report(below, {"rules/definitions.yaml": own.replace("limit: {value: 38.5", "limit: {value: 39")})
    assert found.warnings[0].startswith(
        "rules/definitions.yaml:4:3: 'limit' of 'hot' is 39 Cel (38.5 Cel below): tested"
    )


@pytest.mark.parametrize(
    ("old", "new", "is_told"),
    [
        ("value: 38.0", "value: 38.1", True),
        ("status: draft", "status: shadow", False),
        ("version: 1", "version: 2", False),
    ],
)
def test_a_rule_that_replaces_another_and_means_something_else_has_a_version_of_its_own(
    old: str, new: str, *, is_told: bool
) -> None:
    text = rule_text(HOT, LIMIT)
    found = report(
        layer_of(text), {"rules/mine.yaml": text.replace(old, new).replace("seeds: [A01]", SEEDED)}
    )
    assert found.errors == ()
    assert [line.partition(";")[0] for line in found.warnings] == [
        "rules/mine.yaml:3:10: 'tested' replaces version 1 of the pack below and means something else"
    ] * is_told


def test_origins_say_which_layer_changes_a_rule_and_where() -> None:
    site = {"rules/definitions.yaml": DEFINITIONS.replace("38.5", "38.6")}
    house = {
        "rules/other.yaml": rule_text(HOT, LIMIT, rule_id="other").replace("version: 1", "version: 3"),
        "rules/off.yaml": "id: tested\ndisabled: true\n",
    }
    files = read_rule_files([BELOW, site, house], Problems())
    assert list(origins(files, "other")) == [
        Origin(2, "rules/other.yaml:2:5", "replaces the rule (version 1 below, 3 here)")
    ]
    assert [(each.layer, each.place) for each in origins(files, "tested")] == [
        (1, "rules/definitions.yaml:2:10"),
        (2, "rules/off.yaml:1:5"),
    ]
    assert list(origins(read_rule_files([BELOW], Problems()), "tested")) == []


def test_a_new_version_is_written_and_an_old_one_never_comes_back() -> None:
    second = rule_text(HOT, LIMIT).replace("version: 1", "version: 2")
    first = locked(layer_of(rule_text(HOT, LIMIT)))
    behind = layer_of(second) | {LOCK: first[LOCK]}
    assert "version 2 of 'tested' is not in rules/versions.lock.yaml" in report(behind).errors[0]
    again = locked(behind)
    assert report(again) == Report()
    back = layer_of(rule_text(HOT, LIMIT)) | {LOCK: again[LOCK]}
    assert "was at version 2 already" in report(back).errors[0]
    with pytest.raises(PackError, match="was at version 2 already"):
        locked(back)


def test_a_lock_is_not_written_over_a_change_under_the_same_version() -> None:
    first = locked(layer_of(rule_text(HOT, LIMIT)))
    with pytest.raises(PackError, match="its version did not"):
        locked(layer_of(rule_text(HOT, LIMIT.replace("38.0", "38.1"))) | {LOCK: first[LOCK]})


def test_a_rule_that_is_gone_keeps_its_entry() -> None:
    first = locked(layer_of(rule_text(HOT, LIMIT, rule_id="gone")))
    again = locked(layer_of(rule_text(HOT, LIMIT)) | {LOCK: first[LOCK]})
    assert "  gone: {version: 1," in again[LOCK]
    assert "  tested: {version: 1," in again[LOCK]
