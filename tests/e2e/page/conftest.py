"""A whole system in a process of its own with something happening in it, and a browser that looks at its page."""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import psycopg
import pytest
from uuid6 import uuid7

from infra.local.instance_dir import InstanceDirectory
from infra.local.postgresql import DATABASE, SUPERUSER
from shared.client.local import LocalClient
from tests.support.browser import browser as new_browser
from tests.support.directories import temporary_directory
from tests.support.processes import ServiceProcess
from tests.support.regions import create_regions
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from pathlib import Path

EMAIL, PASSWORD = "admin@impactx.example", "a long enough password"
REFUSAL = "Failed to load resource: the server responded with a status of 4"
NO_NETWORK = "Failed to load resource: net::ERR_INTERNET_DISCONNECTED"

INCIDENTS = (
    ("Bridge washed away on the coast road", "Flood", 4, -72.53, 18.25),
    ("Clinic without power", "Power Outage", 3, -72.30, 18.52),
    ("Houses under water near the market", "Flood", 5, -72.24, 18.60),
    ("Road blocked by a landslide", "Landslide", 3, -72.90, 18.45),
    ("Well no longer usable", "Flood", 2, -73.75, 18.20),
    ("Trees on the northern road", "Blocked Road", 1, -72.20, 19.70),
    ("School roof torn off", "Storm", 4, -72.68, 19.45),
    ("Fuel leaking in the harbour", "Hazardous Material", 4, -72.36, 18.56),
    ("Hillside moving above the village", "Landslide", 5, 85.30, 27.70),
    ("Pier damaged by waves", "Storm", 2, -80.20, 25.80),
)
RESOURCES = (
    ("Gymnasium of the secondary school", "Shelter", 200, -72.33, 18.66),
    ("Hospital of the south", "Hospital", 60, -72.51, 18.40),
    ("Parish hall", "Shelter", 80, -73.10, 18.60),
)


@dataclass
class System:
    """What runs, and short ways to have something in it."""

    home: Path
    output: str
    client: LocalClient
    types: dict[str, str] = field(default_factory=dict)
    levels: dict[int, str] = field(default_factory=dict)
    regions: dict[str, str] = field(default_factory=dict)

    def __post_init__(self):
        kinds = self.client.reports.list_report_types(limit=500)["items"]
        self.types = {kind["name"]: kind["id"] for kind in kinds}
        self.levels = {one["level"]: one["id"] for one in self.client.reports.list_severity_levels()["items"]}
        self.regions = {one["code"]: one["id"] for one in self.client.identity.list_regions()["items"]}

    def regions_now(self) -> dict[str, str]:
        """The regions by code, also those that came later."""
        return {one["code"]: one["id"] for one in self.client.identity.list_regions()["items"]}

    @property
    def url(self) -> str:
        return re.search(r"HTTP +(http://\S+)/api/v1,", self.output).group(1)

    def superuser(self) -> psycopg.Connection:
        """A connection to its database, for what would take too long otherwise."""
        return psycopg.connect(
            host="127.0.0.1",
            port=re.search(r"PostgreSQL +127\.0\.0\.1:(\d+)", self.output).group(1),
            dbname=DATABASE,
            user=SUPERUSER,
            password=InstanceDirectory(self.home).postgresql.password(),
            autocommit=True,
        )

    def person(self, role: str, **preferences) -> str:
        """The e-mail address of somebody with a role."""
        email = f"{role}-{uuid7()}@impactx.example"
        self.client.identity.register_user(
            email=email,
            password=PASSWORD,
            first_name="Ada",
            last_name="Lovelace",
            roles=[role],
            preferences=preferences,
        )
        return email

    def report(self, title: str, kind: str = "Flood", level: int = 3, lon: float = -72.5, lat: float = 18.8):
        return self.client.reports.create_report(
            title=title,
            description="Told by radio; a team should have a look.",
            report_type_id=self.types[kind],
            severity_level_id=self.levels[level],
            location={"type": "Point", "coordinates": [lon, lat]},
        )

    def change(self, report, status: str):
        return self.client.reports.change_report_status(
            report_id=report["id"], version=report["version"], status=status
        )

    def has_happened(self) -> None:
        """Some incidents and some help."""
        for number, incident in enumerate(INCIDENTS):
            report = self.report(*incident)
            if number % 3 == 0:
                self.change(report, "confirmed")
        kinds = {
            one["name"]: one["id"] for one in self.client.resources.list_resource_types(limit=500)["items"]
        }
        for name, kind, capacity, lon, lat in RESOURCES:
            location = {"type": "Point", "coordinates": [lon, lat]}
            self.client.resources.create_resource(
                name=name, resource_type_id=kinds[kind], capacity=capacity, location=location
            )


