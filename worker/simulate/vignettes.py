"""Read vignettes: timelines of facts and the alerts that they must give. Pure: no I/O, no clock.

A file of vignettes is YAML: `scenarios`, a list. Hours count from T0; what a fact does not say of its receipt is its
clinical time.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

from pydantic import Field

from worker.decode.located_yaml import Located, PackModel, Problems, load_yaml, validate
from worker.model.errors import PackError
from worker.model.fact import Assertion, AssertionStatus, PunctureStatus
from worker.model.finding import Severity
from worker.model.time import HOUR_MS, from_rfc3339, to_datetime
from worker.notes.reader import NotePuncture, NoteReading
from worker.simulate.arrivals import Arrival, ArrivalSpec, arrival_of, arrival_problems
from worker.simulate.coding import CODINGS, Coding, Kind
from worker.simulate.happenings import MERGE, NO_UNIT, Happening, Revision, Scalar

if TYPE_CHECKING:
    from collections.abc import Mapping

    from worker.model.time import EpochMs

T0 = "2026-01-05T08:00Z"

_FAR_H = 30 * 366 * 24
"""Beyond thirty years either way a number of hours is a slip, and no calendar need hold it."""

Hours: TypeAlias = Annotated[float, Field(ge=-_FAR_H, le=_FAR_H)]

SeverityName: TypeAlias = Literal["info", "routine", "urgent", "emergent"]
StatusName: TypeAlias = Literal["completed", "stopped", "cancelled", "entered-in-error"]
QualifierName: TypeAlias = Literal["flush", "prophylactic", "therapeutic", "topical", "planned"]
SpecimenName: TypeAlias = Literal["shunt", "drain", "ventricular"]
AssertionName: TypeAlias = Literal[
    "present", "absent", "resolved", "family", "hypothetical", "historical", "uncertain"
]


class Gold(PackModel):
    """One statement that a reader must find in a note's text."""

    f: str = Field(description="finding")
    s: AssertionName = Field(description="status")
    q: tuple[str, ...] = Field(default=(), description="qualifiers")

    def assertion(self) -> tuple[str, Assertion]:
        """Give the finding and what the note states of it."""
        return self.f, Assertion(AssertionStatus(self.s), tuple(sorted(self.q)))


class GoldPuncture(PackModel):
    """What a reader must find in a note about a lumbar puncture."""

    status: Literal["completed", "attempted", "cancelled"] = "completed"
    passes: int | None = Field(default=None, ge=1)
    traumatic: bool | None = None

    def puncture(self) -> NotePuncture:
        """Give it as note readers do."""
        return NotePuncture(PunctureStatus(self.status), self.passes, self.traumatic)


class FactSpec(PackModel):
    """One fact of a timeline, as written."""

    id: str = Field(default="", description="name for a later fact to refer to")
    t: Hours | None = Field(default=None, description="clinical time, hours after T0")
    recv: Hours | None = Field(default=None, description="receipt time, hours after T0; default t")
    c: str = Field(default="", description="concept")
    v: int | float | str | None = Field(default=None, description="value")
    u: str = Field(
        default="", description="UCUM unit; default the concept's canonical unit; none: sent without one"
    )
    q: tuple[QualifierName, ...] = Field(
        default=(),
        description="said of a drug (flush, prophylactic, therapeutic, topical) or a visit (planned)",
    )
    specimen: SpecimenName | None = Field(
        default=None, description="where CSF came from, if not from the needle"
    )
    precision: Literal["day"] | None = Field(
        default=None, description="of a lumbar puncture: its date is sent without an hour"
    )
    status: StatusName | None = Field(default=None, description="status of a lumbar puncture")
    under: str = Field(
        default="",
        pattern=r"^[a-z0-9]*$",
        description="another number of the patient, which alone the message names",
    )
    op: Literal["correct", "retract", "merge"] | None = Field(
        default=None,
        description="what is done to the fact `of`; merge joins the number `under` with the patient's own",
    )
    of: str = Field(default="", description="id of the corrected or retracted fact")
    text: str = Field(default="", description="text of a note, reason for a visit")
    extract: tuple[Gold, ...] | None = Field(default=None, description="gold reading of the text")
    lp: GoldPuncture | None = Field(
        default=None, description="what a note, whose first line names it, documents of a lumbar puncture"
    )


class PatientSpec(PackModel):
    """Who the vignette is about."""

    age_y: int | None = Field(default=None, ge=0, le=120)
    age_d: int | None = Field(default=None, ge=0, le=120 * 366)
    encounter: Literal["inpatient", "emergency", "outpatient"] | None = None


