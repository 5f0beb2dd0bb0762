"""The command ``import reports``: reports from a CSV or GeoJSON file, by RPC.

It runs outside of the service, as any other caller of it would.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click

from shared.importing.mapping import Mapping, RefusedError, pairs
from shared.importing.options import file_options, open_journal, open_source
from shared.importing.run import Outcome, Row, reason_of, run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path
    from uuid import UUID

    from shared.importing.files import Record
    from shared.rpc.client import RpcClient

FIELDS: Final = (
    "title",
    "description",
    "longitude",
    "latitude",
    "address",
    "reported_at",
    "report_type",
    "severity",
    "region",
)
LONGEST_TYPE_NAME: Final = 100
PAGE: Final = 500


@click.command("reports")
@file_options
@click.option("--date-format", help="Of reported_at, as strptime knows it; RFC 3339 by default.")
@click.option("--timezone", help="Of dates that name none, such as America/Port-au-Prince.")
@click.option(
    "--separator", help="Between several report types in a cell, of which the first that is known counts."
)
@click.option(
    "--type", "types", multiple=True, metavar="CELL=NAME", help="The report type that a cell's words mean."
)
@click.option(
    "--create-types",
    is_flag=True,
    help="Add report types that are not known; of several in a cell the first.",
)
@click.pass_obj
def import_reports(
    connect: Callable[[], RpcClient], /, file: Path, refused: Path | None, state: Path, **options: Any
) -> None:
    r"""Imports reports from FILE, CSV with a header or GeoJSON with points.

    \b
    The fields to --map or --set are: title, description, longitude, latitude (not for GeoJSON), address,
    reported_at, report_type (a name), severity (1 to 5, or a name) and region (a code; without it, the region
    that contains the place).

    The command can be repeated: a record that is there already stays as it is. After an interruption it goes
    on where it stopped. Texts are taken as they are, whatever they hold.
    """
    source = open_source(file, options["encoding"], options["delimiter"])
    mapping = Mapping(FIELDS, source.columns, options["maps"], options["constants"])
    dates = Dates(options["date_format"], _zone(options["timezone"]))
    with connect() as client:
        catalogues = Catalogues(
            client, pairs("--type", options["types"]), options["separator"], create=options["create_types"]
        )
        reader = Reader(mapping, dates, catalogues)
        journal = open_journal(source, refused, state, options)
        run(source, journal, reader.row, lambda rows: _send(client, rows))


def _send(client: RpcClient, rows: list[Row]) -> Sequence[Outcome]:
    if not rows:
        return []
    answer = client.reports.import_reports(rows=rows)
    refused = {refusal["row"]: refusal for refusal in answer["refused"]}
    # Which of the rest were new is told by number only; no row's fate depends on it.
    known = iter([Outcome("stored")] * answer["stored"] + [Outcome("unchanged")] * answer["unchanged"])
    return [
        Outcome("refused", reason_of(refused[index]["fields"], refused[index]["message"]))
        if index in refused
        else next(known)
        for index in range(len(rows))
    ]


@dataclass(frozen=True, slots=True)
class Reader:
    """Makes rows of `import_reports` out of records."""

    mapping: Mapping
    dates: Dates
    catalogues: Catalogues

    def row(self, record: Record, record_id: UUID) -> Row:
        """The row; what is missing is left out, for the service to refuse by its rules.

        Raises:
            RefusedError: A value cannot be read as what it should be.
        """
        mapping = self.mapping
        row = {
            "id": record_id,
            "title": mapping.text(record, "title"),
            "description": mapping.text(record, "description"),
            "location": self._location(record),
            "reported_at": self.dates.read(mapping.word(record, "reported_at")),
            "report_type_id": self.catalogues.report_type(mapping.word(record, "report_type")),
            "severity_level_id": self.catalogues.severity(mapping.word(record, "severity")),
            "region_id": self.catalogues.region(mapping.word(record, "region")),
        }
        return {name: value for name, value in row.items() if value is not None}

    def _location(self, record: Record) -> Row | None:
        geometry = record.geometry
        if isinstance(geometry, dict) and "longitude" not in self.mapping:
            if geometry.get("type") != "Point":
                raise RefusedError("location: Not a Point.")
            coordinates = geometry.get("coordinates")
        else:
            coordinates = [self.mapping.number(record, name) for name in ("longitude", "latitude")]
            if None in coordinates:
                raise RefusedError("location: No coordinates.")
        location: Row = {"type": "Point", "coordinates": coordinates}
        address = self.mapping.text(record, "address")
        return location if address is None else {**location, "address": address}


@dataclass(frozen=True, slots=True)
class Dates:
    """Reads the dates of a file.

    Attributes:
        format: As strptime knows it; None for RFC 3339.
        zone: Of dates that name none.
    """

    format: str | None
    zone: dt.tzinfo | None

    def read(self, word: str | None) -> dt.datetime | None:
        """The moment.

        Raises:
            RefusedError: It is not a date of this format, or says no offset and no time zone was given.
        """
        if word is None:
            return None
        try:
            moment = (
                dt.datetime.strptime(word, self.format)  # noqa: DTZ007 - the zone is added below
                if self.format
                else dt.datetime.fromisoformat(word)
            )
        except ValueError:
            raise RefusedError(f"reported_at: Not a date like {self.format or 'RFC 3339'}.") from None
        if moment.tzinfo is None:
            if self.zone is None:
                raise RefusedError("reported_at: Says no offset from UTC; name a time zone with --timezone.")
            moment = moment.replace(tzinfo=self.zone)
        try:
            return moment.astimezone(dt.UTC)
        except OverflowError:
            raise RefusedError("reported_at: Out of range.") from None


class Catalogues:
    """The ids behind the names and codes of a file.

    Args:
        client: Asks for them.
        words: What words of the file mean, by the names of report types.
        separator: Between several types in a cell.
        create: Whether to add report types that are not known.

    Raises:
        click.BadParameter: ``words`` name a report type that there is not.
    """

    def __init__(
        self, client: RpcClient, words: dict[str, str], separator: str | None, *, create: bool
    ) -> None:
        self._client = client
        self._separator = separator
        self._create = create
        self._types: dict[str, str] = {
            _plain(row["name"]): row["id"] for row in pages(client.reports.list_report_types)
        }
        levels = list(pages(client.reports.list_severity_levels))
        self._levels: dict[str, str] = {_plain(row["name"]): row["id"] for row in levels}
        # Of several levels with one number the first in the list stands for it.
        self._levels |= {str(row["level"]): row["id"] for row in reversed(levels)}
        self._regions: dict[str, str] = {
            row["code"]: row["id"] for row in pages(client.identity.list_regions)
        }
        for word, name in words.items():
            self._types[_plain(word)] = self._meant(name)

    def report_type(self, cell: str | None) -> str | None:
        """The type that a cell names; of several the first that is known, or with ``create`` the first.

        Raises:
            RefusedError: None is known, or the name of a new one is too long.
        """
        if cell is None:
            return None
        names = [name.strip() for name in cell.split(self._separator)] if self._separator else [cell]
        names = [name for name in names if name] or [cell]
        if self._create:
            # Always the first, or a type that is added later would change what an earlier row was.
            return self._types.get(_plain(names[0])) or self._created(names[0])
        for name in names:
            if _plain(name) in self._types:
                return self._types[_plain(name)]
        raise RefusedError(f"report_type: There is no report type {names[0]!r}.")

    def severity(self, word: str | None) -> str | None:
        """The level of a number or name.

        Raises:
            RefusedError: There is none.
        """
        if word is None:
            return None
        if _plain(word) not in self._levels:
            raise RefusedError(f"severity: There is no severity level {word!r}.")
        return self._levels[_plain(word)]

    def region(self, code: str | None) -> str | None:
        """The region with this code.

        Raises:
            RefusedError: There is none.
        """
        if code is None:
            return None
        if code not in self._regions:
            raise RefusedError(f"region: There is no region {code!r}.")
        return self._regions[code]

    def _created(self, name: str) -> str:
        if len(name) > LONGEST_TYPE_NAME:
            raise RefusedError(f"report_type: Longer than {LONGEST_TYPE_NAME} characters.")
        made = self._client.reports.create_report_type(name=name)
        self._types[_plain(name)] = made["id"]
        click.echo(f"Added the report type {name}.", err=True)
        return self._types[_plain(name)]

    def _meant(self, name: str) -> str:
        if _plain(name) in self._types:
            return self._types[_plain(name)]
        if self._create:
            return self._created(name)
        raise click.BadParameter(f"there is no report type {name!r}.", param_hint="--type")


def pages(method: Callable[..., Any]) -> Iterator[Row]:
    """All items of a list method, page after page."""
    cursor = None
    while True:
        page = method(limit=PAGE, cursor=cursor)
        yield from page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return


def _plain(name: str) -> str:
    """A name as it is compared: without case and without blanks around it."""
    return name.strip().casefold()


def _zone(name: str | None) -> dt.tzinfo | None:
    if name is None:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise click.BadParameter(f"there is no time zone {name!r}.", param_hint="--timezone") from error
