"""Signing in, staying signed in, being put out; guesses and stolen tokens."""

import eventlet
import pytest
from uuid6 import uuid7

from services.identity import roles, schemas, sessions, users
from services.identity.password_hashing import PasswordHasher
from shared.client.errors import Conflict, Unauthenticated
from tests.integration.identity.conftest import ADMIN_EMAIL, PASSWORD


def test_who_signs_in_gets_a_token_with_roles_and_permissions(world):
    account = world.register()
    tokens = world.sign_in(account["email"])
    caller = world.verify(tokens)
    assert caller.user_id == account["id"] == tokens["user_id"]
    assert caller.roles == {"reporter"}
    assert caller.may("report:create")
    assert not caller.may("report:read")
    assert caller.session_id
    assert tokens["expires_in"] == 900
    assert set(schemas.Tokens().dump(tokens)) == {
        "access_token",
        "token_type",
        "expires_in",
        "refresh_token",
        "refresh_expires_in",
        "user_id",
    }
    assert set(schemas.SignedIn().dump(tokens)) - set(schemas.Tokens().dump(tokens)) == {"device_token"}


def test_the_administrator_may_do_everything(world):
    assert world.admin().regions("alert:issue") is None


def test_narrowed_permissions_name_the_regions_by_id(world):
    region = world.region()
    role = world.role(f"report:read:{region['code']}", "report:create")
    caller = world.caller(role)
    assert caller.regions("report:read") == {region["id"]}
    assert caller.regions("report:create") is None


def test_an_inactive_role_allows_nothing(world):
    role = world.role("report:read")
    account = world.register(world.admin(), roles=[role])
    world.write(roles.update_role, world.admin(), schemas.UpdateRole, role=role, is_active=False)
    caller = world.verify(world.sign_in(account["email"]))
    assert caller.roles == frozenset()
    assert not caller.may("report:read")


def test_wrong_unknown_and_closed_are_one_answer(world):
    account = world.register()
    world.write(users.deactivate_user, world.admin(), schemas.UserId, user_id=account["id"])
    answers = set()
    for email, password in (
        (ADMIN_EMAIL, "a wrong guess"),
        ("nobody@impactx.example", PASSWORD),
        (account["email"], PASSWORD),
        ("system@impactx.invalid", "!"),
    ):
        with pytest.raises(Unauthenticated) as refusal:
            world.sign_in(email, password)
        answers.add((refusal.value.message, tuple(refusal.value.details)))
    assert len(answers) == 1


def test_the_address_is_compared_in_lower_case(world):
    account = world.register(email=f"  {world.email().upper()} ")
    assert world.sign_in(account["email"].lower())


def test_a_hash_of_an_old_cost_is_replaced(world):
    account = world.register()
    dearer = sessions.Secrets(world.secrets.signer, PasswordHasher(5), 3600)
    sessions.authenticate(world.database, dearer, email=account["email"], password=PASSWORD)
    [(stored,)] = world.sql("SELECT password_hash FROM identity.users WHERE id = %s", account["id"])
    assert stored.startswith("$2b$05$")
    world.sign_in(account["email"])


def test_a_refresh_token_gives_new_tokens_with_the_roles_of_this_moment(world):
    account = world.register()
    first = world.sign_in(account["email"])
    world.write(roles.grant_role, world.admin(), schemas.GrantRole, user_id=account["id"], role="coordinator")
    second = world.refresh(first)
    assert second["refresh_token"] != first["refresh_token"]
    assert world.verify(second).roles == {"coordinator", "reporter"}
    assert world.verify(second).session_id == world.verify(first).session_id
    world.refresh(second)


def test_only_the_digest_of_a_refresh_token_is_stored(world):
    tokens = world.sign_in(ADMIN_EMAIL)
    rows = world.sql("SELECT token_hash, refresh_tokens::text FROM identity.refresh_tokens")
    assert all(tokens["refresh_token"] not in text for _, text in rows)


def test_a_lost_reply_can_be_asked_for_again(world):
    first, call_id = world.sign_in(world.register()["email"]), uuid7()
    second = world.refresh(first, call_id)
    again = world.refresh(first, call_id)
    assert again["refresh_token"] == second["refresh_token"]
    world.refresh(again)
    # Once the successor was used, the first one is worth nothing, but the late repeat of its call harms nobody.
    with pytest.raises(Unauthenticated):
        world.refresh(first, call_id)


def let_time_pass(world):
    """Moves every use of a refresh token out of the grace of repeats."""
    world.sql("UPDATE identity.refresh_tokens SET used_at = used_at - interval '1 minute'")


