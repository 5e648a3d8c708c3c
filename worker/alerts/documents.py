"""The shapes of a rendered alert: the one place where frozen values become JSON. Pure: no I/O, no clock.

Times are RFC 3339 in UTC with `Z`. The JSON Schemas of what goes out are made from these shapes (`alerts/schemas.py`): a
class says what it is in its first line, a key in its description.
"""

from __future__ import annotations

from typing import Annotated, NotRequired, TypeAlias, TypedDict

from msgspec import Meta

from worker.model.alert import AlertState
from worker.model.finding import RuleStatus, Severity
from worker.model.time import Precision

_STATES = [str(state) for state in AlertState]
_SEVERITIES = [severity.name.lower() for severity in reversed(Severity)]
_STATUSES = [str(status) for status in RuleStatus]
_PRECISIONS = [precision.name.lower() for precision in Precision]
_TIME = {"format": "date-time"}
_UTC = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?Z$"

Id: TypeAlias = Annotated[str, Meta(min_length=1)]
Time: TypeAlias = Annotated[str, Meta(description="RFC 3339, UTC.", pattern=_UTC, extra_json_schema=_TIME)]
State: TypeAlias = Annotated[
    str,
    Meta(
        description="raised, updated, escalated and acknowledged are open; the others have ended.",
        extra_json_schema={"enum": _STATES},
    ),
]
SeverityName: TypeAlias = Annotated[
    str,
    Meta(
        description="emergent: within minutes. urgent: within the hour. routine: the same day. info: context, never pages.",
        extra_json_schema={"enum": _SEVERITIES},
    ),
]
PrecisionName: TypeAlias = Annotated[
    str, Meta(description="How exactly the time is known.", extra_json_schema={"enum": _PRECISIONS})
]


class IdentifierDocument(TypedDict):
    """One identifier of the patient; merged ones are listed too."""

    authority: Annotated[str, Meta(description="Who issued it (PID-3.4, Identifier.system).")]
    value: Annotated[str, Meta(description="The number itself.")]
    type: Annotated[str, Meta(description="Its kind (PID-3.5); empty where not said.")]


class SourceDocument(TypedDict):
    """Where a value was read."""

    feed: Annotated[str, Meta(description="The feed, as the pack names it.")]
    message_id: Annotated[str, Meta(description="MSH-10, or the id of the Bundle or resource.")]
    place: Annotated[str, Meta(description="Where in the message, as the standard names it: OBX[3].")]


class NotePlaceDocument(TypedDict):
    """Where in a note a statement stands, and which characters of `sentence` say it."""

    title: Annotated[str, Meta(description="The title of the note, as filed; empty without one.")]
    section: Annotated[
        str, Meta(description="The heading that says what kind of text it stands in; empty without one.")
    ]
    phrase_start: Annotated[
        int, Meta(ge=0, description="Where the words begin, in Unicode characters of `sentence`, from 0.")
    ]
    phrase_end: Annotated[int, Meta(ge=1, description="Where they end: the first character behind them.")]


class EvidenceDocument(TypedDict):
    """One value or statement that decided.

    Shape: `value` a number in `unit` (UCUM), a code, or the status of a finding; `reported` what the source wrote;
    `sentence` that of a note, or the reason of a visit; `note` only where a note was read; `hours_since_lp` negative before
    the LP.
    """

    concept: Annotated[str, Meta(description="The concept of the pack.")]
    value: Annotated[
        float | str | None,
        Meta(description="A number in `unit`, a code, or the status of a statement; null: none given."),
    ]
    unit: Annotated[str, Meta(description="UCUM; empty where there is none.")]
    comparator: Annotated[
        str, Meta(description="How the number bounds the true one: <, <=, >, >=; empty: it is the number.")
    ]
    reported: Annotated[str, Meta(description="What the source wrote, before any conversion.")]
    effective_at: Time
    precision: PrecisionName
    origin: Annotated[str, Meta(description="The field that gave the time.")]
    hours_since_lp: Annotated[float, Meta(description="Hours since the lumbar puncture; negative before it.")]
    qualifiers: Annotated[
        list[str],
        Meta(
            description="What was said with it: severe, worsening, left; of a visit, what its reason names. "
            "baseline: stated as why the patient came."
        ),
    ]
    specimen: Annotated[str, Meta(description="What was examined; empty where that does not apply.")]
    result_status: Annotated[
        str, Meta(description="preliminary, final, corrected, or empty where the source did not say.")
    ]
    sentence: Annotated[
        str,
        Meta(
            description="The sentence of the note that says it, or why the patient came, as written, cut where it is long; "
            "empty for a value, and in a withdrawn alert where the words no longer stand."
        ),
    ]
    note: NotRequired[NotePlaceDocument]
    source: SourceDocument


