"""Metrics: their own registry, bounded labels, and the text that Prometheus reads."""

from __future__ import annotations

from prometheus_client import REGISTRY

from worker.decode.ack import AckCode
from worker.runtime.metrics import Metrics


def test_metrics_are_not_on_the_global_registry() -> None:
    Metrics()
    Metrics()
    assert [metric.name for metric in REGISTRY.collect() if metric.name.startswith("lpwatch")] == []


def test_outcomes_are_counted_by_feed_and_reason() -> None:
    metrics = Metrics()
    metrics.count_outcome("north", "ignored", "message type ADT^A02", 3)
    text = metrics.render().decode()
    assert 'lpwatch_messages_total{feed="north",outcome="ignored",reason="message type ADT^A02"} 3.0' in text


def test_reasons_are_bounded_so_that_input_cannot_fill_the_memory() -> None:
    metrics = Metrics()
    for number in range(1_000):
        metrics.count_outcome("north", "ignored", f"message type Z{number:02}", 1)
    text = metrics.render().decode()
    assert text.count("lpwatch_messages_total{") <= 201
    assert 'reason="other"} 800.0' in text


def test_acknowledgements_go_into_a_histogram_by_code() -> None:
    metrics = Metrics()
    metrics.acknowledged(AckCode.ACCEPT, [0.002, 0.2])
    assert 'lpwatch_ack_seconds_count{code="AA"} 2.0' in metrics.render().decode()


def test_fhir_requests_are_counted_by_class_of_status() -> None:
    metrics = Metrics()
    for status in (200, 202, 413):
        metrics.fhir.answered(status, 0.01)
    metrics.fhir.connected(1)
    metrics.fhir.refused("idle")
    text = metrics.render().decode()
    assert 'lpwatch_fhir_request_seconds_count{status="2xx"} 2.0' in text
    assert 'lpwatch_fhir_request_seconds_count{status="4xx"} 1.0' in text
    assert "lpwatch_fhir_connections 1.0" in text
    assert 'lpwatch_fhir_refused_total{reason="idle"} 1.0' in text


def test_connections_go_up_and_down() -> None:
    metrics = Metrics()
    for change in (1, 1, -1):
        metrics.connected(change)
    metrics.refused("idle")
    text = metrics.render().decode()
    assert "lpwatch_mllp_connections 1.0" in text
    assert 'lpwatch_mllp_refused_total{reason="idle"} 1.0' in text
