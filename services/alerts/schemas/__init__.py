"""What the methods of the alerts service take and return."""

from services.alerts.schemas.arguments import (
    AlertId,
    CancelAlert,
    DraftAlert,
    IssueAlert,
    ListAlertTargets,
    RebuildAudience,
    UpdateAlert,
)
from services.alerts.schemas.filters import ListAlerts, ListMyAlerts, ListRecentAlerts
from services.alerts.schemas.results import (
    Alert,
    AlertCap,
    AlertPage,
    MyAlertPage,
    PublicAlertPage,
    Reach,
    Reading,
    RebuiltAudience,
    RecentAlertPage,
    TargetPage,
)
from services.alerts.schemas.rules import (
    AlertRule,
    AlertRulePage,
    CreateAlertRule,
    ListAlertRules,
    RuleId,
    UpdateAlertRule,
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
    "ListRecentAlerts",
    "MyAlertPage",
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
