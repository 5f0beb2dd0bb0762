"""Storing many resources at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from services.resources.models import resources
from services.resources.operations.resources import CONTENT, type_problems, types_in_use
from services.resources.schemas import CreateResource
from shared.contracts.permissions import RESOURCE_IMPORT
from shared.db import imports
from shared.errors import Invalid

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from shared.rpc.context import Caller

_ROW: Final = CreateResource()
_IMPORT: Final = imports.Import(
    resources,
    "resource",
    ("id", "region_id", "resource_type_id", *CONTENT),
    author="created_by",
    permission=RESOURCE_IMPORT,
    region_key="fk_resources_region",
)


def check_rows(rows: Sequence[Any]) -> imports.Batch:
    """Loads the rows of an import by the rules of `create_resource`.

    Each gets an id where it has none, and the digest that tells a repeat.
    """
    return imports.check_rows(rows, _ROW, lambda row: {"current_usage": 0, **row})


def import_resources(connection: Connection, caller: Caller, batch: imports.Batch) -> dict[str, Any]:
    """Stores the rows of a batch that can be stored, set-based, and says what became of each.

    The database emits `resource_created` for each one stored.

    Args:
        connection: In a transaction.
        caller: Needs ``resource:import`` in each row's region.
        batch: Checked and located.

    Returns:
        What `schemas.ImportResult` says.
    """
    types = types_in_use(connection)

    def unknown(row: imports.Row) -> Invalid | None:
        problems = type_problems(row, types)
        return Invalid(fields=problems) if problems else None

    _IMPORT.refuse_forbidden(caller, batch)
    batch.refuse_where(unknown)
    return _IMPORT.store(connection, caller, batch)
