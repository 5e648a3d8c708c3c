"""Which settings a role asks for."""

from __future__ import annotations

import pytest

from worker.model.errors import ConfigError
from worker.runtime.role_settings import USES, Role, check_role, missing
from worker.runtime.settings import Settings, load_settings

BROKERS = {"kafka_bootstrap_servers": "127.0.0.1:9092"}
STATE = {"database": "postgresql+psycopg://u@h/d"}


@pytest.mark.parametrize(
    ("role", "given", "asked"),
    [
        (Role.RUN, {}, ["data"]),
        (Role.RUN, {"data": "x"}, []),
        (Role.RUN, {"data": "x", "mllp": "none"}, ["mllp or fhir"]),
        (Role.RUN, {"data": "x", "mllp": "none", "kafka_hl7_topics": "a", **BROKERS}, []),
        (Role.RUN, {"data": "x", "alerts_to_kafka": True}, ["kafka_bootstrap_servers"]),
        (Role.RUN, {"data": "x", "dead_letter_topic": "dead"}, ["kafka_bootstrap_servers"]),
        (Role.GATEWAY, {}, ["kafka_bootstrap_servers", "gateway_hl7_topic"]),
        (Role.GATEWAY, {**BROKERS, "mllp": "none"}, ["mllp or fhir"]),
        (Role.GATEWAY, {**BROKERS, "mllp": "none", "fhir": "127.0.0.1:8080"}, ["gateway_fhir_topic"]),
        (Role.GATEWAY, {**BROKERS, "gateway_hl7_topic": "hl7.in"}, []),
        (Role.WORKER, {}, ["database", "kafka_bootstrap_servers", "kafka_hl7_topics or kafka_fhir_topics"]),
        (Role.WORKER, {**BROKERS, **STATE, "kafka_fhir_topics": "fhir.in"}, []),
        (
            Role.WORKER,
            {**BROKERS, **STATE, "kafka_hl7_topics": "a", "alerts_to_kafka": False},
            ["alerts_to_kafka or fhir_out"],
        ),
        (Role.DELIVER, {}, ["database", "kafka_bootstrap_servers"]),
        (Role.DELIVER, {**STATE, "alerts_to_kafka": False, "fhir_out": "http://x/fhir"}, []),
        (
            Role.DELIVER,
            {**STATE, **BROKERS, "kafka_security_protocol": "SASL_SSL", "kafka_sasl_username": "u"},
            ["kafka_sasl_mechanism, kafka_sasl_username and kafka_sasl_password_file"],
        ),
    ],
)
def test_role_asks_for_what_it_cannot_do_without(
    role: Role, given: dict[str, object], asked: list[str]
) -> None:
    assert [line.partition(":")[0] for line in missing(load_settings(given), role)] == asked


def test_missing_settings_are_named_together_with_the_role() -> None:
    with pytest.raises(ConfigError, match=r"data: `lpwatch run` needs the folder"):
        check_role(load_settings({}), Role.RUN)


def test_every_setting_is_used_by_a_role_and_every_role_uses_settings_only() -> None:
    used = {name for names in USES.values() for name in names}
    assert used == set(Settings.model_fields)
    assert all(len(names) == len(set(names)) for names in USES.values())
