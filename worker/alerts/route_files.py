"""Routes read from the layers of a pack, and every mistake in them with its place. Pure: no I/O, no clock.

A later layer replaces a route with the same id as a whole, and removes it with `disabled: true`. Topic names are those that
Kafka accepts: up to 249 letters, digits, `.`, `_`, `-`; two that differ only in `.` and `_` are one to its metrics, and it
refuses the second.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from worker.alerts.route_spec import RoutesFile, RouteSpec
from worker.alerts.routing import Route, Routes
from worker.decode.located_yaml import Located, Path, Problems, load_yaml, validate
from worker.model.alert import Variant
from worker.model.errors import PackError

FILE = "routes.yaml"
MAX_TOPIC = 249

_TOPIC = re.compile(r"[A-Za-z0-9._-]+")
_RESERVED = "__"


class _Placed(NamedTuple):
    """A route with where it stands."""

    spec: RouteSpec
    located: Located
    path: Path

    def place(self, key: str) -> str:
        return self.located.place((*self.path, key))


def parse_routes(layers: Sequence[Mapping[str, str]]) -> Routes:
    """Compile the routes of a pack's layers, lowest first.

    Raises: PackError with every problem, one line each: "file:line:column: message".
    """
    problems = Problems()
    placed: dict[str, _Placed] = {}
    for layer in layers:
        if FILE in layer:
            try:
                _lay_over(placed, load_yaml(layer[FILE], FILE), problems)
            except PackError as error:
                problems.collect(error)
    problems.raise_if_any()
    kept = list(placed.values())
    _check(kept, problems)
    problems.raise_if_any()
    (default,) = (_route(item.spec) for item in kept if item.spec.default)
    others = sorted((item.spec for item in kept if not item.spec.default), key=lambda spec: spec.id)
    return Routes(default, tuple(map(_route, others)))


def topic_problem(topic: str) -> str:
    """Return why a name cannot be a topic, "" where it can."""
    if not topic:
        return "a topic is missing; name the one that takes the alerts"
    if not _TOPIC.fullmatch(topic):
        return f"'{topic}' cannot be a topic: only letters, digits, '.', '_' and '-' of ASCII"
    if topic in {".", ".."} or len(topic) > MAX_TOPIC:
        return f"'{topic[:20]}' cannot be a topic: not '.' or '..', and at most {MAX_TOPIC} characters"
    if topic.startswith(_RESERVED):
        return f"'{topic}' cannot take alerts: names that begin with '{_RESERVED}' are Kafka's own"
    return ""


def _lay_over(placed: dict[str, _Placed], located: Located, problems: Problems) -> None:
    if located.data is None:
        return
    seen: dict[str, str] = {}
    for at, spec in enumerate(validate(RoutesFile, located).routes):
        item = _Placed(spec, located, ("routes", at))
        place = item.place("id")
        if seen.setdefault(spec.id, place) != place:
            problems.add(
                place, f"route '{spec.id}' stands twice in this layer (first {seen[spec.id]}); remove one"
            )
            continue
        below = placed.pop(spec.id, None)
        if not spec.disabled:
            placed[spec.id] = (
                item  # the last: what clashes with a layer below is the mistake of the upper one
            )
        elif below is None:
            problems.add(
                place,
                f"no layer below has a route '{spec.id}' to disable; correct the id or remove the entry",
            )


def _check(kept: Sequence[_Placed], problems: Problems) -> None:
    for item in kept:
        for place, message in _problems_of(item):
            problems.add(place, message)
    defaults = [item for item in kept if item.spec.default]
    if not defaults:
        problems.add(
            f"{FILE}:1:1", "no route has `default: true`; an alert that fits no other route must go somewhere"
        )
    for item in defaults[1:]:
        problems.add(
            item.place("default"),
            f"route '{defaults[0].spec.id}' is the default already; a pack has one: replace or disable it by its id",
        )
    for item, message in _clashes(kept):
        problems.add(item.place("topic"), message)


def _problems_of(item: _Placed) -> Iterator[tuple[str, str]]:
    spec = item.spec
    wrong = topic_problem(spec.topic)
    if wrong:
        yield item.place("topic"), wrong
    for key in ("severities", "units", "facilities"):
        if spec.default and getattr(spec, key):
            yield (
                item.place(key),
                f"the default takes every alert that is left; remove `{key}`, or add another route",
            )
    for key in ("units", "facilities"):
        if any(not name.strip() for name in getattr(spec, key)):
            yield item.place(key), f"an empty name in `{key}` fits nothing; remove it"
    if spec.facilities and not spec.units:
        yield item.place("facilities"), "name the wards of these houses under `units`"


def _clashes(kept: Iterable[_Placed]) -> Iterator[tuple[_Placed, str]]:
    """Give topics that carry two forms, or that Kafka takes for one name."""
    variants: dict[str, RouteSpec] = {}
    spellings: dict[str, str] = {}
    for item in kept:
        spec = item.spec
        first = variants.setdefault(spec.topic, spec)
        if first.variant != spec.variant:
            yield (
                item,
                f"route '{first.id}' sends this topic '{first.variant}' alerts; a topic has one variant",
            )
        other = spellings.setdefault(spec.topic.replace(".", "_"), spec.topic)
        if other != spec.topic:
            yield item, f"Kafka takes this topic for '{other}' ('.' and '_' are one to it); rename one"


def _route(spec: RouteSpec) -> Route:
    return Route(
        spec.id,
        spec.topic,
        Variant(spec.variant),
        frozenset(spec.severities),
        frozenset(unit.strip().casefold() for unit in spec.units),
        frozenset(facility.strip().casefold() for facility in spec.facilities),
    )
