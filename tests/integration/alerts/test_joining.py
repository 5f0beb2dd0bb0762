"""Who an alert in force is for changes, and who has it follows: nested regions, joining, leaving, moves."""

from __future__ import annotations

import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from uuid6 import uuid7

from services.alerts import audience, audience_moves, joining, paths, schemas, targeting
from shared.platform.schemas import load
from tests.support.waiting import eventually


def region(world, name):
    return {"target_type": "region", "target_id": str(world.regions[name])}


def group(name):
    return {"target_type": "group", "target_id": name}


def user(user_id):
    return {"target_type": "user", "target_id": str(user_id)}


@pytest.fixture
def country(world):
    """Haiti, its department Ouest and the city Port-au-Prince in it, and another department."""
    for name, parent in (("HT", None), ("OUEST", "HT"), ("PAP", "OUEST"), ("NORD", "HT")):
        world.region(name, parent=parent and world.regions[parent])
    return world


def has(world, alert, user_id):
    """How often the account has the alert in its list."""
    me = world.caller("viewer", user_id=user_id)
    return [row["id"] for row in world.mine(me)["items"]].count(alert["id"])


def left(world, alert):
    rows = world.rows(
        "SELECT target_id FROM alerts.alert_targets WHERE alert_id = :id AND left_at IS NOT NULL",
        id=alert["id"],
    )
    return [row.target_id for row in rows]


def account(world, user_id, version, **facts):
    world.hear(world.account(user_id, version=version, **facts))


def moves(world):
    return world.rows("SELECT * FROM alerts.audience_moves")


# --- regions nest -------------------------------------------------------------------------------------------------


def test_an_alert_reaches_who_follows_its_region_what_contains_it_or_what_lies_in_it(country):
    follows = {name: country.person(wants=[name]) for name in ("HT", "OUEST", "PAP", "NORD", "*")}
    nothing = country.person()
    expected = {
        "HT": {"HT", "OUEST", "PAP", "NORD", "*"},
        "OUEST": {"HT", "OUEST", "PAP", "*"},
        "PAP": {"HT", "OUEST", "PAP", "*"},
        "NORD": {"HT", "NORD", "*"},
    }
    for name, reached in expected.items():
        alert = country.told(country.caller(), region_id=country.regions[name])
        assert {who for who in follows if has(country, alert, follows[who])} == reached
        assert not has(country, alert, nothing)


def test_a_group_of_a_region_is_who_follows_what_contains_it_what_lies_in_it_or_nothing(country):
    follows = {name: country.person(wants=[name], roles=["pilot"]) for name in ("HT", "OUEST", "PAP", "NORD")}
    follows["nothing"] = country.person(roles=["pilot"])
    stranger = country.person(wants=["PAP"])
    for name, reached in (("PAP", {"HT", "OUEST", "PAP", "nothing"}), ("HT", set(follows))):
        alert = country.told(country.caller(), targets=[group(f"pilot:{country.codes[name]}")])
        assert {who for who in follows if has(country, alert, follows[who])} == reached
        assert not has(country, alert, stranger)


def test_a_region_that_is_chosen_before_it_is_known_counts_as_soon_as_it_is(country):
    late = country.region(is_known=False)
    code = f"R-{late}"
    follower = country.person(wants=[code])
    alert = country.told(country.caller(), region_id=country.regions["HT"])
    assert not has(country, alert, follower)
    country.hear(country.area(late, code, "Late", parent=country.regions["OUEST"]))
    assert has(country, alert, follower) == 1
    assert has(country, country.told(country.caller(), region_id=country.regions["OUEST"]), follower) == 1


def test_children_may_be_known_before_their_parent(world):
    parent, child = world.region(is_known=False), world.region(is_known=False)
    follower = world.person(wants=[f"R-{child}"])
    of_parent = world.person(wants=[f"R-{parent}"])
    world.hear(world.area(child, f"R-{child}", "Child", parent=parent))
    below = world.told(world.caller(), region_id=child)
    assert not has(world, below, of_parent)
    world.hear(world.area(parent, f"R-{parent}", "Parent"))
    assert has(world, below, of_parent) == 1
    assert has(world, world.told(world.caller(), region_id=parent), follower) == 1


