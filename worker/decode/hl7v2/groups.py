"""Which results, notes and specimens belong to which order and patient. Pure: no I/O, no clock.

HL7 v2.5.1 ch. 4 (ORM OML RDE RAS), ch. 7 (ORU OUL), ch. 9 (MDM), ch. 12 (PPR). The order of segments decides, by these rules:

- PID starts a patient; PV1 belongs to the patient before it.
- ORC starts a group; OBR joins the ORC right before it, else starts a group. In OUL come first SPM, then OBR, then ORC.
- TXA joins a group that has an order but no result yet, else starts one; PRB and GOL end the group before them.
- RXO RXE RXD RXG RXA RXR RXC are treatments of the group; OBX are results of the group, also those that follow SPM.
- NTE belongs to the OBX right before it, else to the group (ORC, OBR, RXE, SPM), else to the patient.
- What needs a group where none is open starts one (OBX of an ADT). Other segments change nothing; read them from the message.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from worker.decode.hl7v2.segment import Segment

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.decode.hl7v2.message import Hl7Message


class ObservationGroup(msgspec.Struct, frozen=True, gc=False):
    """One OBX with the NTE that follow it."""

    obx: Segment
    ntes: tuple[Segment, ...]


class ResultGroup(msgspec.Struct, frozen=True, gc=False):
    """An order with its results, or results without an order.

    Shape: all in the order of the message. `treatments` are RXO RXE RXD RXG RXA RXR RXC; `ntes` those about the order,
    `patient_ntes` those that follow PID or PV1. `spms` of an OUL repeat in every group of their specimen.
    """

    pid: Segment | None
    pv1: Segment | None
    orc: Segment | None
    obr: Segment | None
    txa: Segment | None
    obxs: tuple[ObservationGroup, ...]
    spms: tuple[Segment, ...]
    ntes: tuple[Segment, ...]
    treatments: tuple[Segment, ...]
    patient_ntes: tuple[Segment, ...]


def result_groups(message: Hl7Message) -> tuple[ResultGroup, ...]:
    """Group the segments of a message by order and patient.

    Shape: in the order of the message; every OBX is in exactly one group; none where there is no order and no result.
    """
    grouping = _Grouping(is_specimen_first=message.peek.message_type.startswith("OUL"))
    handlers = _HANDLERS
    for segment in message.segments:
        handler = handlers.get(segment.name)
        if handler is not None:
            handler(grouping, segment)
    grouping.close()
    return tuple(grouping.done)


class _Open(msgspec.Struct):
    """A group that still grows."""

    orc: Segment | None = None
    obr: Segment | None = None
    txa: Segment | None = None
    obxs: list[tuple[Segment, list[Segment]]] = msgspec.field(default_factory=list)
    spms: list[Segment] = msgspec.field(default_factory=list)
    ntes: list[Segment] = msgspec.field(default_factory=list)
    treatments: list[Segment] = msgspec.field(default_factory=list)
    takes_notes_for_obx: bool = False

    @property
    def has_content(self) -> bool:
        return bool(self.obxs or self.treatments or self.txa)


class _Grouping:
    """The state of a walk along the segments of one message."""

    def __init__(self, *, is_specimen_first: bool) -> None:
        self.done: list[ResultGroup] = []
        self._is_specimen_first = is_specimen_first
        self._pid: Segment | None = None
        self._pv1: Segment | None = None
        self._patient_ntes: list[Segment] = []
        self._specimens: list[Segment] = []
        self._group: _Open | None = None

    def close(self) -> None:
        group, self._group = self._group, None
        if group is None:
            return
        self.done.append(
            ResultGroup(
                pid=self._pid,
                pv1=self._pv1,
                orc=group.orc,
                obr=group.obr,
                txa=group.txa,
                obxs=tuple([ObservationGroup(obx, tuple(ntes)) for obx, ntes in group.obxs]),
                spms=(*self._specimens, *group.spms),
                ntes=tuple(group.ntes),
                treatments=tuple(group.treatments),
                patient_ntes=tuple(self._patient_ntes),
            ),
        )

    def start(self) -> _Open:
        self.close()
        self._group = _Open()
        return self._group

    def patient(self, segment: Segment) -> None:
        self.close()
        self._pid, self._pv1, self._patient_ntes, self._specimens = segment, None, [], []

    def visit(self, segment: Segment) -> None:
        self.close()
        self._pv1 = segment

    def order(self, segment: Segment) -> None:
        group = self._group
        if self._is_specimen_first and group and group.obr and not group.orc and not group.has_content:
            group.orc = segment
        else:
            self.start().orc = segment

    def request(self, segment: Segment) -> None:
        group = self._group
        if group is None or group.obr or group.has_content:
            group = self.start()
        group.obr = segment
        group.takes_notes_for_obx = False

    def document(self, segment: Segment) -> None:
        group = self._group
        if group is None or group.has_content:
            group = self.start()
        group.txa = segment
        group.takes_notes_for_obx = False

    def result(self, segment: Segment) -> None:
        group = self._group or self.start()
        group.obxs.append((segment, []))
        group.takes_notes_for_obx = True

    def note(self, segment: Segment) -> None:
        group = self._group
        if group is None:
            self._patient_ntes.append(segment)
        elif group.takes_notes_for_obx:
            group.obxs[-1][1].append(segment)
        else:
            group.ntes.append(segment)

    def specimen(self, segment: Segment) -> None:
        if self._is_specimen_first:
            self.close()
            self._specimens = [segment]
            return
        group = self._group or self.start()
        group.spms.append(segment)
        group.takes_notes_for_obx = False

    def treatment(self, segment: Segment) -> None:
        group = self._group or self.start()
        group.treatments.append(segment)
        group.takes_notes_for_obx = False

    def boundary(self, _segment: Segment) -> None:
        self.close()


_HANDLERS: dict[str, Callable[[_Grouping, Segment], None]] = {
    "PID": _Grouping.patient,
    "PV1": _Grouping.visit,
    "ORC": _Grouping.order,
    "OBR": _Grouping.request,
    "TXA": _Grouping.document,
    "OBX": _Grouping.result,
    "NTE": _Grouping.note,
    "SPM": _Grouping.specimen,
    "RXO": _Grouping.treatment,
    "RXE": _Grouping.treatment,
    "RXD": _Grouping.treatment,
    "RXG": _Grouping.treatment,
    "RXA": _Grouping.treatment,
    "RXR": _Grouping.treatment,
    "RXC": _Grouping.treatment,
    "PRB": _Grouping.boundary,
    "GOL": _Grouping.boundary,
}
