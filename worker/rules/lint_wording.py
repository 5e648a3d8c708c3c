"""Check what a rule says to clinicians: what is possible and what to consider, never an order. Pure: no I/O, no clock.

By word and place: an order, a diagnosis stated as a fact, certainty. A sentence that gets around these words is for the
reviewers to find.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from worker.decode.located_yaml import Located, Path, Problems
    from worker.rules.spec import LowerSpec, RaiseSpec, RemarkSpec, RuleSpec, UnlessSpec

_MODAL = (
    r"must|have to|has to|shall|should|needs? to|ought to|is required|are required|is mandatory|is indicated"
    r"|immediately|at once|right away|straight away|without fail"
    r"|do not|don't|never give|ensure|make sure|you are to|(?:treat|act|call|scan|image|operate|give|start|stop) now"
)
_VERBS = (
    r"give|stop|start|treat|order|hold|withhold|administer|perform|call|page|send|transfer|discharge|get|do|obtain"
    r"|take|arrange|request|refer|admit|prescribe|repeat|remove|insert|swab|image|scan|escalate|contact|inform|notify"
    r"|re-?assess|re-?check|exclude|keep|check"
)
_ORDERS = re.compile(rf"\b({_MODAL})\b", re.IGNORECASE)
_IMPERATIVES = re.compile(
    rf"(?:^|[.;:!]\s+|,\s+(?:and\s+|then\s+|or\s+)?|\b(?:then|please)\s+)({_VERBS})\b(?!-)", re.IGNORECASE
)
_CERTAIN = re.compile(
    r"\b(diagnos(?:is|es|ed)|diagnostic of|confirms?|proves?|proven|(?<!not )rules? out|certainly|definite(?:ly)?"
    r"|the patient has|this is (?:a|an)|means that)\b",
    re.IGNORECASE,
)
_DISEASE = (
    r"meningitis|encephalitis|h(?:ae|e)matoma|h(?:ae|e)morrhage|abscess|discitis|spondylodiscitis|sepsis"
    r"|cauda equina syndrome|thrombosis|cord compression"
)
_ALSO_STATED = (
    r"infection|stroke|herniation|(?:csf )?leak|myelitis|arachnoiditis|intracranial hypotension|pdph"
    r"|post-?dural puncture headache|bleed(?:ing)?"
)
_DISEASES = re.compile(rf"\b({_DISEASE})\b", re.IGNORECASE)
_STATED = re.compile(
    r"(?:\b(?:is|are|was|has|have|had|means|shows?|indicates?|due to|caused by|because of)|'s)\s+"
    rf"(?:[\w-]+\s+){{0,2}}?((?:{_DISEASE}|{_ALSO_STATED})\b)",
    re.IGNORECASE,
)
_OPEN = re.compile(
    r"\b(?:possibl[ey]|suspected|whether|if|could|may|might|unless|where|until)\b", re.IGNORECASE
)
"""Words that leave open what follows in the same part of a sentence."""
_PART = re.compile(r"[;:.,!?]\s")
_POSSIBLE = "possible"
_CONSIDER = "consider"


def lint_wording(spec: RuleSpec, located: Located, problems: Problems) -> None:
    """Check every sentence of a rule that a clinician may read."""
    for path, text in sentences(spec):
        order = _ORDERS.search(text) or _IMPERATIVES.search(text)
        if order:
            said = order[order.lastindex or 0]
            message = (
                f"'{said}' reads as an order; say what to consider and leave the decision to the clinician"
            )
            problems.add(located.place(path), message)
        certain = _CERTAIN.search(text)
        if certain:
            message = f"'{certain[0]}' reads as a diagnosis; say what is possible"
            problems.add(located.place(path), message)
            continue
        if stated := _stated(text):
            message = f"'{stated[0]}' reads as a diagnosis; write 'possible {stated[1]}', or what was found"
            problems.add(located.place(path), message)
            continue
        disease = None if path[0] == "says" else _DISEASES.search(text)
        if disease and _POSSIBLE not in text[: disease.start()].casefold():
            message = f"'{disease[0]}' reads as a diagnosis; write 'possible {disease[0]}', or what was found"
            problems.add(located.place(path), message)
    for key, word in (("possible_causes", _POSSIBLE), ("considerations", _CONSIDER)):
        for at, text in enumerate(getattr(spec.says, key)):
            if not text.casefold().startswith(word):
                what = "cause" if word == _POSSIBLE else "consideration"
                problems.add(located.place(("says", key, at)), f"a {what} starts with '{word}'")


def _stated(text: str) -> re.Match[str] | None:
    """Return where a disease is said to be there, and nothing before it in that part of the sentence leaves it open."""
    for found in _STATED.finditer(text):
        starts = [part.end() for part in _PART.finditer(text, 0, found.start())]
        if not _OPEN.search(text[max(starts, default=0) : found.end()]):
            return found
    return None


def sentences(spec: RuleSpec) -> Iterator[tuple[Path, str]]:
    """Go through everything of a rule that a clinician may read."""
    yield ("title",), spec.title
    says: Mapping[str, Iterable[str]] = {
        "possible_causes": spec.says.possible_causes,
        "considerations": spec.says.considerations,
        "check": spec.says.check,
        "education": spec.says.education,
    }
    for key, texts in says.items():
        for at, text in enumerate(texts):
            yield ("says", key, at), text
    clauses: Mapping[str, Iterable[UnlessSpec | RaiseSpec | LowerSpec | RemarkSpec]] = {
        "unless": spec.unless,
        "raise": spec.raise_,
        "lower": spec.lower,
        "remarks": spec.remarks,
    }
    for key, listed in clauses.items():
        for at, clause in enumerate(listed):
            yield (key, at, "say"), clause.say
