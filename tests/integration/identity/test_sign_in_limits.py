"""Guessing is slow for strangers, and the owners of accounts and their neighbours never wait for them."""

import itertools

import eventlet
import pytest

from services.identity import passwords, policy, schemas, sessions, sign_in_limits, users
from services.identity.password_hashing import PasswordHasher
from shared.client.errors import Conflict, Invalid, RateLimited, Unauthenticated
from tests.integration.identity.conftest import PASSWORD

HOME, OFFICE, ELSEWHERE = "192.0.2.1", "192.0.2.50", "198.51.100.7"

_guesses = itertools.count()
_addresses = itertools.count(1)


def fail(world, email, times=1, address=None, password=None, **more):
    """Wrong passwords, each another one unless `password` is given."""
    for _ in range(times):
        with pytest.raises(Unauthenticated, match="wrong"):
            world.sign_in(email, password or f"wrong guess {next(_guesses)}", address, **more)


def wait_of(world, email, password=PASSWORD, address=None, **more):
    """For how long the attempt is refused; 0 if it is not."""
    try:
        world.sign_in(email, password, address, **more)
    except RateLimited as refusal:
        return refusal.details["retry_after"]
    return 0


def new_address():
    return f"203.0.113.{next(_addresses) % 250}"


def let_time_pass(world, seconds):
    world.sql(
        "UPDATE identity.login_throttle SET last_failed_at = last_failed_at - make_interval(secs => %s), "
        "blocked_until = blocked_until - make_interval(secs => %s)",
        seconds,
        seconds,
    )


@pytest.fixture(autouse=True)
def _nobody_has_failed_before(world):
    world.sql("DELETE FROM identity.login_throttle")


def test_wrong_guesses_of_a_stranger_have_to_wait_longer_and_longer(world):
    account = world.register()
    fail(world, account["email"], policy.UNKNOWN_CLIENT.free, ELSEWHERE)
    for wait in (1, 2, 4):
        assert wait_of(world, account["email"], address=ELSEWHERE) == wait
        let_time_pass(world, wait)
        fail(world, account["email"], address=ELSEWHERE)
    let_time_pass(world, 8)
    world.sign_in(account["email"], address=ELSEWHERE)
    fail(world, account["email"], policy.UNKNOWN_CLIENT.free - 1, ELSEWHERE)


def test_an_unknown_account_waits_as_a_known_one_does(world):
    email = world.email()
    fail(world, email, policy.UNKNOWN_CLIENT.free, ELSEWHERE)
    assert wait_of(world, email, address=ELSEWHERE) == 1


@pytest.mark.parametrize("address", [None, ELSEWHERE])
def test_the_same_wrong_password_again_and_again_waits_too(world, address):
    account = world.register()
    fail(world, account["email"], policy.UNKNOWN_CLIENT.free, address, password="the old password")
    assert wait_of(world, account["email"], "the old password", address) == 1


def test_a_stranger_never_keeps_an_owner_out_who_comes_from_a_known_address(world):
    account = world.register()
    world.sign_in(account["email"], address=HOME)
    for _ in range(policy.ALL_UNKNOWN_CLIENTS.free):
        fail(world, account["email"], address=new_address())
    assert wait_of(world, account["email"], address=ELSEWHERE) > 0
    world.sign_in(account["email"], address=HOME)


def test_a_stranger_never_keeps_an_owner_out_who_comes_with_a_known_device(world):
    account = world.register()
    device = world.sign_in(account["email"], address=HOME)["device_token"]
    fail(world, account["email"], policy.UNKNOWN_CLIENT.free, ELSEWHERE)
    assert wait_of(world, account["email"], address=ELSEWHERE) > 0
    tokens = world.sign_in(account["email"], address=ELSEWHERE, device_token=device)
    assert tokens["device_token"] == device


@pytest.mark.parametrize("made_up", ["", "A", "A" * 64, "é", "\x00"])
def test_a_made_up_device_is_a_stranger(world, made_up):
    account = world.register()
    fail(world, account["email"], policy.UNKNOWN_CLIENT.free, ELSEWHERE)
    assert wait_of(world, account["email"], address=ELSEWHERE, device_token=made_up) > 0


