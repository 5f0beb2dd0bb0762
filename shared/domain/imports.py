"""Imports: many rows in one call, of which each is stored, updated, unchanged, or refused for a stated reason.

An import is an upsert. A row names a record by its ``key`` among the records of a source, or by its ``id``; a record
that does not exist is created, and an existing one is updated to what the row says. A wrong row does not fail the
call. The others are stored by one statement, and the records that changed are updated by another.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache, partial
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from marshmallow import missing
from sqlalchemy import (
    JSON,
    ColumnElement,
    String,
    Text,
    Uuid,
    and_,
    bindparam,
    column,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from uuid6 import uuid7

from shared.client.errors import Conflict, Forbidden, ImpactXError, Invalid
from shared.domain.import_schemas import NO_REGION
from shared.platform.db.conditions import one_of
from shared.platform.db.context import EVENT_CONTEXT
from shared.platform.db.errors import constraint_of
from shared.platform.db.writes import content_digest
from shared.platform.schemas import load

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy import Connection, RowMapping, Table

    from shared.domain.region_tree import RegionTree
    from shared.platform.rpc.context import Caller
    from shared.platform.schemas import Arguments

Row = dict[str, Any]

IDENTITY: Final[tuple[str, ...]] = ("id", "key", "former_key", "former_id")
"""The fields that name the record of a row; all others are the content of the record."""


@dataclass
class Batch:
    """The rows of one call; in the end each has an id in ``ids`` or is in ``refused``.

    Attributes:
        source: The list that the keys of the rows are from.
        rows: The loaded rows that were not refused, by their index in the call.
        said: The content of each row without what the service fills in. A field that is null in the row is None.
        identities: The fields of each row that name its record: any of `IDENTITY`.
        located: The rows whose region was found by their location.
        ids: The id of each row, None where it was refused.
        refused: The rows that were refused, with the reason of each.
    """

    source: str = ""
    rows: dict[int, Row] = field(default_factory=dict)
    said: dict[int, Row] = field(default_factory=dict)
    identities: dict[int, Row] = field(default_factory=dict)
    located: set[int] = field(default_factory=set)
    ids: list[UUID | None] = field(default_factory=list)
    refused: list[dict[str, Any]] = field(default_factory=list)

    def refuse(self, index: int, error: ImpactXError) -> None:
        """Refuse a row for this reason."""
        self.rows.pop(index, None)
        self.ids[index] = None
        self.refused.append(
            {"row": index, "error": error.slug, "message": error.message, "fields": error.fields}
        )

    def refuse_where(self, problem: Callable[[Row], ImpactXError | None]) -> None:
        """Refuse every row for which the function returns an error."""
        for index, row in list(self.rows.items()):
            error = problem(row)
            if error is not None:
                self.refuse(index, error)

    def unlocated(self) -> list[int]:
        """Return the indexes of the rows that name no region."""
        return [index for index, row in self.rows.items() if "region_id" not in row]

    def locate(self, index: int, region_id: UUID | None) -> None:
        """Put a row into the region of its location, or refuse it where no region contains it."""
        if region_id is None:
            self.refuse(index, no_region())
        else:
            self.rows[index]["region_id"] = region_id
            self.located.add(index)


def no_region() -> Invalid:
    """Return the refusal of a location that is in no region."""
    return Invalid("No region contains this location.", fields={"region_id": [NO_REGION]})


def check_rows(
    rows: Sequence[Any], schema: Arguments, complete: Callable[[Row], Row], *, source: str = ""
) -> Batch:
    """Load the rows of an import by the rules of the create of the same service.

    Each row gets an id where it has none, and the digest by which a repeat is known.

    Args:
        rows: The rows as the caller sent them.
        schema: The schema of a row: the arguments of the create, and the fields that name the record.
        complete: Returns a copy of a loaded row with what the service adds; raises `Invalid` for what the
            schema does not refuse.
        source: The list that the keys of the rows are from.
    """
    batch = Batch(source=source, ids=[None] * len(rows))
    first_with: dict[Any, int] = {}
    for index, raw in enumerate(rows):
        try:
            loaded = load(_narrowed(schema, raw), raw)
            identity = {name: loaded.pop(name) for name in IDENTITY if name in loaded}
            row = complete(loaded)
            _refuse_twins(identity, index, first_with)
        except ImpactXError as error:
            batch.refuse(index, error)
            continue
        # uuid6 makes a subclass of UUID, which the JSON serializer does not take for one.
        row["id"] = identity.get("id") or UUID(bytes=uuid7().bytes)
        row["digest"] = content_digest(loaded).hex()
        row["import_key"] = identity.get("key")
        row["import_source"] = source if "key" in identity else None
        batch.rows[index] = row
        batch.said[index] = loaded
        if None in raw.values():
            cleared = {name: None for name, value in raw.items() if value is None and name not in IDENTITY}
            batch.said[index] = cleared | loaded
        batch.identities[index] = identity
        batch.ids[index] = row["id"]
    return batch


def _narrowed(schema: Arguments, raw: Any) -> Arguments:
    """Return the schema with only the fields that a row has or must have, which halves the time for most rows."""
    if not isinstance(raw, dict):
        return schema
    return _narrowed_to(schema, frozenset(schema.fields.keys() & raw.keys()))


@lru_cache(maxsize=256)
def _narrowed_to(schema: Arguments, present: frozenset[str]) -> Arguments:
    needed = {
        name for name, kind in schema.fields.items() if kind.required or kind.load_default is not missing
    }
    return type(schema)(only=present | needed)


def _refuse_twins(identity: Row, index: int, first_with: dict[Any, int]) -> None:
    """Refuse a row about the same record as an earlier row of the call.

    Raises:
        Conflict: It names that row.
    """
    for name in ("id", "key"):
        if name in identity:
            first = first_with.setdefault((name, identity[name]), index)
            if first != index:
                raise Conflict(fields={name: [f"Row {first} of this call has the same {name}."]})


@dataclass(frozen=True, slots=True)
class Change:
    """A change of a record by a row.

    Attributes:
        before: The record before.
        values: The new values.
        said: All that the row says of the record, changed or not.
        after: The record after the change, once it is done.
    """

    before: RowMapping
    values: Row
    said: Row
    after: RowMapping | None = None


Require = Callable[[str, UUID], None]
"""Raises `Forbidden` unless the caller holds the permission in the region."""


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of a service for changing its records.

    Attributes:
        kept: The columns that an empty field does not clear, because they must have a value.
        follow: Returns the further columns that change with a change, with their new values.
        check: Refuses what the caller may not change; it is called with a function that refuses a permission and
            a region where the caller does not hold it, and with the change, and raises an `ImpactXError`.
        record: Writes down changes that were made, in the same transaction.
    """

    kept: frozenset[str]
    check: Callable[[Require, Change], None]
    follow: Callable[[Change], Row] = lambda _change: {}
    record: Callable[[Connection, Caller, Sequence[Change]], None] = lambda *_: None


