"""The whole chain: a report is confirmed, people are alerted by a rule, one reads, and the end of it is told."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import ExitStack, contextmanager

import pytest
from lxml import etree
from uuid6 import uuid7

from infra.embedded import broker as embedded_broker
from infra.embedded.home import private_key_pem
from services.__main__ import CLASSES, SEEDS
from shared.db.engine import Database
from shared.errors import Invalid
from shared.messaging.declare import declare_everything
from shared.rpc.client import RpcClient
from shared.runtime import Runtime
from shared.settings import MEMORY_BROKER, Settings
from tests.support.directories import temporary_directory
from tests.support.postgresql import fresh_database
from tests.support.processes import ROOT, ServiceProcess
from tests.support.waiting import eventually

EMAIL, PASSWORD = "admin@impactx.example", "a long enough password"
SERVICES = ("identity", "reports", "resources", "alerts")
PEOPLE = 12
CAP = "{urn:oasis:names:tc:emergency:cap:1.2}"


@contextmanager
def processes(request):
    """Every service as a process of its own, on RabbitMQ."""
    broker = request.getfixturevalue("broker")
    database, virtual_host = fresh_database(), broker.fresh_virtual_host()
    environment = database.environment() | {
        "AMQP_URI": virtual_host.uri,
        "IMPACTX_ADMIN_EMAIL": EMAIL,
        "IMPACTX_ADMIN_PASSWORD": PASSWORD,
        "IMPACTX_BCRYPT_COST": "4",
        "IMPACTX_JWT_PRIVATE_KEY": private_key_pem(),
    }
    for command in ("topology", "seed"):
        subprocess.run(
            [sys.executable, "-m", "services", command], cwd=ROOT, env=os.environ | environment, check=True
        )
    directory = temporary_directory("chain")
    with ExitStack() as running:
        for service in SERVICES:
            log = directory / f"{service}.log"
            process = ServiceProcess(["serve", service], environment=environment, log=log)
            running.enter_context(process.start(wait=False))
            running.callback(process.kill)
        yield virtual_host.uri
    virtual_host.drop()
    database.drop()


@contextmanager
def one_process(_request):
    """All services in this process, on the in-process broker."""
    database = fresh_database()
    settings = Settings(
        database_urls={service: database.url(service) for service in SERVICES},
        administration_url="",
        jwt_private_key=private_key_pem(),
        bcrypt_cost=4,
        admin_email=EMAIL,
        admin_password=PASSWORD,
    )
    for service, seed in SEEDS.items():
        db = Database(settings.database_url(service), pool_size=1)
        with db.write() as connection:
            seed(connection, settings)
        db.close()
    embedded_broker.install()
    declare_everything(MEMORY_BROKER, quorum=False)
    runtime = Runtime([CLASSES[service] for service in SERVICES], settings)
    runtime.start()
    yield MEMORY_BROKER
    runtime.stop()
    database.drop()


@pytest.fixture(params=[processes, one_process], ids=lambda system: system.__name__)
def client(request):
    """The administrator."""
    with (
        request.param(request) as uri,
        RpcClient(uri, name="chain", email=EMAIL, password=PASSWORD, timeout=20) as made,
    ):
        yield made


@pytest.fixture
def region(client):
    return client.identity.get_region(code="HT")


def people(client, region, number, **preferences):
    """Accounts that want the alerts of a region, and a token of the last of them."""
    ids = []
    for _ in range(number):
        email = f"{uuid7()}@impactx.example"
        account = {
            "email": email,
            "password": PASSWORD,
            "first_name": "Ada",
            "last_name": "Lovelace",
            "preferences": {"regions": [region["code"]], **preferences},
        }
        ids.append(client.call("identity.register_user", account, token="")["id"])
    signed_in = client.call("identity.authenticate", {"email": email, "password": PASSWORD}, token="")
    return ids, signed_in["access_token"]


def known(client, region, user_ids):
    """Waits until the alerts have heard of all of them; a draft to somebody unknown is refused."""
    targets = [{"target_type": "user", "target_id": user_id} for user_id in user_ids]
    content = {"title": "x", "message": "x", "region_id": region["id"], "priority": "low"}

    def is_accepted():
        try:
            return client.alerts.draft_alert(**content, targets=targets)
        except Invalid:
            return None

    eventually(is_accepted, "the alerts know these people")


def severe_report(client):
    types = client.reports.list_report_types()["items"]
    levels = {level["level"]: level["id"] for level in client.reports.list_severity_levels()["items"]}
    return client.reports.create_report(
        report_type_id=types[0]["id"],
        severity_level_id=levels[5],
        title="Dam breaks",
        description="Water comes down the valley.",
        location={"type": "Point", "coordinates": [-73.0, 18.6]},
    )


def cap_of(client, alert_id):
    """The message as its elements' texts, those of its first info block and area included."""
    root = etree.fromstring(client.alerts.get_alert_cap(alert_id=alert_id)["cap"].encode())
    return {element.tag.removeprefix(CAP): element.text for element in root.iter()}


