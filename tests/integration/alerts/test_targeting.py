"""Whom an alert reaches: the audience that identity's events make, the expansion, reading and counting."""

from __future__ import annotations

import itertools
import threading

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, text
from uuid6 import uuid7

from services.alerts import audience, schemas, targeting
from shared.client.errors import NotFound
from shared.platform.schemas import load


def of(alert, **filters):
    return load(schemas.ListAlertTargets(), {"alert_id": str(alert["id"]), **filters})


def region(world, name):
    return {"target_type": "region", "target_id": str(world.regions[name])}


def group(name):
    return {"target_type": "group", "target_id": name}


def user(user_id):
    return {"target_type": "user", "target_id": str(user_id)}


@pytest.fixture(scope="module")
def people(world):
    """Two regions of their own, and who wants what."""
    for name in ("hills", "coast"):
        world.region(name)
    return {
        "hills": world.person(wants=["hills"]),
        "coast": world.person(wants=["coast"], roles=["responder"]),
        "both": world.person(wants=["hills", "coast"]),
        "everything": world.person(wants=["*"]),
        "nothing": world.person(),
        "closed": world.person(wants=["hills"], roles=["responder", "medic"], is_active=False),
        "medic": world.person(roles=["medic"]),
        "medic of the hills": world.person(wants=["hills"], roles=["medic"]),
        "medic of the coast": world.person(wants=["coast"], roles=["medic"]),
    }


def names(people, reached):
    known = {user_id: name for name, user_id in people.items()}
    return sorted(known[user_id] for user_id in reached)


@pytest.mark.parametrize(
    ("targets", "expected"),
    [
        (None, ["both", "everything", "hills", "medic of the hills"]),
        (["coast"], ["both", "coast", "everything", "medic of the coast"]),
        (["medic"], ["medic", "medic of the coast", "medic of the hills"]),
        (["medic:hills"], ["medic", "medic of the hills"]),
        (["nothing", "closed"], ["nothing"]),
        (
            ["hills", "medic", "hills person"],
            ["both", "everything", "hills", "medic", "medic of the coast", "medic of the hills"],
        ),
    ],
)
def test_an_alert_reaches_whom_it_is_for_each_once(world, people, targets, expected):
    def target(name):
        if name in ("hills", "coast"):
            return region(world, name)
        if name.startswith("medic"):
            role, _, place = name.partition(":")
            return group(f"{role}:{world.codes[place]}" if place else role)
        return user(people[name.removesuffix(" person")])

    declared = ... if targets is None else [target(name) for name in targets]
    caller = world.caller()
    alert = world.told(caller, region_id=world.regions["hills"], targets=declared)
    assert names(people, world.reached(alert["id"])) == expected
    assert world.reach(caller, alert)["targets"] == len(expected)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 100])
def test_a_chunk_of_any_size_leaves_nobody_out(world, people, size):
    alert = world.issue(world.caller(), region_id=world.regions["hills"])
    world.target(alert["id"], size)
    assert names(people, world.reached(alert["id"])) == ["both", "everything", "hills", "medic of the hills"]
    told = [event for event in world.events(alert["id"]) if event.type == "alert_targeted"]
    assert [event.data["targets"] for event in told] == [4]


def test_targeting_that_stopped_goes_on_and_is_finished_once(world, people):
    alert = world.issue(world.caller(), region_id=world.regions["hills"])
    for _ in range(6):
        world.target(alert["id"], size=1, chunks=1)
        assert len(world.reached(alert["id"])) == len(set(world.reached(alert["id"])))
    world.target(alert["id"])
    assert len(world.reached(alert["id"])) == 4
    assert world.reach(world.caller(), alert)["targets"] == 4
    assert [event.type for event in world.events(alert["id"])] == ["alert_issued", "alert_targeted"]


@pytest.mark.parametrize("statements", range(1, 5))
def test_who_is_told_that_everybody_has_it_is_told_how_many(world, people, statements):
    """Whenever in the middle of the question the last chunk is committed."""
    alert = world.issue(world.caller(), region_id=world.regions["hills"])
    executed = itertools.count(1)

    def finish(*_):
        if next(executed) == statements:
            world.target(alert["id"])

    with world.db.read() as connection:
        event.listen(connection, "after_cursor_execute", finish)
        reach = targeting.get_alert_reach(connection, world.caller(), alert["id"])
    assert len(world.reached(alert["id"])) == 4
    assert reach["targeted_at"] is None or reach["targets"] == 4


