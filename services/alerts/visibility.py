"""Who may see which alerts, as conditions of SQL statements. Every read of an alert uses them.

An alert is public, restricted to groups, or private to accounts. Callers see a public one with ``alert:read``, a
restricted one with ``alert:read_restricted`` and a private one with ``alert:read_private``, each in the region of the
alert; what was never issued needs ``alert:read_draft`` besides. Callers who may approve alerts see those that wait for
it. Whatever permissions callers hold, they see the alerts that they issued and those that reached them. An alert that a
caller may not see does not exist for that caller: the answer is `NotFound`, never `Forbidden`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import and_, any_, case, exists, false, func, not_, or_

from services.alerts.models import REGIONS, alert_targets, alerts
from services.alerts.policy import CANCEL, USER
from shared.domain.alerts import ACTIVE, CANCELLED, PENDING_APPROVAL, PRIVATE, PUBLIC, RESTRICTED, UNISSUED
from shared.domain.permissions import (
    ALERT_APPROVE,
    ALERT_READ,
    ALERT_READ_DRAFT,
    ALERT_READ_PRIVATE,
    ALERT_READ_RESTRICTED,
)

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy import Connection

    from shared.platform.db.conditions import Condition
    from shared.platform.rpc.context import Caller

_earlier = alerts.alias("earlier")

_SUBJECT: Final = case(
    (alerts.c.msg_type == CANCEL, alerts.c.references[func.cardinality(alerts.c.references)]),
    else_=alerts.c.id,
)
"""The alert whose targets count. A Cancel message has those of the alert that it cancels."""


def readable(connection: Connection, caller: Caller) -> Condition:
    """Return the condition for the alerts that the caller may read, in whatever way."""
    return or_(permitted(connection, caller), own(caller), reached(caller))


def permitted(connection: Connection, caller: Caller) -> Condition:
    """Return the condition for the alerts that the caller's permissions allow to read."""
    # Most callers hold all of them in the same regions, of which the tree is asked once.
    conditions: dict[frozenset[UUID] | None, Condition] = {}

    def held(permission: str) -> Condition:
        regions = caller.regions(permission)
        if regions not in conditions:
            conditions[regions] = holds(connection, caller, permission)
        return conditions[regions]

    is_public = alerts.c.audience_class == PUBLIC
    restricted = and_(alerts.c.audience_class == RESTRICTED, held(ALERT_READ_RESTRICTED))
    private = and_(alerts.c.audience_class == PRIVATE, held(ALERT_READ_PRIVATE))
    return or_(
        and_(issued(), or_(and_(is_public, held(ALERT_READ)), restricted, private)),
        and_(not_(issued()), held(ALERT_READ_DRAFT), or_(is_public, restricted, private)),
        # Nobody can decide about an alert unseen.
        and_(alerts.c.status == PENDING_APPROVAL, held(ALERT_APPROVE)),
    )


def may_read_class(connection: Connection, caller: Caller, audience_class: str, region_id: UUID) -> bool:
    """Return whether the caller could read an alert of this class in the region, were it issued.

    Everybody may read a public one.
    """
    if audience_class == PUBLIC:
        return True
    permission = ALERT_READ_RESTRICTED if audience_class == RESTRICTED else ALERT_READ_PRIVATE
    return REGIONS.may(connection, caller, permission, region_id)


def in_force() -> Condition:
    """Return the condition for active alerts that have not expired, whether their status says so yet or not."""
    return and_(
        alerts.c.status == ACTIVE,
        or_(alerts.c.expires_at.is_(None), alerts.c.expires_at > func.current_timestamp()),
    )


def own(caller: Caller) -> Condition:
    """Return the condition for the alerts that the caller drafted or issued, and those that update or cancel them."""
    return or_(
        alerts.c.issued_by == caller.user_id,
        alerts.c.author_id == caller.user_id,
        and_(
            func.cardinality(alerts.c.references) > 0,
            exists().where(
                _earlier.c.id == any_(alerts.c.references),
                or_(_earlier.c.issued_by == caller.user_id, _earlier.c.author_id == caller.user_id),
            ),
        ),
    )


def reached(caller: Caller) -> Condition:
    """Return the condition for the alerts that reached the caller, and the messages that cancel them."""
    return exists().where(alert_targets.c.alert_id == _SUBJECT, received_by(caller))


def received_by(caller: Caller) -> Condition:
    """Return the condition for the rows of `alert_targets` through which alerts reached the caller."""
    return and_(
        alert_targets.c.target_type == USER,
        alert_targets.c.target_id == str(caller.user_id),
        alert_targets.c.reached_by.is_not(None),
    )


def public() -> Condition:
    """Return the condition for the alerts that everybody may read, also without an account."""
    return and_(alerts.c.audience_class == PUBLIC, issued())


def issued() -> Condition:
    """Return the condition for the alerts that were issued, whether they hold still or not."""
    return and_(
        alerts.c.status.not_in(UNISSUED),
        or_(
            alerts.c.status != CANCELLED,
            alerts.c.msg_type == CANCEL,
            alerts.c.area_version.is_not(None),
            # An alert about an unknown region has no area.
            alerts.c.sender.is_not(None),
        ),
    )


def shows_addressees(connection: Connection, caller: Caller) -> Condition:
    """Return the condition for the alerts of which the caller may know whom they are for.

    That an alert reached the caller does not suffice: who else got it is not for those who got it.
    """
    return or_(permitted(connection, caller), own(caller))


def is_private_to_others(caller: Caller) -> Condition:
    """Return the condition for the private alerts that the caller neither issued nor received."""
    # An alert of a rule has no author: a comparison with none is neither true nor false.
    is_own = func.coalesce(own(caller), false())
    return and_(alerts.c.audience_class == PRIVATE, not_(is_own), not_(reached(caller)))


def holds(connection: Connection, caller: Caller, permission: str) -> Condition:
    """Return the condition for alerts of the regions in which the caller holds the permission, and below."""
    return REGIONS.held(connection, caller, permission, alerts.c.region_id)
