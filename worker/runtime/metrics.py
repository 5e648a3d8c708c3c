"""Count what the worker does, for Prometheus; no label ever holds patient data."""

from __future__ import annotations

from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from worker.decode.ack import AckCode
from worker.rules.blind import Blindness

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_ACK_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_OTHER = "other"
_MAX_REASONS = 200


class FhirMetrics:
    """What the FHIR receiver does; an observer of it and of its server."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Declare the metrics; all start at zero."""
        self._seconds = Histogram(
            "lpwatch_fhir_request_seconds",
            "Time from a FHIR request's head to its answer, by class of status",
            ["status"],
            buckets=_ACK_BUCKETS,
            registry=registry,
        )
        self._connections = Gauge(
            "lpwatch_fhir_connections", "Open connections of FHIR clients", registry=registry
        )
        self._refused = Counter(
            "lpwatch_fhir_refused",
            "Connections of FHIR clients turned away or closed by us, by reason",
            ["reason"],
            registry=registry,
        )

    def answered(self, status: int, seconds: float) -> None:
        """Note an answer, and how long it took from the head of its request."""
        self._seconds.labels(f"{status // 100}xx").observe(seconds)

    def connected(self, change: int) -> None:
        """Note that a connection opened (1) or closed (-1)."""
        self._connections.inc(change)

    def refused(self, reason: str) -> None:
        """Note that a connection was turned away or closed, and why."""
        self._refused.labels(reason).inc()


class Metrics:
    """All metrics of one process, on a registry of their own; an observer of the MLLP server."""

    def __init__(self) -> None:
        """Declare the metrics; all start at zero."""
        registry = CollectorRegistry()
        self.registry = registry
        self._reasons: set[str] = set()
        self.received = Counter(
            "lpwatch_messages_received",
            "Messages stored durably, by transport",
            ["transport"],
            registry=registry,
        )
        self.ended = Counter(
            "lpwatch_messages",
            "Messages by feed, outcome (processed, ignored, dead_lettered) and reason",
            ["feed", "outcome", "reason"],
            registry=registry,
        )
        self.issues = Counter(
            "lpwatch_message_issues",
            "Things in messages that could not be used, by feed and kind",
            ["feed", "kind"],
            registry=registry,
        )
        self.facts = Counter("lpwatch_facts", "Facts stored, by feed", ["feed"], registry=registry)
        self.alerts = Counter(
            "lpwatch_alert_changes",
            "Changes of alerts that people can see, by rule, state and severity",
            ["rule", "state", "severity"],
            registry=registry,
        )
        self.notices = Counter(
            "lpwatch_notices_sent", "Notices delivered, by sink", ["sink"], registry=registry
        )
        self.notices_postponed = Counter(
            "lpwatch_notices_postponed",
            "Deliveries that failed and are tried again later, counted in notices, by sink",
            ["sink"],
            registry=registry,
        )
        self.outbox_waiting = Gauge(
            "lpwatch_outbox_waiting", "Notices not yet delivered, by sink", ["sink"], registry=registry
        )
        self.outbox_oldest = Gauge(
            "lpwatch_outbox_oldest_seconds",
            "How long the oldest notice waits that is not yet delivered, by sink",
            ["sink"],
            registry=registry,
        )
        self.notices_refused = Counter(
            "lpwatch_notices_refused",
            "Notices that a sink will never take as they are, by sink; they are in the quarantine",
            ["sink"],
            registry=registry,
        )
        self.relay_leader = Gauge(
            "lpwatch_relay_leader",
            "1 where this process sends the notices of a sink, 0 where another does, by sink",
            ["sink"],
            registry=registry,
        )
        self.failed_assessments = Counter(
            "lpwatch_assessments_failed",
            "Assessments that were quarantined; each try counts",
            registry=registry,
        )
        self.ack_seconds = Histogram(
            "lpwatch_ack_seconds",
            "Time from a frame's last byte to its acknowledgement, by code",
            ["code"],
            buckets=_ACK_BUCKETS,
            registry=registry,
        )
        self.connections = Gauge("lpwatch_mllp_connections", "Open MLLP connections", registry=registry)
        self.turned_away = Counter(
            "lpwatch_mllp_refused",
            "Connections turned away or closed by us, by reason",
            ["reason"],
            registry=registry,
        )
        self.fhir = FhirMetrics(registry)
        self.due_backlog = Gauge("lpwatch_due_backlog", "Assessments that are due now", registry=registry)
        self.journal_lag = Gauge("lpwatch_journal_lag", "Messages stored but not yet read", registry=registry)
        self.part_lag = Gauge(
            "lpwatch_kafka_lag",
            "Messages of a Kafka partition that this worker has yet to read",
            ["part"],
            registry=registry,
        )
        self.part_stopped = Gauge(
            "lpwatch_kafka_stopped",
            "1 while a Kafka partition cannot be read on until an operator moves its position",
            ["part"],
            registry=registry,
        )
        self.rebalances = Counter(
            "lpwatch_kafka_rebalances",
            "Times that Kafka partitions were given to this worker or taken from it",
            registry=registry,
        )
        self.feed_last_received = Gauge(
            "lpwatch_feed_last_received_seconds",
            "Receipt time of a feed's newest message, in seconds since 1970",
            ["feed"],
            registry=registry,
        )
        self.feed_quiet_after = Gauge(
            "lpwatch_feed_quiet_after_seconds",
            "After so long without a message a feed is silent, as its file says (expected_rate); only feeds that say it",
            ["feed"],
            registry=registry,
        )
        self.feed_ahead = Gauge(
            "lpwatch_feed_clock_ahead_seconds",
            "By how much a feed writes its messages later than we receive them, of the last batch the message least under way: "
            "above 0 its clock is ahead of ours, far below 0 it is behind or delivers late",
            ["feed"],
            registry=registry,
        )
        self.blind_spots = Gauge(
            "lpwatch_blind_spots",
            "LPs in an open window for which rules that notify are blind, by kind; counted at most once a minute",
            ["kind"],
            registry=registry,
        )
        for kind in Blindness:
            self.blind_spots.labels(kind.value).set(0)
        self.ready = Gauge(
            "lpwatch_ready", "1 while /readyz answers 200, asked at each scrape", registry=registry
        )
        self.log_keys_dropped = Counter(
            "lpwatch_log_keys_dropped", "Keys that the allow-list kept out of the logs", registry=registry
        )

    def connected(self, change: int) -> None:
        """Note that a connection opened (1) or closed (-1)."""
        self.connections.inc(change)

    def refused(self, reason: str) -> None:
        """Note that a connection was turned away or closed, and why."""
        self.turned_away.labels(reason).inc()

    def acknowledged(self, code: AckCode, seconds: Sequence[float]) -> None:
        """Note answers with this code, and how long each sender waited."""
        histogram = self.ack_seconds.labels(code.value)
        for waited in seconds:
            histogram.observe(waited)

    def count_outcome(self, feed: str, outcome: str, reason: str, count: int) -> None:
        """Count messages that ended; reasons beyond the first 200 share one label, so that input cannot fill the memory."""
        if reason not in self._reasons and len(self._reasons) >= _MAX_REASONS:
            reason = _OTHER
        self._reasons.add(reason)
        self.ended.labels(feed, outcome, reason).inc(count)

    def render(self) -> bytes:
        """Return all metrics in Prometheus' text format."""
        return generate_latest(self.registry)
