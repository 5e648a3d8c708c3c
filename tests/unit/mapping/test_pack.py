"""Packs: layers, lookups, and errors that say what to do."""

from __future__ import annotations

import re

import pytest
from ruamel.yaml import YAML

from worker.mapping.concepts import Coding
from worker.mapping.feed_spec import FeedSpec
from worker.mapping.pack import MappingPack, compile_mapping
from worker.model.errors import PackError

MINIMAL = {"feeds/default.yaml": "feed: default\n"}
UNITS = "units:\n- {unit: Cel, aliases: [C]}\n- {unit: '[degF]', aliases: [F]}\n"
CONCEPT = "concepts:\n- {id: warmth, kind: quantity, unit: Cel, codes: [{system: loinc, code: '1', display: x, seen_in: y}]}\n"


def problems(*layers: dict[str, str]) -> list[str]:
    with pytest.raises(PackError) as caught:
        compile_mapping(layers)
    return str(caught.value).splitlines()


def minimal(**files: str) -> dict[str, str]:
    return {**MINIMAL, **{f"concepts/{name}.yaml": text for name, text in files.items()}}


def test_the_default_pack_compiles_and_names_itself(pack: MappingPack) -> None:
    assert pack.names == ("lpwatch-default 0.1.0",)
    assert {"default", "simhospital", "vignettes", "fahrenheit-example"} <= set(pack.feeds)


def test_the_reference_feed_is_valid_once_it_is_enabled(layer: dict[str, str]) -> None:
    text = layer["feeds/example.yaml"].replace("disabled: true", "disabled: false")
    assert "example" in compile_mapping([{**layer, "feeds/example.yaml": text}]).feeds


def test_the_reference_feed_uses_every_key(layer: dict[str, str]) -> None:
    data = YAML(typ="safe", pure=True).load(layer["feeds/example.yaml"])
    assert set(FeedSpec.model_fields) - set(data) == set()


def test_a_code_is_found_by_alias_of_its_system_and_by_uri(pack: MappingPack) -> None:
    feed = pack.feeds["default"]
    for system in ("LN", "loinc", "http://loinc.org", "2.16.840.1.113883.6.1"):
        target = feed.find([Coding("8310-5", "", system)])
        assert target is not None
        assert target.concept.id == "body-temperature"


def test_an_alternate_coding_is_tried_after_the_first(pack: MappingPack) -> None:
    target = pack.feeds["default"].find([Coding("X1", "", "L"), Coding("8310-5", "", "LN")])
    assert target is not None
    assert target.concept.id == "body-temperature"


def test_excluded_and_optional_codes_are_known_and_not_used(pack: MappingPack) -> None:
    feed = pack.feeds["default"]
    for system, code in (("LN", "39106-0"), ("SCT", "738769004"), ("LN", "85354-9")):
        target = feed.find([Coding(code, "", system)])
        assert target is not None
        assert target.is_ignored


def test_an_mdc_name_in_the_text_counts_only_where_the_feed_says_so(pack: MappingPack) -> None:
    coding = [Coding("tt-9", "MDC_RESP_RATE", "MDC")]
    target = pack.feeds["simhospital"].find(coding)
    assert target is not None
    assert target.concept.id == "respiratory-rate"
    assert pack.feeds["default"].find(coding) is None


def test_feeds_are_recognised_by_sender_before_transport(pack: MappingPack) -> None:
    assert pack.feed_of("SIMHOSP", "SFAC", "vignettes").id == "simhospital"
    assert pack.feed_of("ANY", "", "vignettes").id == "vignettes"
    assert pack.feed_of("SIMHOSP", "OTHER", "file").id == "default"


def test_the_row_with_most_keys_wins() -> None:
    feeds = {
        "feeds/a.yaml": "feed: a\nmatch: [{application: APP}]\n",
        "feeds/b.yaml": "feed: b\nmatch: [{application: APP, facility: FAC}]\n",
        "feeds/c.yaml": "feed: c\nmatch: [{}]\n",
    }
    pack = compile_mapping([{**MINIMAL, **feeds}])
    assert pack.feed_of("APP", "FAC", "").id == "b"
    assert pack.feed_of("APP", "X", "").id == "a"
    assert pack.feed_of("X", "FAC", "").id == "default"


