"""infra/kubernetes: right by Kubernetes' own schemas, and in agreement with the code."""

from __future__ import annotations

from pathlib import Path

import jsonschema
import kubernetes_validate
import pytest
import yaml
from nameko.extensions import ENTRYPOINT_EXTENSIONS_ATTR

from infra.docker import credentials
from services.cli import loading
from shared.domain import topology
from shared.domain.topology import SERVICES
from shared.platform.observability import probes
from shared.platform.outbox.subscribe import Subscriber
from shared.platform.runtime import PROBE_GRACE
from shared.platform.settings import from_environment
from tests.support.gateway import application
from tests.support.variables import is_known
from tests.unit.infra.custom_resources import SCHEMAS

ROOT = Path(__file__).resolve().parents[3] / "infra" / "kubernetes"
VERSIONS = ("1.30", "1.37")
"""The oldest Kubernetes that knows all that is used (preStop: sleep), and the newest."""

GIVES_UP_AFTER = 5
"""Seconds over its grace after which a process ends whatever is left: `shared.platform.runtime.Runtime.stop`."""

DOCUMENTS = [
    (path, document)
    for path in sorted(ROOT.rglob("*.yaml"))
    for document in yaml.safe_load_all(path.read_text())
]
NAMED = {(document["kind"], document.get("metadata", {}).get("name")): document for _, document in DOCUMENTS}
DEPLOYMENTS = {name: document["spec"] for (kind, name), document in NAMED.items() if kind == "Deployment"}
PODS = {
    name: document["spec"]["template"]["spec"]
    for (kind, name), document in NAMED.items()
    if kind in ("Deployment", "Job")
}


def containers(pod):
    return [*pod.get("initContainers", []), *pod["containers"]]


def secret_files(pod):
    """What the pod's containers read below the directory of its secret."""
    for container in containers(pod):
        for variable in container["env"]:
            yield variable["name"], variable["value"].removeprefix("/run/secrets/impactx/")


def generated_settings(name):
    """What a ConfigMap of the base holds."""
    [made] = [one for one in kustomization("base")["configMapGenerator"] if one["name"] == name]
    lines = [line for file in made["envs"] for line in (ROOT / "base" / file).read_text().splitlines()]
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def kustomization(directory):
    return yaml.safe_load((ROOT / directory / "kustomization.yaml").read_text())


SETTINGS = {
    name: {
        key: value
        for source in pod["containers"][0].get("envFrom", [])
        for key, value in generated_settings(source["configMapRef"]["name"]).items()
    }
    for name, pod in PODS.items()
}


@pytest.mark.parametrize(
    ("path", "document"),
    DOCUMENTS,
    ids=[f"{path.relative_to(ROOT)}-{document['kind']}" for path, document in DOCUMENTS],
)
def test_a_manifest_is_right_by_its_schema(path, document):
    schema = SCHEMAS.get(document["kind"])
    if schema is not None:
        jsonschema.validate(document, schema)
        return
    for version in VERSIONS:
        kubernetes_validate.validate(document, version, strict=True)


def test_every_file_belongs_to_a_kustomization():
    named = set()
    for path in ROOT.rglob("kustomization.yaml"):
        for resource in kustomization(path.parent)["resources"]:
            assert (path.parent / resource).exists(), (path, resource)
            named.add((path.parent / resource).resolve())
    files = {path.resolve() for path, _ in DOCUMENTS if path.name != "kustomization.yaml"}
    assert files <= named


def test_no_name_is_taken_twice():
    resources = [document for _, document in DOCUMENTS if document["kind"] != "Kustomization"]
    assert len({(one["kind"], one["metadata"]["name"]) for one in resources}) == len(resources)


