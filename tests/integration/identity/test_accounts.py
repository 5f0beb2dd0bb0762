"""Registering, changing, closing and reading accounts: what is allowed, what is refused, what is told."""

import runpy
from pathlib import Path
from uuid import UUID, uuid4

import eventlet
import pytest
from uuid6 import uuid7

from services.identity import passwords, roles, schemas, users
from services.identity.look_alikes import skeleton_digest
from services.identity.policy import TAKEN_ADDRESSES
from shared.client.errors import Conflict, Forbidden, Invalid, NotFound, RateLimited, Unauthenticated
from shared.platform.schemas import load
from tests.integration.identity.conftest import ADMIN_EMAIL, PASSWORD

NIL = UUID(int=0)
LOOK_ALIKES = Path(users.__file__).parent / "migrations" / "versions" / "0007_look_alikes.py"


def update(world, caller, user_id, version, **values):
    return world.update_user(caller, user_id=user_id, version=version, **values)


def change_password(world, caller, current, new):
    given = load(schemas.ChangePassword(), {"current_password": current, "new_password": new})
    passwords.change_password(world.database, caller, world.secrets.hasher, **given)


def reset_password(world, caller, user_id, new):
    given = load(schemas.ResetPassword(), {"user_id": str(user_id), "new_password": new})
    passwords.reset_password(world.database, caller, world.secrets.hasher, **given)


def deactivate(world, caller, user_id):
    return world.write(users.deactivate_user, caller, schemas.UserId, user_id=user_id)


def reactivate(world, caller, user_id):
    return world.write(users.reactivate_user, caller, schemas.UserId, user_id=user_id)


class TestRegister:
    def test_anybody_may_and_becomes_a_reporter(self, world):
        region = world.region()
        account = world.register(
            phone="+509 2812 0000", preferences={"regions": [region["code"]], "language": "ht-HT"}
        )
        assert account["roles"] == ["reporter"]
        assert account["is_active"]
        assert account["preferences"] == {"regions": [region["code"]], "language": "ht-HT"}
        shown = schemas.User().dump(account)
        assert "password" not in str(shown)
        created, granted = world.events(account["id"])
        assert (created.type, granted.type) == ("user_created", "role_granted")
        assert granted.data["roles"] == ["reporter"]
        assert "email" not in created.data

    def test_the_events_carry_the_correlation_id_of_who_asked(self, world):
        account = world.register(world.admin(), roles=["viewer"])
        assert {event.correlation_id for event in world.events(account["id"])} == {"test"}

    def test_roles_are_given_by_who_may_grant_them(self, world):
        account = world.register(world.admin(), roles=["coordinator", "viewer"])
        assert account["roles"] == ["coordinator", "viewer"]
        [(primary,)] = world.sql("SELECT name FROM identity.roles WHERE id = %s", account["role_id"])
        assert primary == "coordinator"
        for caller in (None, world.caller(), world.caller("coordinator")):
            with pytest.raises(Forbidden):
                world.register(caller, roles=["viewer"])

    def test_an_unknown_role_is_named(self, world):
        with pytest.raises(Invalid) as refusal:
            world.register(world.admin(), roles=["emperor"])
        assert "roles" in refusal.value.fields

    @pytest.mark.parametrize(
        "field", ["is_active", "role_id", "version", "password_hash", "created_at", "content_digest"]
    )
    def test_nothing_else_can_be_assigned(self, world, field):
        with pytest.raises(Invalid) as refusal:
            world.register(**{field: "1"})
        assert list(refusal.value.fields) == [field]

    @pytest.mark.parametrize(
        ("arguments", "field"),
        [
            ({"email": "nobody"}, "email"),
            ({"email": "a@b"}, "email"),
            ({"email": "two words@example.org"}, "email"),
            ({"email": "a@example.org\n"}, ""),
            ({"email": "a@" + "x" * 260 + ".org"}, "email"),
            ({"email": None}, "email"),
            ({"password": "short"}, "password"),
            ({"password": "é" * 40}, "password"),
            ({"first_name": " "}, "first_name"),
            ({"first_name": "x" * 101}, "first_name"),
            ({"phone": "call me"}, "phone"),
            ({"phone": "1" * 21}, "phone"),
            ({"preferences": []}, "preferences"),
            ({"preferences": {"theme": "dark"}}, "preferences.theme"),
            ({"preferences": {"regions": "all"}}, "preferences.regions"),
            ({"preferences": {"regions": [1]}}, "preferences.regions"),
            ({"preferences": {"regions": ["NOWHERE"]}}, "preferences.regions"),
            ({"preferences": {"all_regions": "yes"}}, "preferences.all_regions"),
            ({"preferences": {"language": "English please"}}, "preferences.language"),
            ({"preferences": {"time_zone": "../etc/passwd"}}, "preferences.time_zone"),
            ({"roles": []}, "roles"),
            ({"id": "not-a-uuid"}, "id"),
        ],
    )
    def test_bad_input_is_refused_by_field(self, world, arguments, field):
        if not field:  # blanks around an address are taken off, not refused
            assert world.register(**arguments)["email"] == "a@example.org"
            return
        with pytest.raises(Invalid) as refusal:
            world.register(**arguments)
        assert [name for name in refusal.value.fields if name.startswith(field)]

    def test_the_password_is_not_the_address(self, world):
        with pytest.raises(Invalid) as refusal:
            world.register(email="somebody.long@example.org", password="Somebody.Long@example.org")
        assert list(refusal.value.fields) == ["password"]

    def test_an_address_is_taken_once_in_any_case(self, world):
        account = world.register()
        with pytest.raises(Conflict) as refusal:
            world.register(email=account["email"].upper())
        assert list(refusal.value.fields) == ["email"]

    def test_who_reads_the_accounts_off_the_answers_has_to_wait(self, world):
        for _ in range(TAKEN_ADDRESSES.free):
            with pytest.raises(Conflict):
                world.register(email=ADMIN_EMAIL, address="198.51.100.9")
        with pytest.raises(RateLimited):
            world.register(address="198.51.100.9")

    def test_a_repeat_with_the_same_id_returns_the_first(self, world):
        given = {"id": str(uuid7()), "email": world.email()}
        first = world.register(**given)
        assert world.register(**given) == first
        assert len(world.events(first["id"])) == 2

    def test_the_same_id_with_other_content_is_a_conflict(self, world):
        given = {"id": str(uuid7()), "email": world.email()}
        world.register(**given)
        for other in ({"first_name": "Grace"}, {"password": "another password"}, {"email": world.email()}):
            with pytest.raises(Conflict) as refusal:
                world.register(**{**given, **other})
            assert list(refusal.value.fields) == ["id"]