def test_a_later_layer_replaces_and_removes() -> None:
    base = {**minimal(units=UNITS, vitals=CONCEPT), "feeds/a.yaml": "feed: a\nzone: Europe/Paris\n"}
    over = {"concepts/mine.yaml": CONCEPT.replace("kind: quantity, unit: Cel", "kind: code")}
    assert compile_mapping([base, over]).concepts["warmth"].kind == "code"
    gone = {"feeds/a.yaml": "feed: a\ndisabled: true\n"}
    assert set(compile_mapping([base, gone]).feeds) == {"default"}


def test_tables_are_laid_over_those_of_the_default_feed() -> None:
    pack = compile_mapping(
        [
            {
                "feeds/default.yaml": "feed: default\nencounter_classes: {I: inpatient, O: outpatient}\nzone: Europe/Paris\n",
                "feeds/a.yaml": "feed: a\nencounter_classes: {O: emergency}\n",
            },
        ],
    )
    assert pack.feeds["a"].encounter_classes == {"I": "inpatient", "O": "emergency"}
    assert pack.feeds["a"].zone == pack.feeds["default"].zone


def test_a_pack_without_a_default_feed_is_refused() -> None:
    assert problems({}) == ["feeds/default.yaml:1:1: the pack needs a feed 'default'; add it"]


def test_problems_of_all_files_are_told_at_once() -> None:
    lines = problems(
        {**minimal(a="concepts: [{id: Bad Id, kind: code}]", b="concepts: 5"), "pack.yaml": "id: x\n"}
    )
    assert [line.split(":")[0] for line in lines] == ["concepts/a.yaml", "concepts/b.yaml", "pack.yaml"]


def test_the_same_id_twice_in_one_layer_is_refused() -> None:
    lines = problems(minimal(units=UNITS, a=CONCEPT, b=CONCEPT))
    assert lines == [
        "concepts/b.yaml:2:3: concept 'warmth' stands twice in this layer (first concepts/a.yaml:2:3); remove one",
    ]


def test_a_code_of_two_concepts_is_refused() -> None:
    other = CONCEPT.replace("warmth", "wormth")
    assert problems(minimal(units=UNITS, a=CONCEPT, b=other)) == [
        "concepts/b.yaml:2:51: code loinc|1 already stands under warmth (concepts/a.yaml:2:51); remove one",
    ]


@pytest.mark.parametrize(
    "rows",
    [
        "codes: [{system: loinc, code: '1', display: x, seen_in: y, optional: true}]",
        "exclude_codes: [{system: loinc, code: '1', display: x}]",
    ],
)
def test_a_code_that_is_used_and_left_out_is_refused(rows: str) -> None:
    lines = problems(minimal(units=UNITS, a=CONCEPT, b=f"concepts: [{{id: other, kind: finding, {rows}}}]"))
    assert len(lines) == 1
    assert "code loinc|1 already stands under" in lines[0]
    assert {"concepts/a.yaml", "concepts/b.yaml"} <= set(re.split(r"[:( ]", lines[0]))


def test_a_code_of_two_answers_is_refused() -> None:
    row = "codes: [{system: sct, code: '7', display: x, seen_in: y}]"
    text = f"concepts: [{{id: mind, kind: code, answers: [{{value: A, {row}}}, {{value: B, {row}}}]}}]"
    (line,) = problems(minimal(a=text))
    assert line.endswith("code sct|7 already stands for 'A'; remove one")


def test_one_sender_of_two_feeds_is_refused() -> None:
    match = "match: [{facility: LAB, application: X}]"
    files = {"feeds/a.yaml": f"feed: a\n{match}\n", "feeds/b.yaml": f"feed: b\nzone: UTC\n{match}\n"}
    assert problems({**MINIMAL, **files}) == [
        "feeds/b.yaml:3:9: {application: X, facility: LAB} is already matched by feed 'a' (feeds/a.yaml:2:9); remove one",
    ]
    files["feeds/b.yaml"] = "feed: b\nmatch: [{facility: LAB}]\n"
    assert {"a", "b"} <= set(compile_mapping([{**MINIMAL, **files}]).feeds)


