"""The mixed cohort: reproducible, with rates that are named and used, and a complication for every rule that alerts."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

import pytest

from worker.decode.hl7v2.message import decode_message
from worker.decode.located_yaml import load_yaml
from worker.simulate import cohort
from worker.simulate.cohort import wording
from worker.simulate.cohort.complications import KINDS
from worker.simulate.cohort.live import live_mixed, live_planted
from worker.simulate.cohort.places import PLACES, draw_place
from worker.simulate.cohort.rates import ASSUMED, KNOWN, PUBLISHED, cohort_rates
from worker.simulate.cohort.traps import TRAPS
from worker.simulate.hospital.truth import PatientTruth
from worker.simulate.hospital.ward import Hospital, Settings

SILENT = {"needle-context", "expected-course"}


def _settings(patients: int, first: int = 0, *, is_planted: bool = False) -> Settings:
    live = live_planted if is_planted else live_mixed
    return Settings(3, patients=patients, rates=cohort_rates(), live=live, first=first)


def _bodies(settings: Settings) -> list[bytes]:
    return [written.body for written in Hospital(settings).messages()]


@pytest.fixture(scope="module")
def planted() -> tuple[PatientTruth, ...]:
    hospital = Hospital(_settings(len(KINDS), is_planted=True))
    for _ in hospital.messages():
        pass
    return hospital.finished()


def test_equal_seeds_give_equal_bytes() -> None:
    assert _bodies(_settings(6)) == _bodies(_settings(6))


def test_two_runs_that_follow_on_one_another_have_the_patients_of_one() -> None:
    parts = {*_bodies(_settings(4)), *_bodies(_settings(3, first=4))}
    assert parts == set(_bodies(_settings(7)))


def test_published_rates_are_those_of_the_list(shared: Path) -> None:
    text = (shared / "clinical/base_rates.yaml").read_text(encoding="utf-8")
    data = load_yaml(text, "base_rates.yaml").data
    assert isinstance(data, dict)
    listed = {row["id"]: row["p"] for row in data["rates"] if "p" in row}
    assert {name: rate.probability for name, rate in PUBLISHED.items()} == {
        name: listed[name] for name in PUBLISHED
    }


def test_every_rate_is_used_and_says_whose_it_is() -> None:
    folder = Path(cohort.__path__[0])
    code = "".join(
        path.read_text(encoding="utf-8") for path in folder.glob("*.py") if path.name != "rates.py"
    )
    assert [name for name in KNOWN if f'"{name}"' not in code] == []
    assert all(rate.source.startswith("assumption: ") for rate in ASSUMED.values())
    assert not any(rate.source.startswith("assumption: ") for rate in PUBLISHED.values())


def test_places_share_all_lps_and_all_occur() -> None:
    assert sum(place.share for place in PLACES) == pytest.approx(1.0)
    rng = Random(1)  # noqa: S311 - reproducible, nothing secret
    assert {draw_place(rng) for _ in range(300)} == set(PLACES)


def test_every_message_can_be_decoded() -> None:
    for body in [*_bodies(_settings(8)), *_bodies(_settings(8, is_planted=True))]:
        assert decode_message(body).first("PID") is not None


def test_a_kind_is_planted_for_every_rule_that_may_alert(
    shared: Path, planted: tuple[PatientTruth, ...]
) -> None:
    text = (shared / "clinical/rules.yaml").read_text(encoding="utf-8")
    data = load_yaml(text, "rules.yaml").data
    assert isinstance(data, dict)
    rules = {row["id"] for row in data["rules"]} - SILENT
    assert {one.rule for truth in planted for one in truth.expected} == rules


def test_each_planted_patient_has_the_kind_whose_turn_it_is(planted: tuple[PatientTruth, ...]) -> None:
    for truth in planted:
        causes = {cause.kind for cause in truth.causes}
        assert {one.cause for one in truth.expected} <= causes
        assert truth.expected


def test_the_truth_names_setting_and_causes(planted: tuple[PatientTruth, ...]) -> None:
    lines = [json.loads(truth.to_line()) for truth in planted]
    assert {line["setting"] for line in lines} == {kind.place.name for kind in KINDS}
    assert all(cause["rules"] for line in lines for cause in line["causes"])


def test_every_trap_that_is_set_has_a_name_on_the_list(planted: tuple[PatientTruth, ...]) -> None:
    hospital = Hospital(_settings(30))
    for _ in hospital.messages():
        pass
    named = {trap for truth in (*planted, *hospital.finished()) for trap in truth.traps}
    assert len(named) > 8
    assert named <= set(TRAPS)


@pytest.mark.parametrize("words", wording.TOLD)
def test_a_symptom_without_a_score_leaves_no_gap_in_the_sentence(words: str) -> None:
    for seed in range(6):
        said = wording.told(words, None, Random(seed))  # noqa: S311 - reproducible, nothing secret
        assert "{" not in said
        assert "/10" not in said
