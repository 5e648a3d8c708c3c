"""An alert on what was not done stays while a worker has not read the feeds so far, with the shipped rules."""

from __future__ import annotations

from tests.unit.correlate.facts import at, puncture, stay, temperature
from worker.alerts.routing import Outlet
from worker.correlate.matching import StoredEpisode
from worker.model.fact import Fact
from worker.model.time import MINUTE_MS
from worker.pipeline import compile_pack
from worker.runtime.assessor import Assessor
from worker.runtime.engine_program import PackProgram
from worker.runtime.packs import read_layers
from worker.storage.records import Assessed, Case, Verdict


class Desk:
    """A store with one patient, whose assessment is written nowhere."""

    def __init__(self, *facts: Fact) -> None:
        self.case = Case((facts[0].patient,), facts, (), ())
        self.verdict = Verdict()

    def assess(self, _as_of_ms: int, _opening: object, decide: object, **_more: object) -> Assessed:
        self.verdict = decide(self.case)  # type: ignore[operator] # the engine's function
        return Assessed()

    def keep(self) -> None:
        """Let what was decided stand."""
        episodes = tuple(
            StoredEpisode(each.episode_id, each.record_keys, each.created_at_ms, each.anchor_ms)
            for each in self.verdict.episodes
        )
        alerts = {change.alert.alert_id: change.alert for change in self.verdict.changes}
        self.case = Case(self.case.patients, self.case.facts, episodes, tuple(alerts.values()))


def test_an_alert_is_not_taken_back_by_a_worker_that_has_read_less() -> None:
    desk = Desk(puncture(0), stay(-1), temperature(1, 37.0))
    assessor = Assessor(desk, PackProgram(compile_pack(read_layers([]))), sinks=[Outlet("out")])  # type: ignore[arg-type]
    assessor.run(at(9), at(9))
    assert [change.alert.rule for change in desk.verdict.changes] == ["no-temp-6h"]
    desk.keep()
    for hours, read_to in ((9.1, 0), (9.2, 6), (9.3, 9.3)):
        assessor.run(at(hours), at(read_to))
        assert [change.reason for change in desk.verdict.changes if change.is_visible] == []
    desk.case = Case(
        desk.case.patients, (*desk.case.facts, temperature(6, 37.0)), desk.case.episodes, desk.case.alerts
    )
    assessor.run(at(9.4), at(9.4))
    assert [change.reason for change in desk.verdict.changes] == ["evidence withdrawn"]


def test_what_was_judged_by_a_clock_that_is_ahead_is_judged_again_once_ours_has_come_so_far() -> None:
    """With clocks of messages no minute may follow: the last message has stopped them."""
    desk = Desk(puncture(0), stay(-1))
    assessor = Assessor(desk, PackProgram(compile_pack(read_layers([]))))  # type: ignore[arg-type]
    assessor.run(at(9), at(9))
    desk.keep()
    case = desk.case
    desk.case = Case(case.patients, (*case.facts, temperature(1.4, 37.0)), case.episodes, case.alerts)
    assessor.run(at(8), at(8))
    assert desk.verdict.next_due_ms == at(9)
    assessor.run(at(9), at(8))
    assert desk.verdict.next_due_ms == at(9) + MINUTE_MS
    assert [change for change in desk.verdict.changes if change.is_visible] == []
    assessor.run(at(9), at(9))
    (change,) = desk.verdict.changes
    assert change.alert.finding.effective_ms == at(8.9)


def test_a_verdict_tells_for_how_long_the_lp_is_blind_if_nothing_more_comes() -> None:
    desk = Desk(puncture(0), stay(-1), temperature(1, 37.0))
    assessor = Assessor(desk, PackProgram(compile_pack(read_layers([]))))  # type: ignore[arg-type]
    assessor.run(at(2), at(2))
    ((_, spans),) = desk.verdict.blind.items()
    told = {span.kind: (span.from_ms, span.until_ms > at(100)) for span in spans}
    assert told["stale"] == (at(13), True), "twelve hours after the temperature"
    assert told["silent"][0] == at(12), "of consciousness nothing was charted since the LP"
    assert "left" not in told