@pytest.mark.parametrize("call_id", [None, uuid7()])
def test_the_reuse_of_a_refresh_token_closes_the_whole_session_at_once(world, call_id):
    account = world.register()
    stolen = world.sign_in(account["email"])
    other_device = world.sign_in(account["email"])
    newest = world.refresh(stolen, uuid7())
    with pytest.raises(Unauthenticated, match="already used"):
        world.refresh(stolen, call_id)
    with pytest.raises(Unauthenticated):
        world.refresh(newest)
    world.refresh(other_device)


def test_a_late_repeat_of_a_call_gets_nothing_and_closes_nothing(world):
    """It may have waited in a frozen process; the client that made it has long gone on with its answer."""
    first, call_id = world.sign_in(world.register()["email"]), uuid7()
    second = world.refresh(first, call_id)
    let_time_pass(world)
    with pytest.raises(Unauthenticated, match="Sign in again"):
        world.refresh(first, call_id)
    third = world.refresh(second)
    with pytest.raises(Unauthenticated):
        world.refresh(first, call_id)
    world.refresh(third)


def test_a_thief_is_noticed_however_late(world):
    stolen = world.sign_in(world.register()["email"])
    second = world.refresh(stolen, uuid7())
    let_time_pass(world)
    for tokens in (stolen, second):
        with pytest.raises(Unauthenticated):
            world.refresh(tokens, uuid7())


def test_the_id_of_another_call_is_refused_and_uses_nothing_up(world):
    call_id = uuid7()
    world.refresh(world.sign_in(ADMIN_EMAIL), call_id)
    tokens = world.sign_in(ADMIN_EMAIL)
    with pytest.raises(Conflict) as refusal:
        world.refresh(tokens, call_id)
    assert list(refusal.value.fields) == ["id"]
    world.refresh(tokens)


def test_one_call_made_many_times_at_once_gives_one_successor(world):
    first, call_id = world.sign_in(world.register()["email"]), uuid7()
    greenlets = [eventlet.spawn(world.refresh, first, call_id) for _ in range(6)]
    assert len({greenlet.wait()["refresh_token"] for greenlet in greenlets}) == 1


def test_an_expired_refresh_token_is_refused_and_swept_away(world):
    tokens = world.sign_in(world.register()["email"])
    world.sql(
        "UPDATE identity.refresh_tokens SET expires_at = now() - interval '1 second' WHERE user_id = %s",
        tokens["user_id"],
    )
    with pytest.raises(Unauthenticated, match="no longer valid"):
        world.refresh(tokens)
    with world.database.write() as connection:
        assert sessions.forget_expired(connection, 900) >= 1
    assert world.sql("SELECT 1 FROM identity.refresh_tokens WHERE user_id = %s", tokens["user_id"]) == []


@pytest.mark.parametrize("token", ["", "made up", "A" * 43, "\ud800"])
def test_a_made_up_refresh_token_is_refused(world, token):
    with pytest.raises(Unauthenticated):
        world.refresh({"refresh_token": token})


def test_signing_out_closes_the_session_once_and_for_all(world):
    account = world.register()
    tokens, other_device = world.sign_in(account["email"]), world.sign_in(account["email"])
    for _ in range(2):
        with world.database.autocommit() as connection:
            sessions.revoke(connection, refresh_token=tokens["refresh_token"])
    with world.database.autocommit() as connection:
        sessions.revoke(connection, refresh_token="made up")
    with pytest.raises(Unauthenticated, match="no longer valid"):
        world.refresh(tokens)
    world.refresh(other_device)


def test_closing_an_account_closes_its_sessions_even_those_being_refreshed(world):
    account = world.register()
    signed_in = [world.sign_in(account["email"]) for _ in range(5)]
    admin = world.admin()
    refreshing = [eventlet.spawn(attempt, world, tokens) for tokens in signed_in]
    closing = eventlet.spawn(world.write, users.deactivate_user, admin, schemas.UserId, user_id=account["id"])
    survivors = [tokens for tokens in (greenlet.wait() for greenlet in refreshing) if tokens]
    closing.wait()
    for tokens in [*signed_in, *survivors]:
        assert attempt(world, tokens) is None
    assert world.sql(
        "SELECT count(*) FROM identity.refresh_tokens WHERE user_id = %s AND revoked_at IS NULL",
        account["id"],
    ) == [(0,)]


def attempt(world, tokens):
    try:
        return world.refresh(tokens)
    except Unauthenticated:
        return None
