"""Pack files: what is read, what is refused, and where the error points."""

from __future__ import annotations

from typing import Annotated, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from worker.decode import located_yaml
from worker.decode.located_yaml import Located, PackModel, Problems, load_yaml, validate
from worker.model.errors import PackError


class Code(PackModel):
    system: str
    code: str


class Concept(PackModel):
    id: str
    kind: Literal["quantity", "code"]
    plausible: tuple[float, float] | None = None
    codes: tuple[Code, ...] = ()
    words: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    optional: bool = False
    count: int = 0


class Concepts(PackModel):
    concepts: tuple[Concept, ...]


def problems(text: str, model: type[PackModel] = Concepts) -> list[str]:
    """Return the lines of the error that a text gives."""
    with pytest.raises(PackError) as caught:
        validate(model, load_yaml(text, "a.yaml"))
    return str(caught.value).splitlines()


def test_a_good_file_becomes_its_model() -> None:
    text = "concepts:\n- {id: t, kind: quantity, plausible: [25, 45.5], codes: [{system: loinc, code: 8310-5}]}\n"
    made = validate(Concepts, load_yaml(text, "a.yaml"))
    assert made.concepts[0].plausible == (25.0, 45.5)
    assert made.concepts[0].codes[0].code == "8310-5"


def test_plain_values_keep_their_kind_and_dates_stay_text() -> None:
    data = load_yaml("a: 2026-01-05\nb: yes\nc: true\nd: ~\ne: 1e3\nf: -4\ng: '0123'\n24: x\n", "a.yaml").data
    assert data == {
        "a": "2026-01-05",
        "b": "yes",
        "c": True,
        "d": None,
        "e": 1000.0,
        "f": -4,
        "g": "0123",
        "24": "x",
    }


def test_folded_text_is_the_words_alone() -> None:
    assert load_yaml("a: >\n  one\n  two\nb: |\n  one\n  two\n", "a.yaml").data == {
        "a": "one two\n",
        "b": "one\ntwo\n",
    }


def test_an_empty_file_gives_no_data() -> None:
    assert load_yaml("# nothing\n", "a.yaml").data is None


def test_every_error_is_told_at_once_with_its_place() -> None:
    text = """concepts:
  - id: t
    kind: quantitty
    codes:
      - {system: loinc, code: 8310}
      - {system: loinc}
    plausable: [1, 2]
    optional: 1
"""
    assert problems(text) == [
        "a.yaml:3:11: 'kind' must be one of 'quantity' or 'code'",
        "a.yaml:5:31: 'code' must be text; write it in quotes",
        "a.yaml:6:9: key 'code' is missing; add it",
        "a.yaml:8:15: 'optional' must be true or false",
        "a.yaml:7:5: unknown key 'plausable'; did you mean 'plausible'?",
    ]


def test_an_unknown_key_without_a_near_one_lists_the_known_keys() -> None:
    text = "concepts: [{id: t, kind: code, codes: [{system: s, code: c, zzz: 1}]}]"
    assert problems(text) == ["a.yaml:1:61: unknown key 'zzz'; remove it; known keys here: code, system"]


def test_all_duplicate_keys_are_refused() -> None:
    lines = problems("concepts: []\na: {b: 1, b: 2}\nconcepts: []\n")
    assert lines == [
        "a.yaml:2:11: key 'b' stands twice (first in line 2); remove one",
        "a.yaml:3:1: key 'concepts' stands twice (first in line 1); remove one",
    ]


def test_a_number_with_a_leading_zero_is_refused() -> None:
    assert problems("a: 0123") == ["a.yaml:1:4: 0123 starts with 0: write it in quotes, or without the zero"]


def test_numbers_in_other_bases_are_refused() -> None:
    assert "not a plain decimal number" in problems("a: 0x1F")[0]


def test_merge_keys_and_tags_are_refused() -> None:
    lines = problems("a: &x {b: 1}\nc: {<<: *x}\nd: !thing 5\n")
    assert lines[0].startswith("a.yaml:2:5: keys must be plain words")
    assert lines[1].startswith("a.yaml:3:4: tag ")