class TestRead:
    def test_one_sees_oneself_and_nobody_else(self, world):
        caller, other = world.caller(), world.caller()
        assert world.read(users.get_user, caller, user_id=caller.user_id)["id"] == caller.user_id
        for hidden in (other.user_id, uuid4(), NIL):
            with pytest.raises(NotFound) as refusal:
                world.read(users.get_user, caller, user_id=hidden)
            assert str(hidden) not in str(refusal.value)

    def test_who_may_read_accounts_sees_all(self, world):
        other = world.caller()
        assert world.read(users.get_user, world.caller("coordinator"), user_id=other.user_id)

    def test_me_says_what_one_may_at_this_moment(self, world):
        region = world.region()
        caller = world.caller()
        role = world.role(f"alert:issue:{region['code']}")
        world.write(roles.grant_role, world.admin(), schemas.GrantRole, user_id=caller.user_id, role=role)
        me = world.read(users.get_me, caller)
        assert me["permissions"]["alert:issue"] == [str(region["id"])]
        assert me["permissions"]["report:create"] is True
        assert schemas.Me().dump(me)["roles"] == ["reporter", role]

    def test_pages_hold_every_account_once_the_newest_first(self, world):
        made = [world.register(last_name="Pager")["id"] for _ in range(5)]
        seen, cursor = [], None
        while True:
            page = world.read(
                users.list_users, schema=schemas.ListUsers, limit=2, cursor=cursor, text="PAGER"
            )
            assert len(page["items"]) <= 2
            seen += [item["id"] for item in page["items"]]
            cursor = page["next_cursor"]
            if cursor is None:
                break
        assert seen == made[::-1]

    def test_lists_are_filtered(self, world):
        closed = world.register(world.admin(), roles=["viewer"], last_name="Filterer")
        opened = world.register(last_name="Filterer", first_name="100%_sure")
        deactivate(world, world.admin(), closed["id"])

        def ids(**filters):
            page = world.read(users.list_users, schema=schemas.ListUsers, **{"text": "filterer", **filters})
            return {item["id"] for item in page["items"]}

        assert ids() == {closed["id"], opened["id"]}
        assert ids(is_active=True) == {opened["id"]}
        assert ids(is_active=False) == {closed["id"]}
        assert ids(role="viewer") == {closed["id"]}
        assert ids(text="0%_s") == {opened["id"]}
        assert ids(text=opened["email"].upper()) == {opened["id"]}

    def test_the_platforms_own_account_is_not_listed(self, world):
        page = world.read(users.list_users, schema=schemas.ListUsers, text="system@impactx.invalid")
        assert page["items"] == []

    @pytest.mark.parametrize(
        "filters", [{"limit": 0}, {"limit": 501}, {"cursor": "broken"}, {"is_active": "yes"}]
    )
    def test_bad_paging_is_refused(self, world, filters):
        with pytest.raises(Invalid) as refusal:
            world.read(users.list_users, schema=schemas.ListUsers, **filters)
        assert list(refusal.value.fields) == list(filters)


