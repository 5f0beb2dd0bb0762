"""docker-compose.yml and what belongs to it, without an engine; `infra.docker.trial` runs it on one."""

import re
from pathlib import Path
from urllib.parse import urlsplit

import prometheus_client
import pytest
import yaml

from infra.docker import credentials, trial
from services.cli import loading
from shared.domain.topology import SERVICES
from shared.platform.observability import metrics
from shared.platform.settings import from_environment

ROOT = Path(__file__).parents[3]
COMPOSE_FILE = ROOT / "docker-compose.yml"
COMPOSE = yaml.safe_load(COMPOSE_FILE.read_text())
CONTAINERS = COMPOSE["services"]
OURS = [name for name, container in CONTAINERS.items() if container["image"].startswith("${IMPACTX_IMAGE")]
MONITORING = sorted((ROOT / "infra").glob("prometheus/*.yml")) + sorted(
    (ROOT / "infra").glob("grafana/**/*.json")
)

BEYOND_THE_GRACE = 5
"""Seconds after the grace at which `shared.platform.runtime` gives up by itself."""

SECRET = re.compile(r"PASSWORD|SECRET|TOKEN|PRIVATE_KEY|DATABASE_URL|AMQP_URI|RABBITMQ_API")
MOUNT = "/run/secrets/impactx/"


def environment(name):
    return CONTAINERS[name].get("environment", {})


def waits_for(name):
    """By name of what has to be there first: in which state."""
    return {other: wait["condition"] for other, wait in CONTAINERS[name].get("depends_on", {}).items()}


def test_every_service_of_the_code_is_a_container_that_serves_it():
    serving = {
        name: CONTAINERS[name]["command"]
        for name in OURS
        if CONTAINERS[name].get("command", [""])[0] == "serve"
    }
    assert serving == {name: ["serve", name] for name in loading.NAMES}
    assert set(trial.SERVICES) == set(loading.NAMES)


@pytest.mark.parametrize("name", OURS)
def test_what_is_ours_is_nobody_and_can_write_nothing(name):
    container = CONTAINERS[name]
    assert container["user"] == "10001:10001"
    assert container["read_only"] is True
    assert container["cap_drop"] == ["ALL"]
    assert "privileged" not in container
    assert "cap_add" not in container
    written = [volume for volume in container["volumes"] if not volume.endswith(":ro")]
    allowed = {"secrets": "/secrets/", "gateway": "attachments:"}
    assert all(allowed[name] in volume for volume in written)


@pytest.mark.parametrize("name", CONTAINERS)
def test_every_container_has_limits_and_can_be_made_twice(name):
    container = CONTAINERS[name]
    assert {"mem_limit", "cpus", "pids_limit", "logging"} <= set(container)
    assert container["security_opt"] == ["no-new-privileges:true"]
    assert "container_name" not in container
    if container["restart"] != "no":
        assert {"test", "interval", "timeout", "retries", "start_period"} <= set(container["healthcheck"])


@pytest.mark.parametrize("name", loading.NAMES)
def test_who_is_told_to_stop_has_longer_than_it_takes(name):
    grace = int(CONTAINERS[name]["stop_grace_period"].removesuffix("s"))
    assert grace > int(environment(name)["IMPACTX_STOP_GRACE"]) + BEYOND_THE_GRACE
    assert grace == trial.GRACE_SECONDS
    assert CONTAINERS[name]["init"] is True


@pytest.mark.parametrize("name", SERVICES)
def test_what_is_scaled_holds_no_port_of_the_machine(name):
    assert "ports" not in CONTAINERS[name]


@pytest.mark.parametrize("name", CONTAINERS)
def test_secrets_are_files_of_a_volume_that_is_the_containers_own(name):
    for setting, value in environment(name).items():
        if SECRET.search(setting):
            assert setting.endswith("_FILE")
            assert value.startswith(MOUNT)
    if name == "secrets":
        return
    mounted = [volume for volume in CONTAINERS[name].get("volumes", []) if "-secrets:" in volume]
    owner = "administration" if name in OURS and name not in loading.NAMES else name
    assert mounted in ([f"{owner}-secrets:{MOUNT[:-1]}:ro"], [])


def test_the_settings_that_containers_are_given_are_settings_that_are_read():
    class Environment(dict):
        asked = set()  # noqa: RUF012 - of the one there is

        def get(self, name, default=None):
            self.asked.add(name)
            return super().get(name, default)

    from_environment(SERVICES, Environment())
    given = {setting for name in OURS for setting in environment(name)}
    assert {one for one in given - Environment.asked if not one.endswith("_BROKER_PASSWORD_FILE")} == set()