@contextmanager
def running():
    """A system of its own."""
    home = temporary_directory("page")
    environment = {
        "IMPACTX_HOME": str(home),
        "IMPACTX_HTTP_PORT": "0",
        "IMPACTX_ADMIN_EMAIL": EMAIL,
        "IMPACTX_ADMIN_PASSWORD": PASSWORD,
        "IMPACTX_BCRYPT_COST": "4",
    }
    log = temporary_directory("page-log") / "run.log"
    with (
        ServiceProcess(["run"], environment=environment, log=log, ready="Ready after") as process,
        LocalClient(home / "rpc.sock", email=EMAIL, password=PASSWORD, timeout=20) as client,
    ):
        create_regions(client)
        yield System(home, process.output(), client)
        process.terminate()


@pytest.fixture(scope="module")
def system():
    """The system that the tests of one file share, so that they find in it what they put there and nothing else."""
    with running() as made:
        yield made


@pytest.fixture(scope="session")
def browser():
    with new_browser() as made:
        yield made


class Page:
    """The page in the browser, as somebody uses it."""

    def __init__(self, browser, url: str) -> None:
        self.browser = browser
        self.url = url
        self.may_be_refused = False
        self.may_be_offline = False

    def __getattr__(self, name):
        return getattr(self.browser, name)

    def go(self, width: int = 1280, height: int = 800) -> None:
        self.browser.open(f"{self.url}/", width, height)

    def sign_in(self, email: str = EMAIL, password: str = PASSWORD) -> None:
        self.fill("#email", email)
        self.fill("#password", password)
        self.click("#sign-in button.primary")

    def enter(self, email: str = EMAIL, **size: int) -> None:
        """Opens the page and signs in, until the map shows something."""
        if size:
            self.go(**size)
        self.sign_in(email)
        self.says("#shown", "report")

    def open_entry(self, where: str, text: str) -> None:
        """Opens an entry of a list; the list may be made anew at any moment, so the browser looks for it."""
        script = """
            const found = [...document.querySelectorAll(arguments[0] + " .entry")]
              .find(one => one.innerText.includes(arguments[1]));
            found?.click();
            return Boolean(found);
        """
        eventually(lambda: self.driver.execute_script(script, where, text), f"{text!r} in {where}")

    def open_thing(self, kind: str, thing_id: str) -> None:
        """Opens a thing by its address, in the session that is there."""
        self.driver.get(f"{self.url}/?open={kind}:{thing_id}")
        self.find("#detail .facts")

    def tab(self, name: str) -> None:
        self.click(f"#tab-{name}")


@pytest.fixture
def page(system, browser):
    """A page that nobody has signed in to; afterwards it must have complained of nothing and asked nobody else."""
    browser.driver.get(f"{system.url}/page/icon.svg")  # of the same origin, and without scripts
    browser.driver.execute_script("sessionStorage.clear(); localStorage.clear()")
    browser.forget()
    opened = Page(browser, system.url)
    opened.go()
    yield opened
    expected = [REFUSAL] * opened.may_be_refused + [NO_NETWORK] * opened.may_be_offline
    assert [one for one in browser.complaints() if not any(text in one for text in expected)] == []
    assert browser.hosts() == {system.url.removeprefix("http://")}