class PunctureDocument(TypedDict):
    """The lumbar puncture (LP) that the alert is about; `precision` of its time in words."""

    at: Time
    precision: PrecisionName
    origin: Annotated[str, Meta(description="The field that gave the time.")]
    is_time_uncertain: Annotated[
        bool, Meta(description="True: hours count from the earliest possible instant.")
    ]
    is_presumed: Annotated[bool, Meta(description="True: no record of an LP, only results of CSF.")]
    status: Annotated[str, Meta(description="completed or attempted.")]
    hours_at_evidence: Annotated[
        float,
        Meta(
            description="Hours from the LP to the clinical time of the newest evidence: for a result, when it was taken."
        ),
    ]
    hours_at_update: Annotated[float, Meta(description="Hours from the LP to this version of the alert.")]
    series_began_at: Time


class RuleDocument(TypedDict):
    """The rule that holds, and on whose authority."""

    id: Id
    version: Annotated[int, Meta(ge=1)]
    title: Annotated[str, Meta(description="What the rule is called, for people.")]
    status: Annotated[
        str, Meta(description="How far the rule is in its life.", extra_json_schema={"enum": _STATUSES})
    ]
    review: Annotated[str, Meta(description="Whether a site's own reviewers approved the rule.")]
    sources: Annotated[
        list[str],
        Meta(
            description="As cited, with the year and what of it was read; the rule's own review is in `review`."
        ),
    ]


class ContextDocument(TypedDict):
    """Another finding of the same LP that bears on the alert (bleeding risk, a folded finding)."""

    rule: Id
    title: Annotated[str, Meta(description="What the other rule is called.")]
    severity: SeverityName
    is_folded: Annotated[bool, Meta(description="True: this alert speaks for it.")]
    alert_ids: NotRequired[
        Annotated[
            list[str],
            Meta(description="Of a folded finding: the alerts that told of it; this one takes their place."),
        ]
    ]
    evidence: list[EvidenceDocument]


class AlsoOpenDocument(TypedDict):
    """Another alert of the same LP that was open when this version was made."""

    alert_id: Annotated[str, Meta(min_length=1, description="Names the other alert for good.")]
    rule: Annotated[str, Meta(min_length=1, description="The rule of the other alert.")]
    title: Annotated[str, Meta(description="What the other rule is called.")]
    severity: SeverityName
    raised_at: Annotated[
        str, Meta(description="When it was first raised.", pattern=_UTC, extra_json_schema=_TIME)
    ]


class CircumstanceDocument(TypedDict):
    """What is known beside the evidence and decides nothing: results so far, drugs, the needle."""

    title: Annotated[str, Meta(min_length=1, description="What it is, for people.")]
    evidence: Annotated[list[EvidenceDocument], Meta(description="The newest value of each.")]


class TakenBackDocument(TypedDict):
    """A value or statement of a withdrawn alert: what was told, and what stands in its place (null: nothing)."""

    was: EvidenceDocument
    now: EvidenceDocument | None


class PlaceDocument(TypedDict):
    """A place where the patient was put; room, bed and facility are empty where nobody said them."""

    unit: Annotated[str, Meta(min_length=1, description="The ward, as the feed names it (PV1-3.1).")]
    room: str
    bed: str
    facility: Annotated[str, Meta(description="The house (PV1-3.4).")]
    since: Time


class LocationDocument(TypedDict):
    """Where the patient is, as far as messages said it.

    Shape: `at_lp` only where the patient was known to be elsewhere then; `remark` says what is not known, else empty.
    """

    now: Annotated[
        PlaceDocument | None, Meta(description="Where the patient is at this version of the alert.")
    ]
    at_lp: Annotated[
        PlaceDocument | None,
        Meta(description="Where the patient was at the lumbar puncture; null: not known, or the same place."),
    ]
    remark: Annotated[
        str,
        Meta(
            description="unit not known, or discharged and not observed since when; empty where the unit is known."
        ),
    ]
    not_observed_since: NotRequired[
        Annotated[
            str | None,
            Meta(
                description="Of a patient who left: when he left, or the last observation after that; null: in the house, "
                "or not known.",
                extra_json_schema=_TIME,
            ),
        ]
    ]


