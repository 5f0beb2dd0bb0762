"""The counters of reach: how many accounts an alert has reached, in total and through each declared target.

Reads are counted by the database, in the shard of the reader.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import BigInteger, Integer, and_, func, literal, select, update
from sqlalchemy import cast as sql_cast

from services.alerts.models import alert_reach

if TYPE_CHECKING:
    from sqlalchemy import CTE, ColumnElement

    from shared.platform.db.conditions import Condition

POSITIONS: Final = 62
"""Of declared groups and regions and of bit 0; see ``alert_targets.reached_by``."""


def counted(added: CTE) -> CTE:
    """Return the part of a statement that counts accounts which an alert reaches, or reaches in more ways.

    Args:
        added: For each account the ``alert_id``, the ``bits`` that are new in ``reached_by``, and ``is_read``.
    """
    ways = (
        select(
            added.c.alert_id,
            added.c.bits,
            func.count().label("people"),
            func.count().filter(added.c.is_read).label("readers"),
        )
        .group_by(added.c.alert_id, added.c.bits)
        .cte("ways")
    )
    positions = (
        func.generate_series(0, POSITIONS - 1).table_valued("position", name="positions").render_derived()
    )
    counts = (
        select(
            ways.c.alert_id,
            positions.c.position,
            func.sum(ways.c.people).label("people"),
            func.sum(ways.c.readers).label("readers"),
        )
        .join_from(ways, positions, _bit(ways.c.bits, positions.c.position))
        .group_by(ways.c.alert_id, positions.c.position)
        .subquery("counts")
    )
    key = (alert_reach.c.alert_id, alert_reach.c.shard, alert_reach.c.position)
    # In the order in which readers lock them.
    locked = (
        select(*key, counts.c.people, counts.c.readers)
        .join_from(
            alert_reach,
            counts,
            and_(alert_reach.c.alert_id == counts.c.alert_id, alert_reach.c.position == counts.c.position),
        )
        .where(alert_reach.c.shard == 0)
        .order_by(*key)
        .with_for_update(of=alert_reach)
        .cte("locked")
    )
    return (
        update(alert_reach)
        .where(*(column == locked.c[column.key] for column in key))
        .values(targets=alert_reach.c.targets + locked.c.people, reads=alert_reach.c.reads + locked.c.readers)
        .cte("counted")
    )


def _bit(marks: ColumnElement[int], position: ColumnElement[int]) -> Condition:
    return marks.op(">>")(sql_cast(position, Integer)).op("&")(literal(1, BigInteger)) == literal(
        1, BigInteger
    )
