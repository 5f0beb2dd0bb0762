"""Reading the content of the CAP message of an alert."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import Table, Text, and_, case, false, or_, select
from sqlalchemy import cast as sql_cast

from services.alerts import private_reads
from services.alerts.alerts import COLUMNS
from services.alerts.cap.message import Message, Reference, Region
from services.alerts.declared_targets import declared
from services.alerts.models import alert_areas, alerts, audience_regions
from services.alerts.policy import CANCEL, CAP, USER, cap_fields
from services.alerts.visibility import public, readable, shows_addressees
from shared.client.errors import Conflict, NotFound
from shared.domain.alerts import CANCELLED, UNISSUED
from shared.platform.db.conditions import one_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from sqlalchemy import ColumnElement, Connection

    from services.alerts.policy import Target
    from services.alerts.schemas import types
    from shared.platform.rpc.context import Caller


def _shown(table: Table, name: str) -> ColumnElement[Any]:
    """Return a column of a region; the boundaries as text, which a native thread parses when it writes the message."""
    return sql_cast(table.c.boundaries, Text) if name == "boundaries" else table.c[name]


def get_cap_message(connection: Connection, caller: Caller | None, sender: str, alert_id: UUID) -> Message:
    """Return the content of the CAP message of an alert, as it was when the alert was issued.

    Args:
        connection: In a transaction or not.
        caller: The caller, who may see the alert or was reached by it; None for callers without a token. Everybody
            may read public alerts.
        sender: The sender in CAP, for alerts that were not written by this service and have none.
        alert_id: The id of an issued alert, or of the message that cancels one.

    Raises:
        NotFound: The alert does not exist, or the caller may not see it.
        Conflict: The alert was never issued.
    """
    frozen = and_(
        alert_areas.c.region_id == alerts.c.region_id, alert_areas.c.version == alerts.c.area_version
    )
    # Only alerts that were not written by this service can lack an area; the present region is used for them.
    areas = (
        case(
            (alerts.c.area_version.is_not(None), _shown(alert_areas, name)),
            else_=_shown(audience_regions, name),
        ).label(f"region_{name}")
        for name in Region._fields
    )
    statement = (
        select(
            *COLUMNS,
            *([] if caller is None else private_reads.mark(caller)),
            alerts.c.sender,
            alerts.c.area_version,
            (false() if caller is None else shows_addressees(connection, caller)).label("shows_addressees"),
            *areas,
        )
        .select_from(
            alerts.outerjoin(alert_areas, frozen).outerjoin(
                audience_regions, audience_regions.c.region_id == alerts.c.region_id
            )
        )
        .where(
            alerts.c.id == alert_id,
            public() if caller is None else or_(readable(connection, caller), public()),
        )
    )
    row = connection.execute(statement).mappings().one_or_none()
    if row is None:
        raise NotFound("Alert not found.")
    if caller is not None:
        private_reads.record(connection, caller, CAP, [row])
    # An alert about an unknown region has no area, but a sender.
    was_issued = row["area_version"] is not None or row["sender"] is not None
    if row["status"] in UNISSUED or (row["status"] == CANCELLED and not was_issued):
        raise Conflict("This alert was never issued, so it has no CAP message.", status=row["status"])
    return Message(
        alert=cast("types.Alert", {**row, **cap_fields(dict(row))}),
        sender=row["sender"] or sender,
        region=Region(*(row[f"region_{name}"] for name in Region._fields)),
        targets=_shown_targets(connection, caller, row),
        references=_references(connection, sender, row["references"]),
    )


def _shown_targets(connection: Connection, caller: Caller | None, row: Mapping[Any, Any]) -> list[Target]:
    """Return the declared targets that the caller may know: of the accounts perhaps only the caller's own.

    A Cancel message has the targets of the alert that it cancels.
    """
    targets = declared(connection, row["references"][-1] if row["msg_type"] == CANCEL else row["id"])
    if row["shows_addressees"] or caller is None:
        return targets
    mine = str(caller.user_id)
    return [target for target in targets if target.target_type != USER or target.target_id == mine]


def _references(connection: Connection, sender: str, alert_ids: list[UUID]) -> list[Reference]:
    if not alert_ids:
        return []
    rows = connection.execute(
        select(alerts.c.id, alerts.c.sender, alerts.c.issued_at)
        .where(one_of(alerts.c.id, alert_ids))
        .order_by(alerts.c.issued_at, alerts.c.id)
    )
    return [Reference(row.sender or sender, row.id, row.issued_at) for row in rows]
