"""One problem gives one alert."""

from __future__ import annotations

from dataclasses import replace

from tests.unit.alerts.findings import found
from tests.unit.correlate.facts import puncture
from worker.alerts.fold import fold, folding_rules
from worker.correlate.episodes import find_episodes
from worker.model.finding import Finding, RuleStatus, Severity

FOLDS = {
    "organism": ["cells", "chemistry"],
    "cells": ["chemistry"],
    "neck": ["ongoing"],
    "ongoing": ["single"],
}


def folded(*findings: Finding) -> dict[str, str]:
    return {finding.rule: finding.folded_by for finding in fold(findings, FOLDS)}


def test_a_weaker_finding_is_folded_into_a_stronger_one() -> None:
    assert folded(found("single"), found("ongoing")) == {"single": "ongoing", "ongoing": ""}


def test_a_more_severe_finding_is_never_folded() -> None:
    fever, lasting = found("single", severity=Severity.EMERGENT), found("ongoing")
    assert folded(fever, lasting) == {"single": "", "ongoing": ""}


def test_a_finding_alone_stands() -> None:
    assert folded(found("single")) == {"single": ""}


def test_a_chain_folds_into_its_top() -> None:
    assert folded(found("chemistry"), found("cells"), found("organism")) == {
        "chemistry": "organism",
        "cells": "organism",
        "organism": "",
    }


def test_a_chain_holds_where_its_middle_is_not_found() -> None:
    assert folded(found("single"), found("neck")) == {"single": "neck", "neck": ""}


def test_a_finding_of_another_lp_folds_nothing() -> None:
    (later,) = find_episodes([puncture(200)])
    assert folded(found("single"), replace(found("ongoing"), episode=later)) == {"single": "", "ongoing": ""}


def test_the_stronger_going_away_lets_the_weaker_stand_again() -> None:
    (again,) = fold([replace(found("single"), folded_by="ongoing")], FOLDS)
    assert again.folded_by == ""


def test_a_shadow_finding_silences_only_shadow_findings() -> None:
    shadow = found("ongoing", status=RuleStatus.SHADOW)
    assert folded(found("single"), shadow)["single"] == ""
    assert folded(found("single", status=RuleStatus.SHADOW), shadow)["single"] == "ongoing"


def test_of_several_stronger_findings_the_most_severe_is_named() -> None:
    folds = {"a": ["x"], "b": ["x"]}
    findings = [found("x"), found("a"), found("b", severity=Severity.EMERGENT)]
    assert fold(findings, folds)[0].folded_by == "b"
    assert fold([found("x"), found("b"), found("a")], folds)[0].folded_by == "a"


def test_rules_that_fold_each_other_do_not_hang() -> None:
    assert folding_rules({"a": ["b"], "b": ["a"]}) == {"a": {"b"}, "b": {"a"}}
    names = {finding.rule for finding in fold([found("a"), found("b")], {"a": ["b"], "b": ["a"]})}
    assert names == {"a", "b"}
