"""Who is remembered between assessments, and for how long."""

from __future__ import annotations

import pytest

from tests.unit.correlate.facts import PATIENT, at, puncture, temperature
from worker.model.fact import Fact, Identifier
from worker.pipeline import Pack
from worker.runtime.offline import load_pack
from worker.runtime.recalls import Recalls

OTHER = Identifier("MRN", "P-2", "MR")


@pytest.fixture(scope="module")
def pack() -> Pack:
    return load_pack()


def findings(recalls: Recalls, who: Identifier, facts: list[Fact], hours: float = 20) -> set[str]:
    return {each.rule for each in recalls.assess((who,), tuple(facts), at(hours), at(hours)).findings}


def test_a_patient_who_is_remembered_is_not_taken_for_another(pack: Pack) -> None:
    recalls = Recalls(pack)
    ill, well = [puncture(0), temperature(3, 39)], [puncture(0), temperature(3, 37)]
    assert "fever-single" in findings(recalls, PATIENT, ill)
    assert "fever-single" not in findings(recalls, OTHER, well)
    assert "fever-single" in findings(recalls, OTHER, [*well, temperature(4, 39)])
    assert "fever-single" in findings(recalls, PATIENT, [*ill, temperature(4, 37)])


def test_those_who_were_assessed_longest_ago_are_forgotten_and_assessed_anew(pack: Pack) -> None:
    recalls = Recalls(pack, most_facts=3)
    ill, well = [puncture(0), temperature(3, 39)], [puncture(0), temperature(3, 37)]
    for _ in range(2):
        assert "fever-single" in findings(recalls, PATIENT, ill)
        assert "fever-single" not in findings(recalls, OTHER, well)
    assert list(recalls._kept) == [(OTHER,)]
    assert findings(recalls, OTHER, [*well, temperature(4, 37), temperature(5, 37)]) == set()
    assert list(recalls._kept) == [], "more facts than there is room for"


def test_patients_without_an_lp_are_not_remembered(pack: Pack) -> None:
    recalls = Recalls(pack)
    assert findings(recalls, PATIENT, [temperature(3, 39)]) == set()
    assert "fever-single" in findings(recalls, PATIENT, [temperature(3, 39), puncture(0)])
