"""For which network sinks notices are written, and that alerts never land in a topic that is for something else."""

from __future__ import annotations

import pytest

from worker.alerts.routing import Outlet, Route, Routes, Variant
from worker.model.errors import ConfigError
from worker.runtime.bootstrap_out import network_outlets
from worker.runtime.role_settings import Role
from worker.runtime.settings import Settings, load_settings

ROUTES = Routes(Route("default", "lpwatch.alerts"), (Route("itu", "ward.itu"),))


def settings(**given: object) -> Settings:
    return load_settings({"data": "x", "kafka_bootstrap_servers": "127.0.0.1:9", **given})


def test_topics_get_each_alert_by_route_and_a_fhir_server_each_as_fhir() -> None:
    both = settings(alerts_to_kafka=True, fhir_out="http://127.0.0.1:8/fhir")
    assert network_outlets(both, Role.RUN, ROUTES) == (
        Outlet("kafka", is_routed=True),
        Outlet("fhir", variant=Variant.FHIR),
    )
    assert network_outlets(settings(), Role.RUN, ROUTES) == ()


@pytest.mark.parametrize(
    "setting", ["kafka_hl7_topics", "kafka_fhir_topics", "dead_letter_topic", "heartbeat_topic"]
)
def test_a_topic_that_is_used_for_something_else_takes_no_alerts(setting: str) -> None:
    with pytest.raises(
        ConfigError, match=rf"the setting {setting} names the topic 'ward\.itu' too"
    ) as failure:
        network_outlets(settings(alerts_to_kafka=True, **{setting: "ward.itu"}), Role.RUN, ROUTES)
    assert failure.value.place == "routes.yaml, route itu"
