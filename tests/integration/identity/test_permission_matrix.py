"""Who may call which method of the running service: deny is the default, for every role and for nobody."""

import pytest

from services.identity.service import IdentityService
from shared.client.errors import Forbidden, ImpactXError, Invalid, Unauthenticated
from shared.client.rpc import RpcClient
from shared.domain.permissions import DEFAULT_ROLES
from shared.platform.rpc.server import Method
from shared.platform.runtime import Runtime
from shared.platform.settings import MEMORY_BROKER, Settings
from tests.integration.identity.conftest import PASSWORD, private_key
from tests.support.inprocess import inprocess_broker

ANYONE = frozenset({*DEFAULT_ROLES, None})
SIGNED_IN = frozenset(DEFAULT_ROLES)
ADMINISTRATORS = frozenset({"administrator"})
STAFF = frozenset({"administrator", "coordinator", "system"})

# Written down once more, and not read from the declarations that it checks.
ALLOWED = {
    "authenticate": ANYONE,
    "refresh": ANYONE,
    "revoke": ANYONE,
    "get_jwks": ANYONE,
    "register_user": ANYONE,
    "get_me": SIGNED_IN,
    "get_user": SIGNED_IN,
    "update_user": SIGNED_IN,
    "change_password": SIGNED_IN,
    "get_region": SIGNED_IN,
    "list_regions": SIGNED_IN,
    "locate_region": SIGNED_IN,
    "locate_regions": SIGNED_IN,
    "list_users": STAFF,
    "get_role": STAFF,
    "list_roles": STAFF,
    "list_permissions": STAFF,
    "create_region": frozenset({"administrator", "coordinator"}),
    "update_region": frozenset({"administrator", "coordinator"}),
    "reset_password": ADMINISTRATORS,
    "deactivate_user": ADMINISTRATORS,
    "reactivate_user": ADMINISTRATORS,
    "create_role": ADMINISTRATORS,
    "update_role": ADMINISTRATORS,
    "set_role_permissions": ADMINISTRATORS,
    "grant_role": ADMINISTRATORS,
    "revoke_role": ADMINISTRATORS,
}


@pytest.fixture(scope="module")
def settings(world):
    return Settings(
        database_urls={"identity": world.database.engine.url.render_as_string(hide_password=False)},
        administration_url="",
        jwt_private_key=private_key(),
        bcrypt_cost=4,
    )


@pytest.fixture(scope="module")
def client(settings):
    runtime = Runtime([IdentityService], settings)
    with inprocess_broker():
        runtime.start()
        with RpcClient(MEMORY_BROKER, name="matrix") as connected:
            yield connected
        runtime.stop()


@pytest.fixture(scope="module")
def tokens(world, client):
    """An access token for somebody of each role, and none for nobody."""
    found = {None: ""}
    for role in DEFAULT_ROLES:
        account = world.register(world.admin(), roles=[role])
        signed_in = client.call(
            "identity.authenticate", {"email": account["email"], "password": PASSWORD}, token=""
        )
        found[role] = signed_in["access_token"]
    return found


def outcome(client, method, token):
    """What a call without arguments meets; who may not call is told so before the arguments are looked at."""
    try:
        client.call(f"identity.{method}", {}, token=token)
    except (Forbidden, Unauthenticated) as error:
        return type(error)
    except ImpactXError as error:
        return "allowed" if isinstance(error, Invalid) else error
    return "allowed"


def test_the_table_names_every_method():
    declared = {
        name
        for name, method in vars(IdentityService).items()
        for entrypoint in getattr(method, "nameko_entrypoints", ())
        if isinstance(entrypoint, Method)
    }
    assert declared == set(ALLOWED)


@pytest.mark.parametrize("method", sorted(ALLOWED))
def test_only_who_may_calls(client, tokens, method):
    for role, token in tokens.items():
        refused = Unauthenticated if role is None else Forbidden
        expected = "allowed" if role in ALLOWED[method] else refused
        assert outcome(client, method, token) == expected, role


@pytest.mark.parametrize("token", ["forged", "a.b.c", "Bearer x"])
def test_a_wrong_token_is_refused_even_where_none_is_needed(client, token):
    for method in ("get_jwks", "get_me"):
        assert outcome(client, method, token) is Unauthenticated


def test_the_keys_are_published_without_the_private_one(client):
    [key] = client.call("identity.get_jwks", {}, token="")["keys"]
    assert (key["kty"], key["crv"], key["alg"], key["use"]) == ("OKP", "Ed25519", "EdDSA", "sig")
    assert "d" not in key


def test_a_session_goes_from_registering_to_signing_out(world, client):
    email = world.email()
    account = client.call(
        "identity.register_user",
        {"email": email, "password": PASSWORD, "first_name": "Ada", "last_name": "Lovelace"},
        token="",
    )
    assert not {"password", "password_hash"} & account.keys()
    first = client.call("identity.authenticate", {"email": email, "password": PASSWORD}, token="")
    second = client.call("identity.refresh", {"refresh_token": first["refresh_token"]}, token="")
    me = client.call("identity.get_me", {}, token=second["access_token"])
    assert (me["id"], me["roles"]) == (account["id"], ["reporter"])
    client.call("identity.revoke", {"refresh_token": second["refresh_token"]}, token="")
    with pytest.raises(Unauthenticated):
        client.call("identity.refresh", {"refresh_token": second["refresh_token"]}, token="")


def test_a_place_is_found_by_rpc(client, tokens):
    located = client.call("identity.locate_region", {"lon": 85.32, "lat": 27.71}, token=tokens["reporter"])
    assert (located["code"], located["boundaries"]) == ("NP", None)
    many = client.call(
        "identity.locate_regions",
        {"points": [{"lon": 85.32, "lat": 27.71}, {"lon": 0, "lat": 0}]},
        token=tokens["reporter"],
    )
    assert many == {"region_ids": [located["id"], None]}
