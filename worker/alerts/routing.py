"""Say where an alert goes, and in which form. Pure: no I/O, no clock.

An alert goes every way whose route fits. The default route takes what no other takes in full, and every alert whose ward is
not known: a mistake in the routes or in the feed makes an alert appear in one more place, never in none.

Who was told of an alert hears how it goes on: each notice also goes wherever an earlier one of the alert went, or one of an
alert that was folded into it (ADR 0013).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from worker.model.alert import Alert, AlertState, Target, Variant

if TYPE_CHECKING:
    from worker.alerts.documents import AlertDocument, PlaceDocument

__all__ = ["Outlet", "Route", "Routes", "Target", "Variant", "targets", "told_before"]


@dataclass(frozen=True, slots=True)
class Route:
    """One way for alerts.

    Shape: empty `severities` and `units` fit everything; `units` and `facilities` in lower case.
    """

    id: str
    topic: str
    variant: Variant = Variant.FULL
    severities: frozenset[str] = frozenset()
    units: frozenset[str] = frozenset()
    facilities: frozenset[str] = frozenset()

    @property
    def target(self) -> Target:
        """Return where the route leads."""
        return Target(self.topic, self.variant)

    def fits(self, severity: str, place: PlaceDocument | None) -> bool:
        """Tell whether an alert goes this way; one whose ward is not known goes no way that names wards."""
        if self.severities and severity not in self.severities:
            return False
        if not self.units:
            return True
        if place is None or place["unit"].casefold() not in self.units:
            return False
        return not self.facilities or place["facility"].casefold() in self.facilities


@dataclass(frozen=True, slots=True)
class Routes:
    """All ways of a pack: the default, and the others by id."""

    default: Route
    others: tuple[Route, ...] = ()

    @property
    def all(self) -> tuple[Route, ...]:
        """Return every route, the default first."""
        return (self.default, *self.others)

    @property
    def variants(self) -> Mapping[str, Variant]:
        """Return the form of each topic; a topic has one."""
        return {route.topic: route.variant for route in self.all}


@dataclass(frozen=True, slots=True)
class Outlet:
    """A sink as the routes see it: one that has many places (Kafka's topics) gets each alert once for each target.

    Shape: `variant` is the form that a sink with one place gets.
    """

    name: str
    is_routed: bool = False
    variant: Variant = Variant.FULL


def targets(document: AlertDocument, routes: Routes, told: Iterable[Target] = ()) -> tuple[Target, ...]:
    """Return where a notice goes, sorted by topic, each topic once; never empty.

    Shape: `told` where earlier notices went. A topic that the routes still name gets the form that they say now: one that
    became `minimal` gets no name because of the past.
    """
    place = document["location"]["now"]
    ways = [route for route in routes.others if route.fits(document["severity"], place)]
    if place is None or not any(route.variant is Variant.FULL for route in ways):
        ways.append(routes.default)
    now = {route.topic: route.variant for route in ways}
    before = {topic: variant for topic, variant in sorted(told) if topic not in now}
    return tuple(
        Target(topic, routes.variants.get(topic, variant))
        for topic, variant in sorted((before | now).items())
    )


def told_before(alert: Alert, others: Iterable[Alert]) -> frozenset[Target]:
    """Return where notices of an alert went, and those of the alerts that it speaks for.

    Shape: `others` all alerts of the same patient as they are now, `alert` among them or not. An alert speaks for those that
    were folded into it and, where LPs were joined, for its like of the other LP; these for theirs in turn.
    """
    return frozenset(alert.told).union(*(other.told for other in _silenced(alert, others)))


def folded_into(alert: Alert, others: Iterable[Alert]) -> dict[str, tuple[str, ...]]:
    """Return the ids of the alerts that were told and for which an alert speaks now, by rule, the oldest first.

    Shape: `others` as for `told_before`.
    """
    found: dict[str, tuple[str, ...]] = {}
    for other in sorted(_silenced(alert, others), key=lambda other: (other.raised_at_ms, other.alert_id)):
        if other.notified_severity is not None:
            found[other.rule] = (*found.get(other.rule, ()), other.alert_id)
    return found


def _silenced(alert: Alert, others: Iterable[Alert]) -> list[Alert]:
    """Return the alerts for which an alert speaks, at any depth."""
    silent = [other for other in others if other.state is AlertState.SUPERSEDED]
    found: list[Alert] = []
    seen, waiting = {alert.alert_id}, [alert]
    while waiting:
        speaker = waiting.pop()
        for other in silent:
            if other.alert_id not in seen and _speaks_for(speaker, other):
                seen.add(other.alert_id)
                found.append(other)
                waiting.append(other)
    return found


def _speaks_for(speaker: Alert, silent: Alert) -> bool:
    is_same_lp = speaker.episode_id == silent.episode_id
    return is_same_lp and speaker.rule in {silent.rule, silent.finding.folded_by}
