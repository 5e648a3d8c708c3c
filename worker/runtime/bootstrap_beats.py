"""Build the heartbeats of a process."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from worker import __version__
from worker.model.time import EpochMs
from worker.runtime.clock import WallClock
from worker.runtime.heartbeat import Heartbeat, Identity, Pulse, StorePulse
from worker.runtime.kafka_options import kafka_options
from worker.runtime.role_settings import Role
from worker.runtime.service import Job
from worker.runtime.settings import Settings
from worker.sinks.kafka_events import KafkaEvents
from worker.storage.state import SqlState


@dataclass(frozen=True, slots=True)
class Watched:
    """What a heartbeat tells of the state.

    Shape: `sinks` by name; `lags` is None where the parts of the whole database are this process's.
    """

    sinks: Sequence[str]
    seconds_since_step: Callable[[], float]
    lags: Callable[[], Mapping[str, int]] | None = None


def identity(settings: Settings, role: Role, pack: str = "") -> Identity:
    """Say who speaks in heartbeats."""
    return Identity(role.value, settings.worker_id or socket.gethostname(), __version__, pack)


def state_beats(
    settings: Settings,
    who: Identity,
    open_state: Callable[[], SqlState],
    watched: Watched,
    opened: ExitStack,
) -> tuple[Job, ...]:
    """Give the heartbeats of a process with a state, which they read by a connection of their own."""
    if settings.heartbeat_topic is None:
        return ()
    state = open_state()
    opened.callback(state.close)
    look = StorePulse(state, watched.sinks, watched.seconds_since_step, watched.lags)
    return beats(settings, who, look, opened)


def beats(
    settings: Settings, who: Identity, look: Callable[[EpochMs], Pulse], opened: ExitStack
) -> tuple[Job, ...]:
    """Give the heartbeats of a process as the work of a thread; none where no topic is named."""
    if settings.heartbeat_topic is None:
        return ()
    options = kafka_options(settings, f"lpwatch-{who.role}")
    events = KafkaEvents(options, settings.heartbeat_topic, settings.source)
    opened.callback(events.close)
    return (Job("heartbeat", Heartbeat(who, events, look, WallClock(), settings.heartbeat_seconds).run),)
