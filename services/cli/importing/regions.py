"""The command `import regions`: regions from a GeoJSON or CSV file, by RPC."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import click
from marshmallow import ValidationError

from services.cli.importing.lookups import pages
from services.cli.importing.mapping import Mapping, RefusedError, plain
from services.cli.importing.options import file_options, open_journal, open_source
from services.cli.importing.run import SHOWN_REASONS, Outcome, Row, reason_of, run
from shared.client.errors import Conflict, Invalid
from shared.domain.boundaries import (
    GeometryError,
    check_structure,
    normalise,
    repair,
    same_boundaries,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from uuid import UUID

    from services.cli.importing.files import Record, Source
    from shared.client.calls import Client

FIELDS: Final = {
    "code": (),
    "name": (),
    "description": (),
    "parent": ("parent_code",),
    "parent_is_declared": (),
}
YES: Final = frozenset({"true", "yes", "1"})
NO: Final = frozenset({"false", "no", "0"})
ATTEMPTS: Final = 5
"""How often a region is updated that others, which are imported at the same time, change meanwhile."""

FULL: Final = "full"
"""The boundaries themselves, and not outlines of them."""


@click.command("regions")
@file_options
@click.option(
    "--prefix", default="", help="The text to put before each code, such as US- before FIPS numbers."
)
@click.option(
    "--repair",
    is_flag=True,
    help="Repair boundaries that are not closed or cross themselves, instead of refusing them. The command prints the"
    " areas before and after, and refuses boundaries that would lose area.",
)
@click.pass_obj
def import_regions(
    connect: Callable[[], Client], /, file: Path, refused: Path | None, state: Path, **options: Any
) -> None:
    """Import regions from a file.

    FILE is GeoJSON with polygons, or CSV without boundaries.

    The fields for --map and --set are: code, name, description, parent, parent_is_declared. A region whose code exists
    is updated to what FILE says. A record with a code that an earlier record has is refused. Boundaries that cross the
    antimeridian are cut there. You can repeat the command; it continues where it was interrupted.

    The parent of a region is the smallest region that contains it, unless a record names another one by its code, which
    may be that of any record of FILE. A record whose parent_is_declared is false, as in an export, leaves it to the
    boundaries.
    """
    source = open_source(file, options["encoding"], options["delimiter"])
    if source.members.get("detail", FULL) != FULL:
        raise click.ClickException(
            f"{file} has outlines, which have fewer positions than the boundaries. Use a file from `export regions`,"
            f" or list the regions with detail={FULL}."
        )
    mapping = Mapping(FIELDS, source, options["maps"], options["constants"], options["values"])
    with connect() as client:
        sender = Sender(client)
        journal = open_journal(source, refused, state, options)
        reader = Reader(mapping, options["prefix"], first_records(source, mapping), repairs=options["repair"])

        def row(record: Record, former_id: UUID) -> Row:
            del former_id  # a region is known by its code
            return reader.row(record)

        # Boundaries are large, and each region is a call of its own.
        run(source, journal, row, sender.send, max_rows=1, sees_done=False)
        if "parent" in mapping:
            declare_parents(client, source, reader)


def declare_parents(client: Client, source: Source, reader: Reader) -> None:
    """Move the regions of a file to the parents that it names, now that all of its regions are there.

    Raises:
        click.ClickException: Some could not be moved; the message says which and why.
    """
    regions = {plain(region["code"]): region for region in pages(client.identity.list_regions)}
    moved, problems = 0, []
    for record in source.records():
        named = reader.parent(record)
        region = None if named is None else regions.get(plain(named.code))
        if named is None or region is None:  # the region itself was refused
            continue
        parent = None if named.parent is None else regions.get(plain(named.parent))
        if parent is None and named.parent is not None:
            problems.append(f"{named.code}: There is no region {named.parent}.")
            continue
        parent_id = None if parent is None else parent["id"]
        if region["parent_id"] == parent_id and (region["parent_is_declared"] or not named.is_declared):
            continue
        try:
            changed = _updated(client, region["id"], {"parent_id": parent_id})
        except (Invalid, Conflict) as error:
            problems.append(f"{named.code}: {reason_of(error.fields, error.message)}")
        else:
            regions[plain(named.code)] = changed
            moved += 1
    if moved:
        click.echo(f"{moved:,} regions were moved to the parents that the file names.")
    if problems:
        shown = "\n".join(problems[:SHOWN_REASONS])
        raise click.ClickException(f"{len(problems):,} regions could not be moved to their parents:\n{shown}")


def _updated(client: Client, region_id: str, changes: Row) -> Any:
    """Return the region with the changes, made to the version that it has now."""
    for attempt in range(1, ATTEMPTS + 1):
        version = client.identity.get_region(region_id=region_id)["version"]
        try:
            return client.identity.update_region(region_id=region_id, version=version, **changes)
        except Conflict:
            if attempt == ATTEMPTS:
                raise
    raise AssertionError


def first_records(source: Source, mapping: Mapping) -> dict[str, int]:
    """Return the number of the first record of every code in the file, whatever becomes of that record.

    Args:
        source: The file, of which every record is looked at, also those that an earlier run has done.
        mapping: Knows the column of the code.
    """
    first: dict[str, int] = {}
    for record in source.records():
        code = _code(mapping, record)
        if code is not None:
            first.setdefault(plain(code), record.number)
    return first


def _code(mapping: Mapping, record: Record) -> str | None:
    try:
        return mapping.word(record, "code")
    except RefusedError:
        return None


class NamedParent(NamedTuple):
    """What a record says of the parent of its region.

    Attributes:
        code: The code of the region.
        parent: The code of the parent; None declares that it has none.
        is_declared: Whether the record declares it even where it is the one that is found.
    """

    code: str
    parent: str | None
    is_declared: bool


class Reader:
    """Makes the arguments of identity's methods from records.

    Args:
        mapping: Knows which column fills which field.
        prefix: The text to put before each code.
        first: As `first_records` returns it.
        repairs: Whether to repair boundaries.
    """

    def __init__(self, mapping: Mapping, prefix: str, first: dict[str, int], *, repairs: bool) -> None:
        self._mapping = mapping
        self._prefix = prefix
        self._first = first
        self._repairs = repairs

    def row(self, record: Record) -> Row:
        """Return the region that a record is.

        Raises:
            RefusedError: An earlier record has the code, or the boundaries cannot be repaired.
        """
        code = self._mapping.word(record, "code")
        if code is not None:
            self._refuse_second(code, record)
        row = {
            "code": code and self._prefix + code,
            "name": self._mapping.word(record, "name"),
            "description": self._mapping.text(record, "description"),
            "boundaries": self._boundaries(code, record.geometry),
        }
        return {name: value for name, value in row.items() if value is not None}

    def parent(self, record: Record) -> NamedParent | None:
        """Return what a record says of the parent; None where it leaves that to the boundaries."""
        try:
            code, parent = self._mapping.word(record, "code"), self._mapping.word(record, "parent")
            word = (self._mapping.word(record, "parent_is_declared") or "").lower()
        except RefusedError:
            return None
        if code is None or self._first.get(plain(code), record.number) != record.number:
            return None
        is_left = record.geometry is not None if word in NO else parent is None and word not in YES
        if is_left or (parent is None and word in NO):
            return None
        if parent is not None and plain(parent) in self._first:
            parent = self._prefix + parent
        return NamedParent(self._prefix + code, parent, word not in NO)

    def _refuse_second(self, code: str, record: Record) -> None:
        first = self._first.get(plain(code), record.number)
        if first != record.number:
            raise RefusedError(f"code: Record {first:,} of this file already has the code {code}.")

    def _boundaries(self, code: str | None, geometry: Any) -> Any:
        """Return the boundaries as they are stored; wrong ones unchanged, for the service to refuse with the place."""
        if geometry is None:
            return None
        try:
            return normalise(check_structure(geometry))
        except (ValidationError, GeometryError):
            return self._repaired(code, geometry) if self._repairs else geometry

    def _repaired(self, code: str | None, geometry: Any) -> Any:
        try:
            found = repair(geometry)
        except GeometryError as error:
            raise RefusedError(f"boundaries: {error}") from error
        said = f"{code}: repaired; {found.before:,.6g} square degrees before, {found.after:,.6g} after."
        click.echo(" ".join((said, *found.notes)), err=True)
        return found.boundaries


class Sender:
    """Creates regions, and updates those that exist.

    Args:
        client: Signed in as the account that imports.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._ids: dict[str, str] = {}
        self._codes: dict[str, str] = {}
        for region in pages(client.identity.list_regions):
            self._ids[region["code"]] = region["id"]
            self._codes[plain(region["code"])] = region["code"]

    def send(self, rows: list[Row]) -> Sequence[Outcome]:
        """Create or update the regions, and return the outcome of each."""
        return [self._send(row) for row in rows]

    def _send(self, row: Row) -> Outcome:
        try:
            known = self._known(row.get("code"))
            if known is None:
                self._client.identity.create_region(**row)
                return Outcome("stored")
            return self._update(known, row)
        except (Invalid, Conflict) as error:
            return Outcome("refused", reason_of(error.fields, error.message))

    def _known(self, code: str | None) -> str | None:
        """Return the code of the region that exists; codes are compared as within one file, without case."""
        if code is None or code in self._ids:
            return code
        return self._codes.get(plain(code))

    def _update(self, code: str, row: Row) -> Outcome:
        region_id = self._ids[code]
        there: Row = {**self._client.identity.get_region(region_id=region_id)}
        changes = {name: value for name, value in row.items() if name != "code" and there[name] != value}
        if same_boundaries(there["boundaries"], changes.get("boundaries")):
            del changes["boundaries"]
        if not changes:
            return Outcome("unchanged")
        _updated(self._client, region_id, changes)
        return Outcome("updated")
