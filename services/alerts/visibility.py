"""Who sees which alerts, as conditions of a statement.

What one may not see does not exist for one: a condition that leaves an alert out makes it `NotFound`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import and_, case, exists, func, not_, or_

from services.alerts.models import alert_targets, alerts
from services.alerts.policy import CANCEL, CANCELLED, DRAFT, REGION, USER
from shared.domain.permissions import ALERT_READ, ALERT_READ_DRAFT
from shared.platform.db.conditions import in_regions_of

if TYPE_CHECKING:
    from shared.platform.db.conditions import Condition
    from shared.platform.rpc.context import Caller


def visible(caller: Caller) -> Condition:
    """Issued alerts of the regions that the caller may read, and drafts where it may read those."""
    return or_(
        and_(alerts.c.status != DRAFT, in_regions_of(caller, ALERT_READ, alerts.c.region_id)),
        and_(alerts.c.status == DRAFT, in_regions_of(caller, ALERT_READ_DRAFT, alerts.c.region_id)),
    )


def public() -> Condition:
    """Issued alerts that everybody may know of: those for a region, or for nobody in particular (CAP's Public).

    A Cancel is as public as the alert that it calls off.
    """
    subject = case(
        (alerts.c.msg_type == CANCEL, alerts.c.references[func.cardinality(alerts.c.references)]),
        else_=alerts.c.id,
    )
    declared = and_(alert_targets.c.alert_id == subject, alert_targets.c.position.is_not(None))
    never_issued = and_(alerts.c.status == CANCELLED, alerts.c.area_version.is_(None))
    return and_(
        alerts.c.status != DRAFT,
        not_(never_issued),
        or_(
            not_(exists().where(declared)),
            exists().where(declared, alert_targets.c.target_type == REGION),
        ),
    )


def holds(caller: Caller, permission: str) -> Condition:
    """Alerts of the regions in which the caller holds the permission."""
    return in_regions_of(caller, permission, alerts.c.region_id)


def to(caller: Caller) -> Condition:
    """Rows of `alert_targets` by which an alert reached the caller."""
    return and_(
        alert_targets.c.target_type == USER,
        alert_targets.c.target_id == str(caller.user_id),
        alert_targets.c.reached_by.is_not(None),
    )


def reached(caller: Caller) -> Condition:
    """Alerts that reached the caller, whatever it may read."""
    return exists().where(alert_targets.c.alert_id == alerts.c.id, to(caller))