def test_everything_follows_a_region_that_moves(country):
    """Who lives in it, who follows what it comes to and what it goes from, and the alerts for it and for those."""
    city = country.regions["PAP"]
    resident, ouest, nord = (country.person(wants=[name]) for name in ("PAP", "OUEST", "NORD"))
    in_city, in_ouest, in_nord = (
        country.told(country.caller(), region_id=country.regions[name]) for name in ("PAP", "OUEST", "NORD")
    )
    assert [has(country, in_city, who) for who in (resident, ouest, nord)] == [1, 1, 0]
    assert [has(country, alert, resident) for alert in (in_ouest, in_nord)] == [1, 0]
    country.hear(country.area(city, country.codes["PAP"], "PAP", version=2, parent=country.regions["NORD"]))
    assert [has(country, in_city, who) for who in (resident, ouest, nord)] == [1, 1, 1]
    assert left(country, in_city) == [str(ouest)]
    assert [has(country, alert, resident) for alert in (in_ouest, in_nord)] == [1, 1]
    assert left(country, in_ouest) == [str(resident)]
    new = country.told(country.caller(), region_id=city)
    assert [has(country, new, who) for who in (resident, ouest, nord)] == [1, 0, 1]
    assert moves(country) == []


def test_many_accounts_are_looked_at_in_chunks_of_which_each_is_kept(country):
    people = [country.person(wants=["PAP"]) for _ in range(7)]
    alert = country.told(country.caller(), region_id=country.regions["NORD"])
    event = country.area(
        country.regions["PAP"], country.codes["PAP"], "PAP", version=2, parent=country.regions["NORD"]
    )
    with country.db.write() as connection:
        audience.record_audience(connection, [event], size=3)
    assert sum(has(country, alert, who) for who in people) == 3
    country.hear(event)
    assert len(moves(country)) == 1, "a repeat begins nothing anew"
    with suppress(ZeroDivisionError), country.db.write() as connection:
        paths.lock_audience(connection)
        joining.follow_members(connection, audience_moves.next_members(connection, 3))
        raise ZeroDivisionError
    assert sum(has(country, alert, who) for who in people) == 3
    audience_moves.follow_moves(country.db)
    assert [has(country, alert, who) for who in people] == [1] * 7
    assert country.reach(country.caller(), alert)["targets"] == len(country.reached(alert["id"]))
    assert moves(country) == []


def test_a_region_that_is_renamed_concerns_nobody(country):
    country.person(wants=["HT"])
    with country.db.write() as connection:
        audience.record_audience(
            connection, [country.area(country.regions["HT"], country.codes["HT"], "Ayiti", version=2)], size=0
        )
    assert moves(country) == []


# --- joining ------------------------------------------------------------------------------------------------------


def test_whoever_comes_to_belong_to_an_alert_in_force_gets_it_once_and_is_counted(country):
    caller = country.caller()
    alert = country.told(
        caller,
        region_id=country.regions["OUEST"],
        targets=[region(country, "OUEST"), group("surgeon"), region(country, "NORD")],
    )
    before = country.reach(caller, alert)
    registered = country.person(wants=["PAP"])
    chooser, closed, promoted, both = (country.person() for _ in range(4))
    account(country, chooser, 2, wants=["HT"])
    account(country, closed, 2, wants=["NORD"], is_active=False)
    account(country, promoted, 2, roles=["surgeon"])
    account(country, both, 2, roles=["surgeon"], wants=["NORD"])
    assert not has(country, alert, closed)
    account(country, closed, 3, wants=["NORD"])
    for _ in range(2):
        account(country, both, 2, roles=["surgeon"], wants=["NORD"])
        assert [has(country, alert, who) for who in (registered, chooser, closed, promoted, both)] == [1] * 5
    reach = country.reach(caller, alert)
    assert reach["targets"] == before["targets"] + 5
    grown = [
        now["targets"] - then["targets"]
        for now, then in zip(reach["by_target"], before["by_target"], strict=True)
    ]
    assert dict(zip([one["target_id"] for one in reach["by_target"]], grown, strict=True)) == {
        str(country.regions["OUEST"]): 2,
        "surgeon": 2,
        str(country.regions["NORD"]): 3,
    }
    told = [event.data["targets"] for event in country.events(alert["id"]) if event.type == "alert_targeted"]
    assert told == [before["targets"] + joined for joined in range(6)]