def test_the_device_of_somebody_else_is_a_stranger(world):
    account = world.register()
    device = world.sign_in(world.register()["email"])["device_token"]
    fail(world, account["email"], policy.UNKNOWN_CLIENT.free, ELSEWHERE)
    assert wait_of(world, account["email"], address=ELSEWHERE, device_token=device) > 0


def test_a_known_device_guesses_no_faster_for_being_known(world):
    account = world.register()
    device = world.sign_in(account["email"])["device_token"]
    fail(world, account["email"], policy.KNOWN_CLIENT.free, device_token=device)
    assert wait_of(world, account["email"], device_token=device) == 1
    for _ in range(10):
        let_time_pass(world, policy.KNOWN_CLIENT.max_wait)
        fail(world, account["email"], device_token=device)
    assert wait_of(world, account["email"], device_token=device) == policy.KNOWN_CLIENT.max_wait


def test_a_guesser_with_many_addresses_is_slowed_by_the_account(world):
    account = world.register()
    for _ in range(policy.ALL_UNKNOWN_CLIENTS.free):
        fail(world, account["email"], address=new_address())
    assert wait_of(world, account["email"], address=new_address()) > 0
    let_time_pass(world, 2 * policy.ALL_UNKNOWN_CLIENTS.forgiven_every)
    fail(world, account["email"], address=new_address())


def test_a_client_with_an_old_password_in_a_loop_locks_nobody(world):
    owner, neighbour, newcomer = (world.register() for _ in range(3))
    for account in (owner, neighbour):
        world.sign_in(account["email"], address=OFFICE)
    for _ in range(policy.ADDRESS.free + 20):
        try:
            world.sign_in(owner["email"], "the old password", OFFICE)
        except Unauthenticated:
            continue
        except RateLimited:
            let_time_pass(world, 1)
    world.sign_in(owner["email"], address=OFFICE)  # the owner herself, on another device in the same office
    world.sign_in(neighbour["email"], address=OFFICE)
    world.sign_in(newcomer["email"], address=OFFICE)


def test_the_same_wrong_password_from_a_known_address_waits_in_its_own_count(world):
    account = world.register()
    world.sign_in(account["email"], address=OFFICE)
    fail(world, account["email"], 1 + policy.KNOWN_CLIENT.free, OFFICE, password="the old password")
    assert wait_of(world, account["email"], "the old password", OFFICE) == 1
    world.sign_in(account["email"], address=OFFICE)


def test_the_same_wrong_password_is_not_hashed_again(world, monkeypatch):
    account = world.register()
    fail(world, account["email"], address=ELSEWHERE, password="the old password")
    monkeypatch.setattr(PasswordHasher, "verify", None)
    fail(world, account["email"], address=ELSEWHERE, password="the old password")


def test_a_wrong_password_that_becomes_the_right_one_is_right(world):
    account = world.register()
    fail(world, account["email"], address=ELSEWHERE, password="a better password")
    passwords.change_password(
        world.database,
        world.verify(world.sign_in(account["email"])),
        world.secrets.hasher,
        current_password=PASSWORD,
        new_password="a better password",
    )
    world.sign_in(account["email"], "a better password", ELSEWHERE)


def test_what_is_kept_of_a_wrong_password_does_not_tell_it(world):
    account = world.register()
    for _ in range(8):
        fail(world, account["email"], address=ELSEWHERE)
        let_time_pass(world, policy.UNKNOWN_CLIENT.max_wait)
    [(guesses,)] = world.sql("SELECT guesses FROM identity.login_throttle WHERE key LIKE 'client:%%'")
    assert len(guesses) == sign_in_limits.REMEMBERED_GUESSES
    assert {len(guess) for guess in guesses} == {16}


def test_more_than_fifty_wrong_sign_ins_of_an_office_do_not_lock_out_a_colleague(world):
    for _ in range(60):
        fail(world, world.email(), address=OFFICE)
    colleague = world.register()
    world.sign_in(colleague["email"], address=OFFICE)


def test_an_address_that_guesses_at_many_accounts_waits_but_who_is_known_there_does_not(world):
    known, unknown = world.register(), world.register()
    world.sign_in(known["email"], address=OFFICE)
    for _ in range(policy.ADDRESS.free):
        fail(world, world.email(), address=OFFICE)
    assert 0 < wait_of(world, unknown["email"], address=OFFICE) <= policy.ADDRESS.max_wait
    world.sign_in(known["email"], address=OFFICE)
    world.sign_in(unknown["email"], address=ELSEWHERE)


