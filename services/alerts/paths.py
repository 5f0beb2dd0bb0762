"""Paths: the ways in which an account belongs to an alert, as its declared targets and the tree of regions have it.

An alert for a region is for the accounts that follow the region, a region that contains it, a region that lies in it,
or all regions. So is an alert for a group that is narrowed to a region, among those who hold the role.

The paths of the alerts in force are stored by what an account must have to take one. The alerts that an account belongs
to are found with its own regions and roles, however many alerts are in force.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    JSON,
    ColumnElement,
    SmallInteger,
    String,
    Uuid,
    and_,
    any_,
    bindparam,
    column,
    delete,
    func,
    insert,
    or_,
    select,
)

from services.alerts.models import (
    ALL_REGIONS,
    COVERS,
    FOLLOWS,
    HOLDS,
    IS,
    NO_REGION,
    alert_targeting,
    alert_targets,
    alerts,
    audience_members,
    audience_regions,
    open_paths,
)
from services.alerts.policy import REGION, USER, Target, group_of
from shared.domain.alerts import ACTIVE
from shared.platform.db.conditions import one_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from sqlalchemy import Connection, ScalarSelect

    from shared.platform.db.conditions import Condition


class Path(NamedTuple):
    """One way to belong to an alert.

    Attributes:
        position: The position of the declared group or region; 0 of an account.
        kind: What the account must have: `FOLLOWS` or `COVERS` a region, `HOLDS` a role, or `IS` the account.
        key: The code of the region, `ALL_REGIONS` or `NO_REGION`; the name of the role; the id of the account.
        role: A role that the account must hold as well.
    """

    position: int
    kind: str
    key: str
    role: str | None = None


def lock_audience(connection: Connection, *, alone: bool = False) -> None:
    """Wait for the transactions with which this one must not overlap, and let others wait until it ends.

    Transactions that store accounts share the lock. A transaction that changes the tree of regions or begins to target
    an alert holds it alone. So an account is either stored before, and found by what that transaction starts; or after,
    in sight of what it wrote.
    """
    lock = func.pg_advisory_xact_lock if alone else func.pg_advisory_xact_lock_shared
    connection.execute(select(lock(func.hashtextextended("impactx.audience", 0))))


def covered(regions: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return the codes of the regions whose codes are given and of all that contain them, as an array."""
    chosen, above = audience_regions.alias("chosen"), audience_regions.alias("above")
    codes = (
        select(above.c.code)
        .distinct()
        .join_from(chosen, above, above.c.region_id == any_(chosen.c.lineage))
        .where(chosen.c.code == any_(regions))
        .order_by(above.c.code)
    )
    return func.array(codes.scalar_subquery(), type_=ARRAY(String(50)))


def paths_of(connection: Connection, targets: Sequence[tuple[int, Target]]) -> list[Path]:
    """Return the paths of declared targets, each with its position, in the present tree of regions."""
    return _paths(targets, _lineages(connection, [target for _, target in targets]))


def _paths(targets: Iterable[tuple[int, Target]], lineages: Mapping[str, Sequence[str]]) -> list[Path]:
    found: list[Path] = []
    for position, target in targets:
        if target.target_type == USER:
            found.append(Path(0, IS, target.target_id))
        elif target.target_type == REGION:
            found += _regional(position, lineages[target.target_id])
        else:
            role, code = group_of(target.target_id)
            if code is None:
                found.append(Path(position, HOLDS, role))
            else:
                found += _regional(position, lineages[code], role)
                found.append(Path(position, FOLLOWS, NO_REGION, role))
    return found


def _regional(position: int, lineage: Sequence[str], role: str | None = None) -> Iterable[Path]:
    yield Path(position, COVERS, lineage[0], role)
    for key in (*lineage, ALL_REGIONS):
        yield Path(position, FOLLOWS, key, role)


def _lineages(connection: Connection, targets: Iterable[Target]) -> dict[str, tuple[str, ...]]:
    """Return the codes of each region that is named, by its name: its own first, then those of what contains it.

    The name of a region that is not known yet stands in for its code. When the region is stored, `reopen` finds the
    alert by it.
    """
    ids = [target.target_id for target in targets if target.target_type == REGION]
    codes = [code for target in targets if target.target_type not in (REGION, USER)
             for code in [group_of(target.target_id)[1]] if code]  # fmt: skip
    lineages: dict[str, tuple[str, ...]] = {name: (name,) for name in (*ids, *codes)}
    if not lineages:
        return lineages
    above = audience_regions.alias("above")
    containing: ScalarSelect[Any] = (
        select(above.c.code)
        .where(above.c.region_id == any_(audience_regions.c.lineage), above.c.code != audience_regions.c.code)
        .scalar_subquery()
    )
    rows = connection.execute(
        select(
            audience_regions.c.region_id,
            audience_regions.c.code,
            func.array(containing, type_=ARRAY(String)).label("above"),
        ).where(
            or_(
                one_of(audience_regions.c.region_id, [UUID(region_id) for region_id in ids]),
                one_of(audience_regions.c.code, codes),
            )
        )
    )
    for row in rows:
        for name in (row.code, str(row.region_id)):
            if name in lineages:
                lineages[name] = (row.code, *row.above)
    return lineages


