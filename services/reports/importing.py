"""The command ``import reports``: reports from a CSV or GeoJSON file, by RPC.

It runs outside of the service, as any other caller of it would.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click

from shared.importing import places
from shared.importing.lookups import Regions, Types, pages, plain, type_options
from shared.importing.mapping import Mapping, RefusedError, pairs
from shared.importing.options import file_options, open_journal, open_source
from shared.importing.run import Outcome, Row, outcomes_of, run

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from uuid import UUID

    from shared.importing.files import Record
    from shared.rpc.client import RpcClient

FIELDS: Final = (
    "title",
    "description",
    *places.FIELDS,
    "reported_at",
    "report_type",
    "severity",
    "region",
)


@click.command("reports")
@file_options
@click.option("--date-format", help="Of reported_at, as strptime knows it; RFC 3339 by default.")
@click.option("--timezone", help="Of dates that name none, such as America/Port-au-Prince.")
@type_options
@click.pass_obj
def import_reports(
    connect: Callable[[], RpcClient], /, file: Path, refused: Path | None, state: Path, **options: Any
) -> None:
    """Imports reports from FILE, CSV with a header or GeoJSON with points.

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
        types = Types(
            "report",
            client.reports.list_report_types,
            client.reports.create_report_type,
            words=pairs("--type", options["types"]),
            separator=options["separator"],
            create=options["create_types"],
        )
        levels, regions = Levels(client.reports.list_severity_levels), Regions(client.identity.list_regions)
        reader = Reader(mapping, dates, types, levels, regions)
        journal = open_journal(source, refused, state, options)
        run(source, journal, reader.row, lambda rows: _send(client, rows))


def _send(client: RpcClient, rows: list[Row]) -> Sequence[Outcome]:
    return outcomes_of(client.reports.import_reports(rows=rows), len(rows)) if rows else []


@dataclass(frozen=True, slots=True)
class Reader:
    """Makes rows of `import_reports` out of records."""

    mapping: Mapping
    dates: Dates
    types: Types
    levels: Levels
    regions: Regions

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
            "location": places.location_of(mapping, record),
            "reported_at": self.dates.read(mapping.word(record, "reported_at")),
            "report_type_id": self.types.id(mapping.word(record, "report_type")),
            "severity_level_id": self.levels.id(mapping.word(record, "severity")),
            "region_id": self.regions.id(mapping.word(record, "region")),
        }
        return {name: value for name, value in row.items() if value is not None}


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


class Levels:
    """The severity levels by their numbers and names.

    Args:
        listed: reports' ``list_severity_levels``.
    """

    def __init__(self, listed: Callable[..., Any]) -> None:
        levels = list(pages(listed))
        self._ids: dict[str, str] = {plain(row["name"]): row["id"] for row in levels}
        # Of several levels with one number the first in the list stands for it.
        self._ids |= {str(row["level"]): row["id"] for row in reversed(levels)}

    def id(self, word: str | None) -> str | None:
        """The level of a number or name.

        Raises:
            RefusedError: There is none.
        """
        if word is None:
            return None
        if plain(word) not in self._ids:
            raise RefusedError(f"severity: There is no severity level {word!r}.")
        return self._ids[plain(word)]


def _zone(name: str | None) -> dt.tzinfo | None:
    if name is None:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise click.BadParameter(f"there is no time zone {name!r}.", param_hint="--timezone") from error
