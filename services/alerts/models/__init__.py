"""The tables of the schema ``alerts``."""

from services.alerts.models.alerts import alert_areas, alert_rules, alerts, ending_statuses
from services.alerts.models.audience import ALL_REGIONS, audience_members, audience_regions
from services.alerts.models.schema import SCHEMA, outbox, tables
from services.alerts.models.targets import SHARDS, alert_reach, alert_targeting, alert_targets, unread

__all__ = [
    "ALL_REGIONS",
    "SCHEMA",
    "SHARDS",
    "alert_areas",
    "alert_reach",
    "alert_rules",
    "alert_targeting",
    "alert_targets",
    "alerts",
    "audience_members",
    "audience_regions",
    "ending_statuses",
    "outbox",
    "tables",
    "unread",
]
