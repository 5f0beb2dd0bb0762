"""Approval: an alert that one person wants and another issues."""

from __future__ import annotations

import datetime as dt
import threading

import pytest
from uuid6 import uuid7

from services.alerts import alerts, issuing, updating
from services.alerts.cancellation import cancel_alert
from services.alerts.cap import reading
from services.alerts.schemas import Alert, ListAlertHistory, ListAlerts, UpdateAlert
from shared.client.errors import Conflict, Forbidden, Invalid, NotFound
from shared.domain.permissions import ALERT_APPROVE, ALERT_DRAFT, ALERT_ISSUE, ALERT_READ, ALERT_READ_DRAFT
from shared.platform.schemas import load
from tests.integration.alerts.conftest import SENDER
from tests.support.waiting import eventually

CRITICAL = frozenset({"critical"})


def history(world, caller, alert):
    arguments = load(ListAlertHistory(), {"alert_id": str(alert["id"])})
    entries = world.query(alerts.get_alert_history, caller, arguments)["items"]
    return [(entry["status"], entry["changed_by"], entry["notes"]) for entry in entries]


def shown(alert):
    return Alert().dump(alert)


def types(world, alert):
    return [(row.type, row.data["status"]) for row in world.events(alert["id"])]


@pytest.fixture
def pending(world):
    """An alert that waits for approval, as its author sees it."""
    return world.request_approval(author := world.caller(), world.draft(author))


def test_an_alert_is_issued_by_the_person_who_approves_it(world):
    author, requester, approver = world.caller(), world.caller(), world.caller()
    draft = world.draft(author, priority="critical")
    pending = world.request_approval(requester, draft)
    assert (pending["status"], pending["issued_by"]) == ("pending_approval", author.user_id)
    assert pending["approval_requested_by"] == requester.user_id
    assert pending["approval_requested_at"] is not None

    issued = world.approve(approver, pending)

    assert (issued["status"], issued["issued_by"], issued["approved_by"]) == (
        "active",
        approver.user_id,
        approver.user_id,
    )
    assert issued["approval_requested_by"] == requester.user_id
    assert issued["approved_at"] == issued["issued_at"]
    assert (issued["urgency"], issued["sender"]) == ("Immediate", SENDER)
    assert types(world, draft) == [
        ("alert_status_changed", "pending_approval"),
        ("alert_status_changed", "active"),
        ("alert_issued", "active"),
    ]
    assert history(world, author, draft) == [
        ("draft", author.user_id, None),
        ("pending_approval", requester.user_id, None),
        ("active", approver.user_id, None),
    ]


def test_neither_author_nor_last_editor_nor_requester_approves(world):
    author, editor, requester = world.caller(), world.caller(), world.caller()
    edited = world.update(editor, world.draft(author), title="Leave them now")
    pending = world.request_approval(requester, edited)
    for caller in (author, editor, requester, world.caller("administrator", user_id=author.user_id)):
        with pytest.raises(Forbidden, match="Another person"):
            world.approve(caller, pending)
    assert world.approve(world.caller(), pending)["status"] == "active"


def test_approval_needs_the_permission_in_the_region_and_for_the_targets(world, pending):
    reads = dict.fromkeys((ALERT_READ, ALERT_READ_DRAFT, ALERT_DRAFT, ALERT_ISSUE))
    with pytest.raises(Forbidden, match="alert:approve"):
        world.approve(world.caller_with(reads), pending)
    south = frozenset({world.regions["south"]})
    with pytest.raises(Forbidden, match="alert:approve"):
        world.approve(world.caller_with({**reads, ALERT_APPROVE: south}), pending)
    with pytest.raises(NotFound):
        world.approve(world.caller_with({ALERT_APPROVE: south}), pending)

    author = world.caller()
    to_both = [
        {"target_type": "region", "target_id": str(world.regions[name])} for name in ("north", "south")
    ]
    wide = world.request_approval(author, world.draft(author, targets=to_both))
    with pytest.raises(Forbidden, match="alert:approve"):
        world.approve(world.caller(only=world.regions["north"]), wide)
    assert world.approve(world.caller(), wide)["status"] == "active"


def test_approving_again_answers_the_same(world, pending):
    approver = world.caller()
    issued = world.approve(approver, pending)
    assert shown(world.approve(approver, pending)) == shown(issued)
    with pytest.raises(Conflict):
        world.approve(world.caller(), pending)


