"""Who sees which reports, as conditions of a statement.

What one may not see does not exist for one: a condition that leaves a report out makes it `NotFound`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import and_, or_

from services.reports.models import reports
from shared.contracts.permissions import REPORT_READ, REPORT_READ_OWN
from shared.db.conditions import in_regions_of

if TYPE_CHECKING:
    from shared.db.conditions import Condition
    from shared.rpc.context import Caller


def visible(caller: Caller) -> Condition:
    """Reports of the regions that the caller may read, and the caller's own ones."""
    return or_(holds(caller, REPORT_READ), and_(holds(caller, REPORT_READ_OWN), own(caller)))


def holds(caller: Caller, permission: str) -> Condition:
    """Reports of the regions in which the caller holds the permission."""
    return in_regions_of(caller, permission, reports.c.region_id)


def own(caller: Caller) -> Condition:
    """Reports that the caller filed."""
    return reports.c.user_id == caller.user_id
