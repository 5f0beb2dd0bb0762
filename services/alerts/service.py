"""The nameko class of the alerts service: its RPC methods, event handlers and timers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

from services.alerts import (
    alert_rules,
    alerts,
    audience,
    audience_moves,
    audience_sync,
    cancellation,
    issuing,
    preview,
    private_reads,
    receipts,
    rule_engine,
    schemas,
    targeting,
    updating,
)
from services.alerts.cap import message, reading
from services.alerts.settings import ApprovalPrioritiesProvider, SenderProvider
from shared.client.errors import Conflict, Forbidden, Invalid, NotFound, Unavailable
from shared.domain.permissions import (
    ALERT_APPROVE,
    ALERT_CANCEL,
    ALERT_DRAFT,
    ALERT_ISSUE,
    ALERT_READ,
    ALERT_READ_DRAFT,
    ALERT_READ_PRIVATE,
    ALERT_READ_REACH,
    ALERT_REBUILD_AUDIENCE,
    ALERT_RULE_READ,
    ALERT_RULE_WRITE,
    REPORT_CHANGE_STATUS,
    REPORT_UPDATE,
    RESOURCE_CHANGE_STATUS,
    RESOURCE_UPDATE,
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

    from services.alerts.schemas import types
    from shared.platform.outbox.event import Event
    from shared.platform.rpc.context import Caller

EXPIRY_SECONDS = 20
"""Interval between expiry sweeps. An alert is promised to end within a minute of its expiry."""

EVALUATION_SECONDS = 1
"""Interval at which is looked for reports and resources whose alert rules have to be looked at again."""

MOVES_SECONDS = 1
"""Interval between looks for accounts that a moved region concerns and that were too many to look at at once."""

AUDIENCE_BATCH = 50
"""Events of accounts and regions in one batch. Those of regions can have a megabyte each."""

TARGETING_BATCH = 8
"""Alerts that are targeted in turns, so that an alert to a village does not wait for one to a country."""


class AlertsService:
    """Offers alerts by RPC, and reacts to the events of all services."""

    name = "alerts"

    db = DatabaseProvider()
    rpc = RpcProvider()
    relay = OutboxRelay()
    sender = SenderProvider()
    approval_priorities = ApprovalPrioritiesProvider()

    @operation(
        permission=ALERT_DRAFT,
        arguments=schemas.DraftAlert,
        result=schemas.Alert,
        errors=(
            Forbidden("The caller may not draft alerts for this region."),
            Invalid(
                "The region, one of the targets or the alert to update does not exist, or that is of another region."
            ),
            Conflict("The id belongs to another alert, or the alert to update is not active."),
        ),
    )
    def draft_alert(self, caller: Caller, **arguments: Unpack[types.DraftAlert]) -> types.Alert:
        """Create a draft, which reaches nobody before it is issued."""
        with self.db.write() as connection:
            return issuing.draft_alert(connection, caller, arguments)

    @operation(
        permission=ALERT_ISSUE,
        arguments=schemas.IssueAlert,
        result=schemas.Alert,
        errors=(
            NotFound,
            Forbidden(
                "The caller may not issue alerts for this region, or the alert needs the approval of another person"
                " (`needs_approval`)."
            ),
            Invalid("The region or a target does not exist, or the alert would already have expired."),
            Conflict(
                "The draft was issued, cancelled or changed in the meantime, waits for approval or updates an alert"
                " that has ended, or the id belongs to another alert."
            ),
            Unavailable("The region was created a moment ago; try again."),
        ),
        emits=("alert_issued", "alert_status_changed"),
        checks_present_state=True,
    )
    def issue_alert(self, caller: Caller, **arguments: Unpack[types.IssueAlert]) -> types.Alert:
        """Issue an alert, either a draft as it is or a new one."""
        with self.db.write() as connection:
            return issuing.issue_alert(
                connection, caller, self.sender, arguments, approval_priorities=self.approval_priorities
            )

    @operation(
        permission=ALERT_DRAFT,
        arguments=schemas.AlertVersion,
        result=schemas.Alert,
        errors=(
            NotFound,
            Forbidden("The caller may not draft alerts in this region."),
            Invalid("The alert would already have expired."),
            Conflict("The draft was issued, cancelled or changed in the meantime."),
        ),
        emits=("alert_status_changed",),
        checks_present_state=True,
    )
    def request_approval(self, caller: Caller, alert_id: UUID, version: int) -> types.Alert:
        """Put a draft before another person for approval."""
        with self.db.write() as connection:
            return issuing.request_approval(connection, caller, alert_id, version)

    @operation(
        permission=ALERT_APPROVE,
        arguments=schemas.AlertVersion,
        result=schemas.Alert,
        errors=(
            NotFound,
            Forbidden(
                "The caller may not approve alerts for this region or these targets, or is the author, edited the alert"
                " last or requested the approval."
            ),
            Invalid("A target does not exist, or the alert would already have expired."),
            Conflict(
                "The alert does not wait for approval, was changed in the meantime, or updates an alert that has ended."
            ),
            Unavailable("The region was created a moment ago; try again."),
        ),
        emits=("alert_issued", "alert_status_changed"),
        checks_present_state=True,
    )
    def approve_alert(self, caller: Caller, alert_id: UUID, version: int) -> types.Alert:
        """Approve an alert that waits for it, which issues the alert."""
        with self.db.write() as connection:
            return issuing.approve_alert(connection, caller, self.sender, alert_id, version)

    @operation(
        permission=(ALERT_APPROVE, ALERT_DRAFT),
        arguments=schemas.ReturnAlert,
        result=schemas.Alert,
        errors=(
            NotFound,
            Forbidden("The caller may neither approve nor draft alerts in this region."),
            Conflict("The alert does not wait for approval, or was changed in the meantime."),
        ),
        emits=("alert_status_changed",),
        checks_present_state=True,
    )
    def return_alert(self, caller: Caller, alert_id: UUID, version: int, notes: str | None) -> types.Alert:
        """Turn an alert that waits for approval back into a draft."""
        with self.db.write() as connection:
            return issuing.return_alert(connection, caller, alert_id, version, notes)

    @operation(
        permission=(ALERT_DRAFT, ALERT_ISSUE),
        arguments=schemas.UpdateAlert,
        result=schemas.Alert,
        errors=(
            NotFound,
            Forbidden(
                "The caller may not change the alert, or not for these targets, or the update needs the approval of"
                " another person (`needs_approval`)."
            ),
            Invalid("One of the targets does not exist, or the alert would already have expired."),
            Conflict("The alert has ended, or somebody has changed it in the meantime."),
        ),
        emits=("alert_issued", "alert_status_changed"),
        checks_present_state=True,
    )
    def update_alert(self, caller: Caller, **arguments: Unpack[types.UpdateAlert]) -> types.Alert:
        """Change a draft, or issue an update that replaces an active alert."""
        with self.db.write() as connection:
            return updating.update_alert(
                connection, caller, self.sender, arguments, approval_priorities=self.approval_priorities
            )

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
        checks_present_state=True,
    )
    def cancel_alert(self, caller: Caller, alert_id: UUID, version: int, notes: str | None) -> types.Alert:
        """Cancel an alert."""
        with self.db.write() as connection:
            return cancellation.cancel_alert(connection, caller, self.sender, alert_id, version, notes)

    @operation(
        permission=(ALERT_ISSUE, ALERT_APPROVE),
        arguments=schemas.PreviewAlert,
        result=schemas.Preview,
        errors=(
            NotFound,
            Forbidden("The caller may not issue alerts for this region or these targets."),
            Invalid("The region or a target does not exist, or the alert would already have expired."),
            Conflict("The alert is no draft any more, or updates an alert that has ended."),
        ),
    )
    def preview_alert(self, caller: Caller, **arguments: Unpack[types.PreviewAlert]) -> types.Preview:
        """Return what issuing an alert would do: its texts, how many people get it, and whether the public does."""
        with self.db.read() as connection:
            return preview.preview_alert(connection, caller, arguments, self.approval_priorities)

    @operation(
        permission=(REPORT_CHANGE_STATUS, REPORT_UPDATE, RESOURCE_CHANGE_STATUS, RESOURCE_UPDATE),
        arguments=schemas.PreviewChange,
        result=schemas.Preview,
        errors=(
            NotFound(
                "The report or resource does not exist, was created a moment ago, or the caller may not change it."
            ),
        ),
    )
    def preview_change(self, caller: Caller, **arguments: Unpack[types.PreviewChange]) -> types.Preview:
        """Return what the alert rules would do if a report or resource were changed."""
        with self.db.read() as connection:
            return preview.preview_change(connection, caller, arguments, self.approval_priorities)

    @operation(permission=SIGNED_IN, arguments=schemas.AlertId, result=schemas.Alert, errors=(NotFound,))
    def get_alert(self, caller: Caller, alert_id: UUID) -> types.Alert:
        """Return an alert that the caller may read, or that reached the caller."""
        with self.db.read() as connection:
            return alerts.get_alert(connection, caller, alert_id)

    @operation(
        permission=ALERT_READ_DRAFT,
        arguments=schemas.ListAlertHistory,
        result=schemas.AlertHistoryPage,
        errors=(NotFound, Forbidden("The caller may not read drafts in the region of the alert.")),
    )
    def get_alert_history(
        self, caller: Caller, **arguments: Unpack[types.ListAlertHistory]
    ) -> types.PageOfAlertHistoryEntry:
        """Return a page of the statuses that an alert entered, and who decided so."""
        with self.db.read() as connection:
            return alerts.get_alert_history(connection, caller, arguments)

    @operation(
        permission=ANYONE,
        arguments=schemas.AlertId,
        result=schemas.AlertCap,
        errors=(NotFound, Conflict("The alert was never issued.")),
    )
    def get_alert_cap(self, caller: Caller | None, alert_id: UUID) -> types.AlertCap:
        """Return an issued alert as a CAP 1.2 message."""
        with self.db.read() as connection:
            content = reading.get_cap_message(connection, caller, self.sender, alert_id)
        # Boundaries of some thousand positions take a while; other calls go on meanwhile.
        return {"alert_id": alert_id, "cap": run_blocking(message.write, content)}

    @operation(
        permission=(ALERT_READ, ALERT_READ_DRAFT), arguments=schemas.ListAlerts, result=schemas.AlertPage
    )
    def list_alerts(self, caller: Caller, **filters: Unpack[types.ListAlerts]) -> types.PageOfAlert:
        """Return a page of alerts, the newest first."""
        with self.db.read() as connection:
            return alerts.list_alerts(connection, caller, filters)

    @operation(permission=ALERT_READ, arguments=schemas.ListRecentAlerts, result=schemas.RecentAlertPage)
    def list_recent_alerts(
        self, caller: Caller, **filters: Unpack[types.ListRecentAlerts]
    ) -> types.PageOfRecentAlert:
        """Return a page of the alerts in force, with the names of regions and issuers, the newest first."""
        with self.db.read() as connection:
            return alerts.list_recent_alerts(connection, caller, self.sender, filters)

    @operation(permission=ANYONE, arguments=schemas.ListRecentAlerts, result=schemas.PublicAlertPage)
    def list_public_alerts(
        self, caller: Caller | None, **filters: Unpack[types.ListRecentAlerts]
    ) -> types.PageOfPublicAlert:
        """Return a page of the public alerts in force and of recent Cancel messages, the newest first."""
        with self.db.read() as connection:
            return alerts.list_public_alerts(connection, self.sender, filters)

    @operation(
        permission=ALERT_READ_PRIVATE,
        arguments=schemas.ListPrivateAlertReads,
        result=schemas.PrivateAlertReadPage,
    )
    def list_private_alert_reads(
        self, caller: Caller, **filters: Unpack[types.ListPrivateAlertReads]
    ) -> types.PageOfPrivateAlertRead:
        """Return a page of the records of who read private alerts of others, the newest first."""
        with self.db.read() as connection:
            return private_reads.list_private_alert_reads(connection, caller, filters)

    @operation(permission=SIGNED_IN, arguments=schemas.ListMyAlerts, result=schemas.MyAlertPage)
    def list_my_alerts(self, caller: Caller, **filters: Unpack[types.ListMyAlerts]) -> types.PageOfMyAlert:
        """Return a page of the alerts that reached the caller, unread ones first, then the newest."""
        with self.db.read() as connection:
            return receipts.list_my_alerts(connection, caller, filters)

    @operation(
        permission=SIGNED_IN,
        arguments=schemas.AlertId,
        result=schemas.Reading,
        errors=(NotFound("The alert does not exist, or has not reached the caller."),),
        emits=("alert_read",),
    )
    def mark_alert_read(self, caller: Caller, alert_id: UUID) -> types.Reading:
        """Record that the caller has read an alert."""
        with self.db.autocommit() as connection:
            return receipts.mark_alert_read(connection, caller, alert_id)

    @operation(
        permission=ALERT_READ_REACH,
        arguments=schemas.AlertId,
        result=schemas.Reach,
        errors=(NotFound("The alert does not exist, or the caller may not see its reach."),),
    )
    def get_alert_reach(self, caller: Caller, alert_id: UUID) -> types.Reach:
        """Return how many accounts an alert reached and how many have read it, in total and by target."""
        with self.db.read() as connection:
            return targeting.get_alert_reach(connection, caller, alert_id)

    @operation(
        permission=ALERT_READ_REACH,
        arguments=schemas.ListAlertTargets,
        result=schemas.TargetPage,
        errors=(NotFound("The alert does not exist, or the caller may not see its reach."),),
    )
    def list_alert_targets(
        self, caller: Caller, **filters: Unpack[types.ListAlertTargets]
    ) -> types.PageOfTarget:
        """Return a page of the targets of an alert, both declared and reached."""
        with self.db.read() as connection:
            return targeting.list_alert_targets(connection, caller, filters)

    @operation(
        permission=ALERT_RULE_WRITE,
        arguments=schemas.CreateAlertRule,
        result=schemas.AlertRule,
        errors=(
            Invalid(
                "Fields of the rule contradict each other, such as a status that the event does not have."
            ),
            Conflict("The name or the id is taken."),
        ),
        checks_present_state=True,
    )
    def create_alert_rule(
        self, caller: Caller, **arguments: Unpack[types.CreateAlertRule]
    ) -> types.AlertRule:
        """Create a rule by which alerts are in force for reports and resources."""
        with self.db.write() as connection:
            return alert_rules.create_alert_rule(connection, caller, arguments)

    @operation(
        permission=ALERT_RULE_WRITE,
        arguments=schemas.UpdateAlertRule,
        result=schemas.AlertRule,
        errors=(
            NotFound,
            Invalid("Fields of the rule would contradict each other."),
            Conflict("The name is taken, or somebody has changed the rule in the meantime."),
        ),
        checks_present_state=True,
    )
    def update_alert_rule(
        self, caller: Caller, **arguments: Unpack[types.UpdateAlertRule]
    ) -> types.AlertRule:
        """Change a rule, or take it out of use."""
        with self.db.write() as connection:
            return alert_rules.update_alert_rule(connection, caller, arguments)

    @operation(
        permission=ALERT_RULE_READ, arguments=schemas.RuleId, result=schemas.AlertRule, errors=(NotFound,)
    )
    def get_alert_rule(self, caller: Caller, rule_id: UUID) -> types.AlertRule:
        """Return a rule."""
        with self.db.read() as connection:
            return alert_rules.get_alert_rule(connection, rule_id)

    @operation(permission=ALERT_RULE_READ, arguments=schemas.ListAlertRules, result=schemas.AlertRulePage)
    def list_alert_rules(
        self, caller: Caller, **filters: Unpack[types.ListAlertRules]
    ) -> types.PageOfAlertRule:
        """Return a page of the rules, ordered by name."""
        with self.db.read() as connection:
            return alert_rules.list_alert_rules(connection, filters)

    @operation(
        permission=ALERT_REBUILD_AUDIENCE,
        arguments=schemas.RebuildAudience,
        result=schemas.RebuiltAudience,
        errors=(
            Invalid("The cursor is not valid; `fields` names `cursor`."),
            Forbidden("The caller may not read accounts and roles (`user:read`, `role:read`)."),
        ),
    )
    def rebuild_audience(self, caller: Caller, cursor: str | None) -> types.RebuiltAudience:
        """Read regions and accounts from identity again, for some seconds; call it again with the cursor."""
        return audience_sync.rebuild_audience(self.db, self.rpc.on_behalf_of(caller).identity, cursor)

    @subscribe("alerts.audience", batch=AUDIENCE_BATCH)
    def record_audience(self, events: Sequence[Event]) -> None:
        """Store the accounts and regions that identity describes, and let the alerts in force follow."""
        with self.db.write() as connection:
            audience.record_audience(connection, events)

    @every(MOVES_SECONDS)
    def follow_moves(self) -> None:
        """Look at the accounts that moved regions concern. Every replica does it, each for another move."""
        audience_moves.follow_moves(self.db)

    @subscribe("alerts.rules")
    def follow_rules(self, events: Sequence[Event]) -> None:
        """Issue, update and cancel alerts as the alert rules say of reports and resources as they are now."""
        with self.db.write() as connection:
            rule_engine.follow_rules(connection, self.sender, events, self.approval_priorities)

    @every(EVALUATION_SECONDS)
    def evaluate_due_sources(self) -> None:
        """Look at the rules again where the time has come. Every replica does it, each with others."""
        rule_engine.evaluate_due_sources(self.db, self.sender, self.approval_priorities)

    @subscribe("alerts.targeting", batch=TARGETING_BATCH)
    def target_alerts(self, events: Sequence[Event]) -> None:
        """Find the accounts that issued alerts reach, one chunk of each alert in turn."""
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
        """End the alerts that have expired. Every replica does it, each with other alerts."""
        while True:
            with self.db.autocommit() as connection:
                if cancellation.expire_alerts(connection) < cancellation.EXPIRY_BATCH:
                    return
