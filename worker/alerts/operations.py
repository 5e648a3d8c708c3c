"""The shapes of what lpwatch says of itself: heartbeats, and why a message could not be used. Pure: no I/O, no clock.

Nothing here is about a patient. JSON Schemas are made from these shapes (`alerts/schemas.py`).
"""

from __future__ import annotations

from typing import Annotated, TypedDict

from msgspec import Meta

_TIME = {"format": "date-time"}
_COUNT = "0 or more; null: not known here."


class PartDocument(TypedDict):
    """How far one part of the input is consumed: a partition of a topic, or the journal of a data folder."""

    part: Annotated[str, Meta(min_length=1, description="kafka:{topic}:{partition}, or journal.")]
    next: Annotated[int, Meta(ge=0, description="The offset after the last message consumed.")]
    lag: Annotated[int | None, Meta(description=f"Messages that wait: {_COUNT}")]
    last_received_at: Annotated[
        str | None,
        Meta(description="Receipt time of the last message consumed; null: none.", extra_json_schema=_TIME),
    ]


class FeedDocument(TypedDict):
    """When a feed was last heard of."""

    feed: Annotated[str, Meta(description="The feed, as the pack names it.")]
    last_received_at: Annotated[
        str, Meta(description="Receipt time of its newest message.", extra_json_schema=_TIME)
    ]


class OutboxDocument(TypedDict):
    """What waits for one sink."""

    sink: Annotated[str, Meta(min_length=1)]
    waiting: Annotated[int, Meta(ge=0, description="Notices not yet delivered.")]
    oldest_at: Annotated[
        str | None, Meta(description="Since when the oldest waits; null: none.", extra_json_schema=_TIME)
    ]


class HeartbeatDocument(TypedDict):
    """A sign of life of one process; one that stays away for several intervals means that it stopped.

    `seconds_since_step` grows where the process lives but its work stands still.
    """

    role: Annotated[str, Meta(description="run, gateway, worker or deliver.")]
    worker: Annotated[str, Meta(min_length=1, description="Names the process among those of its role.")]
    version: Annotated[str, Meta(description="The release of lpwatch.")]
    pack: Annotated[
        str, Meta(description="Digest of the rules and mappings in use; empty: the role has none.")
    ]
    at: Annotated[str, Meta(description="When this was written.", extra_json_schema=_TIME)]
    started_at: Annotated[str, Meta(description="When the process started.", extra_json_schema=_TIME)]
    sequence: Annotated[int, Meta(ge=1, description="Counts the heartbeats of this process.")]
    interval_seconds: Annotated[float, Meta(gt=0, description="Time to the next one.")]
    seconds_since_step: Annotated[
        float | None, Meta(description="Since the work last went on; null: the role has no steps.")
    ]
    parts: Annotated[list[PartDocument], Meta(description="As this process knows them.")]
    feeds: Annotated[list[FeedDocument], Meta(description="As the database knows them.")]
    due_backlog: Annotated[int | None, Meta(description=f"Assessments that are due now: {_COUNT}")]
    outbox: Annotated[list[OutboxDocument], Meta(description="By sink, as the database knows them.")]


DeadLetterHeaders = TypedDict(
    "DeadLetterHeaders",
    {
        "lpwatch-reason": Annotated[str, Meta(min_length=1, description="Why, in a constant phrase.")],
        "lpwatch-place": Annotated[str, Meta(description="Where in the message; empty: the whole.")],
        "lpwatch-feed": Annotated[str, Meta(description="The feed; empty: not known.")],
        "lpwatch-form": Annotated[
            str, Meta(description="What it was taken for.", extra_json_schema={"enum": ["hl7v2", "fhir"]})
        ],
        "lpwatch-transport": Annotated[str, Meta(description="The source that took it.")],
        "lpwatch-received-at": Annotated[
            str, Meta(pattern="^[0-9]+$", description="Receipt time in milliseconds since 1970.")
        ],
        "lpwatch-omitted-bytes": Annotated[
            str,
            Meta(
                pattern="^[0-9]+$",
                description="Above 0: the message was larger than this topic takes, the value is empty.",
            ),
        ],
    },
)
DeadLetterHeaders.__doc__ = "The headers of a message that could not be used, beside those of CloudEvents."
