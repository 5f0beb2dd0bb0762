"""Who may see which alerts, as conditions of SQL statements.

An alert that a caller may not see does not exist for that caller: the answer is `NotFound`, never `Forbidden`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import and_, case, exists, func, not_, or_

from services.alerts.models import REGIONS, alert_targets, alerts
from services.alerts.policy import CANCEL, REGION, USER
from shared.domain.alerts import CANCELLED, UNISSUED
from shared.domain.permissions import ALERT_READ, ALERT_READ_DRAFT

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from shared.platform.db.conditions import Condition
    from shared.platform.rpc.context import Caller


def visible(connection: Connection, caller: Caller) -> Condition:
    """Return the condition for issued alerts, and for drafts and pending ones, where the caller may read them."""
    return or_(
        and_(alerts.c.status.not_in(UNISSUED), holds(connection, caller, ALERT_READ)),
        and_(alerts.c.status.in_(UNISSUED), holds(connection, caller, ALERT_READ_DRAFT)),
    )


def public() -> Condition:
    """Return the condition for public issued alerts: those for a region or without declared targets (CAP's Public).

    A Cancel message is as public as the alert that it cancels.
    """
    subject = case(
        (alerts.c.msg_type == CANCEL, alerts.c.references[func.cardinality(alerts.c.references)]),
        else_=alerts.c.id,
    )
    declared = and_(alert_targets.c.alert_id == subject, alert_targets.c.position.is_not(None))
    never_issued = and_(alerts.c.status == CANCELLED, alerts.c.area_version.is_(None))
    return and_(
        alerts.c.status.not_in(UNISSUED),
        not_(never_issued),
        or_(
            not_(exists().where(declared)),
            exists().where(declared, alert_targets.c.target_type == REGION),
        ),
    )


def holds(connection: Connection, caller: Caller, permission: str) -> Condition:
    """Return the condition for alerts of the regions in which the caller holds the permission."""
    return REGIONS.held(connection, caller, permission, alerts.c.region_id)


def received_by(caller: Caller) -> Condition:
    """Return the condition for the rows of `alert_targets` through which alerts reached the caller."""
    return and_(
        alert_targets.c.target_type == USER,
        alert_targets.c.target_id == str(caller.user_id),
        alert_targets.c.reached_by.is_not(None),
    )


def reached(caller: Caller) -> Condition:
    """Return the condition for alerts that reached the caller, whatever permissions the caller holds."""
    return exists().where(alert_targets.c.alert_id == alerts.c.id, received_by(caller))
