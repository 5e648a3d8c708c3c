"""The chart renders to objects that Kubernetes accepts, in every combination that a site may choose."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
from ruamel.yaml import YAML

from worker.runtime.role_settings import USES, Role
from worker.runtime.settings import Settings

pytestmark = pytest.mark.integration

CHOICES = {
    "as it comes": (),
    "everything": (
        "prometheusRule.enabled=true",
        "podMonitor.enabled=true",
        "pack.configMap=site-pack",
        "secrets.kafkaTls.name=kafka-tls",
        "secrets.kafkaTls.mutual=true",
        "networkPolicy.gatewayFrom[0].ipBlock.cidr=10.0.0.0/8",
        "imagePullSecrets[0].name=pull",
        "secrets.fhirOut.name=fhir-out",
        "secrets.fhirOut.ca=true",
    ),
    "little": (
        "worker.keda.enabled=false",
        "gateway.enabled=false",
        "networkPolicy.enabled=false",
        "podDisruptionBudget.enabled=false",
        "migrate.enabled=false",
        "secrets.database.name=",
        "secrets.kafka.name=",
        "secrets.mllpTls.name=",
        "secrets.fhirTls.name=",
        "secrets.fhirTokens.name=",
        "settings.kafka_security_protocol=PLAINTEXT",
    ),
}
# Objects of other people's operators: Kubernetes itself has no schema for them.
FOREIGN = {"ScaledObject", "TriggerAuthentication", "PodMonitor", "PrometheusRule"}
Object = dict[str, Any]  # YAML of any kind


@pytest.fixture(scope="session")
def render(deploy: Path, tool: Callable[[str], str]) -> Callable[[str], list[Object]]:
    def rendered(choice: str) -> list[Object]:
        options = [word for setting in CHOICES[choice] for word in ("--set", setting)]
        made = subprocess.run(
            [tool("helm"), "template", "trial", str(deploy / "helm" / "lpwatch"), *options],
            capture_output=True,
            text=True,
            check=True,
        )
        documents = YAML(typ="safe", pure=True).load_all(made.stdout)
        return [document for document in documents if document]

    return rendered


def of_kind(objects: list[Object], kind: str) -> dict[str, Object]:
    return {item["metadata"]["name"]: item for item in objects if item["kind"] == kind}


@pytest.mark.parametrize("choice", CHOICES)
def test_helm_lints_the_chart(choice: str, deploy: Path, tool: Callable[[str], str]) -> None:
    options = [word for setting in CHOICES[choice] for word in ("--set", setting)]
    said = subprocess.run(
        [tool("helm"), "lint", "--strict", str(deploy / "helm" / "lpwatch"), *options],
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 0, said.stdout + said.stderr


@pytest.mark.parametrize("choice", CHOICES)
def test_kubernetes_accepts_every_object(choice: str, render: Callable[[str], list[Object]]) -> None:
    objects = render(choice)
    own = [item for item in objects if item["kind"] not in FOREIGN]
    assert own
    for item in own:
        kubernetes_validate.validate(item, "1.37", strict=True)


@pytest.mark.parametrize("choice", CHOICES)
def test_no_pod_is_root_or_may_write_its_root(choice: str, render: Callable[[str], list[Object]]) -> None:
    objects = render(choice)
    pods = [item["spec"]["template"]["spec"] for item in objects if item["kind"] in {"Deployment", "Job"}]
    assert pods
    for pod in pods:
        assert pod["securityContext"]["runAsNonRoot"]
        for container in pod["containers"]:
            assert container["securityContext"]["readOnlyRootFilesystem"]
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
            mounted = {mount["name"] for mount in container["volumeMounts"]}
            assert mounted == {volume["name"] for volume in pod["volumes"]}


@pytest.mark.parametrize("choice", CHOICES)
def test_secrets_are_referred_to_and_never_written(
    choice: str, render: Callable[[str], list[Object]]
) -> None:
    objects = render(choice)
    assert not of_kind(objects, "Secret")
    for deployment in of_kind(objects, "Deployment").values():
        for variable in deployment["spec"]["template"]["spec"]["containers"][0]["env"]:
            if "PASSWORD" in variable["name"] or "USERNAME" in variable["name"]:
                is_file = variable["name"].endswith("_FILE") and variable["value"].startswith("/etc/lpwatch/")
                assert is_file or "secretKeyRef" in variable["valueFrom"]


def test_keda_scales_the_workers_on_the_lag_of_their_topics(render: Callable[[str], list[Object]]) -> None:
    objects = render("everything")
    (scaled,) = of_kind(objects, "ScaledObject").values()
    deployment = of_kind(objects, "Deployment")[scaled["spec"]["scaleTargetRef"]["name"]]
    env = {
        item["name"]: item.get("value")
        for item in deployment["spec"]["template"]["spec"]["containers"][0]["env"]
    }
    triggers = [trigger["metadata"] for trigger in scaled["spec"]["triggers"]]
    assert "replicas" not in deployment["spec"]
    assert [trigger["topic"] for trigger in triggers] == [
        env["LPWATCH_KAFKA_HL7_TOPICS"],
        env["LPWATCH_KAFKA_FHIR_TOPICS"],
    ]
    assert {trigger["consumerGroup"] for trigger in triggers} == {env["LPWATCH_KAFKA_GROUP"]}
    assert {(trigger["sasl"], trigger["tls"]) for trigger in triggers} == {("scram_sha512", "enable")}
    assert {trigger["authenticationRef"]["name"] for trigger in scaled["spec"]["triggers"]} == set(
        of_kind(objects, "TriggerAuthentication")
    )
    assert scaled["spec"]["minReplicaCount"] >= 1


def test_budgets_and_policies_choose_the_pods_of_their_role(render: Callable[[str], list[Object]]) -> None:
    objects = render("as it comes")
    labels = {
        name.removeprefix("trial-lpwatch-"): item["spec"]["template"]["metadata"]["labels"]
        for name, item in (of_kind(objects, "Deployment") | of_kind(objects, "Job")).items()
    }
    chosen = {
        (item["kind"], name.removeprefix("trial-lpwatch-")): (
            item["spec"].get("selector") or item["spec"]["podSelector"]
        )["matchLabels"]
        for kind in ("PodDisruptionBudget", "NetworkPolicy")
        for name, item in of_kind(objects, kind).items()
    }
    assert {role for _, role in chosen} == set(labels) == {"gateway", "worker", "deliver", "migrate"}
    for (_, role), selector in chosen.items():
        assert selector.items() <= labels[role].items()


@pytest.mark.parametrize("choice", CHOICES)
def test_roles_are_given_settings_that_exist_and_all_that_the_chart_mounts_for_them(
    choice: str, render: Callable[[str], list[Object]]
) -> None:
    for name, deployment in of_kind(render(choice), "Deployment").items():
        role = Role(name.rsplit("-", 1)[1])
        (container,) = deployment["spec"]["template"]["spec"]["containers"]
        given = {variable["name"].removeprefix("LPWATCH_").lower(): variable for variable in container["env"]}
        assert container["args"] == [role]
        assert given.keys() <= Settings.model_fields.keys()
        files = [
            item["value"] for item in given.values() if str(item.get("value", "")).startswith("/etc/lpwatch/")
        ]
        mounts = {mount["mountPath"] for mount in container["volumeMounts"]} - {"/tmp"}  # noqa: S108  a mount
        assert {mount for mount in mounts if any(path.startswith(mount) for path in files)} == mounts
        used = {
            setting
            for setting, item in given.items()
            if str(item.get("value", "")).startswith("/etc/lpwatch/")
        }
        assert used <= set(USES[role])


def test_values_keep_their_form_and_a_role_has_the_last_word(
    deploy: Path, tool: Callable[[str], str], tmp_path: Path
) -> None:
    values = tmp_path / "site.yaml"
    values.write_text(
        "settings: {mllp_max_frame_bytes: 33554432, kafka_hl7_topics: [a.b, c.d], alerts_to_kafka: true}\n"
        "deliver: {settings: {alerts_to_kafka: false}}\n",
        encoding="utf-8",
    )
    made = subprocess.run(
        [tool("helm"), "template", "trial", str(deploy / "helm" / "lpwatch"), "--values", str(values)],
        capture_output=True,
        text=True,
        check=True,
    )
    objects = [item for item in YAML(typ="safe", pure=True).load_all(made.stdout) if item]
    containers = {
        item["metadata"]["labels"]["app.kubernetes.io/component"]: item["spec"]["template"]["spec"][
            "containers"
        ][0]
        for item in of_kind(objects, "Deployment").values()
    }
    given = {
        role: {item["name"]: item.get("value") for item in container["env"]}
        for role, container in containers.items()
    }
    assert given["gateway"]["LPWATCH_MLLP_MAX_FRAME_BYTES"] == "33554432"
    assert given["worker"]["LPWATCH_KAFKA_HL7_TOPICS"] == "a.b,c.d"
    assert (given["worker"]["LPWATCH_ALERTS_TO_KAFKA"], given["deliver"]["LPWATCH_ALERTS_TO_KAFKA"]) == (
        "true",
        "false",
    )
    (scaled,) = of_kind(objects, "ScaledObject").values()
    assert [trigger["metadata"]["topic"] for trigger in scaled["spec"]["triggers"]][:2] == ["a.b", "c.d"]


def test_scraped_pods_carry_the_labels_that_the_alert_rules_ask_for(
    render: Callable[[str], list[Object]], deploy: Path
) -> None:
    (monitor,) = of_kind(render("everything"), "PodMonitor").values()
    (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
    assert {item["targetLabel"] for item in endpoint["relabelings"]} == {"job", "role"}
    assert 'job="lpwatch", role="worker"' in (deploy / "prometheus" / "alerts.yml").read_text(
        encoding="utf-8"
    )