def test_two_processes_with_the_same_event_share_the_work(world, people):
    area = world.region("shared")
    expected = [people["everything"], *(world.person(wants=["shared"]) for _ in range(40))]
    alert = world.issue(world.caller(), region_id=area)
    threads = [threading.Thread(target=world.target, args=(alert["id"], 3)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(world.reached(alert["id"])) == sorted(expected)
    assert world.reach(world.caller(), alert)["targets"] == 41


def test_an_alert_written_in_psql_is_for_its_region(world, people):
    alert_id = uuid7()
    world.as_admin(
        "INSERT INTO alerts.alerts (id, title, message, region_id, issued_by, priority)"
        " VALUES (:id, 'Storm', 'Stay inside.', :region, :user, 'high')",
        id=alert_id,
        region=world.regions["coast"],
        user=people["nothing"],
    )
    world.target(alert_id)
    assert names(people, world.reached(alert_id)) == ["both", "coast", "everything", "medic of the coast"]


def test_targets_written_in_psql_count_as_declared(world, people):
    caller = world.caller()
    draft = world.draft(caller, region_id=world.regions["hills"], targets=[region(world, "coast")])
    for target_type, target_id in (("group", "medic"), ("user", str(people["nothing"]))):
        world.as_admin(
            "INSERT INTO alerts.alert_targets (alert_id, target_type, target_id) VALUES (:id, :type, :target)",
            id=draft["id"],
            type=target_type,
            target=target_id,
        )
    world.issue_draft(caller, draft)
    world.target(draft["id"])
    expected = ["both", "coast", "everything", "medic", "medic of the coast", "medic of the hills", "nothing"]
    assert names(people, world.reached(draft["id"])) == expected
    counted = {one["target_type"]: one["targets"] for one in world.reach(caller, draft)["by_target"]}
    assert counted == {"region": 4, "group": 3}


def test_an_alert_for_a_region_that_is_not_known_yet_reaches_its_people_when_it_is(world, people):
    area = world.region(is_known=False)
    code = f"R-{area}"
    follower = world.person(wants=[code])
    alert_id = uuid7()
    world.as_admin(
        "INSERT INTO alerts.alerts (id, title, message, region_id, issued_by, priority)"
        " VALUES (:id, 'Storm', 'Stay inside.', :region, '00000000-0000-0000-0000-000000000000', 'high')",
        id=alert_id,
        region=area,
    )
    world.target(alert_id)
    assert world.reached(alert_id) == [people["everything"]]
    world.hear(world.area(area, code, "Late"))
    assert sorted(world.reached(alert_id)) == sorted([people["everything"], follower])


# --- the audience -------------------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    order=st.permutations(range(6)).flatmap(
        lambda first: st.lists(st.sampled_from(range(6)), max_size=8).map(lambda more: [*first, *more])
    ),
    cuts=st.lists(st.integers(min_value=1, max_value=4), min_size=14, max_size=14),
)
def test_however_events_come_the_audience_is_the_newest_state(world, order, cuts):
    user_id, area = uuid7(), uuid7()
    states = [
        ({"wants": ["A"], "roles": ["reporter"]}, f"Name {version}", version) for version in range(1, 6)
    ] + [({"wants": ["B", "*"], "roles": [], "is_active": False}, "Last name", 6)]
    events = list(
        itertools.chain.from_iterable(
            (
                world.account(user_id, **states[index][0], version=states[index][2]),
                world.area(area, f"X-{area}", states[index][1], {"type": "Polygon"}, states[index][2]),
            )
            for index in order
        )
    )
    sizes = itertools.cycle(cuts)
    while events:
        size = next(sizes)
        world.hear(*events[:size])
        del events[:size]
    [member] = world.rows("SELECT * FROM alerts.audience_members WHERE user_id = :id", id=user_id)
    assert (member.version, member.is_active, member.regions, member.roles) == (6, False, ["*", "B"], [])
    [known] = world.rows("SELECT * FROM alerts.audience_regions WHERE region_id = :id", id=area)
    assert (known.version, known.name, known.boundaries) == (6, "Last name", {"type": "Polygon"})


