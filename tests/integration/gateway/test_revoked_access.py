"""Tokens that are refused before they expire: over HTTP, in every service, and in streams that are open."""

import json
from contextlib import closing
from uuid import uuid4

import pytest
import requests

from shared.client.errors import Unauthenticated
from shared.client.local import SOCKET, LocalClient
from tests.integration.gateway.conftest import PASSWORD
from tests.support.http import Client, Listener
from tests.support.waiting import eventually, patience

OF_THE_GATEWAY = ("/auth/me", "/reports", "/my-alerts", "/stream")
OF_EVERY_SERVICE = (
    "identity.get_me",
    "reports.list_reports",
    "resources.list_resources",
    "alerts.list_my_alerts",
)


class Session:
    """Somebody who signed in, with the refresh token."""

    def __init__(self, system, email):
        given = {"email": email, "password": PASSWORD}
        self.system = system
        self.tokens = system.anonymous.done("POST", "/auth/login", json=given)
        self.client = Client(system.url, self.tokens["access_token"], self.tokens["user_id"])

    def refreshed(self):
        return self.system.anonymous(
            "POST", "/auth/refresh", json={"refresh_token": self.tokens["refresh_token"]}
        )


@pytest.fixture
def somebody(system):
    """Returns an account with these roles, and a session of it."""

    def make(*roles):
        account = system.account(*roles)
        return account, Session(system, account["email"])

    return make


def reason_by_rpc(client, method):
    try:
        client.call(method, {})
    except Unauthenticated as error:
        return error.details["reason"]
    return ""


def refused_everywhere(system, client):
    """Wait until the gateway and each service, which is called past it, refuse the token; return the reasons."""
    reasons = set()
    for path in OF_THE_GATEWAY:
        eventually(lambda: client("GET", path, stream=True).status_code == 401, f"{path} is refused")  # noqa: B023
        reasons.add(client.refused(401, "GET", path)["reason"])
    with LocalClient(system.home / SOCKET, token=client.token) as direct:
        for method in OF_EVERY_SERVICE:
            reasons.add(eventually(lambda: reason_by_rpc(direct, method), f"{method} is refused"))  # noqa: B023
    return reasons


def last_of(listener):
    eventually(lambda: listener.is_over, "the stream ends")
    end = listener.heard[-1]
    assert end["event"] == "end"
    return json.loads(end["data"])["reason"]


def test_a_closed_account_is_refused_everywhere_and_its_streams_end(system, somebody):
    account, session = somebody("coordinator")
    with closing(Listener(session.client)) as stream:
        system.admin.done("PUT", f"/users/{account['id']}/deactivation")
        assert last_of(stream) == "deactivated"
    assert refused_everywhere(system, session.client) == {"deactivated"}
    alert = {"title": "All clear", "message": "Go home.", "priority": "low"}
    session.client.refused(401, "POST", "/alerts", json=alert)
    assert session.refreshed().status_code == 401


def test_a_withdrawn_role_is_gone_and_a_new_token_goes_on_without_it(system, somebody):
    account, session = somebody("coordinator", "reporter")
    with closing(Listener(session.client)) as stream:
        system.admin.done("DELETE", f"/users/{account['id']}/roles/coordinator")
        assert last_of(stream) == "role_revoked"
    assert refused_everywhere(system, session.client) == {"role_revoked"}
    again = Client(system.url, session.refreshed().json()["access_token"])
    again.done("GET", "/reports")
    again.refused(
        403, "POST", "/alerts", json={"title": "All clear", "message": "Go home.", "priority": "low"}
    )
    with closing(Listener(again)) as stream:
        other = system.report()
        resource = system.resource()
        eventually(lambda: stream.about(resource["id"]), "it hears what it may")
        assert not stream.about(other["id"]), "and no longer what it may not"


def test_a_permission_that_a_role_loses_is_gone_for_all_who_hold_it(system, somebody):
    name = f"warden-{uuid4()}"
    permissions = ["report:read", "resource:read", "alert:read", "user:read"]
    role = system.admin.done("POST", "/roles", json={"name": name, "permissions": permissions})
    holders = [somebody(name)[1] for _ in range(2)]
    bystander = somebody("viewer")[1]
    system.admin.done(
        "PUT",
        f"/roles/{name}/permissions",
        version=role["version"],
        json={"permissions": [one for one in permissions if one != "user:read"]},
    )
    for session in holders:
        assert refused_everywhere(system, session.client) == {"permissions_changed"}
        again = Client(system.url, session.refreshed().json()["access_token"])
        again.done("GET", "/reports")
        again.refused(403, "GET", "/users")
    bystander.client.done("GET", "/reports")


def test_a_role_that_is_switched_off_is_gone(system, somebody):
    name = f"watch-{uuid4()}"
    role = system.admin.done("POST", "/roles", json={"name": name, "permissions": ["report:read"]})
    session = somebody(name)[1]
    system.admin.done("PATCH", f"/roles/{name}", version=role["version"], json={"is_active": False})
    assert refused_everywhere(system, session.client) == {"permissions_changed"}


def test_signing_out_ends_this_session_and_no_other(system, somebody):
    account, session = somebody("viewer")
    other = Session(system, account["email"])
    system.anonymous.done("POST", "/auth/logout", json={"refresh_token": session.tokens["refresh_token"]})
    assert refused_everywhere(system, session.client) == {"signed_out"}
    other.client.done("GET", "/reports")


def test_a_refresh_token_that_is_used_twice_ends_its_session_at_once(system, somebody):
    session = somebody("viewer")[1]
    again = session.refreshed().json()
    assert session.refreshed().status_code == 401
    assert refused_everywhere(system, Client(session.client.url, again["access_token"])) == {"token_reused"}


def test_a_new_password_ends_all_sessions(system, somebody):
    account, session = somebody("viewer")
    other = Session(system, account["email"])
    system.admin.done("PUT", f"/users/{account['id']}/password", json={"new_password": "a fresh password"})
    for one in (session, other):
        assert refused_everywhere(system, one.client) == {"password_changed"}


def test_what_an_account_gains_does_not_end_its_token(system, somebody):
    account, session = somebody("reporter")
    system.admin.done("PUT", f"/users/{account['id']}/roles/viewer", json={})
    version = system.admin.done("GET", f"/users/{account['id']}")["version"]
    system.admin.done("PATCH", f"/users/{account['id']}", version=version, json={"first_name": "Grace"})
    marker = somebody("viewer")
    system.admin.done("PUT", f"/users/{marker[0]['id']}/deactivation")
    assert refused_everywhere(system, marker[1].client) == {"deactivated"}, "later events have been heard"
    session.client.done("GET", "/reports")


def test_what_is_revoked_is_counted(system, somebody):
    account, session = somebody("viewer")
    system.admin.done("PUT", f"/users/{account['id']}/deactivation")
    refused_everywhere(system, session.client)
    text = requests.get(f"{system.url}/metrics", timeout=patience(10)).text
    counted = {
        line.rpartition(" ")[0]: float(line.rpartition(" ")[2])
        for line in text.splitlines()
        if line[0] != "#"
    }
    for service in ("identity", "reports", "resources", "alerts", "gateway"):
        assert counted[f'impactx_revocations_held{{service="{service}"}}'] >= 1
        assert counted[f'impactx_revocations_age_seconds{{service="{service}"}}'] == 0
    assert counted['impactx_tokens_revoked_total{reason="deactivated"}'] >= 1
