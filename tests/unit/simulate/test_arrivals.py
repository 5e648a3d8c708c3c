"""Vignettes whose facts arrive otherwise, and under other numbers of the patient."""

from __future__ import annotations

from dataclasses import replace

import pytest

from worker.model.errors import PackError
from worker.pipeline import read
from worker.runtime.offline import load_pack, memory_store, program
from worker.simulate.letters import FORMS, write
from worker.simulate.trial import Bench, try_vignette
from worker.simulate.vignettes import Vignette, parse_vignettes
from worker.storage.memory import MemoryState

FACTS = "{c: lumbar-puncture, t: 0}, {c: body-temperature, t: 8, v: 39, u: Cel, under: tmp}, {op: merge, under: tmp, recv: 9}"
ALERT = "{rule: fever-single, sev: urgent, at: 9}"


def _one(facts: str, arrivals: str = "", alerts: str = ALERT, patient: str = "{age_y: 40}") -> Vignette:
    text = f"{{id: X1, title: t, patient: {patient}, facts: [{facts}], alerts: [{alerts}], arrivals: [{arrivals}]}}"
    return parse_vignettes({"x.yaml": f"scenarios: [{text}]"})[0]


def _bench() -> Bench:
    pack = load_pack()
    return Bench(lambda reader: program(pack, reader), memory_store, frozenset())


def test_a_fever_under_another_number_counts_from_the_merge_on_in_any_order() -> None:
    vignette = _one(FACTS, "{order: [3, 2, 2, 1]}, {order: [2, 1, 3], split: 2, restart: 1}")
    assert try_vignette(vignette, _bench()).failures == ()


def test_without_the_merge_the_other_number_is_somebody_else() -> None:
    first, _, _ = FACTS.partition(", {op")
    assert [failure.got for failure in try_vignette(_one(first), _bench()).failures] == [(), (), (), ()]


def test_two_messages_are_run_in_their_two_orders_and_in_none_twice() -> None:
    stores = []

    def open_store() -> MemoryState:
        stores.append(memory_store())
        return stores[-1]

    two = _one("{c: lumbar-puncture, t: 0}, {c: body-temperature, t: 8, v: 39, u: Cel}")
    try_vignette(two, replace(_bench(), open_store=open_store, shuffles=tuple(range(20))))
    assert len(stores) == 2 * len(FORMS)


@pytest.mark.parametrize("form", FORMS)
def test_each_form_says_who_is_who(form: str) -> None:
    pack = load_pack()
    readings = [read(raw, pack) for raw in write(_one(FACTS), form)]
    numbers = [{who.value for who in reading.patients} for reading in readings]
    assert numbers == [{"X1"}, {"X1-tmp"}, {"X1", "X1-tmp"}]
    assert {who.value for link in readings[2].links for who in (link.first, link.second)} == {"X1", "X1-tmp"}


def test_each_fact_is_written_in_the_way_that_the_arrival_names() -> None:
    vignette = _one(FACTS, "{forms: [hl7v2, fhir, fhir]}", patient="{age_y: 40, encounter: inpatient}")
    bodies = [raw.body[:3] for raw in write(vignette, FORMS[0], vignette.arrivals[0])]
    assert bodies == [b"MSH", b"MSH", b'{"r', b'{"r']


@pytest.mark.parametrize(
    ("arrivals", "complaint"),
    [
        ("{order: [1, 2]}", "'order' leaves out 3"),
        ("{order: [1, 2, 3, 4]}", "'order' names 4; places are 1 to 3"),
        ("{order: [0, 1, 2, 3]}", "'order' names 0"),
        ("{forms: [fhir]}", "'forms' needs one way for each of the 3 facts"),
        ("{split: 0}", "split"),
    ],
)
def test_an_arrival_that_cannot_be_is_refused(arrivals: str, complaint: str) -> None:
    with pytest.raises(PackError, match=complaint):
        _one(FACTS, arrivals)


def test_a_merge_needs_a_number_and_its_receipt() -> None:
    with pytest.raises(PackError, match="a merge needs 'under' and 'recv'"):
        _one("{c: gcs, t: 0, v: 15}, {op: merge, under: b}")
