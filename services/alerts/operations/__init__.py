"""The writes of the alerts service: one function is one use case and one transaction."""

from services.alerts.operations.audience import member, record_audience, region, store_members, store_regions
from services.alerts.operations.ending import EXPIRED_AT_ONCE, cancel_alert, expire_alerts
from services.alerts.operations.following import follow_rules
from services.alerts.operations.issuing import draft_alert, issue_alert
from services.alerts.operations.reading import mark_alert_read
from services.alerts.operations.rules import create_alert_rule, seed, update_alert_rule
from services.alerts.operations.targeting import begin_targeting, expand_targets
from services.alerts.operations.updating import update_alert

__all__ = [
    "EXPIRED_AT_ONCE",
    "begin_targeting",
    "cancel_alert",
    "create_alert_rule",
    "draft_alert",
    "expand_targets",
    "expire_alerts",
    "follow_rules",
    "issue_alert",
    "mark_alert_read",
    "member",
    "record_audience",
    "region",
    "seed",
    "store_members",
    "store_regions",
    "update_alert",
    "update_alert_rule",
]