@pytest.mark.parametrize("text", ["a: [1\nb: }", "a: *nowhere", "a: 1\n---\nb: 2\n", "\x00", "a: !<"])
def test_a_syntax_error_has_its_place(text: str) -> None:
    assert problems(text)[0].startswith("a.yaml:")


def test_an_anchor_may_be_used_again() -> None:
    assert load_yaml("a: &x [1, 2]\nb: *x\n", "a.yaml").data == {"a": [1, 2], "b": [1, 2]}


def test_an_alias_bomb_is_refused() -> None:
    levels = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    levels += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 8)]
    assert "counting each use of an anchor" in problems("\n".join(levels))[0]


def test_an_anchor_inside_itself_is_refused() -> None:
    assert "nested deeper" in problems("a: &x [*x]")[0]


def test_deep_nesting_is_refused() -> None:
    assert problems("[" * 500 + "]" * 500)[0].startswith("a.yaml:1")


def test_a_too_long_text_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(located_yaml, "MAX_CHARACTERS", 10)
    assert "split the file" in problems("a: 1234567890")[0]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a:\n\tb: 1\n", "a.yaml:2:1: a tab at the start of the line; indent with spaces"),
        ("a:\n  b: 1\n  \tc: 2\n", "a.yaml:3:3: a tab at the start of the line; indent with spaces"),
        ("a:\n\u00a0 b: 1\n  c: 2\n", "a.yaml:2:1: a space that is not a plain one at the start of the line"),
    ],
)
def test_what_cannot_be_seen_in_an_indentation_is_named(text: str, line: str) -> None:
    assert problems(text)[0].startswith(line)


class Numbers(PackModel):
    value: float
    limit: Annotated[str, Field(pattern=r"^\$[a-z][a-z0-9_]*$")] = "$a"
    id: Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")] = "a"
    other: Annotated[str, Field(pattern=r"^[xy]+$")] = "x"
    disabled: Literal[True] | None = None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("value: 37,5", "'value' must be a number; write 37.5, with a point"),
        ("value: -0,5", "'value' must be a number; write -0.5, with a point"),
        ("value: 38 Cel", "'value' must be a number alone; its unit stands under unit"),
        ("value: '38'", "'value' must be a number, without quotes"),
        ("value: warm", "'value' must be a number, without quotes"),
        ("value: [1]", "'value' must be a number, without quotes"),
        (
            "{value: 1, limit: 24}",
            "'limit' must be '$' and the name of a parameter; the number itself stands under params",
        ),
        ("{value: 1, limit: early}", "'limit' must be '$' and the name of a parameter"),
        ("{value: 1, id: 24}", "'id' must be text; write it in quotes"),
        (
            "{value: 1, id: My_Rule}",
            "'id' must be small letters and digits, with single hyphens between words",
        ),
        ("{value: 1, other: z}", "'other': String should match pattern"),
        ("{value: 1, disabled: yes}", "'disabled' must be true; leave the key out where it is not"),
    ],
)
def test_the_message_says_what_to_write(text: str, message: str) -> None:
    assert problems(text, Numbers)[0].partition(": ")[2].startswith(message)


def test_a_place_that_the_file_lacks_is_that_of_its_parent() -> None:
    located = load_yaml("a:\n  b: 1\n", "a.yaml")
    assert located.place(("a", "c", "b")) == "a.yaml:2:6"
    assert located.place(("a", "b"), key=True) == "a.yaml:2:3"
    assert located.place(("z",)) == "a.yaml:1:1"
    assert Located("b.yaml", None).place() == "b.yaml:1:1"


def test_problems_of_several_files_are_raised_together() -> None:
    found = Problems()
    found.raise_if_any()
    found.add("a.yaml:1:1", "first")
    found.collect(PackError("b.yaml:2:2: second\nb.yaml:3:3: third"))
    with pytest.raises(PackError, match=r"(?s)first.*second.*third"):
        found.raise_if_any()


@given(st.text(max_size=200))
def test_no_text_crashes_the_reader(text: str) -> None:
    try:
        validate(Concepts, load_yaml(text, "a.yaml"))
    except PackError as error:
        said = str(error)
    else:
        said = "a.yaml"
    assert said.startswith("a.yaml")
