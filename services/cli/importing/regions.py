"""The command `import regions`: regions from a GeoJSON or CSV file, by RPC."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click
from marshmallow import ValidationError

from services.cli.importing.lookups import pages
from services.cli.importing.mapping import Mapping, RefusedError, plain
from services.cli.importing.options import file_options, open_journal, open_source
from services.cli.importing.run import Outcome, Row, reason_of, run
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

FIELDS: Final = {"code": (), "name": (), "description": ()}
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

    The fields for --map and --set are: code, name, description. A region whose code exists is updated to what FILE
    says. A record with a code that an earlier record has is refused. Boundaries that cross the antimeridian are cut
    there. You can repeat the command; it continues where it was interrupted.
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
        self._versions: dict[str, tuple[str, int]] = {}
        self._codes: dict[str, str] = {}
        for region in pages(client.identity.list_regions):
            self._versions[region["code"]] = (region["id"], region["version"])
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
        if code is None or code in self._versions:
            return code
        return self._codes.get(plain(code))

    def _update(self, code: str, row: Row) -> Outcome:
        region_id, version = self._versions[code]
        there: Row = {**self._client.identity.get_region(region_id=region_id)}
        changes = {name: value for name, value in row.items() if name != "code" and there[name] != value}
        if same_boundaries(there["boundaries"], changes.get("boundaries")):
            del changes["boundaries"]
        if not changes:
            return Outcome("unchanged")
        self._client.identity.update_region(region_id=region_id, version=version, **changes)
        return Outcome("updated")
