"""A whole system as separate processes that show how they are, with a network that can be cut before one of them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property

import orjson
import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from infra.local.instance_dir import private_key_pem
from tests.e2e.systems import EMAIL, PASSWORD, run_command, secrets
from tests.support.collector import Collector
from tests.support.directories import temporary_directory
from tests.support.http import Client
from tests.support.postgresql import fresh_database
from tests.support.processes import ServiceProcess
from tests.support.proxy import Proxy
from tests.support.regions import add_regions
from tests.support.waiting import patience

PROCESSES = {
    "identity": ("identity", "resources"),
    "reports": ("reports",),
    "alerts": ("alerts",),
    "gateway": ("gateway",),
}


@dataclass
class Watched:
    """A process and what it shows."""

    process: ServiceProcess

    @property
    def url(self):
        return re.search(r"probes and metrics at (http://\S+)", self.process.output()).group(1)

    def probe(self, path):
        return requests.get(self.url + path, timeout=patience(10))

    def readiness(self):
        """The status, and what is missing."""
        answer = self.probe("/health/ready")
        return answer.status_code, answer.json()["missing"]

    def is_ready(self):
        return self.readiness() == (200, {})

    def metrics(self):
        """Every sample by its name and labels."""
        return {
            (sample.name, *sorted(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(self.probe("/metrics").text)
            for sample in family.samples
        }

    def metric(self, name, **labels):
        """One sample; None where there is none."""
        return self.metrics().get((name, *sorted(labels.items())))

    def lines(self):
        """What it has logged."""
        return [orjson.loads(line) for line in self.process.output().splitlines() if line.startswith("{")]


@dataclass
class System:
    """What runs."""

    database: object
    virtual_host: object
    environment: dict[str, str]
    to_broker: Proxy
    to_database: Proxy
    watched: dict[str, Watched] = field(default_factory=dict)

    def __getitem__(self, name):
        return self.watched[name]

    def report_body(self, **changed):
        return {
            "region_id": self.admin.done("GET", "/regions?codes=HT")["items"][0]["id"],
            "report_type_id": self.admin.done("GET", "/report-types")["items"][0]["id"],
            "severity_level_id": self.admin.done("GET", "/severity-levels")["items"][0]["id"],
            "title": "Bridge out",
            "description": "The river took it.",
            "location": {"type": "Point", "coordinates": [-72.5, 18.2]},
        } | changed

    @cached_property
    def admin(self):
        """The administrator, over HTTP."""
        url = re.search(r"gateway at (http://[^\s;]+)", self["gateway"].process.output()).group(1)
        tokens = Client(url).done("POST", "/auth/login", json={"email": EMAIL, "password": PASSWORD})
        return Client(url, tokens["access_token"], tokens["user_id"])


@pytest.fixture(scope="session")
def collector():
    with Collector() as collector:
        yield collector


@pytest.fixture(scope="session")
def system(broker, collector):
    database, virtual_host = fresh_database(), broker.fresh_virtual_host()
    environment = (
        secrets()
        | database.environment()
        | {
            "AMQP_URI": virtual_host.uri,
            "IMPACTX_JWT_PRIVATE_KEY": private_key_pem(),
            "IMPACTX_HEALTH_PORT": "0",
            "IMPACTX_LOG_LEVEL": "DEBUG",
            "IMPACTX_TRACES_ENDPOINT": collector.url,
            "OTEL_BSP_SCHEDULE_DELAY": "100",
        }
    )
    for command in ("topology", "seed"):
        done = run_command(environment, command)
        assert done.returncode == 0, done.stderr
    add_regions(database.admin_url)
    logs = temporary_directory("observability")
    with Proxy(broker.port) as to_broker, Proxy(database.server.port) as to_database:
        behind = {
            "AMQP_URI": to_broker.through(virtual_host.uri),
            "IMPACTX_REPORTS_DATABASE_URL": to_database.through(database.url("reports")),
        }
        system = System(database, virtual_host, environment, to_broker, to_database)
        try:
            for name, services in PROCESSES.items():
                process = ServiceProcess(
                    ["serve", *services],
                    environment=environment | (behind if name == "reports" else {}),
                    log=logs / f"{name}.log",
                )
                system.watched[name] = Watched(process.start(wait=False))
            for watched in system.watched.values():
                watched.process.wait_ready()
            yield system
        finally:
            for watched in system.watched.values():
                watched.process.kill()
    virtual_host.drop()
    database.drop()
