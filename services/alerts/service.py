"""The alerts service as nameko runs it: every RPC method, event handler and timer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from services.alerts import (
    alert_rules,
    alerts,
    audience,
    audience_sync,
    cancellation,
    issuing,
    receipts,
    rule_engine,
    schemas,
    targeting,
    updating,
)
from services.alerts.cap import message, reading
from services.alerts.sender import SenderProvider
from shared.client.errors import Conflict, Forbidden, Invalid, NotFound, Unavailable
from shared.domain.permissions import (
    ALERT_CANCEL,
    ALERT_DRAFT,
    ALERT_ISSUE,
    ALERT_READ,
    ALERT_READ_DRAFT,
    ALERT_READ_REACH,
    ALERT_REBUILD_AUDIENCE,
    ALERT_RULE_READ,
    ALERT_RULE_WRITE,
)
from shared.platform.concurrency import run_blocking
from shared.platform.db.provider import DatabaseProvider
from shared.platform.outbox.event import work_on
from shared.platform.outbox.relay import OutboxRelay
from shared.platform.outbox.subscribe import subscribe
from shared.platform.rpc.operation import ANYONE, SIGNED_IN, operation
from shared.platform.rpc.provider import RpcProvider
from shared.platform.timer import every

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from shared.platform.outbox.event import Event
    from shared.platform.rpc.context import Caller

EXPIRY_SECONDS = 20
"""Between two looks for alerts that are over; the promise is a minute."""

AUDIENCE_TOGETHER = 50
"""Events of accounts and regions that are taken in at once: those of regions can have a megabyte each."""

TARGETED_TOGETHER = 8
"""Alerts whose people are worked out in turns, so that one to a village does not wait for one to a country."""


class AlertsService:
    """Offers the operations and queries of alerts by RPC, and does what the events of all services ask of it."""

    name = "alerts"

    db = DatabaseProvider()
    rpc = RpcProvider()
    relay = OutboxRelay()
    sender = SenderProvider()

    @operation(
        permission=ALERT_DRAFT,
        arguments=schemas.DraftAlert,
        result=schemas.Alert,
        errors=(
            Forbidden("The caller may not draft alerts for this region."),
            Invalid("The region or one of the targets does not exist."),
            Conflict("The id belongs to another alert."),
        ),
    )
    def draft_alert(self, caller: Caller, **arguments: Any) -> Any:
        """Writes an alert that nobody is told yet."""
        with self.db.write() as connection:
            return issuing.draft_alert(connection, caller, arguments)

    @operation(
        permission=ALERT_ISSUE,
        arguments=schemas.IssueAlert,
        result=schemas.Alert,
        errors=(
            NotFound,
            Forbidden("The caller may not issue alerts for this region."),
            Invalid("The region or a target does not exist, or the alert would already have expired."),
            Conflict("The alert is not a draft any more or was changed, or the id belongs to another alert."),
            Unavailable("The region was created a moment ago; try again."),
        ),
        emits=("alert_issued", "alert_status_changed"),
    )
    def issue_alert(self, caller: Caller, **arguments: Any) -> Any:
        """Issues an alert, a draft or a whole new one."""
        with self.db.write() as connection:
            return issuing.issue_alert(connection, caller, self.sender, arguments)

    @operation(
        permission=(ALERT_DRAFT, ALERT_ISSUE),
        arguments=schemas.UpdateAlert,
        result=schemas.Alert,
        errors=(
            NotFound,
            Forbidden("The caller may not change the alert, or not for these targets."),
            Invalid("One of the targets does not exist, or the alert would already have expired."),
            Conflict("The alert has ended, or somebody has changed it in the meantime."),
        ),
        emits=("alert_issued", "alert_status_changed"),
    )
    def update_alert(self, caller: Caller, alert_id: UUID, version: int, **changes: Any) -> Any:
        """Changes a draft, or issues an update that takes the place of an active alert."""
        with self.db.write() as connection:
            return updating.update_alert(connection, caller, self.sender, alert_id, version, changes)

    @operation(
        permission=ALERT_CANCEL,
        arguments=schemas.CancelAlert,
        result=schemas.Alert,
        errors=(
            NotFound,
            Forbidden("The caller may not cancel the alert."),
            Conflict("The alert has already ended, or somebody has changed it in the meantime."),
        ),
        emits=("alert_status_changed",),
    )
    def cancel_alert(self, caller: Caller, alert_id: UUID, version: int, notes: str | None) -> Any:
        """Calls an alert off."""
        with self.db.write() as connection:
            return cancellation.cancel_alert(connection, caller, self.sender, alert_id, version, notes)

    @operation(permission=SIGNED_IN, arguments=schemas.AlertId, result=schemas.Alert, errors=(NotFound,))
    def get_alert(self, caller: Caller, alert_id: UUID) -> Any:
        """Returns one alert that one may read, or that reached oneself."""
        with self.db.read() as connection:
            return alerts.get_alert(connection, caller, alert_id)

    @operation(
        permission=ANYONE,
        arguments=schemas.AlertId,
        result=schemas.AlertCap,
        errors=(NotFound, Conflict("The alert was never issued.")),
    )
    def get_alert_cap(self, caller: Caller | None, alert_id: UUID) -> Any:
        """Returns an issued alert as a CAP 1.2 message."""
        with self.db.read() as connection:
            content = reading.get_cap_message(connection, caller, self.sender, alert_id)
        # Boundaries of some thousand positions take a while, in which other calls shall go on.
        return {"alert_id": alert_id, "cap": run_blocking(message.write, content)}

    @operation(
        permission=(ALERT_READ, ALERT_READ_DRAFT), arguments=schemas.ListAlerts, result=schemas.AlertPage
    )
    def list_alerts(self, caller: Caller, **filters: Any) -> Any:
        """Returns a page of alerts, the newest first."""
        with self.db.read() as connection:
            return alerts.list_alerts(connection, caller, filters)

    @operation(permission=ALERT_READ, arguments=schemas.ListRecentAlerts, result=schemas.RecentAlertPage)
    def list_recent_alerts(self, caller: Caller, **filters: Any) -> Any:
        """Returns a page of the alerts that hold now, with their names, the newest first."""
        with self.db.read() as connection:
            return alerts.list_recent_alerts(connection, caller, filters)

    @operation(permission=ANYONE, arguments=schemas.ListRecentAlerts, result=schemas.PublicAlertPage)
    def list_public_alerts(self, caller: Caller | None, **filters: Any) -> Any:
        """Returns a page of the alerts that hold now and are for everybody, and of their Cancels, the newest first."""
        with self.db.read() as connection:
            return alerts.list_public_alerts(connection, filters)

    @operation(permission=SIGNED_IN, arguments=schemas.ListMyAlerts, result=schemas.MyAlertPage)
    def list_my_alerts(self, caller: Caller, **filters: Any) -> Any:
        """Returns a page of the alerts to oneself, unread ones first, then the newest."""
        with self.db.read() as connection:
            return receipts.list_my_alerts(connection, caller, filters)

    @operation(
        permission=SIGNED_IN,
        arguments=schemas.AlertId,
        result=schemas.Reading,
        errors=(NotFound("There is no such alert, or it has not reached the caller."),),
        emits=("alert_read",),
    )
    def mark_alert_read(self, caller: Caller, alert_id: UUID) -> Any:
        """Notes that one has read an alert."""
        with self.db.autocommit() as connection:
            return receipts.mark_alert_read(connection, caller, alert_id)

    @operation(
        permission=ALERT_READ_REACH,
        arguments=schemas.AlertId,
        result=schemas.Reach,
        errors=(NotFound("There is no such alert, or the caller may not see whom it reached."),),
    )
    def get_alert_reach(self, caller: Caller, alert_id: UUID) -> Any:
        """Counts whom an alert reached and who has read it, in total and by group and region."""
        with self.db.read() as connection:
            return targeting.get_alert_reach(connection, caller, alert_id)

    @operation(
        permission=ALERT_READ_REACH,
        arguments=schemas.ListAlertTargets,
        result=schemas.TargetPage,
        errors=(NotFound("There is no such alert, or the caller may not see whom it reached."),),
    )
    def list_alert_targets(self, caller: Caller, **arguments: Any) -> Any:
        """Returns a page of the targets of an alert, declared and reached."""
        with self.db.read() as connection:
            return targeting.list_alert_targets(connection, caller, **arguments)

    @operation(
        permission=ALERT_RULE_WRITE,
        arguments=schemas.CreateAlertRule,
        result=schemas.AlertRule,
        errors=(
            Invalid(
                "The parts of the rule do not fit together, such as a status that the event does not have."
            ),
            Conflict("The name or the id is taken."),
        ),
    )
    def create_alert_rule(self, caller: Caller, **arguments: Any) -> Any:
        """Adds a rule by which a change of a status issues an alert."""
        with self.db.write() as connection:
            return alert_rules.create_alert_rule(connection, caller, arguments)

    @operation(
        permission=ALERT_RULE_WRITE,
        arguments=schemas.UpdateAlertRule,
        result=schemas.AlertRule,
        errors=(
            NotFound,
            Invalid("Parts of the rule would no longer fit together."),
            Conflict("The name is taken, or somebody has changed the rule in the meantime."),
        ),
    )
    def update_alert_rule(self, caller: Caller, rule_id: UUID, version: int, **changes: Any) -> Any:
        """Changes a rule, or takes it out of use."""
        with self.db.write() as connection:
            return alert_rules.update_alert_rule(connection, caller, rule_id, version, changes)

    @operation(
        permission=ALERT_RULE_READ, arguments=schemas.RuleId, result=schemas.AlertRule, errors=(NotFound,)
    )
    def get_alert_rule(self, caller: Caller, rule_id: UUID) -> Any:
        """Returns one rule."""
        with self.db.read() as connection:
            return alert_rules.get_alert_rule(connection, rule_id)

    @operation(permission=ALERT_RULE_READ, arguments=schemas.ListAlertRules, result=schemas.AlertRulePage)
    def list_alert_rules(self, caller: Caller, **filters: Any) -> Any:
        """Returns a page of the rules by name."""
        with self.db.read() as connection:
            return alert_rules.list_alert_rules(connection, **filters)

    @operation(
        permission=ALERT_REBUILD_AUDIENCE,
        arguments=schemas.RebuildAudience,
        result=schemas.RebuiltAudience,
        errors=(
            Invalid("The cursor is not valid; `fields` names `cursor`."),
            Forbidden("The caller may not read accounts and roles (`user:read`, `role:read`)."),
        ),
    )
    def rebuild_audience(self, caller: Caller, cursor: str | None) -> Any:
        """Reads accounts and regions anew from identity, for some seconds; the cursor says where to go on."""
        return audience_sync.rebuild_audience(self.db, self.rpc.on_behalf_of(caller).identity, cursor)

    @subscribe("alerts.audience", batch=AUDIENCE_TOGETHER)
    def record_audience(self, events: Sequence[Event]) -> None:
        """Follows identity's accounts and regions."""
        with self.db.write() as connection:
            audience.record_audience(connection, events)

    @subscribe("alerts.rules")
    def follow_rules(self, events: Sequence[Event]) -> None:
        """Issues and cancels what the rules say."""
        with self.db.write() as connection:
            rule_engine.follow_rules(connection, self.sender, events)

    @subscribe("alerts.targeting", batch=TARGETED_TOGETHER)
    def target_alerts(self, events: Sequence[Event]) -> None:
        """Works out the people of issued alerts, chunk by chunk, in turns."""
        pending = {event.subject: event for event in events}
        for alert_id, event in pending.items():
            with work_on(event), self.db.write() as connection:
                targeting.begin_targeting(connection, alert_id)
        while pending:
            for alert_id, event in tuple(pending.items()):
                with work_on(event), self.db.write() as connection:
                    finished = targeting.expand_targets(
                        connection, alert_id, correlation_id=event.correlation_id
                    )
                if finished:
                    del pending[alert_id]

    @every(EXPIRY_SECONDS)
    def expire_alerts(self) -> None:
        """Ends the alerts whose time is over; every replica does, each takes others."""
        while True:
            with self.db.autocommit() as connection:
                if cancellation.expire_alerts(connection) < cancellation.EXPIRED_AT_ONCE:
                    return
