"""Who sees which reports, as conditions of a statement.

What one may not see does not exist for one: a condition that leaves a report out makes it `NotFound`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import ARRAY, ColumnElement, and_, any_, bindparam, false, or_, true

from services.reports.models import reports
from shared.contracts.permissions import REPORT_READ, REPORT_READ_OWN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.rpc.context import Caller


def visible(caller: Caller) -> ColumnElement[bool]:
    """Reports of the regions that the caller may read, and the caller's own ones."""
    return or_(holds(caller, REPORT_READ), and_(holds(caller, REPORT_READ_OWN), own(caller)))


def holds(caller: Caller, permission: str) -> ColumnElement[bool]:
    """Reports of the regions in which the caller holds the permission."""
    regions = caller.regions(permission)
    if regions is None:
        return true()
    return one_of(reports.c.region_id, sorted(regions)) if regions else false()


def own(caller: Caller) -> ColumnElement[bool]:
    """Reports that the caller filed."""
    return reports.c.user_id == caller.user_id


def one_of(column: ColumnElement[Any], values: Sequence[Any]) -> ColumnElement[bool]:
    """Whether the column has one of the values: one parameter, so that the statement is the same for any number.

    One value alone is compared with ``=``, behind which an index keeps its order.
    """
    among: ColumnElement[Any] = any_(bindparam(None, list(values), type_=ARRAY(column.type)))
    return column == (values[0] if len(values) == 1 else among)