class Step(PackModel):
    """A later change of an alert's severity."""

    sev: SeverityName
    at: float


class AlertSpec(PackModel):
    """One alert that must be given, and what must become of it."""

    rule: str
    sev: SeverityName
    at: float
    escalate: Step | None = None
    downgrade: Step | None = None
    retract_at: float | None = None
    expires_at: float | None = Field(default=None, description="when it expires; left out: not judged")
    again_at: tuple[float, ...] | None = Field(
        default=None, description="when a worsening is told again; left out: not judged"
    )
    remarks: tuple[str, ...] | None = Field(
        default=None, description="all its remarks at the end; left out: not judged"
    )


class VignetteSpec(PackModel):
    """One vignette as written."""

    id: str = Field(min_length=1, pattern=r"^[A-Za-z0-9._-]+$")
    title: str
    patient: PatientSpec
    kind: str = ""
    facts: tuple[FactSpec, ...]
    alerts: tuple[AlertSpec, ...]
    must_not: tuple[str, ...] = ()
    finds: tuple[str, ...] | None = Field(
        default=None, description="rules that open no alert: exactly those that must hold at the end"
    )
    until: Hours | None = None
    arrivals: tuple[ArrivalSpec, ...] = Field(
        default=(), description="other ways for the facts to arrive; what is open at the end must be the same"
    )
    t0: str = T0


