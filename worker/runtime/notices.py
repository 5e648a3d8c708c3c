"""Write the notices of an assessment: one for each outlet, and one for each target where an outlet has many."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import msgspec

from worker.alerts.also_open import also_open
from worker.alerts.documents import AlertDocument
from worker.alerts.minimal import minimal
from worker.alerts.render import Surroundings
from worker.alerts.routing import Outlet, Routes, Target, Variant, folded_into, targets, told_before
from worker.model.alert import Alert, AlertChange, Notice
from worker.model.fact import Identifier
from worker.model.time import EpochMs
from worker.pipeline import Assessment, surround
from worker.storage.records import Outgoing

KINDS = {Variant.FULL: "alert", Variant.MINIMAL: "alert-minimal", Variant.FHIR: "alert-fhir"}
"""What the outbox calls the body of each variant."""


class Writer(Protocol):
    """What writing notices needs of the pack in use."""

    @property
    def digest(self) -> str:
        """Identify the pack."""

    @property
    def routes(self) -> Routes:
        """Say what goes where."""

    def render(self, alert: Alert, around: Surroundings) -> AlertDocument:
        """Write an alert version for people and machines."""


@dataclass(frozen=True, slots=True)
class Told:
    """Changes with what they remember of who was told, and the notices on their way."""

    changes: tuple[AlertChange, ...]
    notices: tuple[Outgoing, ...] = ()


class NoticeWriter:
    """Write what is to be told of changes, for the outlets that there are."""

    def __init__(self, writer: Writer, outlets: Sequence[Outlet]) -> None:
        """Keep the pack and the outlets; without outlets nothing is written and nobody counts as told."""
        self._writer = writer
        self._outlets = tuple(outlets)
        self._is_routed = any(outlet.is_routed for outlet in outlets)

    def tell(
        self,
        changes: Sequence[AlertChange],
        alerts: Iterable[Alert],
        patients: tuple[Identifier, ...],
        found: Assessment,
        as_of_ms: EpochMs,
    ) -> Told:
        """Write the notices of changes, in their order.

        Shape: `alerts` all of the patient group as they were, each under the LP it belongs to now. Each alert of the outcome
        remembers where its notices went, so that who was told of it hears how it ends.
        """
        if not self._outlets:
            return Told(tuple(changes))
        known = {alert.alert_id: alert for alert in alerts}
        told = {alert_id: alert.told for alert_id, alert in known.items()}
        known.update((change.alert.alert_id, change.alert) for change in changes)
        kept: list[AlertChange] = []
        notices: list[Outgoing] = []
        for change in changes:
            alert_id = change.alert.alert_id
            if change.is_noticed:
                around = surround(change, found, as_of_ms)
                around = replace(
                    around,
                    identifiers=patients,
                    pack_digest=self._writer.digest,
                    folded_ids=folded_into(change.alert, known.values()),
                    also_open=also_open(change.alert, known.values()),
                )
                document = self._writer.render(change.alert, around)
                if self._is_routed:
                    known[alert_id] = replace(known[alert_id], told=told.get(alert_id, ()))
                    before = told_before(known[alert_id], known.values())
                    told[alert_id] = targets(document, self._writer.routes, before)
                notices.extend(self._outgoing(change.alert, document, told.get(alert_id, ())))
            kept.append(replace(change, alert=replace(change.alert, told=told.get(alert_id, ()))))
        return Told(tuple(kept), tuple(notices))

    def _outgoing(
        self, alert: Alert, document: AlertDocument, places: Iterable[Target]
    ) -> Iterator[Outgoing]:
        bodies = _Bodies(document)
        notice_id = f"{alert.alert_id}.{alert.version}"
        for outlet in self._outlets:
            for topic, variant in places if outlet.is_routed else [("", outlet.variant)]:
                notice = Notice(notice_id, alert.alert_id, alert.version, bodies[variant])
                yield Outgoing(outlet.name, topic, KINDS[variant], notice)


class _Bodies(dict[Variant, bytes]):
    """The body of each variant, written once; the sink makes FHIR from the whole document."""

    def __init__(self, document: AlertDocument) -> None:
        super().__init__()
        self._document = document

    def __missing__(self, variant: Variant) -> bytes:
        document: Mapping[str, object] = (
            minimal(self._document) if variant is Variant.MINIMAL else self._document
        )
        body = self[variant] = msgspec.json.encode(document)
        return body