def test_from_a_confirmed_report_to_the_end_of_its_alert(client, region):
    told, reader = people(client, region, PEOPLE)
    people(client, {"code": "NP"}, 3)
    known(client, region, told)
    report = severe_report(client)
    assert report["region_id"] == region["id"]
    report = client.reports.change_report_status(
        report_id=report["id"], version=report["version"], status="confirmed", notes="Seen from the air."
    )

    [alert] = eventually(
        lambda: client.alerts.list_alerts(source_id=report["id"])["items"], "the rule issues an alert"
    )
    assert (alert["status"], alert["priority"], alert["title"]) == ("active", "critical", "Dam breaks")
    reach = eventually(
        lambda: next(
            (
                found
                for found in [client.alerts.get_alert_reach(alert_id=alert["id"])]
                if found["targeted_at"]
            ),
            None,
        ),
        "everybody has it",
    )
    assert (reach["targets"], reach["read"]) == (PEOPLE, 0)
    users = client.alerts.list_alert_targets(alert_id=alert["id"], target_type="user")["items"]
    assert {row["target_id"] for row in users} == set(told)

    [mine] = client.call("alerts.list_my_alerts", {"unread_only": True}, token=reader)["items"]
    assert mine["id"] == alert["id"]
    client.call("alerts.mark_alert_read", {"alert_id": alert["id"]}, token=reader)
    reach = client.alerts.get_alert_reach(alert_id=alert["id"])
    assert (reach["read"], reach["unread"]) == (1, PEOPLE - 1)
    assert reach["by_target"] == [
        {
            "target_type": "region",
            "target_id": region["id"],
            "targets": PEOPLE,
            "read": 1,
            "unread": PEOPLE - 1,
        }
    ]

    client.reports.resolve_report(report_id=report["id"], version=report["version"])
    over = eventually(
        lambda: next(
            (
                found
                for found in [client.alerts.get_alert(alert_id=alert["id"])]
                if found["status"] == "cancelled"
            ),
            None,
        ),
        "the alert is cancelled",
    )
    first, last = cap_of(client, alert["id"]), cap_of(client, over["cancelled_by"])
    assert (first["msgType"], last["msgType"]) == ("Alert", "Cancel")
    assert last["references"] == f"{first['sender']},{first['identifier']},{first['sent']}"
    assert first["value"] == last["value"] == region["code"]
    assert client.call("alerts.list_my_alerts", {}, token=reader)["items"][0]["status"] == "cancelled"


def test_a_resource_out_of_service_alerts_the_coordinators_of_its_region(client, region):
    coordinators = {}
    for code in (region["code"], "NP"):
        email = f"{uuid7()}@impactx.example"
        coordinators[code] = client.identity.register_user(
            email=email,
            password=PASSWORD,
            first_name="Grace",
            last_name="Hopper",
            roles=["coordinator"],
            preferences={"regions": [code]},
        )["id"]
    people(client, region, 2)
    known(client, region, coordinators.values())
    resource_type = client.resources.list_resource_types()["items"][0]
    resource = client.resources.create_resource(
        name="Lycée",
        region_id=region["id"],
        resource_type_id=resource_type["id"],
        location={"type": "Point", "coordinates": [-73.0, 18.6]},
    )
    client.resources.change_resource_status(
        resource_id=resource["id"], version=resource["version"], status="out_of_service"
    )
    [alert] = eventually(
        lambda: client.alerts.list_alerts(source_id=resource["id"])["items"], "the rule issues an alert"
    )
    eventually(lambda: client.alerts.get_alert_reach(alert_id=alert["id"])["targeted_at"], "everybody has it")
    users = client.alerts.list_alert_targets(alert_id=alert["id"], target_type="user")["items"]
    assert [row["target_id"] for row in users] == [coordinators[region["code"]]]