def test_the_addresses_of_one_ipv6_network_are_one_client(world):
    account = world.register()
    for number in range(policy.UNKNOWN_CLIENT.free):
        fail(world, account["email"], address=f"2001:db8::{number}")
    assert wait_of(world, account["email"], address="2001:db8::ffff") == 1
    world.sign_in(account["email"], address="2001:db8:1::1")
    fail(world, account["email"], policy.UNKNOWN_CLIENT.free, address="2001:db8:2::1")
    world.sign_in(account["email"], address="2001:db8:1:0:5::1")


def test_a_success_takes_back_the_failures_of_its_client_alone(world):
    account = world.register()
    fail(world, account["email"], 3, OFFICE)
    fail(world, world.email(), 2, OFFICE)
    world.sign_in(account["email"], address=OFFICE)
    counted = dict(world.sql("SELECT key, failures FROM identity.login_throttle"))
    assert counted[f"address:{OFFICE}"] == 2
    assert counted[f"strangers:{account['id']}"] == 0
    assert not [key for key in counted if key.startswith(f"client:{account['id']}")]


def test_failures_are_forgotten_after_a_day(world):
    account = world.register()
    fail(world, account["email"], policy.UNKNOWN_CLIENT.free)
    let_time_pass(world, policy.FORGET_FAILURES_AFTER + 60)
    fail(world, account["email"], policy.UNKNOWN_CLIENT.free - 1)
    world.sign_in(account["email"])


def test_many_guesses_at_once_are_no_more_than_one_after_another(world):
    account = world.register()

    def guess(number):
        try:
            world.sign_in(account["email"], f"a guess {number}", ELSEWHERE)
        except (Unauthenticated, RateLimited) as error:
            return error.slug
        return "signed in"

    guesses = [eventlet.spawn(guess, number) for number in range(4 * policy.UNKNOWN_CLIENT.free)]
    outcomes = [one.wait() for one in guesses]
    assert outcomes.count("unauthenticated") == policy.UNKNOWN_CLIENT.free
    assert outcomes.count("rate_limited") == 3 * policy.UNKNOWN_CLIENT.free


def test_a_right_password_among_many_guesses_at_once_does_not_slip_through(world, monkeypatch):
    account = world.register()
    verify = PasswordHasher.verify

    def verify_and_meanwhile(hasher, password, stored, queue):
        is_right = verify(hasher, password, stored, queue)
        if is_right:  # others fail while this one is checked
            monkeypatch.setattr(PasswordHasher, "verify", verify)
            fail(world, account["email"], policy.UNKNOWN_CLIENT.free, ELSEWHERE)
        return is_right

    monkeypatch.setattr(PasswordHasher, "verify", verify_and_meanwhile)
    assert wait_of(world, account["email"], address=ELSEWHERE) == 1


def test_many_right_sign_ins_at_once_all_succeed(world):
    account = world.register()
    signing_in = [eventlet.spawn(world.sign_in, account["email"], PASSWORD, OFFICE) for _ in range(20)]
    assert len({one.wait()["access_token"] for one in signing_in}) == 20


def test_another_email_address_does_not_forget_wrong_passwords(world):
    account = world.register()
    caller = world.verify(world.sign_in(account["email"]))
    fail(world, account["email"], policy.UNKNOWN_CLIENT.free, ELSEWHERE)
    changed = world.update_user(
        caller, user_id=account["id"], version=2, email=world.email(), current_password=PASSWORD
    )
    assert wait_of(world, changed["email"], address=ELSEWHERE) == 1


def test_closing_and_opening_an_account_does_not_forget_wrong_passwords(world):
    account = world.register()
    fail(world, account["email"], policy.UNKNOWN_CLIENT.free, ELSEWHERE)
    for operation in (users.deactivate_user, users.reactivate_user):
        world.write(operation, world.admin(), schemas.UserId, user_id=account["id"])
        assert wait_of(world, account["email"], address=ELSEWHERE) == 1