class TestUpdate:
    def test_one_changes_oneself(self, world):
        caller = world.caller()
        version = world.user(caller.user_id)["version"]
        changed = update(
            world,
            caller,
            caller.user_id,
            version,
            first_name="Grace",
            phone=None,
            preferences={"all_regions": True},
        )
        assert (changed["first_name"], changed["version"]) == ("Grace", version + 1)
        event = world.events(caller.user_id)[-1]
        assert event.type == "user_updated"
        assert event.data["changed"] == ["first_name", "preferences"]
        assert event.data["preferences"] == {"regions": [], "all_regions": True}

    def test_what_is_left_out_stays(self, world):
        caller = world.caller(phone="12345")
        version = world.user(caller.user_id)["version"]
        assert update(world, caller, caller.user_id, version, last_name="Hopper")["phone"] == "12345"
        assert update(world, caller, caller.user_id, version + 1)["version"] == version + 1

    def test_nobody_changes_who_they_cannot_see(self, world):
        caller, other = world.caller(), world.caller()
        for hidden in (other.user_id, uuid4()):
            with pytest.raises(NotFound):
                update(world, caller, hidden, 2, first_name="Mallory")

    def test_who_sees_but_may_not_change_is_told_so(self, world):
        with pytest.raises(Forbidden):
            update(world, world.caller("coordinator"), world.caller().user_id, 2, first_name="Mallory")

    def test_who_may_change_accounts_does(self, world):
        helper = world.caller(world.role("user:read", "user:update", *REPORTER_PERMISSIONS))
        other = world.caller()
        assert update(world, helper, other.user_id, 2, email=world.email())["version"] == 3
        for stronger in (world.admin().user_id, world.caller("coordinator").user_id):
            with pytest.raises(Forbidden) as refusal:
                update(world, helper, stronger, 2, email=world.email())
            assert refusal.value.details["lacking"]

    def test_the_platforms_own_account_is_nobodys(self, world):
        for attempt in (
            lambda: update(world, world.admin(), NIL, 1, first_name="Mallory"),
            lambda: reset_password(world, world.admin(), NIL, "a new password"),
            lambda: reactivate(world, world.admin(), NIL),
            lambda: world.write(
                roles.grant_role, world.admin(), schemas.GrantRole, user_id=NIL, role="viewer"
            ),
        ):
            with pytest.raises(Forbidden):
                attempt()

    def test_a_stale_version_is_a_conflict_that_says_the_present_one(self, world):
        caller = world.caller()
        update(world, caller, caller.user_id, 2, first_name="Grace")
        update(world, caller, caller.user_id, 3, first_name="Edith")
        with pytest.raises(Conflict) as refusal:
            update(world, caller, caller.user_id, 2, first_name="Grace")
        assert refusal.value.details["version"] == 4

    def test_a_repeat_of_the_same_change_returns_it(self, world):
        caller = world.caller()
        first = update(world, caller, caller.user_id, 2, first_name="Grace", phone=None)
        assert update(world, caller, caller.user_id, 2, first_name="Grace", phone=None) == first

    def test_a_taken_address_is_a_conflict(self, world):
        caller = world.caller()
        with pytest.raises(Conflict) as refusal:
            update(world, caller, caller.user_id, 2, email=ADMIN_EMAIL, current_password=PASSWORD)
        assert list(refusal.value.fields) == ["email"]

    @pytest.mark.parametrize("field", ["is_active", "role_id", "roles", "password", "password_hash", "id"])
    def test_nothing_else_can_be_assigned(self, world, field):
        caller = world.caller()
        with pytest.raises(Invalid) as refusal:
            update(world, caller, caller.user_id, 2, **{field: True})
        assert list(refusal.value.fields) == [field]

    def test_an_unknown_region_is_refused(self, world):
        caller = world.caller()
        with pytest.raises(Invalid, match="NOWHERE"):
            update(world, caller, caller.user_id, 2, preferences={"regions": ["NOWHERE"]})


