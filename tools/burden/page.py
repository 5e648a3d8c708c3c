"""Write `docs/alarm-burden.md` from what the replays gave. Pure: rows in, text out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from tools.burden.rows import AlertRow, ExpectedRow, Shard
from worker.simulate.cohort import places
from worker.simulate.cohort.complications import KINDS
from worker.simulate.cohort.rates import ASSUMED, OF_NOTE, PUBLISHED
from worker.simulate.cohort.traps import TRAPS
from worker.simulate.hospital.rates import Rate

GOALS = {"emergent": 15.0, "urgent": 30.0}
"""Notices per 100 LPs that the work on alarms aims at, at most."""
TOLD = ("emergent", "urgent", "routine")
FOUND = ("found", "folded")
CATEGORIES = {
    "complication": "harm done by the LP",
    "disease": "what the LP was done for",
    "aftermath": "the usual aftermath of an LP",
    "background": "unrelated to the LP, or there before it",
    "error": "charted wrong and corrected",
    "unexplained": "nothing that was planted",
}
HEAD = """# Alarm burden

How many notices a mixed cohort of lumbar punctures (LPs) gives, and whether planted complications are found. Written by
`{command}`; not edited by hand. Nobody in it is real: the cohort is made up from published rates where there are any, and
from assumptions that are listed below. It tells what the rules do with such patients, not how a hospital will fare; a
site learns that from its own recordings (`lpwatch replay`).