class AlertDocument(TypedDict):
    """One alert version for people and machines; every output is made from this.

    Shape: `encounter` the number of the visit at the time of the notice, empty where the patient is on none; `missing` what
    could change it and is not on file; `withdrawal`, `taken_back` and `became_known` only of a withdrawn alert, whose
    `evidence` is what was told last.
    """

    alert_id: Annotated[str, Meta(min_length=1, description="Names the alert for good.")]
    episode_id: Annotated[
        str, Meta(min_length=1, description="Names the lumbar puncture and all its alerts.")
    ]
    version: Annotated[int, Meta(ge=1, description="Counts the changes that people can see, from 1.")]
    state: State
    severity: SeverityName
    reason: Annotated[str, Meta(description="Why this version was made.")]
    patient: Annotated[list[IdentifierDocument], Meta(description="All numbers that name the patient.")]
    encounter: Annotated[
        str, Meta(description="The number of the present visit; empty: on none that is known.")
    ]
    location: LocationDocument
    lp: PunctureDocument
    rule: RuleDocument
    evidence: list[EvidenceDocument]
    effective_at: Annotated[
        str,
        Meta(
            description="The earliest clinical instant at which the rule held.",
            pattern=_UTC,
            extra_json_schema=_TIME,
        ),
    ]
    latest_evidence_at: Annotated[
        str,
        Meta(description="When the newest evidence could be known.", pattern=_UTC, extra_json_schema=_TIME),
    ]
    raised_at: Annotated[
        str, Meta(description="When the alert was first raised.", pattern=_UTC, extra_json_schema=_TIME)
    ]
    updated_at: Annotated[
        str, Meta(description="When this version was made.", pattern=_UTC, extra_json_schema=_TIME)
    ]
    window_ends_at: Annotated[
        str, Meta(description="When the rule stops looking.", pattern=_UTC, extra_json_schema=_TIME)
    ]
    possible_causes: Annotated[
        list[str], Meta(description="In words; never a diagnosis. Of a withdrawn alert: none.")
    ]
    considerations: Annotated[
        list[str], Meta(description="In words; never an order. Of a withdrawn alert: none.")
    ]
    check: Annotated[list[str], Meta(description="What to look at. Of a withdrawn alert: nothing.")]
    missing: Annotated[
        list[str],
        Meta(
            description="What is not on file and could change the alert or is asked for by it, and values that decide nothing."
        ),
    ]
    misses: Annotated[list[str], Meta(description="What the rule cannot see.")]
    remarks: Annotated[list[str], Meta(description="What must be said beside the evidence.")]
    also_open: NotRequired[
        Annotated[
            list[AlsoOpenDocument],
            Meta(
                description="Other open alerts of the same LP when this version was made, the most severe first; "
                "one that opens later makes no new version of this one."
            ),
        ]
    ]
    context: list[ContextDocument]
    circumstances: NotRequired[
        Annotated[
            list[CircumstanceDocument],
            Meta(description="What is known beside the evidence; it decides nothing."),
        ]
    ]
    pack: Annotated[str, Meta(description="Digest of the rules and mappings in use.")]
    disclaimer: Annotated[str, Meta(min_length=1)]
    joined: NotRequired[
        Annotated[
            list[Id],
            Meta(
                description="Ids of the alerts that told the same of this LP when it was taken for another one; this alert "
                "speaks for them now: close them."
            ),
        ]
    ]
    withdrawal: NotRequired[
        Annotated[
            str,
            Meta(description="Of a withdrawn alert: why it no longer stands, and what that does not mean."),
        ]
    ]
    taken_back: NotRequired[
        Annotated[
            list[TakenBackDocument],
            Meta(description="Of a withdrawn alert: each value as it was told and as it stands now."),
        ]
    ]
    became_known: NotRequired[
        Annotated[
            list[EvidenceDocument],
            Meta(description="Of a withdrawn alert: what became known since it was told, and decides now."),
        ]
    ]


class MinimalDocument(TypedDict):
    """An alert without anything of the patient, safe on a lock screen: look at the chart or the full alert.

    No identifier, name, value, sentence, evidence, room or bed.
    """

    alert_id: Annotated[str, Meta(min_length=1, description="Names the alert for good.")]
    version: Annotated[int, Meta(ge=1, description="Counts the changes that people can see, from 1.")]
    state: State
    severity: SeverityName
    title: Annotated[str, Meta(description="What the rule is called, for people.")]
    unit: Annotated[str, Meta(description="The ward where the patient is; empty: not known.")]
    hours_since_lp: Annotated[
        int | None,
        Meta(
            description="Whole hours from the lumbar puncture to this version of the alert; null: the time of the LP is not "
            "known to the hour."
        ),
    ]
    also_open_count: NotRequired[
        Annotated[
            int,
            Meta(
                ge=0,
                description="How many other alerts of the same lumbar puncture were open when this version was made.",
            ),
        ]
    ]
    raised_at: Annotated[
        str, Meta(description="When the alert was first raised.", pattern=_UTC, extra_json_schema=_TIME)
    ]
    updated_at: Annotated[
        str, Meta(description="When this version was made.", pattern=_UTC, extra_json_schema=_TIME)
    ]
    review: Annotated[str, Meta(description="Whether a site's own reviewers approved the rule.")]
    disclaimer: Annotated[str, Meta(min_length=1)]
    withdrawal: NotRequired[
        Annotated[
            str,
            Meta(description="Of a withdrawn alert: why it no longer stands, and what that does not mean."),
        ]
    ]


class HistoryDocument(TypedDict):
    """One line of an alert's history."""

    at: Time
    version: int
    state: State
    severity: SeverityName
    reason: str


class ReplayLine(TypedDict):
    """One alert in its final state, as `replay --alerts` writes it."""

    patient: list[IdentifierDocument]
    rule: str
    severity: SeverityName
    state: State
    status: str
    paged: bool
    lp_at: Time
    effective_at: Time
    raised_at: Time
    updated_at: Time
    evidence: list[EvidenceDocument]
    history: list[HistoryDocument]
