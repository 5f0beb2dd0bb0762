"""Alerts: drafting, issuing, updating, cancelling and reading them, their reach, and the rules that issue them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flask import Response

from services.alerts import schemas
from services.gateway.http import requests
from services.gateway.http.context import call
from services.gateway.openapi.file_operations import describe_document
from services.gateway.routes.blueprint import ResourceBlueprint

if TYPE_CHECKING:
    from uuid import UUID

    from shared.client.types.alerts import AlertCap

ALERT: Final = "/alerts/<uuid:alert_id>"
RULE: Final = "/alert-rules/<uuid:rule_id>"
CAP: Final = "application/cap+xml"

alerts = ResourceBlueprint("alerts", "Warnings to the people in a region, as defined by CAP 1.2.")

alerts.offer("GET", "/alerts", "alerts.list_alerts", schemas.ListAlerts, schemas.AlertPage, csv=True)
alerts.offer(
    "GET",
    "/recent-alerts",
    "alerts.list_recent_alerts",
    schemas.ListRecentAlerts,
    schemas.RecentAlertPage,
    csv=True,
)
alerts.offer(
    "GET",
    "/public-alerts",
    "alerts.list_public_alerts",
    schemas.ListRecentAlerts,
    schemas.PublicAlertPage,
    csv=True,
)
alerts.offer(
    "GET",
    "/private-alert-reads",
    "alerts.list_private_alert_reads",
    schemas.ListPrivateAlertReads,
    schemas.PrivateAlertReadPage,
    csv=True,
)
alerts.offer("GET", "/my-alerts", "alerts.list_my_alerts", schemas.ListMyAlerts, schemas.MyAlertPage)
alerts.offer(
    "POST",
    "/alert-drafts",
    "alerts.draft_alert",
    schemas.DraftAlert,
    schemas.Alert,
    location_template="/alerts/{id}",
)
alerts.offer(
    "POST",
    "/alerts",
    "alerts.issue_alert",
    schemas.IssueAlert(exclude=("alert_id", "version")),
    schemas.Alert,
    location_template="/alerts/{id}",
)
alerts.offer("POST", "/alerts/preview", "alerts.preview_alert", schemas.PreviewAlert, schemas.Preview)
alerts.offer(
    "POST", "/alerts/preview-change", "alerts.preview_change", schemas.PreviewChange, schemas.Preview
)
alerts.offer(
    "PUT",
    f"{ALERT}/issue",
    "alerts.issue_alert",
    schemas.IssueAlert(only=("alert_id", "version")),
    schemas.Alert,
    name="issue_draft",
)
alerts.offer(
    "PUT", f"{ALERT}/approval-request", "alerts.request_approval", schemas.AlertVersion, schemas.Alert
)
alerts.offer("PUT", f"{ALERT}/approval", "alerts.approve_alert", schemas.AlertVersion, schemas.Alert)
alerts.offer("PUT", f"{ALERT}/return", "alerts.return_alert", schemas.ReturnAlert, schemas.Alert)
alerts.offer("GET", ALERT, "alerts.get_alert", schemas.AlertId, schemas.Alert)
alerts.offer("PATCH", ALERT, "alerts.update_alert", schemas.UpdateAlert, schemas.Alert)
alerts.offer("PUT", f"{ALERT}/cancellation", "alerts.cancel_alert", schemas.CancelAlert, schemas.Alert)
alerts.offer("PUT", f"{ALERT}/reading", "alerts.mark_alert_read", schemas.AlertId, schemas.Reading)
alerts.offer("GET", f"{ALERT}/reach", "alerts.get_alert_reach", schemas.AlertId, schemas.Reach)
alerts.offer(
    "GET",
    f"{ALERT}/targets",
    "alerts.list_alert_targets",
    schemas.ListAlertTargets,
    schemas.TargetPage,
    csv=True,
)
alerts.offer(
    "GET",
    f"{ALERT}/history",
    "alerts.get_alert_history",
    schemas.ListAlertHistory,
    schemas.AlertHistoryPage,
    csv=True,
)
alerts.offer("GET", "/alert-rules", "alerts.list_alert_rules", schemas.ListAlertRules, schemas.AlertRulePage)
alerts.offer(
    "POST",
    "/alert-rules",
    "alerts.create_alert_rule",
    schemas.CreateAlertRule,
    schemas.AlertRule,
    location_template="/alert-rules/{id}",
)
alerts.offer("GET", RULE, "alerts.get_alert_rule", schemas.RuleId, schemas.AlertRule)
alerts.offer("PATCH", RULE, "alerts.update_alert_rule", schemas.UpdateAlertRule, schemas.AlertRule)


@alerts.route(f"{ALERT}/cap", methods=["GET"], endpoint="get_alert_cap")
@alerts.doc(**describe_document("alerts.get_alert_cap", CAP))
def get_alert_cap(alert_id: UUID) -> Response:
    """Return an alert as a document of the Common Alerting Protocol."""
    requests.refuse_query()
    found: AlertCap = call("alerts.get_alert_cap", {"alert_id": alert_id})
    return Response(found["cap"], content_type=CAP, headers={"Cache-Control": "no-store"})