def test_requesting_and_returning_again_answer_the_same(world):
    author, approver = world.caller(), world.caller()
    draft = world.draft(author)
    pending = world.request_approval(author, draft)
    assert shown(world.request_approval(author, draft)) == shown(pending)
    returned = world.give_back(approver, pending, "Say which bridge.")
    assert shown(world.give_back(approver, pending, "Say which bridge.")) == shown(returned)
    with pytest.raises(Conflict):
        world.give_back(approver, pending, "Say something else.")


def test_what_is_returned_is_a_draft_with_the_reason(world, pending):
    approver = world.caller()
    returned = world.give_back(approver, pending, "Say which bridge.")
    assert (returned["status"], returned["status_notes"]) == ("draft", "Say which bridge.")
    assert (returned["approval_requested_by"], returned["approval_requested_at"]) == (None, None)
    again = world.request_approval(
        world.caller(), world.update(world.caller(), returned, title="The old bridge")
    )
    assert again["status_notes"] is None, "the reason was for the return"
    assert world.approve(approver, again)["title"] == "The old bridge"


def test_a_request_is_withdrawn_by_who_may_draft(world, pending):
    drafts = dict.fromkeys((ALERT_READ_DRAFT, ALERT_DRAFT))
    assert world.give_back(world.caller_with(drafts), pending)["status"] == "draft"


def test_editing_takes_a_pending_alert_back_so_that_nobody_approves_what_they_have_not_seen(world, pending):
    editor, approver = world.caller(), world.caller()
    edited = world.update(editor, pending, title="Leave them now", notes="The dam holds.")
    assert (edited["status"], edited["approval_requested_by"]) == ("draft", None)
    assert edited["status_notes"] == "The dam holds."
    with pytest.raises(Conflict):
        world.approve(approver, pending)
    with pytest.raises(Conflict, match="does not wait for approval"):
        world.approve(approver, edited)


@pytest.mark.parametrize("ended", ["cancelled", "active"])
def test_only_what_waits_is_approved_or_returned_and_only_a_draft_is_put_before_somebody(world, ended):
    caller, other = world.caller(), world.caller()
    alert = world.issue(caller) if ended == "active" else world.cancel(caller, world.draft(caller))
    for refused in (world.approve, world.give_back, world.request_approval):
        with pytest.raises(Conflict):
            refused(other, alert)
    with pytest.raises(Conflict, match="does not wait for approval"):
        world.approve(other, world.draft(caller))


def test_a_pending_alert_is_issued_by_its_approval_alone(world, pending):
    with pytest.raises(Conflict, match="waits for approval"):
        world.issue_draft(world.caller(), pending)


def test_an_alert_that_has_expired_is_neither_requested_nor_approved(world):
    author = world.caller()
    soon = dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)
    pending = world.request_approval(author, world.draft(author, expires_at=soon))
    world.as_admin(
        "UPDATE alerts.alerts SET expires_at = now() - interval '1 minute' WHERE id = :id", id=pending["id"]
    )
    late = world.get(author, pending["id"])
    with pytest.raises(Invalid):
        world.approve(world.caller(), late)
    with pytest.raises(Invalid):
        world.request_approval(author, world.give_back(author, late))


def test_a_pending_alert_is_seen_like_a_draft_and_told_to_nobody(world, pending):
    reader = world.caller("viewer")
    with pytest.raises(NotFound):
        world.get(reader, pending["id"])
    with pytest.raises(NotFound):
        world.query(reading.get_cap_message, None, SENDER, pending["id"])
    with pytest.raises(Conflict, match="never issued"):
        world.query(reading.get_cap_message, world.caller(), SENDER, pending["id"])
    filters = load(ListAlerts(), {"status": "pending_approval", "limit": 500})
    assert pending["id"] in {
        row["id"] for row in world.query(alerts.list_alerts, world.caller(), filters)["items"]
    }
    assert world.query(alerts.list_alerts, reader, filters)["items"] == []
    cancelled = world.cancel(world.caller(), pending, "Not needed.")
    assert (cancelled["status"], cancelled["cancelled_by"]) == ("cancelled", None), (
        "there is nothing to call off"
    )


def test_the_history_is_for_those_who_may_read_drafts(world):
    alert = world.issue(world.caller())
    with pytest.raises(Forbidden):
        history(world, world.caller("viewer"), alert)
    with pytest.raises(NotFound):
        history(world, world.caller(), {"id": uuid7()})


def test_the_history_says_who_issued_updated_and_cancelled_and_why(world):
    issuer, updater, canceller = world.caller(), world.caller(), world.caller()
    first = world.issue(issuer)
    second = world.update(updater, first, title="Leave them now", notes="The rain goes on.")
    world.cancel(canceller, second, "The rain is over.")
    assert history(world, issuer, first) == [
        ("active", issuer.user_id, None),
        ("superseded", updater.user_id, "The rain goes on."),
    ]
    assert history(world, issuer, second) == [
        ("active", updater.user_id, "The rain goes on."),
        ("cancelled", canceller.user_id, "The rain is over."),
    ]


