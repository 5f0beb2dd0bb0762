"""The running service: wrong tokens, published keys, a session from registering to signing out, and places."""

import pytest

from services.identity import schemas, users
from services.identity.service import IdentityService
from shared.client.errors import Unauthenticated
from shared.client.rpc import RpcClient
from shared.platform.runtime import Runtime
from shared.platform.settings import MEMORY_BROKER, Settings
from tests.integration.identity.conftest import PASSWORD, private_key
from tests.support.inprocess import inprocess_broker


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
        with RpcClient(MEMORY_BROKER, name="tests of identity") as connected:
            yield connected
        runtime.stop()


@pytest.mark.parametrize("token", ["forged", "a.b.c", "Bearer x"])
def test_a_wrong_token_is_refused_even_where_none_is_needed(client, token):
    for method in ("get_jwks", "get_me"):
        with pytest.raises(Unauthenticated):
            client.call(f"identity.{method}", {}, token=token)


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


def test_a_place_is_found_by_rpc(world, client):
    given = {"email": world.register()["email"], "password": PASSWORD}
    token = client.call("identity.authenticate", given, token="")["access_token"]
    located = client.call("identity.locate_region", {"lon": 85.32, "lat": 27.71}, token=token)
    assert (located["code"], located["boundaries"]) == ("NP", None)
    many = client.call(
        "identity.locate_regions",
        {"points": [{"lon": 85.32, "lat": 27.71}, {"lon": 0, "lat": 0}]},
        token=token,
    )
    assert many == {"region_ids": [located["id"], None], "regions": None}


def test_it_starts_where_access_has_been_revoked(world, settings):
    """The list holds something from its first moment on, and identity reads it without a wire between."""
    closed, other = world.register(), world.register()
    world.write(users.deactivate_user, world.admin(), schemas.UserId, user_id=closed["id"])
    runtime = Runtime([IdentityService], settings)
    with inprocess_broker():
        runtime.start()
        try:
            with RpcClient(MEMORY_BROKER, name="tests of identity") as client:
                given = {"email": other["email"], "password": PASSWORD}
                token = client.call("identity.authenticate", given, token="")["access_token"]
                assert client.call("identity.get_me", {}, token=token, attempts=1)["id"] == str(other["id"])
            assert "identity.revocations" in runtime._readiness.dependencies
            assert "identity.revocations" not in runtime._readiness.missing()
        finally:
            runtime.stop()