No clinician has reviewed the rules. Where a goal is missed this page says which rule and why, and nothing clinical is
changed for it here.
"""


@dataclass(frozen=True)
class Cohort:
    """The shards of one cohort, added up."""

    shards: tuple[Shard, ...]

    @property
    def alerts(self) -> list[AlertRow]:
        """Return every alert."""
        return [row for shard in self.shards for row in shard.alerts]

    @property
    def expected(self) -> list[ExpectedRow]:
        """Return every alert that had to come."""
        return [row for shard in self.shards for row in shard.expected]

    @property
    def punctures(self) -> Counter[str]:
        """Return LPs by setting."""
        total: Counter[str] = Counter()
        for shard in self.shards:
            total.update(shard.punctures)
        return total

    @property
    def lps(self) -> int:
        """Return how many LPs were done."""
        return self.punctures.total()

    def paged(self, severity: str) -> int:
        """Count patients of whom at least one notice of a severity paged."""
        return sum(
            len({row.patient for row in shard.alerts if row.told == "paged" and severity in row.notices})
            for shard in self.shards
        )

    def held(self) -> Counter[tuple[str, str]]:
        """Count findings that held, by rule and how: "all", or "folded" where the rule never stood by itself."""
        found: Counter[tuple[str, str]] = Counter()
        for shard in self.shards:
            for row in shard.findings:
                found[row.rule, "all"] += 1
                found[row.rule, row.highest] += 1
                found[row.rule, "folded"] += not row.is_alone
        return found


def page(mixed: Cohort, planted: Cohort, command: str, rules: Sequence[str]) -> str:
    """Return the whole page."""
    parts = [
        HEAD.format(command=command),
        *_goal(mixed, rules),
        *_settings(mixed),
        *_rules(mixed, rules),
        *_why(mixed),
        *_causes(mixed),
        *_traps(mixed),
        *_shadow(mixed),
        *_sensitivity(planted, mixed),
        *_assumptions(),
    ]
    return "\n".join(parts).rstrip() + "\n"


def notices(alerts: Iterable[AlertRow]) -> Counter[str]:
    """Count notices that page, by severity: each raise, rise of severity and stated worsening."""
    return Counter(severity for row in alerts if row.told == "paged" for severity in row.notices)


def _goal(mixed: Cohort, rules: Sequence[str]) -> Iterator[str]:
    told, lps = notices(mixed.alerts), mixed.lps
    patients = sum(shard.patients for shard in mixed.shards)
    messages = sum(shard.messages for shard in mixed.shards)
    yield f"## In short\n\n{lps:,} LPs of {patients:,} patients, {messages:,} messages, {len(rules)} rules.\n"
    yield from _table(
        ["", "notices per 100 LPs", "patients with one or more, per 100 LPs", "goal for notices", ""],
        (
            [
                severity,
                _per(told[severity], lps),
                _per(mixed.paged(severity), lps),
                f"at most {GOALS[severity]:g}" if severity in GOALS else "none set",
                _verdict(severity, told, lps),
            ]
            for severity in TOLD
        ),
    )
    before = Counter(row.highest for shard in mixed.shards for row in shard.findings if not row.is_shadow)
    taken = sum(row.told == "paged" and row.state == "withdrawn" for row in mixed.alerts)
    listed = sum(row.told == "listed" and row.highest != "info" for row in mixed.alerts)
    nobody = len(
        {(id(shard), row.patient) for shard in mixed.shards for row in shard.alerts if row.told == "paged"}
    )
    yield (
        f"A notice is a raise, a rise of severity or a stated worsening that pages; reminders for want of an answer are not "
        f"counted. Before folds, "
        f"{_per(before['emergent'], lps)} emergent, {_per(before['urgent'], lps)} urgent and "
        f"{_per(before['routine'], lps)} routine findings per 100 LPs held (each at its highest severity, shadow "
        f"rules apart). {_per(listed, lps)} per 100 were listed and paged nobody, because their evidence was old when "
        f"it became known; {_per(taken, lps)} per 100 were withdrawn after they had paged. "
        f"{100 - 100 * nobody / max(patients, 1):.0f} of 100 patients gave no page at all.\n"
    )
    failed = sum(shard.failed + shard.dead_letters for shard in mixed.shards)
    if failed:
        yield f"**{failed} messages or patients could not be judged.**\n"


def _verdict(severity: str, told: Counter[str], lps: int) -> str:
    if severity not in GOALS:
        return ""
    return "met" if 100 * told[severity] / max(lps, 1) <= GOALS[severity] else "**missed**"


def _settings(mixed: Cohort) -> Iterator[str]:
    yield "## By setting\n"
    rows = []
    for place in places.PLACES:
        lps = mixed.punctures[place.name]
        told = notices(row for row in mixed.alerts if row.setting == place.name)
        rows.append([place.title, str(lps), *(_per(told[severity], lps) for severity in TOLD)])
    yield from _table(["setting", "LPs", *(f"{severity} per 100" for severity in TOLD)], rows)


def _rules(mixed: Cohort, rules: Sequence[str]) -> Iterator[str]:
    yield "## By rule\n"
    yield (
        "Findings held before folds, the share of them that only ever stood folded into a stronger rule, and notices after "
        "folds, all per 100 LPs. Shadow rules are in a table of their own.\n"
    )
    held, lps = mixed.held(), mixed.lps
    by_rule: dict[str, list[AlertRow]] = {rule: [] for rule in rules}
    for row in mixed.alerts:
        by_rule.setdefault(row.rule, []).append(row)
    rows = []
    for rule, alerts in by_rule.items():
        told = notices(alerts)
        ends = Counter(row.state for row in alerts if row.told == "paged")
        listed = sum(row.told == "listed" for row in alerts)
        rows.append(
            [
                f"`{rule}`",
                _per(held[rule, "all"], lps),
                _per(held[rule, "folded"], lps),
                *(_per(told[severity], lps) for severity in TOLD),
                _per(listed, lps),
                _per(ends["withdrawn"], lps),
                _per(ends["superseded"], lps),
            ]
        )
    rows.sort(key=lambda cells: (-sum(map(_number, cells[3:6])), cells[0]))
    yield from _table(["rule", "held", "folded", *TOLD, "listed, not paged", "withdrawn", "superseded"], rows)


def _why(mixed: Cohort) -> Iterator[str]:
    told = notices(mixed.alerts)
    for severity, goal in GOALS.items():
        count = 100 * told[severity] / max(mixed.lps, 1)
        title = "Where the goal is missed" if count > goal else "What fills the goal"
        yield f"## {title}: {severity}\n"
        disease = notices(row for row in mixed.alerts if row.category in {"complication", "disease"})
        again = told[severity] - mixed.paged(severity)
        yield (
            f"{count:.1f} {severity} notices per 100 LPs, goal {goal:g}. {_per(disease[severity], mixed.lps)} of them are "
            f"about harm or about the disease that the LP was to find; {_per(again, mixed.lps)} are a second or later "
            f"{severity} notice about one patient. The causes, most frequent first:\n"
        )
        causes: Counter[tuple[str, str, str]] = Counter()
        for row in mixed.alerts:
            if row.told == "paged":
                number = row.notices.count(severity)
                causes[row.rule, row.kind, row.category] += number
        rows = [
            [f"`{rule}`", kind, CATEGORIES[category], _per(number, mixed.lps)]
            for (rule, kind, category), number in causes.most_common(15)
            if number
        ]
        yield from _table(["rule", "because of", "which is", "per 100 LPs"], rows)


def _causes(mixed: Cohort) -> Iterator[str]:
    yield "## True and false\n"
    yield "Notices that page, by what was true of the patient:\n"
    rows = []
    for category, what in CATEGORIES.items():
        told = notices(row for row in mixed.alerts if row.category == category)
        rows.append([what, *(_per(told[severity], mixed.lps) for severity in TOLD)])
    yield from _table(["", *(f"{severity} per 100" for severity in TOLD)], rows)
    yield from _unexplained(
        [row for row in mixed.alerts if row.category == "unexplained" and row.told == "paged"]
    )


def _unexplained(alerts: Sequence[AlertRow]) -> Iterator[str]:
    """List alerts that nothing planted explains, with what they rest on where that is a note."""
    if not alerts:
        return
    yield "Not explained by anything that was planted (a note carried forward, a baseline that nobody recorded):\n"
    grouped: dict[str, list[AlertRow]] = {}
    for row in alerts:
        grouped.setdefault(row.rule, []).append(row)
    rows = []
    for rule, found in sorted(grouped.items(), key=lambda item: (-len(item[1]), item[0])):
        settings = ", ".join(f"{name} {n}" for name, n in Counter(row.setting for row in found).most_common())
        sentences = Counter(row.sentence for row in found if row.sentence).most_common(3)
        rows.append(
            [f"`{rule}`", str(len(found)), settings, " / ".join(f"“{said}”" for said, _ in sentences) or "-"]
        )
    yield from _table(["rule", "alerts", "settings", "for example"], rows)


def _traps(mixed: Cohort) -> Iterator[str]:
    """Count what must stay silent, and what did not."""
    patients: Counter[str] = Counter()
    for shard in mixed.shards:
        patients.update(shard.traps)
    alerts = [row for row in mixed.alerts if row.told != "shadow"]
    rows = []
    for trap, rules in TRAPS.items():
        if not rules:
            continue
        sprung = [row for row in alerts if trap in row.traps and row.rule in rules and _is_of(trap, row)]
        told = Counter(row.rule for row in sprung)
        rows.append(
            [trap, str(patients[trap]), ", ".join(f"`{rule}` {n}" for rule, n in told.most_common()) or "-"]
        )
    yield "## What must stay silent\n"
    yield (
        "Patients with a sign that only looks like a complication, and the alerts that took it for one: those it explains, "
        "or that nothing else does. An alert that nothing explains may stand in several rows.\n"
    )
    yield from _table(["sign", "patients", "alerts"], rows)


def _is_of(trap: str, row: AlertRow) -> bool:
    return row.kind == trap or row.category == "unexplained"


def _shadow(mixed: Cohort) -> Iterator[str]:
    yield "## Shadow rules\n"
    yield "Stored and counted, told to nobody. What they would add if a site turned them on, per 100 LPs:\n"
    alerts: dict[str, list[AlertRow]] = {}
    for row in mixed.alerts:
        if row.told == "shadow":
            alerts.setdefault(row.rule, []).append(row)
    rows = []
    for rule, found in sorted(alerts.items()):
        would = Counter(row.highest for row in found)
        causes = Counter(row.kind for row in found).most_common(2)
        rows.append(
            [
                f"`{rule}`",
                *(_per(would[severity], mixed.lps) for severity in (*TOLD, "info")),
                ", ".join(f"{kind} ({n})" for kind, n in causes),
            ]
        )
    yield from _table(["rule", *TOLD, "info", "mostly because of"], rows)


def _sensitivity(planted: Cohort, mixed: Cohort) -> Iterator[str]:
    patients = sum(shard.patients for shard in planted.shards)
    yield "## Planted complications\n"
    yield (
        f"A second cohort of {patients} patients, each with one complication of one kind by turns. Found: the rule "
        "paged (or, for context and shadow rules, held) at least as severely as it must. Folded: a stronger rule spoke "
        "for it.\n"
    )
    yield from _found(planted.expected, {kind.id: kind.title for kind in KINDS})
    yield "What happened by published rates in the mixed cohort:\n"
    yield from _found([row for row in mixed.expected if row.category in {"complication", "disease"}], {})
    yield from _misses([*planted.expected, *mixed.expected])


def _found(expected: Sequence[ExpectedRow], titles: dict[str, str]) -> Iterator[str]:
    rows = []
    for kind, rule in sorted({(row.kind, row.rule) for row in expected}):
        mine = Counter(row.outcome for row in expected if (row.kind, row.rule) == (kind, rule))
        total = mine.total()
        other = ", ".join(
            f"{name} {mine[name]}" for name in ("lower", "listed", "missed", "no rule") if mine[name]
        )
        rows.append(
            [
                titles.get(kind, kind),
                f"`{rule}`",
                str(total),
                str(mine["found"]),
                str(mine["folded"]),
                other or "-",
            ]
        )
    yield from _table(["complication", "rule", "planted", "found", "folded", "else"], rows)
    all_of = Counter(row.outcome in FOUND for row in expected if row.outcome != "no rule")
    yield f"{all_of[True]} of {all_of.total()} that a rule of the pack is for were found.\n"


def _misses(expected: Sequence[ExpectedRow]) -> Iterator[str]:
    missed = [row for row in expected if row.outcome in {"missed", "lower", "listed"}]
    if not missed:
        yield "Nothing was missed.\n"
        return
    yield "### Missed, or told less than it should be\n"
    yield "Sentences of notes stand with what the note reader made of each; alone, a sentence has no section around it.\n"
    grouped: dict[tuple[str, str, str, str], list[ExpectedRow]] = {}
    for row in missed:
        grouped.setdefault((row.kind, row.rule, row.outcome, row.got), []).append(row)
    for (kind, rule, outcome, got), rows in sorted(grouped.items()):
        told = f" ({got})" if got else ""
        yield f"- **{kind}**, `{rule}`: {outcome}{told}, {len(rows)} times"
        said = dict.fromkeys(pair for row in rows for pair in row.said)
        for sentence, reading in list(said)[:8]:
            yield f"  - “{sentence}”: {reading}"
    yield ""


def _assumptions() -> Iterator[str]:
    yield "## What the cohort is made of\n"
    yield "Settings: all of it assumed, each number to argue with. Hours of stay count from the LP.\n"
    yield from _table(
        [
            "setting",
            "share",
            "ages (years)",
            "stay (h)",
            "leave within hours",
            "observations every (h)",
            "pencil-point",
        ],
        [
            [
                place.title,
                f"{place.share:.0%}",
                f"{place.ages_d[0] // places.YEAR} to {place.ages_d[1] // places.YEAR}",
                f"{place.stays_h[0]:g} to {place.stays_h[1]:g}",
                f"{place.goes_home:.0%}",
                f"{place.every_h:g}",
                f"{place.atraumatic:.0%}",
            ]
            for place in places.PLACES
        ],
    )
    yield "Published rates:\n"
    yield from _rates({**PUBLISHED, **OF_NOTE})
    yield "Assumptions, with what each is a share of. Nobody published these for LPs, or we found nobody:\n"
    yield from _rates(ASSUMED)
    yield (
        "Shapes: onset of postural headache lognormal with median 24 h and 90 % within 72 h, duration lognormal "
        "with median 4.5 d; back pain from 0 to 12 h, median 2 d, 95 % within 7 d. Red cells of a bloody tap lognormal "
        "with median 2,500/µL, one white cell for 600 to 1,200 red ones. 70 % of unrelated fevers begin in the first two "
        "days of the stay.\n"
    )
    yield (
        "Not in it: wards without a feed, notes of more than a few lines, spelling mistakes, other languages, drugs "
        "against fever, devices that chart every minute, clinicians who resolve alerts. The notes were written for the "
        "simulator; how well notes are read is to be measured on independent text.\n"
    )


def _rates(rates: Mapping[str, Rate]) -> Iterator[str]:
    pairs = rates.items()
    rows = [
        [f"`{name}`", f"{rate.probability:g}", rate.source.removeprefix("assumption: ")]
        for name, rate in pairs
    ]
    yield from _table(["rate", "p", "source, or of what"], rows)


def _per(number: int, lps: int) -> str:
    return f"{100 * number / lps:.1f}" if lps else "-"


def _number(cell: str) -> float:
    return 0.0 if cell == "-" else float(cell)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield "| " + " | ".join(head) + " |"
    yield "|" + "|".join("---" for _ in head) + "|"
    for cells in rows:
        yield "| " + " | ".join(cells) + " |"
    yield ""
