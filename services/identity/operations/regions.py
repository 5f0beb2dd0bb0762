"""Makes and changes regions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import null, select
from sqlalchemy.dialects.postgresql import insert
from uuid6 import uuid7

from services.identity.geometry import normalise
from services.identity.models import regions
from services.identity.operations.change import change
from services.identity.queries import get_region
from shared.contracts.permissions import REGION_WRITE
from shared.db.context import traced
from shared.db.digest import content_digest
from shared.db.repeats import id_taken
from shared.db.tables import UNKNOWN_REGION_ID
from shared.errors import Conflict, Forbidden, Invalid

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy import Connection

    from shared.rpc.context import Caller


def create_region(
    connection: Connection,
    caller: Caller,
    *,
    id: UUID | None = None,  # noqa: A002 - the argument's public name
    **arguments: Any,
) -> dict[str, Any]:
    """Makes a region, with ``code``, ``name``, ``description`` and ``boundaries``.

    Needs ``region:write`` everywhere. With the same id and content a repeat returns the first. The boundaries are
    stored with their rings turned as RFC 7946 wants them.

    Raises:
        Invalid: The boundaries cross themselves; it says where.
        Conflict: The code or the id is taken.

    Emits:
        region_created.
    """
    if caller.regions(REGION_WRITE) is not None:
        raise Forbidden(f"This needs the permission {REGION_WRITE} everywhere.", permission=REGION_WRITE)
    digest = content_digest(arguments)
    values = _normalised(arguments)
    if values["boundaries"] is None:
        values["boundaries"] = null()  # SQLAlchemy would store JSON's null
    region_id = id or uuid7()
    made = connection.execute(
        insert(regions)
        .values(**values, id=region_id, content_digest=digest)
        .on_conflict_do_nothing()
        .returning(regions.c.id, traced(caller))
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
    return get_region(connection, region_id=region_id)


def update_region(
    connection: Connection,
    caller: Caller,
    *,
    region_id: UUID,
    version: int,
    **values: Any,
) -> dict[str, Any]:
    """Changes ``name``, ``description`` or ``boundaries`` of a region.

    Needs ``region:write`` in that region. Its code never changes: permissions and preferences are kept by it.
    Reports keep the region they were filed in.

    Raises:
        NotFound: There is no such region.
        Invalid: The boundaries cross themselves; it says where. Or they are for the reserved region, which has none.
        Conflict: The version is not the present one.

    Emits:
        region_updated.
    """
    caller.require(REGION_WRITE, region_id)
    if region_id == UNKNOWN_REGION_ID and values.get("boundaries") is not None:
        raise Invalid(fields={"boundaries": ["The reserved region has none."]})
    change(connection, caller, regions, region_id, version, _normalised(values))
    return get_region(connection, region_id=region_id)


def _normalised(arguments: dict[str, Any]) -> dict[str, Any]:
    boundaries = arguments.get("boundaries")
    return arguments if boundaries is None else {**arguments, "boundaries": normalise(boundaries)}
