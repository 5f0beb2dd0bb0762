"""Alerts: writing and locking their rows; reading one alert, and pages of them."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final, cast

from sqlalchemy import and_, case, column, func, or_, select, table
from uuid6 import uuid7

from services.alerts import private_reads
from services.alerts.declared_targets import declare
from services.alerts.models import (
    REGIONS,
    SCHEMA,
    alert_areas,
    alert_status_history,
    alerts,
    audience_regions,
)
from services.alerts.policy import CANCEL, CHANGE, GET, LIST, RECENT, UPDATE, audience_of
from services.alerts.schemas import types
from services.alerts.sources import lock_sources
from services.alerts.visibility import holds, in_force, public, readable
from shared.client.errors import NotFound, Unavailable
from shared.domain.alerts import ACTIVE, CANCELLED, DRAFT, SUPERSEDED
from shared.domain.identity import UNKNOWN_REGION_ID
from shared.domain.permissions import ALERT_READ_DRAFT, ALERT_READ_RESTRICTED
from shared.domain.status_changes import StatusHistory
from shared.platform.db import paging
from shared.platform.db.conditions import conditions_of, one_of
from shared.platform.db.errors import field_errors
from shared.platform.db.writes import change_if_version, create_once, stale

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from uuid import UUID

    from sqlalchemy import Connection

    from services.alerts.policy import Target
    from shared.platform.db.conditions import Condition
    from shared.platform.rpc.context import Caller


class StoredAlert(types.Alert):
    """The whole row of an alert, with the columns that are not shown."""

    content_digest: bytes | None
    source_version: int | None
    sender: str | None
    area_version: int | None
    author_id: UUID | None
    audience_groups: list[str]
    audience_accounts: list[UUID]
    edited_by: UUID | None


CONTENT: Final = (
    "title",
    "message",
    "region_id",
    "priority",
    "expires_at",
    "category",
    "event",
    "urgency",
    "severity",
    "certainty",
    "instruction",
    "language",
    "translations",
    "cap_status",
    "onset_at",
    "area",
)
"""The columns that the author of an alert fills."""

OF_SOURCE: Final = ("rule_id", "source_type", "source_id", "source_version")
"""The columns that say what an alert of a rule is about."""

BACK_TO_DRAFT: Final = {"status": DRAFT, "approval_requested_by": None, "approval_requested_at": None}
"""What turns an alert that waits for approval into a draft again."""

_CONSTRAINTS: Final = {"fk_alerts_region": "region_id", "fk_alerts_issued_by": "issued_by"}

_HIDDEN: Final = frozenset(
    {
        "content_digest",
        "source_version",
        "sender",
        "area_version",
        "author_id",
        "edited_by",
        "audience_groups",
        "audience_accounts",
    }
)

COLUMNS: Final = tuple(column for column in alerts.c if column.key not in _HIDDEN)
"""The columns of an alert that callers see."""

_ORDER: Final[paging.Order] = ((alerts.c.issued_at, "desc"), (alerts.c.id, "desc"))

_HISTORY: Final = StatusHistory(alert_status_history, "alert_id")

CANCEL_LISTED_FOR: Final = dt.timedelta(days=7)
"""How long the Cancel message of an alert without an expiry is listed."""

_RECENT: Final = table(
    "recent_alerts", column("id"), column("region_name"), column("issuer_name"), schema=SCHEMA
)
"""A view of the original schema. It alone may read the names of regions and accounts."""

_CONDITIONS: Final[dict[str, Callable[[Any], Condition]]] = {
    "status": lambda values: one_of(alerts.c.status, values),
    "priority": lambda values: one_of(alerts.c.priority, values),
    "msg_type": lambda values: one_of(alerts.c.msg_type, values),
    "source_id": lambda value: alerts.c.source_id == value,
    "issued_from": lambda value: alerts.c.issued_at >= value,
    "issued_to": lambda value: alerts.c.issued_at < value,
    "changed_since": lambda value: alerts.c.updated_at >= value,
}


def _conditions(
    connection: Connection, filters: types.ListAlerts | types.ListRecentAlerts
) -> list[Condition]:
    in_regions = REGIONS.chosen(connection, alerts.c.region_id, filters)
    return [*conditions_of(filters, _CONDITIONS), *in_regions]


def content_of(arguments: Mapping[str, object]) -> dict[str, object]:
    """Return the arguments that are columns which the author of an alert fills."""
    return {name: value for name, value in arguments.items() if name in CONTENT}


def insert_alert(
    connection: Connection,
    caller: Caller | str,
    values: Mapping[str, object],
    targets: Sequence[Target] | None = None,
) -> tuple[StoredAlert, bool]:
    """Insert an alert with its class and its declared targets, unless this very create inserted it before.

    Args:
        connection: In a transaction.
        caller: The caller, or the correlation id, that the events carry.
        values: The values by column, with ``id`` and ``content_digest``.
        targets: The declared targets, at least one; None for a Cancel message, which has no targets of its own. The
            database gives it the class of the alert that it cancels.

    Returns:
        The alert, and whether it is new.

    Raises:
        Invalid: The region does not exist.
        Conflict: The id belongs to another alert.
        Unavailable: See `check_area`.
    """
    if targets is not None:
        values = {**values, **audience_of(targets)}
    with field_errors(_CONSTRAINTS):
        created = create_once(connection, caller, alerts, values, thing="alert")
    row = cast("StoredAlert", created.row)
    if created.is_new:
        check_area(row)
        if targets is not None:
            declare(connection, row["id"], targets)
    return row, created.is_new


def change_alert(
    connection: Connection, caller: Caller | str, row: StoredAlert, values: Mapping[str, object]
) -> StoredAlert:
    """Change an alert that the transaction has locked.

    Args:
        connection: In a transaction.
        caller: The caller, who becomes ``updated_by``; or a correlation id, where the values have ``updated_by``.
        row: The locked alert.
        values: The new values by column.

    Returns:
        The alert as it is now.
    """
    changed = change_if_version(connection, caller, alerts, row["id"], row["version"], values)
    if changed is None:
        raise stale("alert", row)
    return cast("StoredAlert", changed)


def replace_alert(
    connection: Connection,
    caller: Caller | str,
    old: StoredAlert,
    values: Mapping[str, object],
    targets: Sequence[Target],
) -> StoredAlert:
    """Issue the update of an active alert that the transaction has locked: it references and supersedes that.

    Args:
        connection: In a transaction.
        caller: The caller, or the correlation id, that the events carry.
        old: The locked alert.
        values: The content of the update, and the other columns in which it differs.
        targets: Its declared targets.

    Returns:
        The update.
    """
    new, _ = insert_alert(
        connection,
        caller,
        {
            "id": uuid7(),
            "status": ACTIVE,
            "msg_type": UPDATE,
            "references": [*old["references"], old["id"]],
            # The update of an alert that a rule issued still follows the report or resource.
            **{name: old[name] for name in OF_SOURCE},
            **values,
        },
        targets,
    )
    ended: dict[str, object] = {
        "status": SUPERSEDED,
        "superseded_by": new["id"],
        "status_notes": new["status_notes"],
    }
    if isinstance(caller, str):
        ended["updated_by"] = new["issued_by"]
    change_alert(connection, caller, old, ended)
    return new


def check_area(row: StoredAlert) -> None:
    """Refuse an active alert of a region that identity's events have not described yet.

    The reserved region needs none: only rules make alerts of it, which are for groups and accounts.

    Raises:
        Unavailable: It passes within moments, or with `rebuild_audience`.
    """
    is_reserved = row["region_id"] == UNKNOWN_REGION_ID
    if row["status"] == ACTIVE and row["area_version"] is None and not is_reserved:
        raise Unavailable("The alerts service has not received this region yet; try again in a moment.")


def lock_alert(connection: Connection, caller: Caller, alert_id: UUID, *permissions: str) -> StoredAlert:
    """Lock an alert until the transaction ends, and return it.

    The report or resource that the alert is about is locked first, so that nobody else decides about it meanwhile.

    Args:
        connection: In a transaction.
        caller: The caller, who needs one of the permissions in the region of the alert.
        alert_id: The id of the alert.
        permissions: One or several permissions. A refusal names the first one.

    Raises:
        NotFound: The alert does not exist, or the caller may not see it.
        Forbidden: The caller does not hold any of the permissions in the region of the alert.
    """
    _lock_source(connection, alert_id)
    allowed = or_(*(holds(connection, caller, permission) for permission in permissions))
    statement = (
        select(alerts, *private_reads.mark(caller))
        .where(alerts.c.id == alert_id, allowed, readable(connection, caller))
        .with_for_update(of=alerts)
    )
    row = connection.execute(statement).mappings().one_or_none()
    if row is None:
        seen = get_alert(connection, caller, alert_id)
        if not any(
            REGIONS.may(connection, caller, permission, seen["region_id"]) for permission in permissions
        ):
            REGIONS.require(connection, caller, permissions[0], seen["region_id"])
        row = connection.execute(statement).mappings().one()
    private_reads.record(connection, caller, CHANGE, [row])
    return cast("StoredAlert", row)


def lock_replaced(connection: Connection, alert_id: UUID) -> StoredAlert:
    """Lock an alert as `lock_alert` does, for whoever may issue the update that replaces it.

    Who sees that update decides about it, whether they may read the alert or not.

    Args:
        connection: In a transaction.
        alert_id: The id of the alert that an update references last.
    """
    _lock_source(connection, alert_id)
    statement = select(alerts).where(alerts.c.id == alert_id).with_for_update()
    return cast("StoredAlert", connection.execute(statement).mappings().one())


def _lock_source(connection: Connection, alert_id: UUID) -> None:
    source_id = connection.scalar(select(alerts.c.source_id).where(alerts.c.id == alert_id))
    if source_id is not None:
        lock_sources(connection, [source_id])


def get_alert(connection: Connection, caller: Caller, alert_id: UUID) -> types.Alert:
    """Return an alert that the caller may read.

    Raises:
        NotFound: The alert does not exist, or the caller may not see it.
    """
    statement = select(*COLUMNS, *private_reads.mark(caller)).where(
        alerts.c.id == alert_id, readable(connection, caller)
    )
    row = connection.execute(statement).mappings().one_or_none()
    if row is None:
        raise NotFound("Alert not found.")
    private_reads.record(connection, caller, GET, [row])
    return cast("types.Alert", row)


def get_alert_history(
    connection: Connection, caller: Caller, arguments: types.ListAlertHistory
) -> types.PageOfAlertHistoryEntry:
    """Return a page of the statuses that an alert entered, the first one first.

    They name colleagues and hold internal reasons, so they are shown to those who may read drafts.

    Raises:
        NotFound: The alert does not exist, or the caller may not see it.
        Forbidden: The caller may not read drafts in the region of the alert.
    """
    alert = get_alert(connection, caller, arguments["alert_id"])
    REGIONS.require(connection, caller, ALERT_READ_DRAFT, alert["region_id"])
    found = _HISTORY.page(connection, alert["id"], arguments["cursor"], arguments["limit"])
    return cast("types.PageOfAlertHistoryEntry", found)


def list_alerts(connection: Connection, caller: Caller, filters: types.ListAlerts) -> types.PageOfAlert:
    """Return a page of the alerts that the caller may read and that match all filters, the newest first."""
    statement = select(*COLUMNS, *private_reads.mark(caller)).where(
        readable(connection, caller), *_conditions(connection, filters)
    )
    page = paging.fetch_page(connection, statement, _ORDER, filters)
    private_reads.record(connection, caller, LIST, page["items"])
    return cast("types.PageOfAlert", page)


def list_recent_alerts(
    connection: Connection, caller: Caller, sender: str, filters: types.ListRecentAlerts
) -> types.PageOfRecentAlert:
    """Return a page of the alerts in force, with the names of their regions and senders, the newest first.

    The name of the issuer is for staff, who hold ``alert:read_restricted`` in the region; for others it is null.
    """
    issuer = case((holds(connection, caller, ALERT_READ_RESTRICTED), _RECENT.c.issuer_name))
    statement = (
        select(
            *COLUMNS,
            *private_reads.mark(caller),
            _RECENT.c.region_name,
            issuer.label("issuer_name"),
            func.coalesce(alerts.c.sender, sender).label("sender"),
        )
        .join_from(alerts, _RECENT, _RECENT.c.id == alerts.c.id)
        .where(in_force(), readable(connection, caller), *_conditions(connection, filters))
    )
    page = paging.fetch_page(connection, statement, _ORDER, filters)
    private_reads.record(connection, caller, RECENT, page["items"])
    return cast("types.PageOfRecentAlert", page)


def list_public_alerts(
    connection: Connection, sender: str, filters: types.ListRecentAlerts
) -> types.PageOfPublicAlert:
    """Return a page of the public alerts in force and of the messages that cancel such alerts, the newest first.

    A Cancel message is listed until the alert that it cancels would have expired; if that alert had no expiry, for
    `CANCEL_LISTED_FOR`.
    """
    listed_until = func.coalesce(alerts.c.expires_at, alerts.c.issued_at + CANCEL_LISTED_FOR)
    cancels = and_(
        alerts.c.msg_type == CANCEL, alerts.c.status == CANCELLED, listed_until > func.current_timestamp()
    )
    frozen = and_(
        alert_areas.c.region_id == alerts.c.region_id, alert_areas.c.version == alerts.c.area_version
    )
    region_name = func.coalesce(audience_regions.c.name, alert_areas.c.name, "").label("region_name")
    statement = (
        select(*COLUMNS, region_name, func.coalesce(alerts.c.sender, sender).label("sender"))
        .select_from(
            alerts.outerjoin(alert_areas, frozen).outerjoin(
                audience_regions, audience_regions.c.region_id == alerts.c.region_id
            )
        )
        .where(or_(in_force(), cancels), public(), *_conditions(connection, filters))
    )
    return cast("types.PageOfPublicAlert", paging.fetch_page(connection, statement, _ORDER, filters))
