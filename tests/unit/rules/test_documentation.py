"""docs/rules.md and the predicates of the code say the same."""

from __future__ import annotations

import re

import pytest

from tests.unit.rules.pack import ROOT
from worker.decode.located_yaml import load_yaml, validate
from worker.rules.clauses import EpisodeClause, ReadingClause, predicate_names

TEXT = (ROOT / "docs" / "rules.md").read_text(encoding="utf-8")
_, ABOUT_LP, ABOUT_FACT = re.split(r"^## Predicates about .*$", TEXT, flags=re.MULTILINE)
SECTIONS = {EpisodeClause: ABOUT_LP, ReadingClause: ABOUT_FACT.split("\n## ")[0]}


def headings(text: str) -> list[str]:
    return [
        name for line in text.splitlines() if line.startswith("### ") for name in re.findall(r"`(\w+)`", line)
    ]


def sections() -> list[tuple[type[EpisodeClause], str, str]]:
    return [
        (scope, part.splitlines()[0], part)
        for scope, text in SECTIONS.items()
        for part in re.split(r"^### ", text, flags=re.MULTILINE)[1:]
    ]


def test_every_predicate_has_a_section_and_every_section_a_predicate() -> None:
    episode = predicate_names(EpisodeClause)
    own = [name for name in predicate_names(ReadingClause) if name not in episode]
    assert sorted(headings(SECTIONS[EpisodeClause])) == sorted(episode)
    assert sorted(headings(SECTIONS[ReadingClause])) == sorted(own)


@pytest.mark.parametrize(
    ("scope", "heading", "text"), sections(), ids=lambda part: part if isinstance(part, str) else ""
)
def test_a_section_gives_a_shape_a_table_and_an_example_that_reads(
    scope: type[EpisodeClause], heading: str, text: str
) -> None:
    assert "Shape:" in text
    assert "|---|" in text or heading.startswith("`all`")
    example = re.search(r"```yaml\n(.*?)```", text, re.DOTALL)
    assert example is not None
    clause = validate(scope, load_yaml(example[1], "docs/rules.md"))
    assert clause.model_fields_set
