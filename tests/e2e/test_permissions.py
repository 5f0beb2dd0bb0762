"""Role by method: every RPC method of every service refuses whoever may not call it, before it looks at anything.

The matrix is made from what the methods declare, so that a new method is in it without anybody thinking of it.
"""

import pytest

from services.cli.loading import service_class
from shared.client.errors import Forbidden, ImpactXError, Unauthenticated
from shared.domain.permissions import DEFAULT_ROLES, PERMISSIONS
from shared.platform.rpc.operation import ANYONE, SIGNED_IN
from shared.platform.rpc.server import Method

GUARDED = ("identity", "reports", "resources", "alerts")


def descriptions():
    """What each method declares of itself, by its full name."""
    return {
        f"{service}.{name}": entrypoint.description
        for service in GUARDED
        for name, method in vars(service_class(service)).items()
        for entrypoint in getattr(method, "nameko_entrypoints", ())
        if isinstance(entrypoint, Method)
    }


METHODS = descriptions()


def allows(role, permissions):
    """Whether the role holds one of the permissions, said from the list of roles alone."""
    held = DEFAULT_ROLES[role].permissions
    return "*" in held or any(
        permission in held or f"{permission.partition(':')[0]}:*" in held for permission in permissions
    )


def refusal_of(client, method, token):
    """How a call without arguments ends: the refusal, or None when it was let in, whatever became of it then."""
    try:
        client.call(method, {}, token=token)
    except (Forbidden, Unauthenticated) as error:
        return type(error)
    except ImpactXError:
        return None
    return None


@pytest.fixture(scope="module")
def tokens(running, administrator):
    """An access token of somebody of each default role."""
    made = {}
    with running.nobody() as nobody:
        for role in DEFAULT_ROLES:
            credentials = {"email": f"matrix-{role}@impactx.example", "password": "correct horse battery"}
            user = nobody.identity.register_user(**credentials, first_name="Ada", last_name="Lovelace")
            if role != "reporter":
                administrator.identity.grant_role(user_id=user["id"], role=role)
                administrator.identity.revoke_role(user_id=user["id"], role="reporter")
            made[role] = nobody.identity.authenticate(**credentials)["access_token"]
    return made


def test_every_method_asks_for_permissions_that_there_are():
    for name, description in METHODS.items():
        assert description.permission, name
        if not {ANYONE, SIGNED_IN} & set(description.permission):
            assert set(description.permission) <= PERMISSIONS.keys(), name


def test_what_is_open_to_anyone_is_known():
    """A method that joins these has to be put here by hand, and thought about."""
    assert {name for name, description in METHODS.items() if ANYONE in description.permission} == {
        "alerts.get_alert_cap",
        "alerts.list_public_alerts",
        "identity.authenticate",
        "identity.get_jwks",
        "identity.refresh",
        "identity.register_user",
        "identity.revoke",
    }


def test_without_a_token_every_other_method_is_closed(running):
    with running.nobody() as nobody:
        for name, description in METHODS.items():
            expected = None if ANYONE in description.permission else Unauthenticated
            assert refusal_of(nobody, name, "") is expected, name


def test_with_a_token_that_is_not_genuine_every_method_is_closed(running, tokens):
    header, claims, signature = tokens["administrator"].split(".")
    forged = ".".join((header, claims, signature[::-1]))
    with running.nobody() as nobody:
        for name in METHODS:
            assert refusal_of(nobody, name, forged) is Unauthenticated, name


@pytest.mark.parametrize("role", DEFAULT_ROLES)
def test_a_role_may_call_exactly_what_its_permissions_allow(running, tokens, role):
    with running.nobody() as nobody:
        for name, description in METHODS.items():
            is_open = bool({ANYONE, SIGNED_IN} & set(description.permission))
            expected = None if is_open or allows(role, description.permission) else Forbidden
            assert refusal_of(nobody, name, tokens[role]) is expected, name