def test_an_alert_that_has_ended_or_is_no_more_in_force_is_joined_by_nobody(country):
    caller = country.caller()
    cancelled, superseded, expired = (
        country.told(caller, region_id=country.regions["PAP"]) for _ in range(3)
    )
    country.cancel(caller, cancelled)
    update = country.update(caller, superseded, title="Go now")
    for statement in (
        "ALTER TABLE alerts.alerts DISABLE TRIGGER alert_guard_trigger",
        f"UPDATE alerts.alerts SET expires_at = now() - interval '1 second' WHERE id = '{expired['id']}'",
        "ALTER TABLE alerts.alerts ENABLE TRIGGER alert_guard_trigger",
    ):
        country.as_admin(statement)
    country.target(update["id"])
    late = country.person(wants=["PAP"])
    assert [has(country, alert, late) for alert in (cancelled, superseded, expired, update)] == [0, 0, 0, 1]
    open_ones = country.rows(
        "SELECT DISTINCT alert_id FROM alerts.open_paths WHERE alert_id = ANY (:ids)",
        ids=[cancelled["id"], superseded["id"], update["id"]],
    )
    assert [row.alert_id for row in open_ones] == [update["id"]]


def test_an_account_that_was_named_while_it_was_closed_gets_the_alert_when_it_is_active(world):
    author, who = world.caller(), world.person(is_active=False)
    alert = world.told(author, targets=[user(who)])
    assert world.reached(alert["id"]) == []
    between = world.told(author, targets=[user(world.person())])
    account(world, who, 2)
    assert world.reached(alert["id"]) == [who]
    assert world.reach(author, alert)["targets"] == 1
    assert not has(world, between, who)
    account(world, who, 3, is_active=False)
    account(world, who, 4)
    assert world.reach(author, alert)["targets"] == 1


def test_a_way_that_is_added_counts_for_its_target_also_among_those_who_have_read(country):
    caller = country.caller()
    who = country.person(wants=["PAP"])
    alert = country.told(
        caller, region_id=country.regions["PAP"], targets=[region(country, "PAP"), group("digger")]
    )
    country.read(country.caller("viewer", user_id=who), alert)
    account(country, who, 2, wants=["PAP"], roles=["digger"])
    [_, diggers] = country.reach(caller, alert)["by_target"]
    assert (diggers["targets"], diggers["read"]) == (1, 1)
    assert country.reach(caller, alert)["read"] == 1


# --- leaving ------------------------------------------------------------------------------------------------------


def test_whoever_leaves_before_the_alert_is_written_does_not_get_it(country):
    stays, goes = country.person(wants=["PAP"]), country.person(wants=["PAP"])
    alert = country.issue(country.caller(), region_id=country.regions["PAP"])
    country.target(alert["id"], size=1, chunks=1)
    account(country, goes, 2)
    country.target(alert["id"])
    assert has(country, alert, stays) == 1
    assert has(country, alert, goes) == 0


@pytest.mark.parametrize(
    "leaving", [{"is_active": False, "wants": ["PAP"]}, {"roles": []}, {"wants": ["NORD"]}]
)
def test_whoever_leaves_later_was_told_and_is_marked_until_they_come_back(country, leaving):
    caller = country.caller()
    who = country.person(wants=["PAP"], roles=["nurse"])
    target = group(f"nurse:{country.codes['OUEST']}")
    alert = country.told(caller, region_id=country.regions["PAP"], targets=[target])
    before = country.reach(caller, alert)
    account(country, who, 2, **leaving)
    assert left(country, alert) == [str(who)]
    assert has(country, alert, who) == 1
    assert country.reach(caller, alert) == before
    listed = country.query(
        targeting.list_alert_targets, caller,
        load(schemas.ListAlertTargets(), {"alert_id": str(alert["id"]), "target_type": "user"}),
    )["items"]  # fmt: skip
    assert [row["left_at"] is not None for row in listed if row["target_id"] == str(who)] == [True]
    account(country, who, 3, wants=["PAP"], roles=["nurse"])
    assert left(country, alert) == []
    assert country.reach(caller, alert) == before


def test_whoever_left_sees_how_the_alert_ends_and_does_not_get_its_update(country):
    caller = country.caller()
    who = country.person(wants=["PAP"])
    alert = country.told(caller, region_id=country.regions["PAP"])
    account(country, who, 2)
    update = country.update(caller, alert, title="Go now")
    country.target(update["id"])
    [mine] = country.mine(country.caller("viewer", user_id=who))["items"]
    assert (mine["id"], mine["status"], mine["superseded_by"]) == (alert["id"], "superseded", update["id"])