class VignetteFile(PackModel):
    """A file of vignettes; `schema` is a remark for people."""

    remark: object = Field(default=None, alias="schema")
    scenarios: tuple[VignetteSpec, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """What an alert does at an instant: the severity it takes."""

    severity: Severity
    at_ms: EpochMs


@dataclass(frozen=True, slots=True)
class AlertCourse:
    """The course of one alert, expected or observed: what a vignette compares.

    Shape: of an expected one, `expired_at_ms`, `again_at_ms` and `remarks` are compared only where they are not None.
    """

    rule: str
    raised: Change
    escalated: Change | None = None
    downgraded: Change | None = None
    withdrawn_at_ms: EpochMs | None = None
    expired_at_ms: EpochMs | None = None
    again_at_ms: tuple[EpochMs, ...] | None = None
    remarks: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Vignette:
    """One vignette, ready to be written as messages.

    Shape: `happenings` in the order of the file; `gold` the readings by document id and text; `until_ms` is where the clock
    stops. `finds` are the rules that open no alert and must hold at the end, None where the vignette says nothing of them.
    `place` where it stands, "file:line:column"; `must_not` the rules that it names as silent; `arrivals` are tried as well.
    """

    vignette_id: str
    title: str
    t0_ms: EpochMs
    birth_date: date
    encounter_class: str
    happenings: tuple[Happening, ...]
    gold: Mapping[str, Mapping[str, NoteReading]]
    expected: tuple[AlertCourse, ...]
    until_ms: EpochMs
    finds: frozenset[str] | None = None
    place: str = ""
    must_not: frozenset[str] = frozenset()
    arrivals: tuple[Arrival, ...] = ()

    @property
    def rules(self) -> frozenset[str]:
        """Return the rules that must fire."""
        return frozenset((*(course.rule for course in self.expected), *(self.finds or ())))


def parse_vignettes(files: Mapping[str, str]) -> tuple[Vignette, ...]:
    """Read vignettes from `{path: text}`, in the order given.

    Raises: PackError with every error of every file as "file:line:column: message"; an id that stands twice is one.
    """
    problems = Problems()
    seen: dict[str, str] = {}
    vignettes: list[Vignette] = []
    for file, text in files.items():
        try:
            located = load_yaml(text, file)
            specs = validate(VignetteFile, located).scenarios
        except PackError as error:
            problems.collect(error)
            continue
        for number, spec in enumerate(specs):
            place = located.place(("scenarios", number, "id"))
            if spec.id in seen:
                problems.add(place, f"vignette '{spec.id}' stands also at {seen[spec.id]}; rename one")
            seen[spec.id] = place
            before = len(problems.lines)
            _check(spec, located, number, problems)
            if len(problems.lines) == before:
                vignettes.append(_build(spec, place))
    problems.raise_if_any()
    return tuple(vignettes)


def _check(spec: VignetteSpec, located: Located, number: int, problems: Problems) -> None:
    """Add what the schema alone cannot see."""
    top = ("scenarios", number)
    if (spec.patient.age_y is None) == (spec.patient.age_d is None):
        problems.add(located.place((*top, "patient")), "'patient' needs exactly one of age_y and age_d")
    try:
        from_rfc3339(spec.t0)
    except ValueError:
        problems.add(located.place((*top, "t0")), "'t0' must be a date-time with an offset")
    known: dict[str, FactSpec] = {}
    for at, fact in enumerate(spec.facts):
        place = located.place((*top, "facts", at))
        for problem in _fact_problems(fact, known):
            problems.add(place, problem)
        if fact.id:
            known[fact.id] = fact
    has_admission = spec.patient.encounter is not None
    for at, arrival in enumerate(spec.arrivals):
        for problem in arrival_problems(arrival, len(spec.facts), has_admission=has_admission):
            problems.add(located.place((*top, "arrivals", at)), problem)


def _fact_problems(fact: FactSpec, known: Mapping[str, FactSpec]) -> list[str]:
    if fact.op == "merge":
        return [] if fact.under and fact.recv is not None else ["a merge needs 'under' and 'recv'"]
    if fact.op is not None:
        return _revision_problems(fact, known)
    found = []
    if fact.of:
        found.append("'of' needs an 'op': correct or retract")
    if fact.t is None:
        found.append("key 't' is missing; add the clinical time in hours")
    if fact.id in known:
        found.append(f"id '{fact.id}' stands twice in this vignette; rename one")
    coding = CODINGS.get(fact.c)
    if coding is None:
        return [*found, f"unknown concept '{fact.c}'; known: {', '.join(sorted(CODINGS))}"]
    if fact.v is None and coding.kind in {Kind.QUANTITY, Kind.ANSWER, Kind.DRUG, Kind.ENCOUNTER}:
        found.append(f"a {fact.c} needs a value 'v'")
    if coding.kind is Kind.NOTE and not fact.text:
        found.append("a note needs its 'text'")
    return [*found, *(problem for key, problem in _misplaced(fact, coding) if key)]


def _misplaced(fact: FactSpec, coding: Coding) -> tuple[tuple[bool, str], ...]:
    """Pair each problem of a key that this concept cannot have with whether it is there."""
    is_note, is_puncture = coding.kind is Kind.NOTE, coding.kind is Kind.PUNCTURE
    planned = fact.q and fact.q != ("planned",)
    return (
        (fact.extract is not None and not is_note, "only a note has an 'extract'"),
        (fact.lp is not None and not is_note, "only a note has an 'lp'"),
        (fact.status is not None and not is_puncture, "only a lumbar-puncture has a 'status'"),
        (fact.precision is not None and not is_puncture, "only a lumbar-puncture has a 'precision'"),
        (
            bool(fact.q and coding.kind not in {Kind.DRUG, Kind.ENCOUNTER}),
            "only a drug or an encounter has 'q'",
        ),
        (bool(planned) and coding.kind is Kind.ENCOUNTER, "an encounter has no 'q' but planned"),
        (fact.specimen is not None and coding.specimen != "csf", "only a result of CSF has a 'specimen'"),
        (fact.u == NO_UNIT and coding.kind is not Kind.QUANTITY, "only a quantity has a unit to leave out"),
    )


def _revision_problems(fact: FactSpec, known: Mapping[str, FactSpec]) -> list[str]:
    found = []
    if fact.of not in known:
        found.append(f"'of' names no earlier fact: '{fact.of}'")
    elif fact.op == "correct" and (fact.v, fact.status, fact.text, fact.t, fact.q, fact.u) == (
        *(None, None, "", None, (), ""),
    ):
        found.append("a correction needs what changed: v, u, q, status, text or t")
    if fact.recv is None:
        found.append(f"a fact that is to {fact.op} another needs 'recv'")
    return found


def _build(spec: VignetteSpec, place: str) -> Vignette:
    t0_ms = from_rfc3339(spec.t0)
    happenings, gold = _timeline(spec, t0_ms)
    last_ms = max((happening.received_at_ms for happening in happenings), default=t0_ms)
    return Vignette(
        vignette_id=spec.id,
        title=spec.title,
        t0_ms=t0_ms,
        birth_date=_birth_date(spec.patient, t0_ms),
        encounter_class=spec.patient.encounter or "",
        happenings=happenings,
        gold=gold,
        expected=tuple(_course(alert, t0_ms) for alert in spec.alerts),
        until_ms=last_ms if spec.until is None else _instant(t0_ms, spec.until),
        finds=None if spec.finds is None else frozenset(spec.finds),
        place=place,
        must_not=frozenset(spec.must_not),
        arrivals=tuple(map(arrival_of, spec.arrivals)),
    )


def _timeline(
    spec: VignetteSpec, t0_ms: EpochMs
) -> tuple[tuple[Happening, ...], dict[str, dict[str, NoteReading]]]:
    revised = {fact.of for fact in spec.facts if fact.op is not None}
    originals: dict[str, Happening] = {}
    happenings: list[Happening] = []
    gold: dict[str, dict[str, NoteReading]] = {}
    for number, fact in enumerate(spec.facts, start=1):
        if fact.op == "merge":
            happening = _merge(fact, f"{spec.id}-{number}", t0_ms)
        elif fact.op is None:
            happening = _original(
                fact, f"{spec.id}-{fact.id or number}", t0_ms, is_revised=fact.id in revised
            )
            originals[fact.id] = happening
        else:
            happening = _revision(fact, originals[fact.of], t0_ms)
        happenings.append(happening)
        if fact.extract is not None or fact.lp is not None:
            versions = gold.setdefault(happening.name, {})
            versions[plain_text(happening.text)] = _reading(fact)
    return tuple(happenings), gold


def _merge(fact: FactSpec, name: str, t0_ms: EpochMs) -> Happening:
    at_ms = _instant(t0_ms, fact.recv or 0.0)
    return Happening(name, MERGE, at_ms, at_ms, under=fact.under)


def _reading(fact: FactSpec) -> NoteReading:
    assertions = tuple(item.assertion() for item in fact.extract or ())
    return NoteReading(assertions, None if fact.lp is None else fact.lp.puncture())


def plain_text(text: str) -> str:
    """Reduce white space, so that line breaks on the way do not hide that two texts are the same."""
    return " ".join(text.split())


def _original(fact: FactSpec, name: str, t0_ms: EpochMs, *, is_revised: bool) -> Happening:
    hours = fact.t or 0.0
    # Whatever happened before T0 is known when it happened, unless the vignette says otherwise.
    received = hours if fact.recv is None else fact.recv
    return Happening(
        name=name,
        concept=fact.c,
        at_ms=_instant(t0_ms, hours),
        received_at_ms=_instant(t0_ms, received),
        value=fact.v,
        unit=fact.u,
        status=fact.status or "",
        text=fact.text,
        is_revised=is_revised,
        qualifiers=fact.q,
        specimen=fact.specimen or "",
        is_date_only=fact.precision is not None,
        under=fact.under,
    )


def _revision(fact: FactSpec, first: Happening, t0_ms: EpochMs) -> Happening:
    value: Scalar | None = first.value if fact.v is None else fact.v
    return Happening(
        name=first.name,
        concept=first.concept,
        at_ms=first.at_ms if fact.t is None else _instant(t0_ms, fact.t),
        received_at_ms=_instant(t0_ms, fact.recv or 0.0),
        value=value,
        unit=fact.u or first.unit,
        status=fact.status or first.status,
        text=fact.text or first.text,
        revision=Revision.CORRECTED if fact.op == "correct" else Revision.RETRACTED,
        is_revised=True,
        qualifiers=fact.q or first.qualifiers,
        specimen=fact.specimen or first.specimen,
        is_date_only=first.is_date_only if fact.t is None else fact.precision is not None,
        under=first.under,
    )


def _birth_date(patient: PatientSpec, t0_ms: EpochMs) -> date:
    today = to_datetime(t0_ms).date()
    if patient.age_y is None:
        return today - timedelta(days=patient.age_d or 0)
    year = today.year - patient.age_y
    try:
        return today.replace(year=year)
    except ValueError:  # T0 on 29 February
        return date(year, 2, 28)


def _course(alert: AlertSpec, t0_ms: EpochMs) -> AlertCourse:
    return AlertCourse(
        rule=alert.rule,
        raised=Change(Severity[alert.sev.upper()], _instant(t0_ms, alert.at)),
        escalated=_change(alert.escalate, t0_ms),
        downgraded=_change(alert.downgrade, t0_ms),
        withdrawn_at_ms=None if alert.retract_at is None else _instant(t0_ms, alert.retract_at),
        expired_at_ms=None if alert.expires_at is None else _instant(t0_ms, alert.expires_at),
        again_at_ms=None if alert.again_at is None else tuple(_instant(t0_ms, at) for at in alert.again_at),
        remarks=alert.remarks,
    )


def _change(step: Step | None, t0_ms: EpochMs) -> Change | None:
    return None if step is None else Change(Severity[step.sev.upper()], _instant(t0_ms, step.at))


def _instant(t0_ms: EpochMs, hours: float) -> EpochMs:
    return t0_ms + round(hours * HOUR_MS)
