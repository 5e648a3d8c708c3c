"""The page of the alarm burden, from rows made by hand."""

from __future__ import annotations

from dataclasses import replace

from tools.burden.page import Cohort, notices, page
from tools.burden.rows import AlertRow, ExpectedRow, FindingRow, Shard

RULES = ["fever-single", "fever-ongoing-after-day1", "no-temp-6h", "csf-cells"]


def _alert(rule: str, *severities: str, told: str = "paged", **other: str) -> AlertRow:
    kept = {"state": "raised", "kind": "unrelated-fever", "category": "background", "sentence": "", **other}
    return AlertRow(
        0,
        "ed",
        rule,
        severities,
        severities[-1],
        told,
        kept["state"],
        5.0,
        kept["kind"],
        kept["category"],
        kept["sentence"],
    )


def _shard(
    *alerts: AlertRow, findings: tuple[FindingRow, ...] = (), expected: tuple[ExpectedRow, ...] = ()
) -> Shard:
    return Shard(20, {"ed": 20}, 400, alerts, findings, expected, {}, {"chronic-old-weak": 3}, 0, 0, ())


def _expected(outcome: str, *, said: tuple[tuple[str, str], ...] = ()) -> ExpectedRow:
    return ExpectedRow(1, "ed", "new-fever", "complication", "fever-single", "urgent", outcome, "", said)


def _page(mixed: Shard, planted: Shard | None = None) -> str:
    return page(Cohort((mixed,)), Cohort((planted or _shard(),)), "the command", RULES)


def test_each_raise_and_each_rise_of_a_paging_alert_is_a_notice() -> None:
    alerts = [
        _alert("csf-cells", "urgent", "emergent"),
        _alert("fever-single", "urgent"),
        _alert("fever-single", "urgent", told="listed"),
        _alert("no-temp-6h", "routine", told="shadow"),
    ]
    assert notices(alerts) == {"urgent": 2, "emergent": 1}


def test_a_missed_goal_is_said_and_its_causes_are_named() -> None:
    alerts = [_alert("fever-single", "urgent") for _ in range(7)]
    text = _page(_shard(*alerts))
    assert "| urgent | 35.0 | 5.0 | at most 30 | **missed** |" in text
    assert "| emergent | 0.0 | 0.0 | at most 15 | met |" in text
    assert "## Where the goal is missed: urgent" in text
    assert "30.0 are a second or later urgent notice about one patient" in text
    assert "| `fever-single` | unrelated-fever | unrelated to the LP, or there before it | 35.0 |" in text


def test_findings_before_folds_stand_beside_notices_after_them() -> None:
    findings = (
        FindingRow(
            0,
            "fever-single",
            "urgent",
            is_shadow=False,
            is_alone=False,
            folded_by=("fever-ongoing-after-day1",),
        ),
        FindingRow(0, "fever-ongoing-after-day1", "urgent", is_shadow=False, is_alone=True, folded_by=()),
    )
    text = _page(_shard(_alert("fever-ongoing-after-day1", "urgent"), findings=findings))
    assert "| `fever-ongoing-after-day1` | 5.0 | 0.0 | 0.0 | 5.0 |" in text
    assert "| `fever-single` | 5.0 | 5.0 | 0.0 | 0.0 |" in text


def test_shadow_and_withdrawn_alerts_are_counted_apart() -> None:
    text = _page(
        _shard(
            _alert("no-temp-6h", "routine", told="shadow", kind="missed-temperatures"),
            _alert("fever-single", "urgent", state="withdrawn", kind="mistyped", category="error"),
        )
    )
    assert "| `no-temp-6h` | 0.0 | 0.0 | 5.0 | 0.0 | missed-temperatures (1) |" in text
    assert "5.0 per 100 were withdrawn after they had paged" in text


def test_a_trap_that_is_sprung_is_counted_and_one_that_another_cause_explains_is_not() -> None:
    trapped = {"kind": "nothing", "category": "unexplained"}
    alerts = [
        replace(_alert("leg-weakness", "emergent", **trapped), traps=("chronic-old-weak",)),
        replace(
            _alert("leg-weakness", "emergent", kind="spinal-haematoma", category="complication"),
            traps=("chronic-old-weak",),
        ),
        _alert("leg-weakness", "emergent", **trapped),
    ]
    assert "| chronic-old-weak | 3 | `leg-weakness` 1 |" in _page(_shard(*alerts))


def test_an_alert_that_nothing_explains_shows_what_it_rests_on() -> None:
    text = _page(
        _shard(
            _alert(
                "csf-cells", "urgent", category="unexplained", kind="nothing", sentence="Known old weakness."
            )
        )
    )
    assert "| `csf-cells` | 1 | ed 1 | “Known old weakness.” |" in text


def test_a_miss_is_listed_with_what_was_read() -> None:
    planted = _shard(
        expected=(
            _expected("found"),
            _expected("folded"),
            _expected("missed", said=(("Hot and shivery.", "nothing"),)),
            _expected("no rule"),
        )
    )
    text = _page(_shard(), planted)
    assert "| new fever on day one | `fever-single` | 4 | 1 | 1 | missed 1, no rule 1 |" in text
    assert "2 of 3 that a rule of the pack is for were found." in text
    assert "  - “Hot and shivery.”: nothing" in text


def test_the_page_names_its_command_and_every_assumption() -> None:
    text = _page(_shard())
    assert "`the command`" in text
    assert "| `copy-forward` | 0.3 | of daily notes" in text
