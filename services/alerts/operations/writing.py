"""What drafting, issuing, updating and cancelling alerts have in common: rows written, locked and checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from services.alerts.models import alerts
from services.alerts.queries.alerts import get_alert
from services.alerts.queries.columns import COLUMNS
from services.alerts.queries.visibility import holds
from services.alerts.rules import ACTIVE
from shared.client.errors import Unavailable
from shared.platform.db.context import with_event_context
from shared.platform.db.digest import content_digest
from shared.platform.db.errors import field_errors
from shared.platform.db.repeats import id_taken, is_repeat, stale

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from sqlalchemy import Connection, RowMapping

    from shared.platform.rpc.context import Caller

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

CONSTRAINTS: Final = {"fk_alerts_region": "region_id", "fk_alerts_issued_by": "issued_by"}

_STORED: Final = (*COLUMNS, alerts.c.area_version, alerts.c.content_digest)


def digest_of(caller: Caller, arguments: Mapping[str, Any]) -> bytes:
    """Tells a repeated create of the same person from any other; a draft's issuer can change, its digest does not."""
    said = {**arguments, "author": caller.user_id}
    if "targets" in said:
        said["targets"] = [list(target) for target in said["targets"]]
    return content_digest(said)


def add(connection: Connection, caller: Caller | str, values: Mapping[str, Any]) -> RowMapping | None:
    """Writes an alert; None when there is one with its id.

    Args:
        connection: In a transaction.
        caller: Whose correlation id the events carry, or that id itself.
        values: By column.

    Raises:
        Invalid: There is no such region.
        Unavailable: There is, but it is not known here yet, so where the alert holds could not be kept.
    """
    statement = (
        insert(alerts)
        .values(**values)
        .on_conflict_do_nothing(index_elements=["id"])
        .returning(*_STORED, with_event_context(caller))
    )
    with field_errors(CONSTRAINTS):
        row = connection.execute(statement).mappings().one_or_none()
    if row is not None:
        check_area(row)
    return row


def check_area(row: RowMapping) -> None:
    """Refuses an active alert of a region that identity's events have not told of yet.

    Raises:
        Unavailable: It passes by itself within moments, or with `rebuild_audience`.
    """
    if row["status"] == ACTIVE and row["area_version"] is None:
        raise Unavailable("This region is not known to the alerts yet; try again in a moment.")


def made_before(connection: Connection, alert_id: UUID, digest: bytes) -> RowMapping:
    """The alert that a repeated create made the first time.

    Raises:
        Conflict: It is another one.
    """
    row = connection.execute(select(*_STORED).where(alerts.c.id == alert_id)).mappings().one()
    if row["content_digest"] != digest:
        raise id_taken("alert")
    return row


def change(
    connection: Connection, caller: Caller | str, alert_id: UUID, values: Mapping[str, Any]
) -> RowMapping:
    """Writes columns of an alert that `locked` holds.

    Args:
        connection: In a transaction.
        caller: Whose correlation id the events carry, or that id itself.
        alert_id: The alert.
        values: By column.
    """
    statement = (
        update(alerts)
        .where(alerts.c.id == alert_id)
        .values(**values)
        .returning(*_STORED, with_event_context(caller))
    )
    return connection.execute(statement).mappings().one()


def locked(connection: Connection, caller: Caller, alert_id: UUID, permission: str) -> RowMapping:
    """The alert, kept from others until the transaction ends.

    Raises:
        NotFound: There is none, or the caller may not see it.
        Forbidden: The caller may see it, but does not hold the permission in its region.
    """
    statement = select(alerts).where(alerts.c.id == alert_id, holds(caller, permission)).with_for_update()
    row = connection.execute(statement).mappings().one_or_none()
    if row is None:
        seen = get_alert(connection, caller, alert_id)
        caller.require(permission, seen["region_id"])
        row = connection.execute(statement).mappings().one()
    return row


def check_version(caller: Caller, row: RowMapping, version: int, values: Mapping[str, Any]) -> bool:
    """Whether this very change was made before; False is leave to make it.

    Raises:
        Conflict: The alert was changed meanwhile, in another way or by somebody else.
    """
    if row["version"] == version:
        return False
    if is_repeat(caller, row, version, values):
        return True
    raise stale("alert", row)
