"""Build what `run` and `worker` have in common: the inlet of Kafka topics, and the engine as the work of a thread."""

from __future__ import annotations

from threading import Event
from typing import Final

from worker.model.message import Form
from worker.runtime.clock import Clock
from worker.runtime.engine import Engine
from worker.runtime.kafka_inlet import KafkaInlet
from worker.runtime.kafka_options import member_options
from worker.runtime.metrics import Metrics
from worker.runtime.metrics_kafka import MeteredKafka
from worker.runtime.metrics_store import MeteredState
from worker.runtime.role_settings import Role
from worker.runtime.service import Job
from worker.runtime.settings import Settings
from worker.sources.kafka import KafkaSource

_STUCK_S: Final = 120.0
_LATE_S: Final = 30.0


def kafka_forms(settings: Settings) -> dict[str, Form]:
    """Name the topics that messages come from, with the form of their messages."""
    return {
        **dict.fromkeys(settings.kafka_hl7_topics, Form.HL7V2),
        **dict.fromkeys(settings.kafka_fhir_topics, Form.FHIR),
    }


def kafka_inlet(
    settings: Settings, role: Role, clock: Clock, metrics: Metrics
) -> tuple[KafkaInlet, MeteredKafka]:
    """Make the inlet of the topics, and what knows how far it is behind; brokers are asked when it is read."""
    forms, watch = kafka_forms(settings), MeteredKafka(metrics)
    options = member_options(settings, f"lpwatch-{role}")
    # Half waits in the library as it came, half with us, cut into messages.
    half = settings.kafka_backlog_bytes // 2
    source = KafkaSource(options, settings.kafka_group, list(forms), fetched_bytes=half)
    is_from_end = settings.kafka_start == "end"
    return KafkaInlet(source, forms, clock, watch, is_from_end=is_from_end, backlog_bytes=half), watch


def engine_job(engine: Engine, metered: MeteredState, kafka: KafkaInlet | None) -> Job:
    """Give an engine as the work of a thread.

    Shape: at its end all that only this process holds is ingested, assessed and delivered; partitions are handed back.
    """

    def run(stop: Event) -> None:
        try:
            engine.run(stop)
            engine.finish()
        finally:
            if kafka is not None:
                kafka.close()

    def trouble() -> str:
        return "the engine is stuck" if metered.last_try.seconds > _STUCK_S else ""

    def delay() -> str:
        if metered.last_step.seconds > _LATE_S:
            return "the database does not answer"
        return "" if kafka is None else kafka.trouble

    return Job("engine", run, engine.wake, trouble, delay)