class Import:
    """The import into one table.

    Args:
        table: With ``id``, ``region_id``, ``content_digest``, ``import_source`` and ``import_key``.
        regions: The tree of the regions.
        thing: What a row of the table is, in a word.
        names: The columns that rows can fill, with ``id`` and ``region_id``.
        author: The column for the account that stored the row.
        permission: What the caller needs in each row's region.
        region_key: The constraint by which a region that does not exist is noticed.
        rules: By which records are changed.
    """

    def __init__(
        self,
        table: Table,
        regions: RegionTree,
        thing: str,
        names: Sequence[str],
        *,
        author: str,
        permission: str,
        region_key: str,
        rules: Rules,
    ) -> None:
        self._table = table
        self._regions = regions
        self._thing = thing
        self._names = names
        self._permission = permission
        self._region_key = region_key
        self._rules = rules
        self._key_given = f"Another {thing} was given this key at this very moment; look which of them it is."
        given = (
            func.json_to_recordset(bindparam("rows", type_=JSON))
            .table_valued(
                *(column(name, table.c[name].type) for name in names),
                column("digest", Text),
                column("import_source", String),
                column("import_key", String),
            )
            .render_derived(name="given", with_types=True)
        )
        filled: dict[str, ColumnElement[Any]] = {
            **{name: given.c[name] for name in names},
            "content_digest": func.decode(given.c.digest, "hex"),
            "import_source": given.c.import_source,
            "import_key": given.c.import_key,
        }
        caller_id = bindparam("caller_id", type_=Uuid)
        inserted = filled | {author: caller_id}
        self._insert = (
            insert(table)
            .from_select(list(inserted), select(*inserted.values()))
            .on_conflict_do_nothing()
            .returning(table.c.id, EVENT_CONTEXT)
        )
        changed = filled | {"updated_by": caller_id}
        del changed["id"]
        self._update = (
            update(table)
            .where(table.c.id == given.c.id)
            .values(changed)
            .returning(table.c.id, table.c.version, table.c.updated_at, EVENT_CONTEXT)
        )
        self._columns = [found for found in table.c if found.computed is None]
        self._key_index = next(
            index.name for index in table.indexes if index.unique and "import_key" in index.columns
        )

    def refuse_forbidden(self, connection: Connection, caller: Caller, batch: Batch) -> None:
        """Refuse the rows in whose region the caller may not import."""
        problem = Forbidden(f"This needs the permission {self._permission} in the region of the row.")
        may = cache(partial(self._regions.may, connection, caller, self._permission))
        batch.refuse_where(lambda row: None if may(row["region_id"]) else problem)

    def store(self, connection: Connection, caller: Caller, batch: Batch) -> dict[str, Any]:
        """Store or update the rows of a batch in a few statements, and return the outcome of each row of the call.

        Args:
            connection: In a transaction.
            caller: Becomes the author of new records.
            batch: Checked and located.

        Returns:
            ``stored``, ``updated`` and ``unchanged`` counts, ``ids`` and ``refused`` of all rows.
        """
        former = self._former(connection, batch)
        new = {index: row for index, row in batch.rows.items() if index not in former}
        stored = self._by_region(connection, caller, batch, new, self._insert_rows)
        known = [index for index, row in batch.rows.items() if row["id"] not in stored]
        changes = self._changes(connection, caller, batch, known, former)
        updated = self._updated(connection, caller, batch, changes)
        return {
            "stored": len(stored),
            "updated": updated,
            "unchanged": len(batch.rows) - len(stored) - updated,
            "ids": batch.ids,
            "refused": sorted(batch.refused, key=lambda refusal: refusal["row"]),
        }

    def records(self, connection: Connection, batch: Batch, indexes: Sequence[int]) -> dict[int, RowMapping]:
        """Return the existing records of the rows, locked, by the indexes of the rows."""
        former = self._former(connection, batch)
        found = self._found(connection, batch, indexes, former)
        matches = {index: _matches(found, batch.identities[index], former.get(index)) for index in indexes}
        return {index: records[0] for index, records in matches.items() if records}

    def _former(self, connection: Connection, batch: Batch) -> dict[int, UUID]:
        """Return the ids of the records that were imported under another key, or before records had keys, by row."""
        ids = _indexes(batch, "former_id")
        keys = _indexes(batch, "former_key")
        if not ids and not keys:
            return {}
        columns = self._table.c
        statement = select(columns.id, columns.import_key).where(
            or_(
                and_(one_of(columns.id, list(ids)), columns.import_key.is_(None)),
                and_(
                    one_of(columns.import_source, [batch.source, ""]),
                    one_of(columns.import_key, list(keys)),
                ),
            )
        )
        return {
            ids[record_id] if key is None else keys[key]: record_id
            for record_id, key in connection.execute(statement)
        }

    def _by_region(
        self,
        connection: Connection,
        caller: Caller,
        batch: Batch,
        rows: Mapping[int, Row],
        write: Callable[[Connection, Caller, Iterable[Row]], set[UUID]],
    ) -> set[UUID]:
        """Write the rows and return the ids of those that were written.

        Regions belong to identity, and only the foreign key knows which of them exist. When it refuses the batch,
        the regions are tried one by one.
        """
        if not rows:
            return set()
        try:
            return write(connection, caller, rows.values())
        except IntegrityError as error:
            if not self._is_unknown_region(error):
                raise
        written: set[UUID] = set()
        for region_id in sorted({row["region_id"] for row in rows.values()}):
            group = {
                index: row
                for index, row in rows.items()
                if row["region_id"] == region_id and index in batch.rows
            }
            try:
                written |= write(connection, caller, group.values())
            except IntegrityError as error:
                if not self._is_unknown_region(error):
                    raise
                for index in group:
                    batch.refuse(index, Invalid(fields={"region_id": ["No such region."]}))
        return written

    def _insert_rows(self, connection: Connection, caller: Caller, rows: Iterable[Row]) -> set[UUID]:
        with connection.begin_nested():
            return set(connection.scalars(self._insert, _values(caller, rows)))

    def _is_unknown_region(self, error: IntegrityError) -> bool:
        return constraint_of(error) == self._region_key

    def _changes(
        self,
        connection: Connection,
        caller: Caller,
        batch: Batch,
        indexes: Sequence[int],
        former: Mapping[int, UUID],
    ) -> dict[int, Change]:
        """Return the changes of the rows to existing records; rows whose change is not allowed are refused.

        The records stay locked until the transaction ends, in the order of their ids, so that two imports of the
        same records wait for each other.
        """
        changes: dict[int, Change] = {}
        if not indexes:
            return changes
        # The rows of a batch lie in a few regions.
        may = cache(partial(self._regions.may, connection, caller))
        require = cache(partial(self._regions.require, connection, caller))
        found = self._found(connection, batch, indexes, former)
        first_about: dict[UUID, int] = {}
        for index in indexes:
            row, identity = batch.rows[index], batch.identities[index]
            matches = _matches(found, identity, former.get(index))
            try:
                if not matches:
                    raise Conflict(f"The {self._thing} changed at this very moment; try again.")
                before = matches[0]
                if any(other["id"] != before["id"] for other in matches):
                    raise Conflict(fields={"id": [f"Is that of another {self._thing} than the key."]})
                first = first_about.setdefault(before["id"], index)
                if first != index:
                    raise Conflict(f"Row {first} of this call is about the same {self._thing}.")
                batch.ids[index] = before["id"]
                change = Change(before, self._difference(batch, index, before), batch.said[index])
                if not change.values:
                    continue
                if not may(self._permission, before["region_id"]):
                    raise Forbidden(
                        f"This needs the permission {self._permission} in the region of the {self._thing}."
                    )
                self._rules.check(require, change)
                change.values.update(self._rules.follow(change))
            except ImpactXError as error:
                batch.refuse(index, error)
                continue
            changes[index] = change
            row["id"] = before["id"]
        return changes

    def _found(
        self,
        connection: Connection,
        batch: Batch,
        indexes: Sequence[int],
        former: Mapping[int, UUID],
    ) -> dict[Any, RowMapping]:
        """Return the records of the rows, locked, by key and by id."""
        columns = self._table.c
        ids = [batch.identities[index]["id"] for index in indexes if "id" in batch.identities[index]]
        keys = [batch.identities[index]["key"] for index in indexes if "key" in batch.identities[index]]
        statement = (
            select(*self._columns)
            .where(
                or_(
                    one_of(columns.id, [*ids, *former.values()]),
                    and_(columns.import_source == batch.source, one_of(columns.import_key, keys)),
                )
            )
            .order_by(columns.id)
            .with_for_update(key_share=True)
        )
        records = connection.execute(statement).mappings().all()
        found: dict[Any, RowMapping] = {record["id"]: record for record in records}
        return found | {
            record["import_key"]: record for record in records if record["import_source"] == batch.source
        }

    def _difference(self, batch: Batch, index: int, before: RowMapping) -> Row:
        """Return the new values of a record by column; none where the row is the same as in its last import."""
        row, said = batch.rows[index], batch.said[index]
        named = {} if row["import_key"] in (None, before["import_key"]) else {"import_key": row["import_key"]}
        digest = before["content_digest"]
        if digest is not None and digest.hex() == row["digest"]:
            # The row is the same as last time: what people have changed since is newer.
            return named
        values = {
            name: said[name]
            for name in self._names
            if name in said and (said[name] is not None or name not in self._rules.kept)
        }
        if index in batch.located and values.get("location") != before["location"]:
            values["region_id"] = row["region_id"]
        changed = {name: value for name, value in values.items() if value != before[name]}
        if "status" not in changed:
            # Notes say why a status was entered; they are none without that.
            changed.pop("status_notes", None)
        return named | changed

    def _updated(
        self, connection: Connection, caller: Caller, batch: Batch, changes: dict[int, Change]
    ) -> int:
        if not changes:
            return 0
        rows = {index: self._row_after(batch.rows[index], change) for index, change in changes.items()}
        indexes = {row["id"]: index for index, row in rows.items()}
        done: dict[UUID, RowMapping] = {}

        def write(connection: Connection, caller: Caller, rows: Iterable[Row]) -> set[UUID]:
            left = list(rows)
            while True:
                try:
                    with connection.begin_nested():
                        records = connection.execute(self._update, _values(caller, left)).mappings().all()
                except IntegrityError as error:
                    if constraint_of(error) != self._key_index:
                        raise
                    taken = self._taken(connection, batch, left)
                    if not taken:
                        raise Conflict(f"A {self._thing} changed at this very moment; try again.") from error
                    for row_id in taken:
                        batch.refuse(indexes[row_id], Conflict(fields={"key": [self._key_given]}))
                    left = [row for row in left if row["id"] not in taken]
                else:
                    done.update({record["id"]: record for record in records})
                    return {record["id"] for record in records}

        written = self._by_region(connection, caller, batch, rows, write)
        self._rules.record(
            connection,
            caller,
            [
                replace(change, after=done[change.before["id"]])
                for change in changes.values()
                if change.before["id"] in written
            ],
        )
        return len(written)

    def _taken(self, connection: Connection, batch: Batch, rows: Iterable[Row]) -> set[UUID]:
        """Return the ids of the rows whose key was given to another record meanwhile."""
        columns = self._table.c
        wanted = {row["import_key"]: row["id"] for row in rows if row["import_source"] == batch.source}
        statement = select(columns.import_key, columns.id).where(
            columns.import_source == batch.source, one_of(columns.import_key, list(wanted))
        )
        return {wanted[key] for key, record_id in connection.execute(statement) if record_id != wanted[key]}

    def _row_after(self, row: Row, change: Change) -> Row:
        """Return all the values that are written of a record that changes."""
        after = {name: change.values.get(name, change.before[name]) for name in self._names}
        if "status" in change.values:
            after["status_notes"] = change.values.get("status_notes")
        kept = change.before if row["import_key"] is None else row
        return after | {
            "digest": row["digest"],
            "import_source": kept["import_source"],
            "import_key": kept["import_key"],
        }


def _indexes(batch: Batch, name: str) -> dict[Any, int]:
    """Return the indexes of the rows by their value of this field of `IDENTITY`."""
    return {batch.identities[index][name]: index for index in batch.rows if name in batch.identities[index]}


def _matches(found: Mapping[Any, RowMapping], identity: Row, former: UUID | None) -> list[RowMapping]:
    """Return the records that a row names by its key and its id, or else by its former key or id."""
    named = [found[name] for name in (identity.get("key"), identity.get("id")) if name in found]
    return named or ([found[former]] if former in found else [])


def _values(caller: Caller, rows: Iterable[Row]) -> dict[str, Any]:
    """Return what a statement that writes rows is given.

    The rows are in the same order in every import, so that two of the same records wait for each other and do not
    deadlock, whatever the order of their rows.
    """
    return {
        "rows": sorted(rows, key=lambda row: (row["import_key"] or "", row["id"])),
        "caller_id": caller.user_id,
        "correlation_id": caller.correlation_id,
    }
