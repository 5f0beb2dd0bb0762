"""Who sees alerts of which class, in every way in which an alert can be read."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import exc

from services.alerts import alerts, private_reads, schemas, targeting
from services.alerts.cap import reading
from services.alerts.cap.message import write
from shared.client.errors import ImpactXError, NotFound
from shared.domain.permissions import DEFAULT_ROLES
from shared.platform.schemas import load
from tests.integration.alerts.conftest import SENDER
from tests.integration.alerts.test_alert_rules import alerts_of, change, report, rule

CLASSES = ("public", "restricted", "private")
STAFF = {"administrator", "coordinator", "responder", "system"}
READERS = {
    "public": {*DEFAULT_ROLES, "addressee", "author"},
    "restricted": STAFF | {"addressee", "author"},
    "private": {"administrator", "addressee", "author"},
}
"""Who reads an issued alert of each class. The addressee and the author have no more permissions than a reporter."""

REACH_READERS = {
    "public": {"administrator", "coordinator"},
    "restricted": {"administrator", "coordinator"},
    "private": {"administrator"},
}
"""Who sees whom an alert of each class is for."""


@pytest.fixture(scope="module")
def issued(world):
    """An alert of each class with its region, its addressee and its author, who is a reporter by now."""
    found = {}
    for audience_class in CLASSES:
        area = world.region(f"of {audience_class}")
        addressee = world.person(wants=[f"of {audience_class}"], roles=["medic"])
        targets = {
            "public": ...,
            "restricted": [{"target_type": "group", "target_id": "medic"}],
            "private": [{"target_type": "user", "target_id": str(addressee)}],
        }[audience_class]
        author = world.caller()
        alert = world.told(author, region_id=area, targets=targets)
        found[audience_class] = (alert, addressee, author.user_id)
    return found


def caller_of(world, who, issued):
    _, addressee, author = issued
    if who == "addressee":
        return world.caller("reporter", user_id=addressee)
    if who == "author":
        return world.caller("reporter", user_id=author)
    return world.caller(who)


def by_get(world, caller, alert):
    try:
        return world.get(caller, alert["id"])["id"] == alert["id"]
    except NotFound:
        return False


def by_list(world, caller, alert):
    return _in_every_page(world, alerts.list_alerts, schemas.ListAlerts(), alert, caller)


def by_recent(world, caller, alert):
    return _in_every_page(world, alerts.list_recent_alerts, schemas.ListRecentAlerts(), alert, caller, SENDER)


def by_cap(world, caller, alert):
    try:
        return str(alert["id"]) in write(world.query(reading.get_cap_message, caller, SENDER, alert["id"]))
    except NotFound:
        return False


def _in_every_page(world, query, schema, alert, *arguments):
    """Whether a list has the alert; each page is full, and the last one says so, whatever is left out."""
    seen, cursor = [], None
    while True:
        filters = load(
            schema,
            {"limit": 1, "region_id": str(alert["region_id"])} | ({"cursor": cursor} if cursor else {}),
        )
        page = world.query(query, *arguments, filters)
        seen += [row["id"] for row in page["items"]]
        cursor = page["next_cursor"]
        assert len(page["items"]) == 1 or cursor is None
        if cursor is None:
            return alert["id"] in seen


WAYS = {"get": by_get, "list": by_list, "recent": by_recent, "cap": by_cap}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("audience_class", CLASSES)
@pytest.mark.parametrize("who", [*DEFAULT_ROLES, "addressee", "author"])
def test_an_alert_is_read_alike_in_every_way(world, issued, audience_class, way, who):
    alert = issued[audience_class][0]
    assert alert["audience_class"] == audience_class
    caller = caller_of(world, who, issued[audience_class])
    assert WAYS[way](world, caller, alert) is (who in READERS[audience_class])


@pytest.mark.parametrize("audience_class", CLASSES)
@pytest.mark.parametrize("who", [*DEFAULT_ROLES, "addressee", "author"])
def test_whom_an_alert_is_for_is_seen_by_those_who_may_see_the_alert(world, issued, audience_class, who):
    alert = issued[audience_class][0]
    caller = caller_of(world, who, issued[audience_class])
    filters = load(schemas.ListAlertTargets(), {"alert_id": str(alert["id"])})
    for question, given in (
        (targeting.get_alert_reach, alert["id"]),
        (targeting.list_alert_targets, filters),
    ):
        try:
            world.query(question, caller, given)
            is_shown = True
        except NotFound:
            is_shown = False
        assert is_shown is (who in REACH_READERS[audience_class])


@pytest.mark.parametrize("audience_class", CLASSES)
def test_everybody_without_an_account_reads_public_alerts_alone(world, issued, audience_class):
    alert = issued[audience_class][0]
    assert by_cap(world, None, alert) is (audience_class == "public")
    filters = load(schemas.ListRecentAlerts(), {"limit": 500})
    listed = world.query(alerts.list_public_alerts, SENDER, filters)["items"]
    assert (alert["id"] in [row["id"] for row in listed]) is (audience_class == "public")


def test_a_coordinator_changes_no_private_alert_of_others(world, issued):
    alert = issued["private"][0]
    with pytest.raises(NotFound):
        world.update(world.caller(), alert, message="Other")
    with pytest.raises(NotFound):
        world.cancel(world.caller(), alert)


@pytest.mark.parametrize("who", [*DEFAULT_ROLES, "author"])
@pytest.mark.parametrize("audience_class", CLASSES)
def test_a_draft_and_a_cancelled_draft_need_the_permission_of_their_class_too(
    world, issued, audience_class, who
):
    alert, addressee, _ = issued[audience_class]
    targets = {"public": ..., "restricted": [{"target_type": "group", "target_id": "medic"}]}.get(
        audience_class, [{"target_type": "user", "target_id": str(addressee)}]
    )
    author = world.caller()
    draft = world.draft(author, region_id=alert["region_id"], targets=targets)
    cancelled = world.cancel(author, world.draft(author, region_id=alert["region_id"], targets=targets))
    caller = world.caller("reporter", user_id=author.user_id) if who == "author" else world.caller(who)
    drafts = {"administrator", "coordinator", "system", "author"}
    expected = who in drafts & READERS[audience_class]
    for found in (draft, cancelled):
        assert by_get(world, caller, found) is expected
        assert by_list(world, caller, found) is expected
        assert by_get(world, world.caller("reporter", user_id=addressee), found) is False


def test_the_author_of_a_draft_still_sees_it_when_somebody_else_has_issued_it(world, issued):
    alert, addressee, _ = issued["private"]
    target = [{"target_type": "user", "target_id": str(addressee)}]
    author, issuer = world.caller(), world.caller("administrator")
    draft = world.draft(author, region_id=alert["region_id"], targets=target)
    world.issue_draft(issuer, draft)
    assert by_get(world, author, draft)
    assert by_get(world, world.caller("coordinator", user_id=issuer.user_id), draft)
    assert not by_get(world, world.caller(), draft)


def test_a_message_that_cancels_is_read_by_those_who_read_the_alert(world):
    person, author = world.person(), world.caller()
    alert = world.told(author, targets=[{"target_type": "user", "target_id": str(person)}])
    cancelled = world.cancel(world.caller("administrator"), alert)
    message = {"id": cancelled["cancelled_by"], "region_id": alert["region_id"]}
    for caller in (author, world.caller("reporter", user_id=person), world.caller("administrator")):
        assert by_get(world, caller, message)
        assert by_cap(world, caller, message)
    assert not by_get(world, world.caller(), message)
    assert not by_cap(world, world.caller("viewer"), message)


def test_an_update_takes_the_class_of_its_targets(world):
    person, author = world.person(), world.caller()
    alert = world.issue(author, targets=[{"target_type": "user", "target_id": str(person)}])
    same = world.update(author, alert, message="Other")
    assert same["audience_class"] == "private"
    wider = world.update(author, same, targets=[{"target_type": "group", "target_id": "medic"}])
    assert wider["audience_class"] == "restricted"
    assert world.get(author, alert["id"])["audience_class"] == "private"


def test_a_draft_takes_the_class_of_its_present_targets(world):
    caller = world.caller()
    draft = world.draft(caller)
    assert draft["audience_class"] == "public"
    edited = world.update(caller, draft, targets=[{"target_type": "group", "target_id": "medic"}])
    assert edited["audience_class"] == "restricted"
    assert world.issue_draft(caller, edited)["audience_class"] == "restricted"


def test_a_permission_in_one_region_shows_no_private_alert_of_another(world, issued):
    alert = issued["private"][0]
    permissions = {"alert:read": None, "alert:read_restricted": None}
    there = {"alert:read_private": frozenset({alert["region_id"]})}
    elsewhere = {"alert:read_private": frozenset({world.regions["south"]})}
    for way in WAYS.values():
        assert way(world, world.caller_with(permissions | there), alert)
        assert not way(world, world.caller_with(permissions | elsewhere), alert)


def addresses(world, caller, alert):
    message = write(world.query(reading.get_cap_message, caller, SENDER, alert["id"]))
    return set(re.search(r"<addresses>(.*)</addresses>", message)[1].split())


def test_those_to_whom_an_alert_was_sent_are_not_told_who_else_got_it(world):
    one, other = world.person(), world.person()
    author = world.caller()
    targets = [{"target_type": "user", "target_id": str(person)} for person in (one, other)]
    alert = world.told(author, targets=targets)
    everybody = {str(one), str(other)}
    assert addresses(world, author, alert) == everybody
    assert addresses(world, world.caller("administrator"), alert) == everybody
    assert addresses(world, world.caller("reporter", user_id=one), alert) == {str(one)}
    # Who may see the reach of alerts, and got this one as one of two, does not see the other.
    filters = load(schemas.ListAlertTargets(), {"alert_id": str(alert["id"])})
    with pytest.raises(NotFound):
        world.query(targeting.list_alert_targets, world.caller("coordinator", user_id=one), filters)


class TestRecords:
    """Each use of ``alert:read_private`` is recorded, and nothing else is."""

    @staticmethod
    def records(world, alert, reader="administrator"):
        filters = load(schemas.ListPrivateAlertReads(), {"alert_id": str(alert["id"])})
        return world.query(private_reads.list_private_alert_reads, world.caller(reader), filters)["items"]

    @pytest.fixture
    def alert(self, world):
        person = world.person()
        author = world.caller()
        return world.told(author, targets=[{"target_type": "user", "target_id": str(person)}]), person, author

    @pytest.mark.parametrize("way", [*WAYS, "reach", "targets"])
    def test_who_read_which_alert_when_and_how_is_recorded(self, world, alert, way):
        alert, _, _ = alert
        reader = world.caller("administrator")
        if way == "reach":
            world.reach(reader, alert)
        elif way == "targets":
            filters = load(schemas.ListAlertTargets(), {"alert_id": str(alert["id"])})
            world.query(targeting.list_alert_targets, reader, filters)
        else:
            assert WAYS[way](world, reader, alert)
        [record] = self.records(world, alert)
        assert (record["user_id"], record["way"]) == (reader.user_id, way)
        assert record["correlation_id"] == reader.correlation_id
        assert record["read_at"] is not None

    @pytest.mark.parametrize("way", WAYS)
    def test_what_updates_a_private_alert_and_what_a_rule_makes_is_recorded_as_well(self, world, alert, way):
        first, person, author = alert
        update = world.update(author, first, title="Leave now")
        own = rule(world, author, target_type="user", target_id=str(person))
        event = report(world, "in_progress", severity=1)
        world.follow(event)
        change(world, author, own, is_active=False)
        [made] = alerts_of(world, event)
        reader = world.caller("administrator")
        for found in (update, made._mapping):
            assert WAYS[way](world, reader, found)
            assert {record["user_id"] for record in self.records(world, found)} == {reader.user_id}

    def test_a_change_by_the_permission_is_recorded(self, world, alert):
        alert, _, _ = alert
        caller = world.caller("administrator")
        world.cancel(caller, alert)
        assert [(record["user_id"], record["way"]) for record in self.records(world, alert)] == [
            (caller.user_id, "change")
        ]

    def test_readers_without_need_of_the_permission_are_not_recorded(self, world, alert):
        alert, person, author = alert
        for caller in (
            author,
            world.caller("administrator", user_id=author.user_id),
            world.caller("reporter", user_id=person),
            world.caller("administrator", user_id=person),
        ):
            for way in WAYS.values():
                assert way(world, caller, alert)
        for caller in (world.caller("coordinator"), world.caller("viewer")):
            for way in WAYS.values():
                assert not way(world, caller, alert)
        assert self.records(world, alert) == []

    def test_alerts_that_are_not_private_are_not_recorded(self, world, issued):
        for audience_class in ("public", "restricted"):
            found = issued[audience_class][0]
            assert by_get(world, world.caller("administrator"), found)
            assert self.records(world, found) == []

    def test_the_records_of_other_regions_are_not_shown(self, world, alert):
        alert, _, _ = alert
        world.get(world.caller("administrator"), alert["id"])
        filters = load(schemas.ListPrivateAlertReads(), {"alert_id": str(alert["id"])})
        here, there = (
            world.caller_with({"alert:read_private": frozenset({region_id})})
            for region_id in (alert["region_id"], world.regions["south"])
        )
        assert len(world.query(private_reads.list_private_alert_reads, here, filters)["items"]) == 1
        assert world.query(private_reads.list_private_alert_reads, there, filters)["items"] == []

    @pytest.mark.parametrize(
        "statement",
        ["DELETE FROM alerts.private_alert_reads", "UPDATE alerts.private_alert_reads SET way = 'get'"],
    )
    def test_the_service_cannot_change_its_records(self, world, statement):
        with pytest.raises(exc.ProgrammingError, match="permission denied"), world.db.write() as connection:
            connection.exec_driver_sql(statement)


def test_nothing_tells_an_alert_that_may_not_be_seen_from_one_that_does_not_exist(world, issued):
    hidden = issued["private"][0]["id"]
    missing = world.regions["south"]
    stranger = world.caller("coordinator")

    def refusal(question, *given):
        with pytest.raises(ImpactXError) as caught:
            world.query(question, stranger, *given)
        return (
            caught.value.to_dict()
            if hasattr(caught.value, "to_dict")
            else (type(caught.value), str(caught.value))
        )

    for question, given in (
        (alerts.get_alert, lambda alert_id: (alert_id,)),
        (reading.get_cap_message, lambda alert_id: (SENDER, alert_id)),
        (targeting.get_alert_reach, lambda alert_id: (alert_id,)),
    ):
        assert refusal(question, *given(hidden)) == refusal(question, *given(missing))


def test_a_private_alert_that_waits_for_approval_is_shown_to_those_who_may_approve_it(world):
    person, author, approver = world.person(), world.caller(), world.caller()
    draft = world.draft(author, targets=[{"target_type": "user", "target_id": str(person)}])
    assert not by_get(world, approver, draft)
    pending = world.request_approval(author, draft)
    assert by_get(world, approver, pending)
    assert not by_get(world, world.caller("responder"), pending)
    assert not by_get(world, world.caller("reporter", user_id=person), pending)
    filters = load(schemas.ListPrivateAlertReads(), {"alert_id": str(draft["id"])})
    [record] = world.query(private_reads.list_private_alert_reads, world.caller("administrator"), filters)[
        "items"
    ]
    assert (record["user_id"], record["way"]) == (approver.user_id, "get")
    assert world.approve(approver, pending)["status"] == "active"
    assert by_get(world, author, pending)


def test_the_author_of_an_alert_that_somebody_else_approved_reads_what_ends_it(world):
    person, author, approver = world.person(), world.caller(), world.caller()
    draft = world.draft(author, targets=[{"target_type": "user", "target_id": str(person)}])
    alert = world.approve(approver, world.request_approval(author, draft))
    ended = world.cancel(world.caller("administrator"), alert)
    for caller in (author, approver):
        assert by_get(world, caller, {"id": ended["cancelled_by"]})
        assert by_cap(world, caller, {"id": ended["cancelled_by"]})
    assert not by_get(world, world.caller(), {"id": ended["cancelled_by"]})