def test_a_reset_password_forgets_failures_and_known_addresses(world):
    account = world.register()
    world.sign_in(account["email"], address=HOME)
    fail(world, account["email"], policy.UNKNOWN_CLIENT.free, ELSEWHERE)
    passwords.reset_password(
        world.database,
        world.admin(),
        world.secrets.hasher,
        user_id=account["id"],
        new_password="a fresh password",
    )
    assert not world.sql(
        "SELECT key FROM identity.login_throttle WHERE strpos(key, %s) > 0", str(account["id"])
    )
    assert not world.sql("SELECT 1 FROM identity.sign_in_addresses WHERE user_id = %s", account["id"])
    world.sign_in(account["email"], "a fresh password", ELSEWHERE)


def test_ones_own_email_address_is_changed_with_the_password(world):
    account = world.register()
    caller = world.verify(world.sign_in(account["email"]))

    def change(**more):
        return world.update_user(caller, user_id=account["id"], version=2, **more)

    for given in ({}, {"current_password": "a wrong guess"}, {"current_password": None}):
        with pytest.raises(Invalid) as refusal:
            change(email=world.email(), **given)
        assert list(refusal.value.fields) == ["current_password"]
    email = world.email()
    assert change(email=email, current_password=PASSWORD)["email"] == email
    assert change(email=email)["email"] == email  # a repeat, and what changes nothing, needs none
    assert world.update_user(caller, user_id=account["id"], version=3, first_name="Grace")["version"] == 4


def test_guesses_of_the_password_for_another_email_address_are_counted(world):
    account = world.register()
    caller = world.verify(world.sign_in(account["email"]))

    def change(password):
        world.update_user(
            caller, user_id=account["id"], version=2, email=world.email(), current_password=password
        )

    for number in range(policy.UNKNOWN_CLIENT.free):
        with pytest.raises(Invalid):
            change(f"a wrong guess {number}")
    with pytest.raises(RateLimited):
        change(PASSWORD)
    world.sign_in(account["email"])  # the owner, if it was somebody who has taken over a session


def test_an_email_address_that_an_administrator_changes_closes_the_sessions(world):
    account = world.register()
    tokens = world.sign_in(account["email"])
    world.update_user(world.admin(), user_id=account["id"], version=2, first_name="Grace")
    tokens = world.refresh(tokens)
    world.update_user(world.admin(), user_id=account["id"], version=3, email=world.email())
    with pytest.raises(Unauthenticated):
        world.refresh(tokens)


def test_the_list_of_accounts_is_not_read_off_refused_changes(world):
    caller, taken = world.caller(), world.register()["email"]

    def change(email):
        world.update_user(caller, user_id=caller.user_id, version=2, email=email, current_password=PASSWORD)

    for _ in range(policy.TAKEN_ADDRESSES.free):
        with pytest.raises(Conflict):
            change(taken)
    for email in (taken, world.email()):
        with pytest.raises(RateLimited):
            change(email)


def test_registrations_of_one_client_are_limited_and_another_one_is_not_refused(world):
    limit = policy.REGISTRATIONS_OF_CLIENT.free

    def register():
        try:
            world.register(address=ELSEWHERE)
        except RateLimited as refusal:
            return refusal.details["retry_after"]
        return 0

    assert [register() for _ in range(limit)] == [0] * limit
    assert register() == 1
    world.register(address=OFFICE)
    world.register(world.admin(), roles=["reporter"])
    let_time_pass(world, 3 * policy.REGISTRATIONS_OF_CLIENT.forgiven_every)
    assert register() == 0


def test_registrations_are_limited_in_total(world):
    world.register()
    world.sql(
        "UPDATE identity.login_throttle SET failures = %s, last_failed_at = clock_timestamp() "
        "WHERE key = 'registrations'",
        2 * policy.REGISTRATIONS.free,
    )
    world.register(address=new_address())
    with pytest.raises(RateLimited):
        world.register(address=new_address())


def test_known_addresses_and_failures_are_swept_away(world):
    account = world.register()
    world.sign_in(account["email"], address=HOME)
    fail(world, account["email"], address=ELSEWHERE)
    world.sql("UPDATE identity.sign_in_addresses SET last_used_at = last_used_at - interval '91 days'")
    let_time_pass(world, policy.FORGET_FAILURES_AFTER + 60)
    with world.database.write() as connection:
        sessions.forget_expired(connection, 900)
    assert world.sql("SELECT count(*) FROM identity.sign_in_addresses") == [(0,)]
    assert world.sql("SELECT count(*) FROM identity.login_throttle") == [(0,)]
