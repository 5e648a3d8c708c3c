"""`routes.yaml`: every mistake has its place, a site's file is laid over the default pack, a default always exists."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from worker.alerts.route_files import MAX_TOPIC, parse_routes, topic_problem
from worker.alerts.route_spec import MODELS
from worker.alerts.routing import Route, Routes
from worker.decode.located_yaml import load_yaml
from worker.mapping.schemas import schema_texts
from worker.model.alert import Variant
from worker.model.errors import PackError

DEFAULT = "routes:\n  - {id: default, topic: lpwatch.alerts, default: true}\n"


def parse(*texts: str) -> Routes:
    return parse_routes([{"routes.yaml": text} for text in texts])


def problems(*texts: str) -> list[str]:
    with pytest.raises(PackError) as failure:
        parse(*texts)
    return str(failure.value).splitlines()


def own(*routes: str) -> str:
    return "routes:\n" + "".join(f"  - {{{route}}}\n" for route in routes)


def test_the_default_pack_sends_everything_to_one_topic(root: Path) -> None:
    routes = parse((root / "mappings" / "routes.yaml").read_text(encoding="utf-8"))
    assert routes == Routes(Route("default", "lpwatch.alerts", Variant.FULL))


def test_a_site_adds_routes_and_replaces_the_default_by_its_id() -> None:
    routes = parse(
        DEFAULT,
        own(
            "id: default, topic: site.alerts, default: true",
            "id: itu, topic: site.itu, variant: minimal, severities: [emergent, urgent], units: [ITU, ' Ward 7 ']",
        ),
    )
    assert routes.default.topic == "site.alerts"
    assert routes.others == (
        Route(
            "itu",
            "site.itu",
            Variant.MINIMAL,
            frozenset({"emergent", "urgent"}),
            frozenset({"itu", "ward 7"}),
        ),
    )


def test_a_route_is_removed_by_its_id_and_may_come_back_above() -> None:
    below = DEFAULT + "  - {id: itu, topic: itu}\n"
    removed = own("id: itu, disabled: true")
    assert [route.id for route in parse(below, removed).all] == ["default"]
    assert [route.id for route in parse(below, removed, own("id: itu, topic: itu2")).all] == [
        "default",
        "itu",
    ]


def test_an_empty_file_says_nothing() -> None:
    assert parse(DEFAULT, "# nothing yet\n").default.topic == "lpwatch.alerts"


@pytest.mark.parametrize("texts", [(), ("routes: []\n",), (DEFAULT, own("id: default, disabled: true"))])
def test_without_a_default_there_is_no_pack(texts: tuple[str, ...]) -> None:
    (problem,) = problems(*texts)
    assert problem.startswith("routes.yaml:1:1: no route has `default: true`")


def test_two_defaults_are_one_too_many() -> None:
    (problem,) = problems(DEFAULT, own("id: z, topic: z, default: true"))
    assert problem.startswith("routes.yaml:2:32: route 'default' is the default already")


@pytest.mark.parametrize(
    ("route", "place", "message"),
    [
        ("id: a", "2:5", "a topic is missing"),
        ("id: a, topic: ward 7", "2:20", "'ward 7' cannot be a topic"),
        ("id: a, topic: Gefäß", "2:20", "cannot be a topic"),
        ("id: a, topic: ..", "2:20", "'..' cannot be a topic"),
        ("id: a, topic: __consumer_offsets", "2:20", "names that begin with '__' are Kafka's own"),
        ("id: a, topic: a, variant: short", "2:32", "'full', 'minimal' or 'fhir'"),
        ("id: a, topic: a, severities: [severe]", "2:36", "'emergent'"),
        ("id: a, topic: a, units: ['']", "2:30", "an empty name"),
        ("id: a, topic: a, facilities: [HOSP]", "2:35", "under `units`"),
        ("id: a, topic: a, unit: ITU", "2:23", "unit"),
        ("id: A, topic: a", "2:10", "id"),
        ("id: a, disabled: true", "2:10", "no layer below has a route 'a'"),
        ("id: a, topic: lpwatch_alerts", "2:20", "Kafka takes this topic for 'lpwatch.alerts'"),
        ("id: z, topic: lpwatch.alerts, variant: fhir", "2:20", "a topic has one variant"),
    ],
)
def test_a_mistake_is_told_with_its_place(route: str, place: str, message: str) -> None:
    found = problems(DEFAULT, own(route))
    assert any(line.startswith(f"routes.yaml:{place}:") and message in line for line in found), found


@pytest.mark.parametrize("key", ["severities: [info]", "units: [ITU]"])
def test_the_default_takes_everything(key: str) -> None:
    (problem,) = problems(own(f"id: default, topic: a, default: true, {key}"))
    assert "the default takes every alert that is left" in problem


def test_an_id_stands_once_in_a_layer() -> None:
    (problem,) = problems(own("id: a, topic: a, default: true", "id: a, topic: b"))
    assert (
        problem
        == "routes.yaml:3:10: route 'a' stands twice in this layer (first routes.yaml:2:10); remove one"
    )


def test_every_mistake_is_told_at_once() -> None:
    assert len(problems(own("id: a, topic: ''", "id: b, topic: '!'"))) == 3


@pytest.mark.parametrize("topic", ["a", "lpwatch.alerts", "A-b_c.9", "x" * MAX_TOPIC])
def test_names_that_kafka_accepts(topic: str) -> None:
    assert topic_problem(topic) == ""


@pytest.mark.parametrize("topic", ["", ".", "..", "a b", "a/b", "ä", "x" * (MAX_TOPIC + 1), "a\n"])
def test_names_that_kafka_refuses(topic: str) -> None:
    assert topic_problem(topic)


def test_the_schema_file_is_current_and_fits_the_default_pack(root: Path) -> None:
    # Write it anew with: python tools/pack_schemas.py
    (text,) = schema_texts(MODELS).values()
    assert (root / "mappings" / "schema" / "routes.schema.json").read_text(encoding="utf-8") == text
    written = (root / "mappings" / "routes.yaml").read_text(encoding="utf-8")
    jsonschema.validate(load_yaml(written, "routes.yaml").data, json.loads(text))
    keys = json.loads(text)["$defs"]["RouteSpec"]["properties"]
    assert [name for name, key in keys.items() if "description" not in key] == []
