"""Makes and changes regions."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

import orjson
from eventlet import tpool
from sqlalchemy import Text, cast, null, select
from sqlalchemy.dialects.postgresql import insert
from uuid6 import uuid7

from services.identity.geometry import normalise, outlines_of
from services.identity.models import region_outlines, regions
from services.identity.operations.change import change
from services.identity.queries import get_region
from shared.client.errors import Conflict, Forbidden, Invalid
from shared.domain.permissions import REGION_WRITE
from shared.platform.db.context import with_event_context
from shared.platform.db.digest import content_digest
from shared.platform.db.repeats import id_taken
from shared.platform.db.tables import UNKNOWN_REGION_ID

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from sqlalchemy import Connection

    from shared.platform.db.engine import Database
    from shared.platform.rpc.context import Caller

OUTLINING_SECONDS: Final = 3.0
"""For how long a list makes missing outlines before it answers with the regions that it has."""


def create_region(
    connection: Connection,
    caller: Caller,
    *,
    id: UUID | None = None,  # noqa: A002 - the argument's public name
    **arguments: Any,
) -> dict[str, Any]:
    """Make a region, with ``code``, ``name``, ``description`` and ``boundaries``.

    Needs ``region:write`` everywhere. With the same id and content a repeat returns the first. The boundaries are
    stored with their rings turned as RFC 7946 wants them, and cut where they cross the antimeridian.

    Raises:
        Invalid: The boundaries cross themselves; it says where.
        Conflict: The code or the id is taken.
        Forbidden: The caller holds ``region:write`` in some regions only.

    Emits:
        region_created.
    """
    if caller.regions(REGION_WRITE) is not None:
        raise Forbidden(f"This needs the permission {REGION_WRITE} everywhere.", permission=REGION_WRITE)
    digest = content_digest(arguments)
    values = _normalised(arguments)
    outlines = _outlines(values)
    if values["boundaries"] is None:
        values["boundaries"] = null()  # SQLAlchemy would store JSON's null
    region_id = id or uuid7()
    made = connection.execute(
        insert(regions)
        .values(**values, id=region_id, content_digest=digest)
        .on_conflict_do_nothing()
        .returning(regions.c.id, with_event_context(caller))
    ).one_or_none()
    if made is None:
        first = select(regions.c.content_digest).where(regions.c.id == region_id)
        found = connection.execute(first).one_or_none()
        if found is None:
            raise Conflict(
                f"There is a region {arguments['code']} already.", fields={"code": ["Is taken already."]}
            )
        if found.content_digest != digest:
            raise id_taken("region")
    else:
        _store(connection, region_id, outlines)
    return get_region(connection, region_id=region_id)


def update_region(
    connection: Connection,
    caller: Caller,
    *,
    region_id: UUID,
    version: int,
    **values: Any,
) -> dict[str, Any]:
    """Change ``name``, ``description`` or ``boundaries`` of a region.

    Needs ``region:write`` in that region. Its code never changes: permissions and preferences are kept by it.
    Reports keep the region they were filed in.

    Raises:
        NotFound: There is no such region.
        Forbidden: The caller does not hold ``region:write`` in this region.
        Invalid: The boundaries cross themselves; it says where. Or they are for the reserved region, which has none.
        Conflict: The version is not the present one.

    Emits:
        region_updated.
    """
    caller.require(REGION_WRITE, region_id)
    if region_id == UNKNOWN_REGION_ID and values.get("boundaries") is not None:
        raise Invalid(fields={"boundaries": ["The reserved region has none."]})
    values = _normalised(values)
    outlines = _outlines(values)
    change(connection, caller, regions, region_id, version, values)
    # Those of the former boundaries were removed by the database.
    _store(connection, region_id, outlines)
    return get_region(connection, region_id=region_id)


def outline_regions(database: Database, region_ids: Sequence[UUID]) -> None:
    """Make the outlines of regions that have none: of those that were written past the service or before it had any.

    Each region is a transaction of its own. After `OUTLINING_SECONDS` it ends, when one at least was done.

    Args:
        database: Where to write.
        region_ids: In the order in which they are done.
    """
    deadline = time.monotonic() + OUTLINING_SECONDS
    for region_id in region_ids:
        with database.transaction() as connection:
            text = connection.scalar(
                # Nobody may change the boundaries before their outlines are stored.
                select(cast(regions.c.boundaries, Text))
                .where(regions.c.id == region_id)
                .with_for_update(read=True)
            )
            if text is not None:
                _store(connection, region_id, tpool.execute(_outlines_of_text, text))
        if time.monotonic() > deadline:
            return


def _outlines_of_text(text: str) -> list[dict[str, Any]]:
    return outlines_of(orjson.loads(text))


def _outlines(values: dict[str, Any]) -> list[dict[str, Any]]:
    boundaries = values.get("boundaries")
    if boundaries is None:
        return []
    found: list[dict[str, Any]] = tpool.execute(outlines_of, boundaries)
    return found


def _store(connection: Connection, region_id: UUID, outlines: list[dict[str, Any]]) -> None:
    if outlines:
        rows = [{**outline, "region_id": region_id} for outline in outlines]
        connection.execute(insert(region_outlines).values(rows).on_conflict_do_nothing())


def _normalised(arguments: dict[str, Any]) -> dict[str, Any]:
    boundaries = arguments.get("boundaries")
    return arguments if boundaries is None else {**arguments, "boundaries": normalise(boundaries)}