def test_preferences_that_are_none_name_no_region(world):
    for preferences in (
        None,
        {},
        {"regions": "all"},
        {"regions": [1, None, "x" * 51]},
        {"all_regions": "yes"},
    ):
        account = {"version": 1, "is_active": True, "preferences": preferences, "roles": ["r"]}
        assert audience.member_row(account, uuid7())["regions"] == []


def test_reading_anew_mends_what_is_held_and_spares_what_is_newer(world):
    mended, newer = world.person(wants=["A"]), world.person(wants=["A"])
    world.hear(world.account(newer, wants=["C"], version=5))
    shown = {"version": 1, "is_active": True, "preferences": {"regions": ["B"]}, "roles": []}
    with world.db.write() as connection:
        audience.store_members(connection, [audience.member_row(shown, who) for who in (mended, newer)])
    rows = world.rows("SELECT user_id, regions FROM alerts.audience_members WHERE user_id = ANY (:ids)",
                      ids=[mended, newer])  # fmt: skip
    assert {row.user_id: row.regions for row in rows} == {mended: ["B"], newer: ["C"]}


# --- reading ------------------------------------------------------------------------------------------------------


def test_reading_is_counted_once_in_total_and_for_each_way_it_came(world, people):
    caller = world.caller()
    alert = world.told(
        caller,
        region_id=world.regions["hills"],
        targets=[region(world, "hills"), region(world, "coast"), group("medic")],
    )
    reader = world.caller("viewer", user_id=people["both"])
    first = world.read(reader, alert)
    assert world.read(reader, alert)["read_at"] == first["read_at"]
    world.read(world.caller("viewer", user_id=people["medic of the hills"]), alert)
    reach = world.reach(caller, alert)
    assert (reach["targets"], reach["read"], reach["unread"]) == (7, 2, 5)
    assert [(one["target_type"], one["targets"], one["read"]) for one in reach["by_target"]] == [
        ("region", 4, 2),
        ("region", 4, 1),
        ("group", 3, 1),
    ]
    assert reach["targeted_at"] is not None
    reads = [event for event in world.events(alert["id"]) if event.type == "alert_read"]
    assert [event.data["user_id"] for event in reads] == [
        str(people["both"]),
        str(people["medic of the hills"]),
    ]
    assert reads[0].correlation_id == reader.correlation_id


