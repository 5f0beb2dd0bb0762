"""The reads of the alerts service."""

from services.alerts.queries.alerts import get_alert, list_alerts, list_public_alerts, list_recent_alerts
from services.alerts.queries.cap import get_cap_message
from services.alerts.queries.rules import get_alert_rule, list_alert_rules
from services.alerts.queries.targets import declared, get_alert_reach, list_alert_targets, list_my_alerts

__all__ = [
    "declared",
    "get_alert",
    "get_alert_reach",
    "get_alert_rule",
    "get_cap_message",
    "list_alert_rules",
    "list_alert_targets",
    "list_alerts",
    "list_my_alerts",
    "list_public_alerts",
    "list_recent_alerts",
]