# --- at the same time -----------------------------------------------------------------------------------------------


@contextmanager
def meanwhile(world, work, *arguments):
    """Runs the work in a transaction of its own, which must wait for the block to end before it can."""
    done = []

    def run():
        work(*arguments)
        done.append(True)

    waiting = (
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE wait_event_type = 'Lock' AND datname = current_database() AND pid <> pg_backend_pid()"
    )
    thread = threading.Thread(target=run)

    def begin():
        thread.start()
        eventually(lambda: world.rows(waiting)[0].count > 0, "the other transaction waits", 10.0, 0.01)
        assert not done

    yield begin
    thread.join()
    assert done


@pytest.mark.parametrize("position", range(4))
@pytest.mark.parametrize("chunks", range(3))
def test_an_account_that_comes_while_a_chunk_is_written_gets_the_alert_once(country, position, chunks):
    """Before, in and after the chunk, whichever of the two waits for the other."""
    caller = country.caller()
    people = sorted(country.person() for _ in range(4))
    newcomer = people.pop(position)
    for who in people:
        account(country, who, 2, wants=["PAP"])
    comes = country.account(newcomer, wants=["PAP"], version=2)
    first, second = (country.issue(caller, region_id=country.regions["PAP"]) for _ in range(2))
    # The account waits for the chunk.
    country.target(first["id"], size=1, chunks=chunks)
    with meanwhile(country, country.hear, comes) as begin, country.db.write() as connection:
        targeting.expand_targets(connection, first["id"], 1)
        begin()
    # The chunk waits for the account.
    account(country, newcomer, 3)
    country.target(second["id"], size=1, chunks=chunks)
    returns = country.account(newcomer, wants=["PAP"], version=4)
    with meanwhile(country, country.target, second["id"], 1, 1) as begin, country.db.write() as connection:
        audience.record_audience(connection, [returns])
        begin()
    for alert in (first, second):
        country.target(alert["id"], size=1)
        assert sorted(who for who in country.reached(alert["id"]) if who in {*people, newcomer}) == sorted(
            [*people, newcomer]
        )
        assert country.reach(caller, alert)["targets"] == len(country.reached(alert["id"]))


def test_an_account_that_is_stored_while_an_alert_begins_is_found_by_one_of_them(country):
    caller = country.caller()
    early, late = country.person(), country.person()
    alert = country.issue(caller, region_id=country.regions["PAP"])
    # Stored and not committed: what begins now could not see it.
    with meanwhile(country, country.target, alert["id"]) as begin, country.db.write() as connection:
        audience.record_audience(connection, [country.account(early, wants=["PAP"], version=2)])
        begin()
    other = country.issue(caller, region_id=country.regions["PAP"])
    event = country.account(late, wants=["PAP"], version=2)
    with meanwhile(country, country.hear, event) as begin, country.db.write() as connection:
        targeting.begin_targeting(connection, other["id"])
        begin()
    country.target(other["id"])
    assert [has(country, alert, who) for who in (early, late)] == [1, 1]
    assert [has(country, other, who) for who in (early, late)] == [1, 1]


def test_an_account_that_is_stored_while_its_region_moves_lies_where_the_region_does(country):
    caller = country.caller()
    early, late = country.person(), country.person()
    alert = country.told(caller, region_id=country.regions["NORD"])
    moved, back = (
        country.area(
            country.regions["PAP"],
            country.codes["PAP"],
            "PAP",
            version=version,
            parent=country.regions[parent],
        )
        for version, parent in ((2, "NORD"), (3, "OUEST"))
    )
    with meanwhile(country, country.hear, moved) as begin, country.db.write() as connection:
        audience.record_audience(connection, [country.account(early, wants=["PAP"], version=2)])
        begin()
    assert has(country, alert, early) == 1
    with (
        meanwhile(country, country.hear, country.account(late, wants=["PAP"], version=2)) as begin,
        country.db.write() as connection,
    ):
        audience.record_audience(connection, [back])
        begin()
    assert has(country, alert, late) == 0
    assert has(country, country.told(caller, region_id=country.regions["OUEST"]), late) == 1