class TestPasswords:
    def test_a_new_password_closes_every_session(self, world):
        account = world.register()
        tokens = world.sign_in(account["email"])
        change_password(world, world.verify(tokens), PASSWORD, "a better password")
        with pytest.raises(Unauthenticated):
            world.refresh(tokens)
        with pytest.raises(Unauthenticated):
            world.sign_in(account["email"])
        world.sign_in(account["email"], "a better password")

    def test_a_repeat_of_the_change_changes_nothing(self, world):
        account = world.register()
        caller = world.verify(world.sign_in(account["email"]))
        change_password(world, caller, PASSWORD, "a better password")
        tokens = world.sign_in(account["email"], "a better password")
        change_password(world, caller, PASSWORD, "a better password")
        world.refresh(tokens)

    def test_the_present_password_is_asked_for_and_guesses_are_counted(self, world):
        caller = world.caller()
        for _ in range(5):
            with pytest.raises(Invalid) as refusal:
                change_password(world, caller, "a wrong guess", "a better password")
            assert list(refusal.value.fields) == ["current_password"]
        with pytest.raises(RateLimited):
            change_password(world, caller, PASSWORD, "a better password")

    @pytest.mark.parametrize("new", ["short", PASSWORD, "é" * 40])
    def test_a_bad_new_password_is_refused(self, world, new):
        with pytest.raises(Invalid) as refusal:
            change_password(world, world.caller(), PASSWORD, new)
        assert list(refusal.value.fields) == ["new_password"]

    def test_who_forgot_it_gets_a_new_one_from_who_may(self, world):
        account = world.register()
        tokens = world.sign_in(account["email"])
        for _ in range(5):
            with pytest.raises(Unauthenticated):
                world.sign_in(account["email"], "a wrong guess")
        reset_password(world, world.admin(), account["id"], "a fresh password")
        world.sign_in(account["email"], "a fresh password")
        with pytest.raises(Unauthenticated):
            world.refresh(tokens)

    def test_nobody_resets_the_password_of_who_may_more(self, world):
        helper = world.caller(world.role("user:update"))
        for stronger in (world.admin().user_id, world.caller().user_id):
            with pytest.raises(Forbidden):
                reset_password(world, helper, stronger, "a fresh password")

    def test_one_does_not_reset_ones_own(self, world):
        admin = world.admin()
        with pytest.raises(Forbidden, match="change_password"):
            reset_password(world, admin, admin.user_id, "a fresh password")

    def test_an_unknown_account_has_no_password(self, world):
        with pytest.raises(NotFound):
            reset_password(world, world.admin(), uuid4(), "a fresh password")