def test_many_readers_at_once_are_all_counted(world, people):
    area = world.region("readers")
    readers = [world.caller("viewer", user_id=world.person(wants=["readers"])) for _ in range(60)]
    caller = world.caller()
    alert = world.told(caller, region_id=area)

    def read(some):
        for reader in some:
            world.read(reader, alert)
            world.read(reader, alert)

    threads = [threading.Thread(target=read, args=(readers[start::6],)) for start in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    reach = world.reach(caller, alert)
    assert (reach["targets"], reach["read"], reach["unread"]) == (61, 60, 1)
    assert reach["by_target"][0]["read"] == 60


def test_one_reads_only_what_reached_one(world, people):
    alert = world.told(world.caller(), region_id=world.regions["hills"])
    for stranger in (people["coast"], people["closed"]):
        with pytest.raises(NotFound):
            world.read(world.caller(user_id=stranger), alert)
    with pytest.raises(NotFound):
        world.read(world.caller(), {"id": uuid7()})
    for nobody in (world.caller("viewer"), world.caller(only=world.regions["south"])):
        with pytest.raises(NotFound):
            world.reach(nobody, alert)
        with pytest.raises(NotFound):
            world.query(targeting.list_alert_targets, nobody, of(alert))


def test_one_sees_the_alert_that_reached_one_whatever_one_may_read(world, people):
    alert = world.told(world.caller(), region_id=world.regions["hills"])
    somebody = world.caller_with({}, people["hills"])
    assert world.get(somebody, alert["id"])["id"] == alert["id"]
    with pytest.raises(NotFound):
        world.get(world.caller_with({}, people["coast"]), alert["id"])


def test_ones_own_alerts_come_unread_first_then_newest_page_by_page(world):
    area = world.region("mine")
    me = world.caller("viewer", user_id=world.person(wants=["mine"]))
    alerts = [world.told(world.caller(), region_id=area)["id"] for _ in range(9)]
    for read in (1, 4, 8):
        world.read(me, {"id": alerts[read]})
    expected = [alerts[index] for index in (7, 6, 5, 3, 2, 0, 8, 4, 1)]
    found, cursor = [], None
    while True:
        page = world.mine(me, limit=2, cursor=cursor)
        found += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert [row["id"] for row in found] == expected
    assert [row["is_read"] for row in found] == [False] * 6 + [True] * 3
    unread = world.mine(me, unread_only=True)["items"]
    assert [row["id"] for row in unread] == expected[:6]
    assert world.mine(world.caller("viewer", user_id=world.person()))["items"] == []


def test_a_person_named_in_a_draft_hears_of_it_when_it_is_issued(world):
    author, who = world.caller(), world.person()
    me = world.caller("viewer", user_id=who)
    draft = world.draft(author, targets=[user(who)])
    assert world.mine(me)["items"] == []
    between = world.told(author, targets=[user(who)])
    world.issue_draft(author, draft)
    world.target(draft["id"])
    assert [row["id"] for row in world.mine(me)["items"]] == [draft["id"], between["id"]]


def test_targets_are_listed_with_what_their_author_named(world, people):
    caller = world.caller()
    alert = world.told(
        caller, region_id=world.regions["hills"], targets=[group("medic"), user(people["medic"])]
    )
    listed, cursor = [], None
    while True:
        page = world.query(targeting.list_alert_targets, caller, of(alert, cursor=cursor, limit=2))
        listed += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert [(row["target_type"], row["target_id"]) for row in listed] == [
        ("group", "medic"),
        *sorted(
            ("user", str(people[name])) for name in ("medic", "medic of the hills", "medic of the coast")
        ),
    ]
    declared = {row["target_id"] for row in listed if row["declared"]}
    assert declared == {"medic", str(people["medic"])}
    only = world.query(targeting.list_alert_targets, caller, of(alert, target_type="group"))
    assert len(only["items"]) == 1


def test_ones_own_alerts_are_read_from_their_index(world):
    """What the page costs is what the page holds: no sorting, nothing read that is not shown."""
    me = world.person()
    with world.db.write() as connection:
        connection.execute(text("SET LOCAL enable_seqscan = off"))
        plan = "\n".join(
            connection.scalars(
                text(
                    "EXPLAIN SELECT id FROM alerts.alert_targets"
                    " WHERE target_id = :me AND target_type = 'user' AND reached_by IS NOT NULL"
                    " AND (CAST(NOT is_read AS integer), id) < (1, CAST(:me AS uuid))"
                    " ORDER BY CAST(NOT is_read AS integer) DESC, id DESC LIMIT 50"
                ),
                {"me": str(me)},
            )
        )
    assert "Index Scan Backward using idx_alert_targets_mine" in plan
    assert "Sort" not in plan


def test_everybody_is_shown_the_language_that_they_prefer(world):
    region_id = world.region("languages")
    haitian, french, other = (
        world.person(wants=["languages"], language=language) for language in ("ht-HT", "fr", None)
    )
    translations = [
        {"language": "ht", "title": "Gwo dlo", "message": "Monte wo."},
        {"language": "fr", "title": "Inondation", "message": "Montez."},
    ]
    alert = world.issue(world.caller(), region_id=region_id, language="en", translations=translations)
    world.target(alert["id"])

    def shown(user_id, **filters):
        [mine] = world.mine(world.caller("reporter", user_id=user_id), **filters)["items"]
        return mine["text"]["language"], mine["text"]["title"]

    assert shown(haitian) == ("ht", "Gwo dlo")
    assert shown(french) == ("fr", "Inondation")
    assert shown(other) == ("en", alert["title"])
    assert shown(haitian, language="fr") == ("fr", "Inondation")


def test_what_an_author_writes_is_marked_as_written_in_the_language_that_they_prefer(world):
    author = world.caller(user_id=world.person(language="fr-HT"))
    assert world.issue(author)["language"] == "fr-HT"
    assert world.issue(author, language="ht")["language"] == "ht"
    assert world.issue(world.caller())["language"] == "en-US"
