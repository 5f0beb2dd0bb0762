"""A whole system in a process of its own, with somebody of each role, spoken to over HTTP alone."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from functools import cached_property

import pytest

from shared.client.local import LocalClient
from shared.domain.permissions import DEFAULT_ROLES
from tests.support.directories import temporary_directory
from tests.support.http import Client
from tests.support.processes import ServiceProcess
from tests.support.regions import create_regions

EMAIL, PASSWORD = "admin@impactx.example", "a long enough password"
ATTACHMENT_LIMIT = 256 * 1024 * 1024
BODY_SECONDS = 2
HEARTBEAT = 1
JPEG = b"\xff\xd8\xff\xe0" + bytes(range(256)) * 4
NOWHERE = "01978f3d-0c00-7d30-8f33-2a3b4c5d6e7f"
"""The id of nothing."""

_numbers = itertools.count(1)


@dataclass
class System:
    """What runs, and short ways to have something in it."""

    url: str
    process: ServiceProcess
    home: object

    @cached_property
    def anonymous(self):
        return Client(self.url)

    @cached_property
    def admin(self):
        return self.signed_in(EMAIL)

    @cached_property
    def document(self):
        return self.anonymous.done("GET", "/openapi.json")

    @cached_property
    def operations(self):
        """Every operation of the document by its id."""
        return {
            operation["operationId"]: {**operation, "path": path, "verb": verb.upper()}
            for path, item in self.document["paths"].items()
            for verb, operation in item.items()
            if verb in ("get", "post", "put", "patch", "delete")
        }

    @cached_property
    def people(self):
        """Somebody of each role."""
        return {role: self.person(role) for role in DEFAULT_ROLES}

    def signed_in(self, email, password=PASSWORD):
        tokens = self.anonymous.done("POST", "/auth/login", json={"email": email, "password": password})
        return Client(self.url, tokens["access_token"], tokens["user_id"])

    def account(self, *roles):
        given = {
            "email": f"person-{next(_numbers)}@impactx.example",
            "password": PASSWORD,
            "first_name": "Ada",
            "last_name": "Lovelace",
        }
        given |= {"roles": list(roles)} if roles else {}
        return self.admin.done("POST", "/users", json=given)

    def person(self, *roles):
        return self.signed_in(self.account(*roles)["email"])

    @cached_property
    def region(self):
        return self.admin.done("GET", "/regions?codes=HT")["items"][0]["id"]

    @cached_property
    def report_type(self):
        return self.admin.done("GET", "/report-types")["items"][0]["id"]

    @cached_property
    def severity(self):
        return self.admin.done("GET", "/severity-levels")["items"][0]["id"]

    @cached_property
    def resource_type(self):
        return self.admin.done("POST", "/resource-types", json={"name": f"Type {next(_numbers)}"})["id"]

    def report_body(self, **changed):
        return {
            "region_id": self.region,
            "report_type_id": self.report_type,
            "severity_level_id": self.severity,
            "title": "Bridge out",
            "description": "The river took it.",
            "location": {"type": "Point", "coordinates": [-72.5, 18.2], "address": "Jacmel"},
        } | changed

    def report(self, who=None, **changed):
        return (who or self.admin).done("POST", "/reports", json=self.report_body(**changed))

    def resource_body(self, **changed):
        return {
            "region_id": self.region,
            "resource_type_id": self.resource_type,
            "name": "School",
            "location": {"type": "Point", "coordinates": [-72.5, 18.2]},
            "capacity": 100,
        } | changed

    def resource(self, **changed):
        return self.admin.done("POST", "/resources", json=self.resource_body(**changed))

    def attachment(self, report, who=None, content=JPEG):
        return (who or self.admin).done(
            "POST", f"/reports/{report['id']}/attachments", files={"file": ("a.jpg", content)}
        )

    def stored_files(self):
        return {path for path in (self.home / "attachments").rglob("*") if path.is_file()}


@pytest.fixture(scope="session")
def system():
    home = temporary_directory("gateway")
    environment = {
        "IMPACTX_HOME": str(home),
        "IMPACTX_HTTP_PORT": "0",
        "IMPACTX_ADMIN_EMAIL": EMAIL,
        "IMPACTX_ADMIN_PASSWORD": PASSWORD,
        "IMPACTX_BCRYPT_COST": "4",
        "IMPACTX_ATTACHMENT_LIMIT": str(ATTACHMENT_LIMIT),
        "IMPACTX_HTTP_BODY_SECONDS": str(BODY_SECONDS),
        "IMPACTX_HTTP_HEARTBEAT": str(HEARTBEAT),
        "IMPACTX_ACCESS_TOKEN_LIFETIME": "3600",
    }
    log = temporary_directory("gateway-log") / "run.log"
    with ServiceProcess(["run"], environment=environment, log=log, ready="Ready after") as process:
        url = re.search(r"HTTP +(http://\S+)/api/v1,", process.output()).group(1)
        with LocalClient(home / "rpc.sock", email=EMAIL, password=PASSWORD) as client:
            create_regions(client)
        yield System(url, process, home)
        process.terminate()