class TestWhatNobodyIssuesAlone:
    def test_such_a_priority_is_refused_with_what_to_do_instead(self, world):
        caller = world.caller()
        with pytest.raises(Forbidden, match="request its approval") as refused:
            world.issue(caller, priority="critical", approval_priorities=CRITICAL)
        assert refused.value.details == {"priority": "critical", "needs_approval": True}
        draft = world.draft(caller, priority="critical")
        with pytest.raises(Forbidden):
            world.issue_draft(caller, draft, approval_priorities=CRITICAL)
        assert world.issue(caller, priority="high", approval_priorities=CRITICAL)["status"] == "active"
        pending = world.request_approval(caller, draft)
        assert world.approve(world.caller(), pending)["status"] == "active"

    def test_an_update_to_such_a_priority_or_of_such_an_alert_is_refused(self, world):
        caller = world.caller()
        for priority, changes in (("high", {"priority": "critical"}), ("critical", {"title": "Go now"})):
            alert = world.issue(caller, priority=priority)
            with pytest.raises(Forbidden) as refused:
                world.update(caller, alert, approval_priorities=CRITICAL, **changes)
            assert refused.value.details["needs_approval"]
            assert world.get(caller, alert["id"])["status"] == "active"
        lowered = world.update(caller, alert, approval_priorities=CRITICAL, priority="high")
        assert lowered["status"] == "active"

    def test_a_draft_is_edited_freely(self, world):
        caller = world.caller()
        draft = world.draft(caller, priority="high")
        assert world.update(caller, draft, priority="critical", approval_priorities=CRITICAL)["version"] == 2


class TestDraftsOfUpdates:
    def test_an_update_is_drafted_approved_and_replaces_the_alert(self, world):
        author, approver = world.caller(), world.caller()
        people = [{"target_type": "group", "target_id": "responder"}]
        old = world.issue(author, priority="critical", targets=people, cap_status="Exercise")
        draft = world.draft(author, priority="critical", title="Go now", updates=old["id"])
        assert (draft["msg_type"], draft["references"]) == ("Update", [old["id"]])
        assert (draft["cap_status"], draft["audience_class"]) == ("Exercise", "restricted")
        assert world.get(author, old["id"])["status"] == "active", "until the update is issued"

        issued = world.approve(approver, world.request_approval(author, draft))

        replaced = world.get(author, old["id"])
        assert (replaced["status"], replaced["superseded_by"]) == ("superseded", issued["id"])
        assert replaced["updated_by"] == approver.user_id
        again = world.approve(approver, {**draft, "version": 2})
        assert shown(again) == shown(issued), "a repeat changes nothing"

    def test_who_approves_the_update_of_a_private_alert_need_not_have_seen_that(self, world):
        author, first, second = world.caller(), world.caller(), world.caller()
        people = [{"target_type": "user", "target_id": str(world.person())}]
        old = world.approve(first, world.request_approval(author, world.draft(author, targets=people)))
        draft = world.draft(author, title="Go now", updates=old["id"])
        pending = world.request_approval(author, draft)
        for stranger in (world.caller("responder"), world.caller(only=world.regions["south"])):
            with pytest.raises(NotFound):
                world.approve(stranger, pending)
        assert world.approve(second, pending)["status"] == "active"
        assert world.get(author, old["id"])["superseded_by"] == draft["id"]

    def test_it_follows_what_the_alert_of_the_rule_follows(self, world):
        caller = world.caller()
        old = world.issue(caller)
        source_id = uuid7()
        rule_id = world.rows("SELECT id FROM alerts.alert_rules WHERE source_event LIKE 'resource%' LIMIT 1")[
            0
        ].id
        world.as_admin("ALTER TABLE alerts.alerts DISABLE TRIGGER USER")
        world.as_admin(
            "UPDATE alerts.alerts SET rule_id = :rule, source_id = :source, source_type = 'resource',"
            " source_version = 3 WHERE id = :id",
            rule=rule_id,
            source=source_id,
            id=old["id"],
        )
        world.as_admin("ALTER TABLE alerts.alerts ENABLE TRIGGER USER")
        draft = world.draft(caller, title="Go now", updates=old["id"])
        assert draft["source_id"] is None, "one open alert for each rule and source"
        issued = world.approve(world.caller(), world.request_approval(caller, draft))
        assert (issued["rule_id"], issued["source_id"], issued["source_type"]) == (
            rule_id,
            source_id,
            "resource",
        )

    def test_an_alert_that_ends_meanwhile_is_not_updated_any_more(self, world):
        author = world.caller()
        old = world.issue(author)
        pending = world.request_approval(author, world.draft(author, title="Go now", updates=old["id"]))
        world.cancel(author, old)
        with pytest.raises(Conflict, match="cancelled") as refused:
            world.approve(world.caller(), pending)
        assert refused.value.details["status"] == "cancelled"
        assert world.get(author, pending["id"])["status"] == "pending_approval"

    def test_only_an_active_alert_of_the_same_region_and_in_the_same_earnest_is_updated(self, world):
        caller = world.caller()
        old = world.issue(caller)
        with pytest.raises(Invalid) as refused:
            world.draft(caller, region_id=world.regions["south"], updates=old["id"])
        assert set(refused.value.fields) == {"region_id"}
        with pytest.raises(Invalid) as refused:
            world.draft(caller, cap_status="Test", updates=old["id"])
        assert set(refused.value.fields) == {"cap_status"}
        with pytest.raises(Invalid) as refused:
            world.draft(caller, updates=uuid7())
        assert set(refused.value.fields) == {"updates"}
        draft_id = uuid7()
        draft = world.draft(caller, id=draft_id, updates=old["id"])
        world.cancel(caller, old)
        with pytest.raises(Conflict):
            world.draft(caller, updates=old["id"])
        again = world.draft(caller, id=draft_id, updates=old["id"])
        assert shown(again) == shown(draft), "a repeat changes nothing"


