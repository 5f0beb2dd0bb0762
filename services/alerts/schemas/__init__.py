"""The arguments and results of the methods of the alerts service."""

from services.alerts.schemas.alert_rules import (
    AlertRule,
    AlertRulePage,
    CreateAlertRule,
    ListAlertRules,
    RuleId,
    UpdateAlertRule,
)
from services.alerts.schemas.alerts import (
    Alert,
    AlertCap,
    AlertId,
    AlertPage,
    CancelAlert,
    DraftAlert,
    IssueAlert,
    ListAlerts,
    ListRecentAlerts,
    PublicAlertPage,
    RecentAlertPage,
    UpdateAlert,
)
from services.alerts.schemas.audience import (
    ListMyAlerts,
    MyAlertPage,
    Reading,
    RebuildAudience,
    RebuiltAudience,
)
from services.alerts.schemas.private_reads import ListPrivateAlertReads, PrivateAlertReadPage
from services.alerts.schemas.targets import (
    ListAlertTargets,
    Reach,
    TargetPage,
)

__all__ = [
    "Alert",
    "AlertCap",
    "AlertId",
    "AlertPage",
    "AlertRule",
    "AlertRulePage",
    "CancelAlert",
    "CreateAlertRule",
    "DraftAlert",
    "IssueAlert",
    "ListAlertRules",
    "ListAlertTargets",
    "ListAlerts",
    "ListMyAlerts",
    "ListPrivateAlertReads",
    "ListRecentAlerts",
    "MyAlertPage",
    "PrivateAlertReadPage",
    "PublicAlertPage",
    "Reach",
    "Reading",
    "RebuildAudience",
    "RebuiltAudience",
    "RecentAlertPage",
    "RuleId",
    "TargetPage",
    "UpdateAlert",
    "UpdateAlertRule",
]