def test_up_waits_for_the_end_of_what_ends_and_for_the_health_of_what_runs():
    """Compose takes a container that ended for a failure, unless somebody waits for its end."""
    starting = {name for name, container in CONTAINERS.items() if "profiles" not in container}
    ending = {name for name in starting if CONTAINERS[name]["restart"] == "no"}
    waited = {}
    for name in CONTAINERS:
        for other, condition in waits_for(name).items():
            waited.setdefault(other, set()).add(condition)
    assert set(waited) <= set(CONTAINERS)
    assert {name for name in ending if waited.get(name) == {"service_completed_successfully"}} == ending
    assert all(waited[name] == {"service_healthy"} for name in waited if name not in ending)


def test_every_container_that_reads_a_secret_comes_after_their_making():
    def comes_after(name):
        return "secrets" in waits_for(name) or any(comes_after(other) for other in waits_for(name))

    reading = {name for name in CONTAINERS if any(one.endswith("_FILE") for one in environment(name))}
    assert {name for name in reading if not comes_after(name)} == {"administration", "operator"}


@pytest.fixture
def secrets(tmp_path):
    """The volumes of secrets, made as the container `secrets` makes them."""
    for volume in CONTAINERS["secrets"]["volumes"]:
        (tmp_path / volume.partition(":/secrets/")[2]).mkdir()
    credentials.make(tmp_path)
    return tmp_path


def test_every_secret_that_a_container_is_told_of_is_made(secrets):
    for name, container in CONTAINERS.items():
        files = [
            value
            for setting, value in environment(name).items()
            if setting.endswith("_FILE") and value.startswith(MOUNT)
        ]
        for file in files:
            volume = next(one for one in container["volumes"] if one.endswith(f"{MOUNT[:-1]}:ro"))
            directory = secrets / volume.partition("-secrets:")[0]
            assert (directory / file.removeprefix(MOUNT)).read_text().strip()


def test_secrets_that_are_there_stay_and_what_is_told_of_them_follows(secrets):
    before = {path: path.read_text() for path in secrets.rglob("*") if path.is_file()}
    credentials.make(secrets)
    assert {path: path.read_text() for path in secrets.rglob("*") if path.is_file()} == before
    (secrets / "administration" / "reports_database_password").unlink()
    (secrets / "administration" / "reports_database_password").write_text("of one's own / now\n")
    credentials.make(secrets)
    assert (
        urlsplit((secrets / "reports" / "database_url").read_text()).password
        == "of%20one%27s%20own%20%2F%20now"
    )
    assert '"reports_service" "of one\'s own / now"' in (secrets / "pgbouncer" / "userlist.txt").read_text()


def test_services_reach_postgresql_by_pgbouncer_and_have_a_user_of_the_broker_each(secrets):
    for service in SERVICES:
        database = urlsplit((secrets / service / "database_url").read_text())
        assert (database.username, database.hostname, database.port) == (
            f"{service}_service",
            "pgbouncer",
            6432,
        )
    for name in loading.NAMES:
        broker = urlsplit((secrets / name / "amqp_uri").read_text())
        assert (broker.username, broker.hostname, broker.port) == (name, "rabbitmq", 5672)
    assert {"pgbouncer", "rabbitmq", "postgresql"} <= set(CONTAINERS)


def test_what_can_be_set_is_what_the_example_shows():
    used = set(re.findall(r"\$\{(\w+)[:}]", COMPOSE_FILE.read_text()))
    shown = set(re.findall(r"^#(\w+)=", (ROOT / ".env.example").read_text(), flags=re.MULTILINE))
    assert shown == used


@pytest.mark.parametrize("path", MONITORING, ids=lambda path: path.name)
def test_alarms_and_panels_ask_for_metrics_that_there_are(path):
    assert metrics.exposition()
    known = set(prometheus_client.REGISTRY._names_to_collectors)
    assert set(re.findall(r"impactx_\w+", path.read_text())) - known == set()


def test_prometheus_asks_every_service_where_it_answers():
    jobs = yaml.safe_load((ROOT / "infra" / "prometheus" / "prometheus.yml").read_text())["scrape_configs"]
    asked = {
        name: str(found["port"])
        for job in jobs
        for found in job.get("dns_sd_configs", [])
        for name in found["names"]
    }
    answering = {name: environment(name)["IMPACTX_HEALTH_PORT"] for name in SERVICES}
    assert asked == answering | {"gateway": environment("gateway")["IMPACTX_HTTP_PORT"]}