# --- the reference --------------------------------------------------------------------------------------------------

ROLES = ("medic", "pilot")
WAYS = ("a", "b", "c", "d", "e")


@dataclass
class Facts:
    """What is known by the newest events, and the audience that follows from it."""

    parents: dict = field(default_factory=dict)
    accounts: dict = field(default_factory=dict)

    def up(self, code):
        found = {code}
        while (code := self.parents.get(code, (0, None))[1]) in self.parents and code not in found:
            found.add(code)
        return found

    def belongs(self, who, target):
        """The reference: whether the account belongs to the target now."""
        _, active, chosen, roles = self.accounts.get(who, (0, False, (), ()))
        role, _, code = target.rpartition(":")
        if code in ROLES:
            return active and code in roles
        within = {code} | (self.up(code) if code in self.parents else set())
        covered = set().union(*(self.up(one) for one in chosen if one in self.parents))
        known = code in self.parents or bool(role)
        follows = "*" in chosen or (known and bool(within & set(chosen) or code in covered))
        return active and (follows if not role else role in roles and (follows or not chosen))


class History:
    """One random history: the same steps for the service and for the reference."""

    def __init__(self, world, random):
        self.world, self.random, self.facts = world, random, Facts()
        self.ids = {name: uuid7() for name in WAYS}
        self.codes = {name: f"{name}-{self.ids[name]}"[:40] for name in WAYS}
        self.people = sorted(uuid7() for _ in range(5))
        self.alerts = {}
        self.readers = set()
        self.events = [self.event(number) for number in range(40)]

    def event(self, _):
        """An event of a region or an account, with the facts of its version."""
        random = self.random
        version = random.randint(1, 6)
        if random.random() < 0.4:
            name = random.choice(WAYS)
            # As if each version had always had these facts.
            parent = Random(f"{self.ids[name]}{version}").choice(
                [None, *(one for one in WAYS if one != name)]
            )
            return "region", name, (version, parent)
        who = random.choice(self.people)
        always = Random(f"{who}{version}")
        chosen = frozenset(always.sample([*WAYS, "*"], always.choice((0, 1, 1, 2))))
        roles = frozenset(always.sample(ROLES, always.choice((0, 1, 2))))
        return "account", who, (version, always.random() < 0.85, chosen, roles)

    def hear(self):
        some = self.random.choices(self.events, k=self.random.randint(1, 3))
        told = []
        for kind, name, facts in some:
            held = self.facts.parents if kind == "region" else self.facts.accounts
            if held.get(name, (0,))[0] < facts[0]:
                held[name] = facts
            if kind == "region":
                told.append(self.world.area(self.ids[name], self.codes[name], name, None, facts[0],
                                            parent=self.ids.get(facts[1])))  # fmt: skip
            else:
                wants = [self.codes.get(one, one) for one in facts[2]]
                told.append(self.world.account(name, wants=wants, roles=facts[3], is_active=facts[1],
                                               version=facts[0]))  # fmt: skip
        with self.world.db.write() as connection:
            audience.record_audience(connection, told, size=self.random.randint(1, 3))

    def issue(self):
        random = self.random
        targets = random.sample([*WAYS, *ROLES, *(f"{role}:{one}" for role in ROLES for one in WAYS)],
                                random.randint(1, 3))  # fmt: skip
        named = random.sample(self.people, random.choice((0, 0, 1)))
        alert_id = uuid7()
        self.world.as_admin(
            "INSERT INTO alerts.alerts (id, title, message, region_id, issued_by, priority)"
            " VALUES (:id, 'Storm', 'Stay inside.', :region, '00000000-0000-0000-0000-000000000000', 'high')",
            id=alert_id,
            region=self.world.regions["north"],
        )
        rows = [("region", str(self.ids[one])) for one in targets if one in WAYS]
        rows += [("group", self.group(one)) for one in targets if one not in WAYS]
        rows += [("user", str(who)) for who in named]
        for target_type, target in rows:
            self.world.as_admin(
                "INSERT INTO alerts.alert_targets (alert_id, target_type, target_id) VALUES (:id, :type, :target)",
                id=alert_id,
                type=target_type,
                target=target,
            )
        self.alerts[alert_id] = ([*targets], named, {}, True)
        self.target(alert_id, 0)

    def group(self, target):
        role, _, name = target.partition(":")
        return f"{role}:{self.codes[name]}" if name else role

    def target(self, alert_id, chunks):
        self.world.target(alert_id, self.random.randint(1, 3), chunks)

    def step(self):
        choice = self.random.random()
        if choice < 0.5 or not self.alerts:
            self.hear()
        elif choice < 0.6 and len(self.alerts) < 4:
            self.issue()
        elif choice < 0.8:
            self.target(self.random.choice(list(self.alerts)), 1)
        elif choice < 0.88:
            with self.world.db.write() as connection:
                paths.lock_audience(connection)
                joining.follow_members(connection, audience_moves.next_members(connection, 1) or ())
        elif choice < 0.97:
            alert_id, who = self.random.choice(list(self.alerts)), self.random.choice(self.people)
            if who in self.world.reached(alert_id):
                self.world.read(self.world.caller_with({}, who), {"id": alert_id})
        else:
            self.end(self.random.choice(list(self.alerts)))
        self.remember()

    def end(self, alert_id):
        self.remember()
        self.world.as_admin(
            "UPDATE alerts.alerts SET status = 'cancelled' WHERE id = :id AND status = 'active'", id=alert_id
        )
        self.alerts[alert_id] = (*self.alerts[alert_id][:3], False)

    def now(self, alert_id):
        """Who belongs to the alert now, by which targets."""
        targets, named, _, _ = self.alerts[alert_id]
        return {
            who: ways
            for who in self.people
            if (ways := {one for one in targets if self.facts.belongs(who, one)})
            or (who in named and self.facts.accounts.get(who, (0, False))[1])
        }

    def remember(self):
        for alert_id, (_, _, ever, _) in self.alerts.items():
            for who, ways in self.now(alert_id).items():
                ever[who] = ever.get(who, set()) | ways

    def check(self):
        for alert_id in self.alerts:
            self.target(alert_id, None)
        audience_moves.follow_moves(self.world.db, 60.0)
        for alert_id, (targets, _, ever, in_force) in self.alerts.items():
            rows = self.world.rows("SELECT * FROM alerts.alert_targets WHERE alert_id = :id", id=alert_id)
            names = {row.position: self.name(row.target_id) for row in rows if row.position is not None}
            reached = [row for row in rows if row.reached_by is not None]
            ways = {
                row.target_id: {
                    names[at] for at in names if names[at] in targets and row.reached_by >> at & 1
                }
                for row in reached
            }
            assert len(ways) == len(reached), "nobody twice"
            for who, through in ways.items():
                assert through <= ever.get(self.person(who), set()), (
                    "nobody through what they never belonged to"
                )
                assert self.person(who) in ever
            if in_force:
                now = self.now(alert_id)
                assert {row.target_id for row in reached if row.left_at is None} == set(map(str, now))
                for who, through in now.items():
                    assert through <= ways[str(who)]
            self.check_counts(alert_id, reached)

    def name(self, target_id):
        known = {str(self.ids[one]): one for one in WAYS}
        known |= {self.group(f"{role}:{one}"): f"{role}:{one}" for role in ROLES for one in WAYS}
        return known.get(target_id, target_id)

    def person(self, text_id):
        return next(who for who in self.people if str(who) == text_id)

    def check_counts(self, alert_id, reached):
        counted = self.world.rows(
            "SELECT position, sum(targets) AS targets, sum(reads) AS reads FROM alerts.alert_reach"
            " WHERE alert_id = :id GROUP BY position",
            id=alert_id,
        )
        for row in counted:
            through = [one for one in reached if one.reached_by >> row.position & 1]
            assert row.targets == len(through)
            assert row.reads == sum(one.is_read for one in through)
        [progress] = self.world.rows("SELECT * FROM alerts.alert_targeting WHERE alert_id = :id", id=alert_id)
        assert progress.targeted == len(reached)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(min_value=0, max_value=2**32))
def test_whatever_happens_in_whatever_order_an_alert_in_force_has_reached_whom_it_is_for_now(alone, seed):
    history = History(alone, Random(seed))
    for _ in range(60):
        history.step()
    history.check()


@pytest.fixture
def alone(world):
    """Nobody else follows anything, so that what is counted is of the history alone."""
    world.as_admin("UPDATE alerts.audience_members SET is_active = false")
    return world
