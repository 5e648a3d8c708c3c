"""Write `docs/clinical.md` from the default pack: every rule in words. A test says when the page is not current."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

from tools.clinical_words import Node, Words, number
from worker.decode.located_yaml import Problems
from worker.model.finding import Severity
from worker.model.time import HOUR_MS
from worker.rules.rule import Rule
from worker.rules.rule_files import RuleFiles, read_rule_files
from worker.rules.spec import ParamSpec, RuleSpec
from worker.runtime.offline import load_pack
from worker.runtime.packs import read_layers

PAGE = Path(__file__).resolve().parent.parent / "docs" / "clinical.md"
HEAD = """# The clinical catalogue

Every rule of the default pack in words, written from `mappings/rules` by `python -m tools.clinical_docs`. For the people who
review the rules, tune them, or want to know what an alert rests on. **No clinician has reviewed these rules.** lpwatch is
decision support: it names possible causes, never a diagnosis, and what to consider, never an order.

How alerts live is in [What an alert says](what-an-alert-says.md), the language in [The rule language](rules.md), how to change
a number in [Tune a pack](how-to-tune-a-pack.md). Numbers marked *house choice* come from no source; who must approve them
stands beside them.

- [The rules by severity](#the-rules-by-severity)
- [How to read a rule](#how-to-read-a-rule)
- [Where sources differ](#where-sources-differ)
- [Terms that rules share](#terms-that-rules-share)
- [Claims](#claims) · [Sources](#sources)
"""
READING = """## How to read a rule

The picture shows when a fact counts, on the same scale for every rule: `█` the window, `░` how long an alert stays open after
it. Times count from the end of the lumbar puncture (LP).

{axis}

LPs less than 72 h apart are one series. A window "after the first LP of the series" starts there and ends with its own LP.
A fact belongs to the latest LP before it; results of CSF to the nearest LP by the time the specimen was taken.

- *Holds when* is the condition. What is unknown (no value, no unit, a `<7` that leaves it open) makes no rule hold.
- *Suppressed when* and *Severity* apply to each fact on which the rule rests; the finding has the highest severity of them.
- *New since the LP*: not there before it, or gone and back, or stated to worsen. With nothing recorded before the LP it counts
  as new and the alert says so.
- *Folds*: while this rule's alert is open, the weaker ones named there open none.
- *Draft*: told, and marked as not clinically reviewed. *Shadow*: evaluated and counted, told to nobody until a site says so.
"""
SEVERITIES = {
    Severity.EMERGENT: "Emergent: review within minutes",
    Severity.URGENT: "Urgent: review within the hour",
    Severity.ROUTINE: "Routine: review the same day",
    Severity.INFO: "Info: context, pages nobody",
}
TICKS = (
    (-72, "-3d"), (-24, "-1d"), (0, "LP"), (6, "6h"), (24, "1d"), (48, "2d"), (72, "3d"), (120, "5d"), (168, "7d"),
    (336, "14d"), (504, "21d"), (720, "30d"), (2160, "90d"),
)  # fmt: skip
STEP = 5


def page() -> str:
    """Return the text of the page."""
    files = read_rule_files(read_layers(()), Problems())
    rules = {rule.id: rule for rule in load_pack().rules.rules}
    shown = sorted(rules.values(), key=lambda rule: (-rule.severity, rule.id))
    parts = [
        HEAD,
        "## The rules by severity\n",
        *_index(shown, files),
        READING.format(axis=_code(_axis())),
        *(line for rule in shown for line in _rule(files.rules[rule.id][0], rule, files)),
        "## Where sources differ\n",
        *_differences(files),
        "## Terms that rules share\n",
        *_definitions(files),
        "## Claims\n",
        *_claims(files),
        "## Sources\n",
        *_sources(files),
    ]
    return "\n".join(parts).rstrip() + "\n"


def _index(rules: Sequence[Rule], files: RuleFiles) -> Iterator[str]:
    for severity, title in SEVERITIES.items():
        of_it = [rule for rule in rules if rule.severity == severity]
        if not of_it:
            continue
        yield f"### {title}\n"
        yield "| rule | what | window | raised to | status |"
        yield "|---|---|---|---|---|"
        for rule in of_it:
            raised = ", ".join(sorted({each.to.name.lower() for each in rule.raises})) or ""
            words = Words(files.rules[rule.id][0].params, files, _link)
            window = words.window(files.rules[rule.id][0].window).removesuffix(" after the LP")
            yield f"| [`{rule.id}`](#{rule.id}) | {rule.text.title} | {window} | {raised} | {_status(rule)} |"
        yield ""


def _status(rule: Rule) -> str:
    if rule.is_silent:
        return f"{rule.status}, opens no alert"
    if rule.shadow_concepts:
        return f"{rule.status}; shadow where it rests on {', '.join(sorted(rule.shadow_concepts))} alone"
    return str(rule.status)


# --- one rule ----------------------------------------------------------------------------------------------------------


def _rule(spec: RuleSpec, rule: Rule, files: RuleFiles) -> Iterator[str]:
    words = Words(spec.params, files, _link)
    opens = " It opens no alert." if spec.opens == "nothing" else ""
    yield f"## {spec.id}\n"
    yield f"**{spec.title}** · {spec.severity} · {_status(rule)} · version {spec.version} · {rule.text.review}\n"
    yield f"Window: {words.window(spec.window)}.{_lasts(spec, words)}{opens}\n"
    yield _code([*_axis(), bar(rule)]) + "\n"
    yield "**Holds when**\n"
    yield from _tree(words.condition(spec.when))
    yield from _about_hits(spec, words)
    if spec.folds:
        yield f"**Folds** {', '.join(_link('rule', name) for name in spec.folds)}.\n"
    if spec.context_of:
        yield f"**Stands in the alerts of** {', '.join(_link('rule', name) for name in spec.context_of)}.\n"
    if spec.renotify is not None:
        yield f"**Told again** when the highest value is {words.num(spec.renotify.rise)} above what was told.\n"
    yield from _says(spec, files)
    yield from _listed("It misses", spec.misses)
    yield from _listed("It takes for it what it is not", spec.false_positives)
    yield from _numbers(spec.params, files)
    yield f"**Rests on** {_rests_on(spec, files)}\n"


def _lasts(spec: RuleSpec, words: Words) -> str:
    if spec.lasts == "episode":
        return " An alert stays open as long as the LP is watched."
    return (
        "" if spec.lasts == "window" else f" An alert stays open until {words.num(spec.lasts)} after the LP."
    )


def _about_hits(spec: RuleSpec, words: Words) -> Iterator[str]:
    if spec.unless:
        yield "**Suppressed when**\n"
        for unless in spec.unless:
            yield from _tree(_said(unless.say, words.condition(unless.when)), is_last=False)
        yield ""
    graded = [
        *(_said(f"*{each.to}*: {each.say}", words.condition(each.when)) for each in spec.raise_),
        *(
            _said(
                f"*{f'at most {each.to}' if each.to else 'one level lower'}*: {each.say}",
                words.condition(each.when),
            )
            for each in spec.lower
        ),
    ]
    if graded:
        yield "**Severity**\n"
        for node in graded:
            yield from _tree(node, is_last=False)
        yield ""
    if spec.remarks:
        yield "**It remarks**\n"
        for remark in spec.remarks:
            yield from _tree(_said(f"“{remark.say}”", words.condition(remark.when)), is_last=False)
        yield ""


def _said(say: str, condition: Node) -> Node:
    return Node(f"{say.rstrip('.')} — when {condition.text}", condition.parts)


def _tree(node: Node, *, is_last: bool = True) -> Iterator[str]:
    yield from node.lines()
    if is_last:
        yield ""


def _says(spec: RuleSpec, files: RuleFiles) -> Iterator[str]:
    yield from _listed("Possible causes", spec.says.possible_causes)
    yield from _listed("Considerations", spec.says.considerations)
    yield from _listed("What to check", spec.says.check)
    asked = (files.circumstances[name][0].title for name in spec.asks_for)
    yield from _listed("Its alert says what is not on file of", tuple(asked))
    yield from _listed("Education", spec.says.education)


def _listed(title: str, texts: Sequence[str]) -> Iterator[str]:
    if texts:
        yield f"**{title}**\n"
        yield from (f"- {text}" for text in texts)
        yield ""


def _numbers(params: dict[str, ParamSpec], files: RuleFiles) -> Iterator[str]:
    if not params:
        return
    yield "| number | value | from | what it means |"
    yield "|---|---|---|---|"
    for name, param in params.items():
        basis = (
            ", ".join(_cite(key, files) for key in param.source) or f"*house choice*: {param.house_choice}"
        )
        until = f"; look again by {param.review_until}" if param.review_until else ""
        yield f"| {name.replace('_', ' ')} | {number(param)} | {_cell(basis)}{until} | {_cell(param.why)} |"
    yield ""


def _rests_on(spec: RuleSpec, files: RuleFiles) -> str:
    seeds = ", ".join(_cite(seed, files) for seed in spec.seeds)
    sources = ", ".join(_cite(key, files) for key in spec.sources)
    return f"claims {seeds}; sources {sources}."


# --- the picture -------------------------------------------------------------------------------------------------------


def _axis() -> list[str]:
    labels = "".join(f"{label:<{STEP}}" for _, label in TICKS).rstrip()
    return [labels, "".join(f"{'|':<{STEP}}" for _ in TICKS).rstrip()]


def bar(rule: Rule) -> str:
    """Draw the window of a rule, and how long an alert stays open after it."""
    first, last = rule.window.first_ms / HOUR_MS, rule.window.last_ms / HOUR_MS
    start, end, closed = _column(first), _column(last), _column(rule.expires_ms / HOUR_MS)
    end = max(end, start + 1)
    return " " * start + "█" * (end - start) + "░" * max(0, closed - end)


def _column(hours: float) -> int:
    """Return the column of an hour: between two ticks in proportion."""
    for at, ((low, _), (high, _)) in enumerate(pairwise(TICKS)):
        if hours < high:
            return max(0, round((at + (hours - low) / (high - low)) * STEP))
    return (len(TICKS) - 1) * STEP


def _code(lines: Sequence[str]) -> str:
    return "\n".join(["```text", *lines, "```"])


# --- tables ------------------------------------------------------------------------------------------------------------


def _differences(files: RuleFiles) -> Iterator[str]:
    yield "What stands under *here* is what the default pack does; a site's own reviewers may choose otherwise.\n"
    yield "| matter | who says what | here | rules |"
    yield "|---|---|---|---|"
    for spec, _, _ in files.differences:
        views = "<br>".join(
            f"{', '.join([_cite(view.source, files), *(_cite(claim, files) for claim in view.claims)])}: {view.says}"
            for view in spec.views
        )
        rules = ", ".join(_link("rule", name) for name in spec.rules)
        yield f"| {_cell(spec.about)} | {_cell(views)} | {_cell(spec.here)} | {rules} |"
    disputed = [name for name, (claim, _) in sorted(files.claims.items()) if claim.kind == "dispute"]
    yield ""
    yield f"Claims that are disputed by themselves: {', '.join(_cite(name, files) for name in disputed)}.\n"


def _definitions(files: RuleFiles) -> Iterator[str]:
    for name, (spec, _, _) in files.definitions.items():
        yield f"### {name}\n"
        about = f" About {', '.join(f'`{concept}`' for concept in spec.of)}." if spec.of else ""
        yield f"{spec.title}.{about}\n"
        yield from _tree(Words(spec.params, files, _link).condition(spec.where))
        yield from _numbers(spec.params, files)
    yield "### Numbers that rules share\n"
    yield from _numbers({name: param for name, (param, _) in files.params.items()}, files)
    yield "### Kinds and totals\n"
    for kind, others in files.kinds.items():
        yield f"- `{kind}` includes {', '.join(f'`{other}`' for other in others)}."
    for name, total in files.sums.items():
        without = f", where `{total.without}` cannot be had" if total.without else ""
        yield f"- `{name}` is the total of {', '.join(f'`{part}`' for part in total.parts)}{without}."
    yield ""


def _claims(files: RuleFiles) -> Iterator[str]:
    articles = " and ".join(f"{letter}: {_cite(source, files)}" for letter, source in files.articles.items())
    yield f"What two articles for patients and clinicians claim, in our own words ({articles}).\n"
    yield "| claim | kind | what it says | rules |"
    yield "|---|---|---|---|"
    for name, (claim, _) in sorted(files.claims.items()):
        rules = ", ".join(_link("rule", rule) for rule in claim.rules) or f"none: {claim.no_rule}"
        yield f'| <a id="{name.lower()}"></a>{name} | {claim.kind} | {_cell(claim.fact)} | {rules} |'
    yield ""


def _sources(files: RuleFiles) -> Iterator[str]:
    yield "| key | source | what was read | what it says |"
    yield "|---|---|---|---|"
    for key, spec in sorted(files.sources.items()):
        anchor = f'<a id="{_anchor(key)}"></a>'
        yield f"| {anchor}{key} | {_cell(spec.cite)} | {_cell(spec.read)} | {_cell(spec.fact or '')} |"


def _link(kind: str, name: str) -> str:
    return f"[`{name}`](#{name})" if kind == "rule" else f"[*{name.replace('-', ' ')}*](#{name})"


def _cite(key: str, files: RuleFiles) -> str:
    return f"[{key}](#{key.lower() if key in files.claims else _anchor(key)})"


def _anchor(key: str) -> str:
    return "source-" + "".join(letter if letter.isalnum() else "-" for letter in key.lower())


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")
    print(PAGE)


if __name__ == "__main__":
    main()
