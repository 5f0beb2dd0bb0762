"""Reads of whom alerts are for: one's own alerts, the targets of one, and how far it reached."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import func, not_, select

from services.alerts.models import alert_reach, alert_targeting, alert_targets, alerts, unread
from services.alerts.queries.columns import COLUMNS
from services.alerts.queries.visibility import holds, to
from services.alerts.rules import USER, Target
from shared.client.errors import NotFound
from shared.domain.permissions import ALERT_READ_REACH
from shared.platform.db import paging

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from sqlalchemy import Connection

    from shared.platform.rpc.context import Caller

_TARGET_ID = alert_targets.c.id.label("received")
_MINE: Final[paging.Order] = ((unread, "desc"), (_TARGET_ID, "desc"))
_TARGETS: Final[paging.Order] = ((alert_targets.c.target_type, "asc"), (alert_targets.c.target_id, "asc"))
"""The order of the unique key within an alert, which the pages follow."""


def list_my_alerts(connection: Connection, caller: Caller, filters: Mapping[str, Any]) -> dict[str, Any]:
    """A page of the alerts that reached the caller, unread ones first, then the newest.

    It reads the caller's own rows in the order of their index, so it costs the same however many alerts and people
    there are. Alerts that are over are among them, with their status.
    """
    statement = (
        select(*COLUMNS, alert_targets.c.is_read, alert_targets.c.read_at, unread, _TARGET_ID)
        .join_from(alert_targets, alerts, alerts.c.id == alert_targets.c.alert_id)
        .where(to(caller))
    )
    if filters["unread_only"]:
        statement = statement.where(not_(alert_targets.c.is_read))
    rows: Any = connection.execute(paging.keyset(statement, _MINE, filters["cursor"], filters["limit"])).all()
    return paging.page(rows, filters["limit"], _MINE)


def list_alert_targets(
    connection: Connection,
    caller: Caller,
    alert_id: UUID,
    cursor: str | None,
    limit: int,
    target_type: str | None = None,
) -> dict[str, Any]:
    """A page of the targets of an alert: groups, regions, then people, each by id.

    Raises:
        NotFound: There is no such alert, or the caller may not see whom it reached.
    """
    _check_reach_is_shown(connection, caller, alert_id)
    statement = select(alert_targets, alert_targets.c.position.is_not(None).label("declared")).where(
        alert_targets.c.alert_id == alert_id
    )
    if target_type is not None:
        statement = statement.where(alert_targets.c.target_type == target_type)
    rows = connection.execute(paging.keyset(statement, _TARGETS, cursor, limit)).all()
    return paging.page(rows, limit, _TARGETS)


def get_alert_reach(connection: Connection, caller: Caller, alert_id: UUID) -> dict[str, Any]:
    """How many people an alert reached and how many have read it, in total and by declared group and region.

    It adds up counters, and costs the same for ten people and for ten million.

    Raises:
        NotFound: There is no such alert, or the caller may not see whom it reached.
    """
    _check_reach_is_shown(connection, caller, alert_id)
    # Before the counts: each statement sees what was committed when it began, and who is told that it is finished
    # must not be given the counts of a moment before.
    targeted_at = connection.scalar(
        select(alert_targeting.c.finished_at).where(alert_targeting.c.alert_id == alert_id)
    )
    groups_and_regions = connection.execute(
        select(alert_targets.c.position, alert_targets.c.target_type, alert_targets.c.target_id)
        .where(
            alert_targets.c.alert_id == alert_id,
            alert_targets.c.position.is_not(None),
            alert_targets.c.target_type != USER,
        )
        .order_by(alert_targets.c.position)
    ).all()
    sums = connection.execute(
        select(
            alert_reach.c.position,
            func.sum(alert_reach.c.targets).label("targets"),
            func.sum(alert_reach.c.reads).label("read"),
        )
        .where(alert_reach.c.alert_id == alert_id)
        .group_by(alert_reach.c.position)
    )
    counts = {row.position: _counts(row.targets, row.read) for row in sums}
    nobody = _counts(0, 0)
    return {
        "alert_id": alert_id,
        "targeted_at": targeted_at,
        **counts.get(0, nobody),
        "by_target": [
            {
                "target_type": row.target_type,
                "target_id": row.target_id,
                **counts.get(row.position, nobody),
            }
            for row in groups_and_regions
        ],
    }


def declared(connection: Connection, alert_id: UUID) -> list[Target]:
    """The declared targets of an alert, in their order."""
    rows = connection.execute(
        select(alert_targets.c.target_type, alert_targets.c.target_id)
        .where(alert_targets.c.alert_id == alert_id, alert_targets.c.position.is_not(None))
        .order_by(alert_targets.c.position)
    )
    return [Target(row.target_type, row.target_id) for row in rows]


def _counts(targets: int, read: int) -> dict[str, int]:
    return {"targets": targets, "read": read, "unread": targets - read}


def _check_reach_is_shown(connection: Connection, caller: Caller, alert_id: UUID) -> None:
    statement = select(alerts.c.id).where(alerts.c.id == alert_id, holds(caller, ALERT_READ_REACH))
    if connection.scalar(statement) is None:
        raise NotFound("There is no such alert.")