def test_one_code_twice_in_a_feed_is_refused() -> None:
    rows = "codes: [{code: T, concept: warmth}]\nignore_codes: [{code: T, reason: no}]\n"
    files = {**minimal(units=UNITS, a=CONCEPT), "feeds/a.yaml": f"feed: a\n{rows}"}
    assert problems(files) == [
        "feeds/a.yaml:3:16: code *|T already stands in this feed (feeds/a.yaml:2:9); remove one",
    ]
    files["feeds/a.yaml"] = files["feeds/a.yaml"].replace("[{code: T, reason", "[{code: T, system: L, reason")
    assert "a" in compile_mapping([files]).feeds


@pytest.mark.parametrize(
    ("concept", "message"),
    [
        ("{id: t, kind: quantity}", "quantity 't' needs a canonical 'unit'; add it"),
        (
            "{id: t, kind: quantity, unit: Cel, units: ['[degF]']}",
            "no conversion from [degF] to Cel; add one",
        ),
        ("{id: t, kind: quantity, unit: lux}", "unit lux is not in concepts/units.yaml; add it"),
        ("{id: t, kind: quantity, unit: Cel, precision: 0.3}", "'precision' must be 1, 0.1, 0.01, ..."),
        ("{id: t, kind: quantity, unit: Cel, precision: -1}", "'precision' must be 1, 0.1, 0.01, ..."),
        (
            "{id: t, kind: quantity, unit: Cel, units: ['[degF]'], conversions: [{unit: '[degF]', factor: '0'}]}",
            "the factor must not be 0",
        ),
        (
            "{id: t, kind: quantity, unit: Cel, conversions: [{unit: K, factor: 1/0}]}",
            "a fraction over zero",
        ),
        (
            "{id: t, kind: code, answers: [{value: A, words: [x]}, {value: B, words: [X]}]}",
            "stands for two answers",
        ),
        (
            "{id: t, kind: code, results: {positive: {phrases: [x]}, negative: {phrases: [X]}}}",
            "listed as positive and as negative",
        ),
        ("{id: t, kind: code, exclude_sites: [back]}", "body site 'back' is not defined"),
        ("{id: t, kind: code, body_sites: {back: t}}", "body site 'back' is not defined"),
        ("{id: t, kind: code, body_sites: {back: u}}", "concept 'u' is not defined"),
    ],
)
def test_a_concept_that_cannot_work_is_refused(concept: str, message: str) -> None:
    lines = problems(minimal(units=UNITS, a=f"concepts: [{concept}]"))
    assert any(message in line and line.startswith("concepts/a.yaml:1:") for line in lines)


def test_a_general_conversion_that_cannot_work_is_refused() -> None:
    text = UNITS + "conversions: [{from: '[degF]', to: Cel, factor: '0'}]\n"
    assert problems(minimal(units=text)) == ["concepts/units.yaml:4:49: the factor must not be 0"]


def test_a_spelling_of_two_units_is_refused() -> None:
    text = UNITS + "- {unit: K, aliases: [C]}\n"
    assert problems(minimal(units=text)) == [
        "concepts/units.yaml:1:1: 'C' stands for Cel and for K; remove one",
    ]


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ("zone: Europe/Atlantis", "2:7: time zone 'Europe/Atlantis' is unknown"),
        ("identity: {placeholders: ['(']}", "2:11: a pattern cannot be read"),
        ("codes: [{code: A, concept: nothing}]", "2:28: concept 'nothing' is not defined"),
        (
            "codes: [{code: A, concept: warmth, unit: K}]",
            "2:42: unit K is not accepted by 'warmth' (accepted: Cel)",
        ),
        (
            "codes: [{code: A, concept: mind, answers: {'1': X}}]",
            "2:49: 'X' is no answer of 'mind' (answers: A, B)",
        ),
        (
            "codes: [{code: A, concept: mind, answer: X}]",
            "2:42: 'X' is no answer of 'mind' (answers: A, B)",
        ),
        (
            "codes: [{code: A, concept: warmth, body_site: bck}]",
            "2:47: body site 'bck' is not defined",
        ),
        ("colour: red", "2:1: unknown key 'colour'"),
    ],
)
def test_a_feed_that_cannot_work_is_refused(keys: str, message: str) -> None:
    mind = "- {id: mind, kind: code, answers: [{value: A}, {value: B}]}\n"
    files = minimal(units=UNITS, a=CONCEPT + mind)
    lines = problems({**files, "feeds/a.yaml": f"feed: a\n{keys}\n"})
    assert any(line.startswith(f"feeds/a.yaml:{message}") for line in lines)
