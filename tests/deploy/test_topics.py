"""The topics that the trial installation makes are topics that a broker accepts, and those that the settings name."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from time import monotonic, sleep

import pytest
from kafka.admin import KafkaAdminClient, NewTopic
from ruamel.yaml import YAML

# Kafka's own command needs more jars than the broker: its arguments are taken down, and a client asks for what they say.
RECORDER = f"""#!{sys.executable}
import json, sys
with open(sys.argv[0] + ".log", "a", encoding="utf-8") as log:
    log.write(json.dumps(sys.argv[1:]) + "\\n")
"""


@pytest.fixture
def asked(deploy: Path, tmp_path: Path) -> dict[str, dict[str, str]]:
    """Give the options of each topic that the script asks for; `config` keys stand beside them."""
    recorder = tmp_path / "kafka-topics"
    recorder.write_text(RECORDER, encoding="utf-8")
    recorder.chmod(0o755)
    script = deploy / "compose" / "make-topics.sh"
    environment = {"KAFKA_TOPICS_COMMAND": str(recorder), "PATH": "/usr/bin:/bin"}
    subprocess.run(["bash", str(script), "kafka:9092"], env=environment, check=True)
    found = {}
    for line in (tmp_path / "kafka-topics.log").read_text(encoding="utf-8").splitlines():
        words = [word for word in json.loads(line) if word not in {"--create", "--if-not-exists"}]
        pairs = list(zip(words[::2], words[1::2], strict=True))
        options = {name.removeprefix("--"): value for name, value in pairs if name != "--config"}
        options |= dict(value.split("=") for name, value in pairs if name == "--config")
        found[options.pop("topic")] = options
    return found


def test_a_broker_takes_the_topics_and_their_settings(asked: dict[str, dict[str, str]], kafka: str) -> None:
    admin = KafkaAdminClient(bootstrap_servers=kafka)
    prefix = "trial-of-topics."
    topics = [
        NewTopic(
            prefix + name,
            int(options["partitions"]),
            int(options["replication-factor"]),
            topic_configs={key: value for key, value in options.items() if "." in key},
        )
        for name, options in asked.items()
    ]
    try:
        admin.create_topics(topics)
        # The broker that is asked hears of them a moment later.
        deadline_s = monotonic() + 120
        while not (wanted := {topic.name for topic in topics}) <= set(admin.list_topics()):
            assert monotonic() < deadline_s, wanted
            sleep(0.1)
    finally:
        admin.delete_topics([topic.name for topic in topics])
        admin.close()


def test_compose_and_the_default_route_name_topics_that_are_made(
    asked: dict[str, dict[str, str]], deploy: Path, root: Path
) -> None:
    yaml = YAML(typ="safe", pure=True)
    gateway = yaml.load((deploy / "compose.yaml").read_text(encoding="utf-8"))["services"]["gateway"]
    routes = (root / "mappings" / "routes.yaml").read_text(encoding="utf-8")
    named = {value for name, value in gateway["environment"].items() if name.endswith(("_TOPIC", "_TOPICS"))}
    assert named < set(asked)
    assert all(topic in routes for topic in set(asked) - named)