def test_there_is_a_deployment_for_each_service_and_for_the_gateway():
    assert set(DEPLOYMENTS) == {*SERVICES, "gateway"} == set(loading.NAMES)
    for name, spec in DEPLOYMENTS.items():
        labels = spec["template"]["metadata"]["labels"]
        assert spec["selector"]["matchLabels"].items() <= labels.items()
        assert labels == {"app.kubernetes.io/name": name, "app.kubernetes.io/part-of": "impactx"}
        [container] = spec["template"]["spec"]["containers"]
        assert container["args"] == ["serve", name]
        assert spec["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
        budget = NAMED["PodDisruptionBudget", name]["spec"]
        assert budget["selector"] == spec["selector"]


def test_every_variable_is_a_setting_and_every_value_can_be_read():
    for name, pod in PODS.items():
        variables = [variable for variable, _ in secret_files(pod)]
        assert [variable for variable in (*variables, *SETTINGS[name]) if not is_known(variable)] == []
        from_environment(SERVICES, SETTINGS[name])
    [merged] = kustomization("example")["configMapGenerator"]
    assert merged["name"] in {one["name"] for one in kustomization("base")["configMapGenerator"]}
    from_environment(SERVICES, dict(line.split("=", 1) for line in merged["literals"]))
    assert all(is_known(line.split("=", 1)[0]) for line in merged["literals"])


def test_every_secret_is_one_that_the_credentials_make(tmp_path):
    """It writes a directory for each of them; docs/operations.md says how they become secrets."""
    directories = ("administration", "postgresql", "pgbouncer", "rabbitmq", "grafana", *SERVICES, "gateway")
    for directory in directories:
        (tmp_path / directory).mkdir()
    credentials.make(tmp_path)
    for pod in PODS.values():
        [secret] = [one["secret"]["secretName"] for one in pod["volumes"] if "secret" in one]
        directory = tmp_path / secret.removeprefix("impactx-")
        missing = [file for _, file in secret_files(pod) if not (directory / file).is_file()]
        assert missing == [], secret


def test_probes_ask_what_is_answered_where_it_is_answered():
    for name, pod in PODS.items():
        for container in pod["containers"]:
            ports = {port["name"]: str(port["containerPort"]) for port in container.get("ports", [])}
            settings = SETTINGS[name]
            assert ports.get("health") == settings.get("IMPACTX_HEALTH_PORT")
            assert ports.get("http") == settings.get("IMPACTX_HTTP_PORT")
            for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
                if name in DEPLOYMENTS:
                    asked = container[probe]["httpGet"]
                    assert asked["path"] in (probes.LIVE, probes.READY)
                    assert asked["port"] in ports
    for kind, name in (("Service", "impactx-metrics"), ("Service", "gateway")):
        for port in NAMED[kind, name]["spec"]["ports"]:
            assert port["targetPort"] in ("health", "http")
    [endpoint] = NAMED["ServiceMonitor", "impactx"]["spec"]["endpoints"]
    assert endpoint["path"] == probes.METRICS


def test_a_pod_gets_longer_to_stop_than_its_process_takes():
    for name in DEPLOYMENTS:
        pod = PODS[name]
        stop = pod["containers"][0].get("lifecycle", {}).get("preStop", {"sleep": {"seconds": 0}})
        grace = from_environment(SERVICES, SETTINGS[name]).stop_grace
        needed = stop["sleep"]["seconds"] + grace + GIVES_UP_AFTER + PROBE_GRACE
        assert pod["terminationGracePeriodSeconds"] >= needed + 5


def test_a_service_grows_with_the_queues_that_it_works_off_and_no_others():
    scaled = {name: document["spec"] for (kind, name), document in NAMED.items() if kind == "ScaledObject"}
    assert set(scaled) == set(DEPLOYMENTS)
    for name, spec in scaled.items():
        assert spec["scaleTargetRef"]["name"] == name
        assert "replicas" not in DEPLOYMENTS[name], "two would say how many there are"
        queues = [
            trigger["metadata"]["queueName"] for trigger in spec["triggers"] if trigger["type"] == "rabbitmq"
        ]
        expected = [topology.rpc_queue_of(name)] if name in SERVICES else []
        expected += [one.queue for one in topology.SUBSCRIPTIONS if one.service == name]
        assert queues == expected


def test_replicas_that_are_full_are_too_few():
    """What one takes in hand is more than the scaler wants it to have."""
    in_hand = {
        subscriber.queue: subscriber.prefetch
        for name in SERVICES
        for method in vars(loading.service_class(name)).values()
        for subscriber in getattr(method, ENTRYPOINT_EXTENSIONS_ATTR, ())
        if isinstance(subscriber, Subscriber)
    }
    assert in_hand.keys() == topology.BY_QUEUE.keys()
    in_hand |= {
        topology.rpc_queue_of(name): from_environment(SERVICES, SETTINGS[name]).max_workers
        for name in SERVICES
    }
    triggers = [
        trigger
        for (kind, _), document in NAMED.items()
        if kind == "ScaledObject"
        for trigger in document["spec"]["triggers"]
        if trigger["type"] == "rabbitmq"
    ]
    for trigger in triggers:
        assert ("TriggerAuthentication", trigger["authenticationRef"]["name"]) in NAMED
        assert trigger["metadata"]["protocol"] == "http", "else what is in hand is not counted"
        full = in_hand[trigger["metadata"]["queueName"]]
        assert 0.7 * full <= float(trigger["metadata"]["value"]) < full


@pytest.mark.parametrize("name", PODS)
def test_a_pod_may_do_no_more_than_it_has_to(name):
    pod = PODS[name]
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in containers(pod):
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert container["resources"]["limits"]["memory"]
        assert container["resources"]["requests"].keys() == {"cpu", "memory"}
        mounted = {mount["name"] for mount in container["volumeMounts"]}
        assert mounted <= {volume["name"] for volume in pod["volumes"]}


def test_every_pod_is_under_a_network_policy():
    policies = [document["spec"] for (kind, _), document in NAMED.items() if kind == "NetworkPolicy"]
    selected = [
        policy["podSelector"].get("matchLabels", {})
        for policy in policies
        if "Ingress" in policy["policyTypes"]
    ]
    for (kind, name), document in NAMED.items():
        if kind in ("Deployment", "Job"):
            labels = document["spec"]["template"]["metadata"]["labels"]
            assert any(wanted and wanted.items() <= labels.items() for wanted in selected), name


def test_the_public_reaches_every_path_but_probes_and_metrics():
    [rule] = NAMED["Ingress", "impactx"]["spec"]["rules"]
    exact = {path["path"] for path in rule["http"]["paths"] if path["pathType"] == "Exact"}
    below = tuple(f"{path['path']}/" for path in rule["http"]["paths"] if path["pathType"] == "Prefix")
    paths = {str(route) for route in application().url_map.iter_rules()}
    hidden = {path for path in paths if path not in exact and not path.startswith(below)}
    assert hidden == {probes.LIVE, probes.READY, probes.METRICS}


def test_the_same_image_prepares_and_serves():
    assert kustomization("example")["images"] == kustomization("example/prepare")["images"]
    assert {container["image"] for pod in PODS.values() for container in containers(pod)} == {"impactx"}