def conditions(found: Iterable[Path]) -> list[tuple[int, Condition]]:
    """Return, for each position, the condition for the accounts that take one of its paths."""
    by_position: dict[int, list[Path]] = {}
    for path in found:
        by_position.setdefault(path.position, []).append(path)
    return [(position, _condition(by_position[position])) for position in sorted(by_position)]


def _condition(found: list[Path]) -> Condition:
    keys: dict[str, list[str]] = {}
    for path in found:
        keys.setdefault(path.kind, []).append(path.key)
    ways: list[Condition] = []
    if follows := [key for key in keys.get(FOLLOWS, ()) if key != NO_REGION]:
        ways.append(_have(audience_members.c.regions, follows))
    if COVERS in keys:
        ways.append(_have(audience_members.c.covers, keys[COVERS]))
    if NO_REGION in keys.get(FOLLOWS, ()):
        ways.append(func.cardinality(audience_members.c.regions) == 0)
    if HOLDS in keys:
        ways.append(_have(audience_members.c.roles, keys[HOLDS]))
    if IS in keys:
        ways.append(one_of(audience_members.c.user_id, [UUID(key) for key in keys[IS]]))
    role = found[0].role
    belongs = or_(*ways)
    return belongs if role is None else and_(_have(audience_members.c.roles, [role]), belongs)


def _have(codes: ColumnElement[Any], keys: list[str]) -> Condition:
    return codes.bool_op("&&")(bindparam(None, keys, codes.type))


def reopen(connection: Connection, alert_ids: Sequence[UUID]) -> None:
    """Store the paths of those of the alerts that are in force, as they are now.

    The alerts stay in force until the transaction ends. When one ends, the database removes its paths.

    Args:
        connection: In a transaction that holds the audience's lock alone.
        alert_ids: The ids of alerts whose targeting has begun.
    """
    active = connection.scalars(
        select(alerts.c.id)
        .where(one_of(alerts.c.id, alert_ids), alerts.c.status == ACTIVE)
        .order_by(alerts.c.id)
        .with_for_update(read=True)
    ).all()
    if not active:
        return
    declared: dict[UUID, list[tuple[int, Target]]] = {alert_id: [] for alert_id in active}
    for row in connection.execute(
        select(
            alert_targets.c.alert_id,
            alert_targets.c.position,
            alert_targets.c.target_type,
            alert_targets.c.target_id,
        ).where(one_of(alert_targets.c.alert_id, active), alert_targets.c.position.is_not(None))
    ):
        declared[row.alert_id].append((row.position, Target(row.target_type, row.target_id)))
    lineages = _lineages(connection, [target for targets in declared.values() for _, target in targets])
    rows = [
        {"alert_id": str(alert_id), **path._asdict()}
        for alert_id, targets in declared.items()
        for path in _paths(targets, lineages)
    ]
    connection.execute(delete(open_paths).where(one_of(open_paths.c.alert_id, active)))
    given = (
        func.json_to_recordset(bindparam(None, rows, JSON))
        .table_valued(*_PATH)
        .render_derived(name="given", with_types=True)
    )
    connection.execute(insert(open_paths).from_select([found.key for found in given.c], select(*given.c)))


_PATH: Final = (
    column("alert_id", Uuid),
    column("position", SmallInteger),
    column("kind", String),
    column("key", String),
    column("role", String),
)


def reopen_all(connection: Connection) -> None:
    """Store the paths of all alerts in force again, also of those that a former version of the service targeted."""
    reopen(
        connection,
        connection.scalars(
            select(alerts.c.id)
            .join(alert_targeting, alert_targeting.c.alert_id == alerts.c.id)
            .where(alerts.c.status == ACTIVE)
        ).all(),
    )


def reopen_through(connection: Connection, codes: Collection[str], region_ids: Collection[str]) -> set[str]:
    """Store the paths again of alerts that lead through regions which have moved or became known.

    Args:
        connection: In a transaction that holds the audience's lock alone.
        codes: The codes of the regions.
        region_ids: Their ids as text, by which regions go that were not known.

    Returns:
        The codes of the regions that one can follow, or could before, to belong to these alerts.
    """
    alert_ids = connection.scalars(
        select(open_paths.c.alert_id)
        .distinct()
        .where(
            or_(
                and_(open_paths.c.kind == FOLLOWS, one_of(open_paths.c.key, sorted(codes))),
                and_(open_paths.c.kind == COVERS, one_of(open_paths.c.key, sorted(region_ids))),
            )
        )
    ).all()
    if not alert_ids:
        return set()
    followed = (
        select(open_paths.c.key)
        .distinct()
        .where(
            one_of(open_paths.c.alert_id, alert_ids),
            open_paths.c.kind == FOLLOWS,
            open_paths.c.key.not_in([ALL_REGIONS, NO_REGION]),
        )
    )
    before = set(connection.scalars(followed))
    reopen(connection, alert_ids)
    return before | set(connection.scalars(followed))