class TestClose:
    def test_a_closed_account_signs_in_no_more_until_it_is_opened(self, world):
        account = world.register()
        assert not deactivate(world, world.admin(), account["id"])["is_active"]
        with pytest.raises(Unauthenticated):
            world.sign_in(account["email"])
        assert reactivate(world, world.admin(), account["id"])["is_active"]
        world.sign_in(account["email"])
        closed, opened = world.events(account["id"])[-2:]
        assert (closed.type, opened.type) == ("user_deactivated", "user_updated")
        assert opened.data["changed"] == ["is_active"]

    def test_a_repeat_changes_nothing(self, world):
        account = world.register()
        first = deactivate(world, world.admin(), account["id"])
        assert deactivate(world, world.admin(), account["id"]) == first
        again = reactivate(world, world.admin(), account["id"])
        assert reactivate(world, world.admin(), account["id"]) == again

    def test_the_token_of_a_closed_account_manages_nobody(self, world):
        admin = world.caller("administrator")
        victim = world.register()
        deactivate(world, world.admin(), admin.user_id)
        with pytest.raises(Unauthenticated):
            deactivate(world, admin, victim["id"])
        with pytest.raises(Unauthenticated):
            reactivate(world, admin, admin.user_id)
        with pytest.raises(Unauthenticated):
            change_password(world, admin, PASSWORD, "a better password")

    def test_who_may_less_closes_nobody(self, world):
        helper = world.caller(world.role("user:deactivate"))
        for stronger in (world.admin().user_id, world.caller().user_id):
            with pytest.raises(Forbidden):
                deactivate(world, helper, stronger)
        with pytest.raises(Forbidden):
            deactivate(world, world.caller("coordinator"), helper.user_id)

    def test_an_unknown_account_is_not_found(self, world):
        for method in (deactivate, reactivate):
            with pytest.raises(NotFound):
                method(world, world.admin(), uuid4())


REPORTER_PERMISSIONS = (
    "report:create",
    "report:read_own",
    "report:update_own",
    "report:comment",
    "report:attach",
    "resource:read",
    "alert:read",
)


class TestLookAlikes:
    @pytest.mark.parametrize(
        "written",
        ["\u0430da@one.example", "ad\u0430@one.example", "ADA@one.example", "\uff41\uff44\uff41@one.example"],
    )
    def test_an_address_that_looks_like_that_of_an_account_is_taken(self, world, written):
        first = f"ada@{uuid4().hex}.example"
        world.register(email=first)
        written = written.replace("one.example", first.partition("@")[2])
        with pytest.raises(Conflict) as refusal:
            world.register(email=written)
        assert list(refusal.value.fields) == ["email"]
        caller = world.caller()
        with pytest.raises(Conflict) as refusal:
            update(world, caller, caller.user_id, 2, email=written, current_password=PASSWORD)
        assert list(refusal.value.fields) == ["email"]

    def test_the_other_way_round_too_and_free_again_once_it_is_given_up(self, world):
        imitator = world.register(email="\u0440aul@two.example")  # a Cyrillic letter
        with pytest.raises(Conflict):
            world.register(email="paul@two.example")
        world.update_user(world.admin(), user_id=imitator["id"], version=2, email=world.email())
        world.register(email="paul@two.example")

    def test_two_addresses_in_ascii_are_two_people(self, world):
        for email in ("adam1@three.example", "adaml@three.example", "aclarn@three.example"):
            world.register(email=email)

    def test_ones_own_address_may_come_to_look_like_itself(self, world):
        account = world.register(email="eva@four.example")
        world.update_user(world.admin(), user_id=account["id"], version=2, email="\u0435va@four.example")

    def test_the_domain_may_be_written_as_people_read_it(self, world):
        account = world.register(email="ada@Bücher.example")
        assert account["email"] == "ada@xn--bcher-kva.example"
        given = load(schemas.Authenticate(), {"email": "ada@bücher.example", "password": PASSWORD})
        assert world.sign_in(given["email"])["user_id"] == account["id"]

    def test_two_look_alikes_at_once_are_one_account(self, world):
        def register(email):
            try:
                return world.register(email=email)["email"]
            except Conflict:
                return ""

        emails = ["olga@five.example", "\u043elga@five.example"] * 3
        registering = [eventlet.spawn(register, email) for email in emails]
        assert len([made for made in (one.wait() for one in registering) if made]) == 1

    def test_addresses_of_before_are_filled_in_as_new_ones_are(self, world):
        letters = (chr(code) for code in range(33, 127))
        email = "".join(one for one in letters if not one.isupper() and one not in '@<>"(),;:\\[]')
        email += "@six.example"
        look = runpy.run_path(str(LOOK_ALIKES))["SKELETON"].replace("%", "%%")
        [(filled,)] = world.sql(
            f"SELECT sha256(convert_to({look}, 'UTF8')) FROM (SELECT %s AS email) AS one", email
        )
        assert bytes(filled) == skeleton_digest(email)
