"""The default pack and rules made for a test, ready to evaluate."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from tests.unit.correlate.facts import at, puncture
from worker.correlate.episodes import find_episodes
from worker.correlate.versions import current_facts
from worker.correlate.view import build_views
from worker.mapping.pack import MappingPack, compile_mapping
from worker.rules.evaluate import Evaluation, evaluate_all
from worker.rules.library import Terms, terms_of
from worker.rules.parse import compile_rules
from worker.rules.rule import RuleBook
from worker.rules.totals import with_totals

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from worker.model.fact import Fact
    from worker.model.finding import Finding

ROOT = Path(__file__).resolve().parents[3]
PACK = ROOT / "mappings"

SOURCES = """
sources:
  PAPER: {cite: "A paper, 2020", read: "the abstract"}
"""

CLAIMS = """
articles: {A: PAPER}
claims:
  A01: {kind: rule, fact: "one claim", rules: [tested]}
  A02: {kind: window, fact: "another", rules: [tested]}
  A03: {kind: education, fact: "a third", no_rule: "education only"}
"""

FRAME = """
id: {id}
version: 1
title: A rule for a test
status: draft
severity: {severity}
window: {window}
params:
{params}
when:
{when}
{more}
says: {{possible_causes: ["possible cause"]}}
misses: ["what it misses"]
false_positives: ["what it takes for it"]
seeds: [A01]
sources: [PAPER]
review: {{status: not clinically reviewed, by: null}}
"""

WINDOW = """
  start: {value: 0, unit: h, house_choice: "a lead"}
  end: {value: 100, unit: h, house_choice: "a lead"}
"""


@cache
def default_layer() -> Mapping[str, str]:
    """Read the rules, concepts and feeds that the project ships."""
    return {
        str(path.relative_to(PACK)): path.read_text(encoding="utf-8")
        for folder in ("concepts", "feeds", "rules")
        for path in sorted((PACK / folder).rglob("*.yaml"))
    }


@cache
def default_mapping() -> MappingPack:
    """Return the mappings of the default pack."""
    return compile_mapping([default_layer()])


@cache
def default_terms() -> Terms:
    """Return the concepts of the default pack."""
    return terms_of(default_mapping())


@cache
def default_book() -> RuleBook:
    """Compile the rules of the default pack."""
    return compile_rules([default_layer()], default_terms())


def indent(text: str, by: int = 2) -> str:
    """Indent YAML so that it fits below a key."""
    return "\n".join(" " * by + line for line in text.strip("\n").splitlines())


def rule_text(
    when: str, params: str = "", *, rule_id: str = "tested", severity: str = "urgent", more: str = ""
) -> str:
    """Write a rule file around a clause; the window is 0 to 100 h."""
    return FRAME.format(
        id=rule_id,
        severity=severity,
        window="{from: $start, to: $end}",
        params=WINDOW + indent(params),
        when=indent(when),
        more=more,
    )


def book_of(*rules: str, definitions: str = "", terms: Terms | None = None) -> RuleBook:
    """Compile rules written in a test, over the concepts of the default pack."""
    layer = {f"rules/rule-{at_}.yaml": text for at_, text in enumerate(rules)}
    layer |= {"rules/sources.yaml": SOURCES, "rules/claims.yaml": CLAIMS}
    if definitions:
        layer["rules/definitions.yaml"] = definitions
    return compile_rules([layer], default_terms() if terms is None else terms)


def evaluations(
    facts: Iterable[Fact],
    book: RuleBook | None = None,
    *,
    as_of: float = 5_000,
    consumed: float | None = None,
    changed: Iterable[str] | None = None,
) -> tuple[Evaluation, ...]:
    """Evaluate on facts of one patient; times in hours after T0."""
    rules = default_book() if book is None else book
    current = with_totals(current_facts(facts).facts, rules)
    views = build_views(current, find_episodes(current))
    return evaluate_all(rules, views, at(as_of), at(as_of if consumed is None else consumed), changed)


def findings(facts: Iterable[Fact], book: RuleBook | None = None, **options: float) -> dict[str, Finding]:
    """Return the findings of the last LP by rule."""
    found = evaluations(facts, book, **options)  # type: ignore[arg-type] # passes options on
    return {each.rule.id: each.finding for each in found if each.finding is not None}


def judge(
    when: str, params: str, *facts: Fact, more: str = "", definitions: str = "", **options: float
) -> Evaluation:
    """Evaluate one clause on one LP at T0."""
    book = book_of(rule_text(when, params, more=more), definitions=definitions)
    (evaluation,) = evaluations([puncture(0), *facts], book, **options)  # type: ignore[arg-type] # passes options on
    return evaluation
