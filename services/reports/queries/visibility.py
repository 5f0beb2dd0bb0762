"""Who sees which reports, as conditions of a statement.

What one may not see does not exist for one: a condition that leaves a report out makes it `NotFound`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, or_

from services.reports.models import reports
from shared.domain.permissions import REPORT_READ, REPORT_READ_OWN
from shared.platform.db.conditions import in_regions_of
from shared.platform.db.tables import UNKNOWN_REGION_ID

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import RowMapping

    from shared.platform.db.conditions import Condition
    from shared.platform.rpc.context import Caller


def visible(caller: Caller) -> Condition:
    """Reports of the regions that the caller may read, and the caller's own ones."""
    return or_(holds(caller, REPORT_READ), holds_own(caller, REPORT_READ_OWN))


def holds_own(caller: Caller, permission: str) -> Condition:
    """Reports that the caller filed, in the regions in which the caller holds the permission.

    Those in the reserved region are among them for a caller who holds it anywhere: the reporter did not choose it.
    """
    in_regions = holds(caller, permission)
    if caller.may(permission):
        in_regions = or_(in_regions, reports.c.region_id == UNKNOWN_REGION_ID)
    return and_(own(caller), in_regions)


def may_own(caller: Caller, permission: str, report: RowMapping | Mapping[str, Any]) -> bool:
    """Whether the report is one of those of `holds_own`."""
    region_id = report["region_id"]
    held = caller.may(permission, region_id) or (region_id == UNKNOWN_REGION_ID and caller.may(permission))
    return bool(report["user_id"] == caller.user_id and held)


def require(caller: Caller, permission: str, report: RowMapping | Mapping[str, Any]) -> None:
    """Refuse a caller who does not hold the permission for the report.

    Raises:
        Forbidden: It names the permission.
    """
    if not may_own(caller, permission, report):
        caller.require(permission, report["region_id"])


def holds(caller: Caller, permission: str) -> Condition:
    """Reports of the regions in which the caller holds the permission."""
    return in_regions_of(caller, permission, reports.c.region_id)


def own(caller: Caller) -> Condition:
    """Reports that the caller filed."""
    return reports.c.user_id == caller.user_id
