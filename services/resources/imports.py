"""Importing resources: storing and updating many at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from sqlalchemy import insert

from services.resources.catalogue import known_types
from services.resources.models import REGIONS, resource_usage_changes, resources
from services.resources.policy import (
    admits,
    admits_nobody,
    below_usage,
    beyond_bounds,
    closes,
    is_within_bounds,
    still_in_use,
)
from services.resources.resources import CONTENT
from services.resources.schemas import ResourceRow
from shared.client.errors import Invalid
from shared.domain import imports
from shared.domain.catalogue import reference_problems
from shared.domain.permissions import (
    RESOURCE_CHANGE_STATUS,
    RESOURCE_IMPORT,
    RESOURCE_UPDATE,
    RESOURCE_UPDATE_USAGE,
)
from shared.domain.resources import AVAILABLE, STATUS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection

    from services.resources.schemas import types
    from shared.domain.catalogue import Entries
    from shared.domain.imports import Change, Require
    from shared.platform.rpc.context import Caller


def _check(require: Require, change: Change) -> None:
    """Refuse what the methods for one resource would refuse.

    Raises:
        Forbidden: The caller may not change these fields of the resource.
        Conflict: The new status may not follow the present one; the usage would not stay between 0 and the capacity,
            or grow where nobody is admitted; or a resource that is in use would be closed by a row that does not say
            how much of it is in use.
    """
    before, values = change.before, change.values
    if "status" in values:
        require(RESOURCE_CHANGE_STATUS, before["region_id"])
        STATUS.check_move(before["status"], values["status"])
    if "current_usage" in values:
        require(RESOURCE_UPDATE_USAGE, before["region_id"])
    if values.keys() - {"status", "status_notes", "current_usage", "import_key"}:
        require(RESOURCE_UPDATE, before["region_id"])
        require(RESOURCE_UPDATE, values.get("region_id", before["region_id"]))
    capacity, used = values.get("capacity", before["capacity"]), before["current_usage"] or 0
    usage = values.get("current_usage", used)
    if not is_within_bounds(0, capacity, usage):
        raise below_usage(capacity, used) if usage == used else beyond_bounds(usage - used, capacity, used)
    status = values.get("status", before["status"])
    if not admits(status, usage - used):
        raise admits_nobody(status)
    if usage and change.said.get("current_usage") is None and closes(before["status"], status):
        raise still_in_use(status, usage)


def _record(connection: Connection, caller: Caller, changes: Sequence[Change]) -> None:
    """Write changes of usage into the ledger."""
    entries = [
        {
            "resource_id": change.before["id"],
            "usage_change": change.values["current_usage"] - (change.before["current_usage"] or 0),
            "current_usage": change.values["current_usage"],
            "capacity": change.values.get("capacity", change.before["capacity"]),
            "version": change.after["version"],
            "changed_by": caller.user_id,
            "changed_at": change.after["updated_at"],
        }
        for change in changes
        if change.after is not None and "current_usage" in change.values
    ]
    if entries:
        connection.execute(insert(resource_usage_changes), entries)


_ROW: Final = ResourceRow()
_IMPORT: Final = imports.Import(
    resources,
    REGIONS,
    "resource",
    ("id", "region_id", "resource_type_id", *CONTENT, "status", "status_notes"),
    author="created_by",
    permission=RESOURCE_IMPORT,
    region_key="fk_resources_region",
    rules=imports.Rules(
        kept=frozenset({"name", "location", "region_id", "resource_type_id", "current_usage", "status"}),
        check=_check,
        record=_record,
    ),
)


def check_rows(rows: Sequence[Any], source: str = "") -> imports.Batch:
    """Load the rows of an import by the rules of `create_resource`.

    Each row gets an id where it has none, and the digest by which a repeat is known.
    """
    usual = {"current_usage": 0, "status": AVAILABLE}
    return imports.check_rows(rows, _ROW, lambda row: usual | row, source=source)


def import_resources(connection: Connection, caller: Caller, batch: imports.Batch) -> types.ImportResult:
    """Store or update the rows of a batch in a few statements, and return the outcome of each.

    The database emits `resource_created` for each new resource, and `resource_updated`, `resource_usage_changed` and
    `resource_status_changed` for what changes.

    Args:
        connection: In a transaction.
        caller: Needs ``resource:import`` in each row's region and in the region of the existing resource, and there
            the permission for each change: ``resource:update``, ``resource:update_usage``,
            ``resource:change_status``.
        batch: Checked and located.
    """
    known = known_types(connection)

    def unknown(row: imports.Row) -> Invalid | None:
        problems = reference_problems(row, known, include_inactive=True)
        return Invalid(fields=problems) if problems else None

    _IMPORT.refuse_forbidden(connection, caller, batch)
    batch.refuse_where(unknown)
    _refuse_retired_types(connection, batch, known)
    return cast("types.ImportResult", _IMPORT.store(connection, caller, batch))


def _refuse_retired_types(connection: Connection, batch: imports.Batch, known: Mapping[str, Entries]) -> None:
    """Refuse rows of a type that is not in use any more, unless their resource has that type already."""
    problems = {index: reference_problems(row, known) for index, row in batch.rows.items()}
    retired = [index for index, found in problems.items() if found]
    if not retired:
        return
    records = _IMPORT.records(connection, batch, retired)
    for index in retired:
        row = batch.rows[index]
        if index not in records or records[index]["resource_type_id"] != row["resource_type_id"]:
            batch.refuse(index, Invalid(fields=problems[index]))