class TestAtTheSameTime:
    """One transaction holds the alert, and another waits for it."""

    def in_turn(self, world, first, second):
        """Does the first thing, begins the second before the first is committed, and returns how that ended."""
        outcome = []

        def run():
            try:
                with world.db.write() as connection:
                    outcome.append(second(connection))
            except Conflict as refused:
                outcome.append(refused)

        thread = threading.Thread(target=run)
        with world.db.write() as connection:
            first(connection)
            thread.start()
            eventually(lambda: self.is_waiting(world), "the second waits for the lock")
        thread.join()
        return outcome[0]

    def is_waiting(self, world):
        statement = (
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return world.rows(statement)[0].count > 0

    def approving(self, world, pending, caller=None):
        caller = caller or world.caller()
        return lambda connection: issuing.approve_alert(
            connection, caller, SENDER, pending["id"], pending["version"]
        )

    def cancelling(self, world, pending):
        caller = world.caller()
        return lambda connection: cancel_alert(
            connection, caller, SENDER, pending["id"], pending["version"], None
        )

    def editing(self, world, pending):
        caller = world.caller()
        given = {"alert_id": str(pending["id"]), "version": pending["version"], "title": "Go now"}
        changes = load(UpdateAlert(), given)
        return lambda connection: updating.update_alert(connection, caller, SENDER, changes)

    def issued(self, world, pending):
        return [kind for kind, _ in types(world, pending)].count("alert_issued")

    def test_of_two_approvers_one_issues_the_alert(self, world, pending):
        first, second = self.approving(world, pending), self.approving(world, pending)
        assert isinstance(self.in_turn(world, first, second), Conflict)
        assert self.issued(world, pending) == 1

    def test_the_same_approver_twice_gets_the_same_alert(self, world, pending):
        approve = self.approving(world, pending, world.caller())
        assert self.in_turn(world, approve, approve)["status"] == "active"
        assert self.issued(world, pending) == 1

    @pytest.mark.parametrize("change", ["editing", "cancelling"])
    def test_what_was_changed_a_moment_before_is_not_approved(self, world, pending, change):
        outcome = self.in_turn(world, getattr(self, change)(world, pending), self.approving(world, pending))
        assert isinstance(outcome, Conflict)
        assert self.issued(world, pending) == 0

    @pytest.mark.parametrize("change", ["editing", "cancelling"])
    def test_what_was_approved_a_moment_before_is_not_changed(self, world, pending, change):
        outcome = self.in_turn(world, self.approving(world, pending), getattr(self, change)(world, pending))
        assert isinstance(outcome, Conflict)
        assert self.issued(world, pending) == 1
        assert world.get(world.caller(), pending["id"])["status"] == "active"

    def test_an_approval_of_an_update_waits_for_who_cancels_the_alert(self, world):
        author = world.caller()
        old = world.issue(author)
        pending = world.request_approval(author, world.draft(author, title="Go now", updates=old["id"]))
        outcome = self.in_turn(world, self.cancelling(world, old), self.approving(world, pending))
        assert isinstance(outcome, Conflict)
        assert world.get(author, pending["id"])["status"] == "pending_approval"
