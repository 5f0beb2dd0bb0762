"""The command ``import reports``: reports from a CSV, GeoJSON or JSON file, by RPC.

It runs outside of the service, as any other caller of it would.
"""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click

from services.cli.importing import places
from services.cli.importing.keys import Keys, identify
from services.cli.importing.lookups import Regions, Types, pages, type_options
from services.cli.importing.mapping import Mapping, RefusedError, pairs, plain
from services.cli.importing.options import (
    file_options,
    key_options,
    open_journal,
    open_source,
    place_options,
)
from services.cli.importing.run import Outcome, Row, outcomes_of, run
from services.reports.schemas.imports import STATUSES as IMPORTED_STATUSES
from shared.domain.reports import CONFIRMED

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from uuid import UUID

    from services.cli.importing.files import Record, Source
    from services.cli.importing.places import Nearest, Places
    from shared.client.calls import Client

FIELDS: Final = {
    "id": (),
    "title": (),
    "description": (),
    **places.FIELDS,
    "reported_at": (),
    "report_type": ("report_type_id",),
    "severity": ("severity_level", "severity_level_id"),
    "region": ("region_code", "region_name", "region_id"),
    "status": (),
    "status_notes": (),
}

NOW: Final = "now"
MAX_TITLE_LENGTH: Final = 100
"""Of a title that is made from the description."""

_SENTENCE: Final = re.compile(r"[^\n]+?(?:[.!?\u3002\uff01\uff1f](?=\s|$)|\n|$)")


@click.command("reports")
@file_options
@key_options
@click.option(
    "--date-format",
    help="Of reported_at, as strptime knows it; RFC 3339, or ISO 8601 without a zone, by default.",
)
@click.option("--timezone", help="Of dates that name none, such as America/Port-au-Prince.")
@type_options
@place_options
@click.pass_obj
def import_reports(
    connect: Callable[[], Client], /, file: Path, refused: Path | None, state: Path, **options: Any
) -> None:
    """Imports reports from FILE: CSV with a header, GeoJSON with points, or a JSON array of objects.

    The fields to --map or --set are: title, description, longitude, latitude (not for GeoJSON), address, reported_at,
    report_type (a name), severity (1 to 5, or a name), region (a code, name or id; without it, the region that
    contains the place), status (pending, confirmed, in_progress, resolved, closed or rejected; what else cells say,
    --value translates), status_notes, and id, of a report that was exported. Without a title, the beginning of the
    description is one. --set reported_at=now takes the moment of the import for reports whose time is not known.

    A report that is there is brought up to what FILE says, by the rules that hold for any change of it. Which one a
    record means, --key says; without it, the title, the time as FILE writes it and the place together do. The command
    can be repeated, and goes on where it was interrupted.
    """
    source = open_source(file, options["encoding"], options["delimiter"])
    mapping = Mapping(
        FIELDS,
        source,
        options["maps"],
        options["constants"],
        options["values"],
        decimal=options["decimal"],
    )
    keys = Keys(options["keys"], source, "title, time and place")
    where = places.Places(mapping, swap=options["swap"])
    dates = Dates(options["date_format"], _zone(options["timezone"]))
    with connect() as client:
        problems = [
            _time_problem(mapping, source),
            places.swapped_problem(
                where, source, lambda positions: places.located(client.identity, positions)
            ),
        ]
        if any(problems):
            raise click.ClickException("\n".join(["Nothing was imported.", *filter(None, problems)]))
        reader = Reader(
            mapping,
            keys,
            where,
            dates,
            Types(
                "report",
                client.reports.list_report_types,
                client.reports.create_report_type,
                words=pairs("--type", options["types"]),
                separator=options["separator"],
                create=options["create_types"],
            ),
            Levels(client.reports.list_severity_levels),
            Regions(client.identity.list_regions),
            nearest=places.nearest(client.identity, options["nearest"]),
        )
        run(
            source,
            open_journal(source, refused, state, options),
            reader.row,
            lambda rows: _send(client, rows, options["list_name"]),
            notes=reader.all_notes,
        )


def _time_problem(mapping: Mapping, source: Source) -> str | None:
    """That the time of the reports is not mapped, before each gets the moment of the import."""
    if "reported_at" in mapping:
        return None
    return (
        f"reported_at is not mapped: each of the {source.count:,} reports would get the moment of this import. Name the"
        f" column with --map reported_at=COLUMN (the file has: {', '.join(source.columns)}), or say"
        f" --set reported_at={NOW}."
    )


def _send(client: Client, rows: list[Row], list_name: str) -> Sequence[Outcome]:
    if not rows:
        return []
    answer = client.reports.import_reports(rows=rows, source=list_name)
    return places.explained(client.identity, rows, outcomes_of(answer, len(rows)))


@dataclass(frozen=True, slots=True)
class Reader:
    """Makes rows of `import_reports` out of records.

    Attributes:
        nearest: Finds the region of what lies outside of all, if that is wanted.
        notes: What the user has to know in the end.
    """

    mapping: Mapping
    keys: Keys
    places: Places
    dates: Dates
    types: Types
    levels: Levels
    regions: Regions
    nearest: Nearest | None
    notes: Counter[str] = field(default_factory=Counter)

    def row(self, record: Record, former_id: UUID) -> Row:
        """The row; what is missing is left out, for the service to refuse by its rules.

        Raises:
            RefusedError: A value cannot be read as what it should be.
        """
        mapping = self.mapping
        row: Row = {"id": mapping.word(record, "id")}
        if row["id"] is None:
            row["key"] = self.keys.of_columns(record)
        region_id = self.regions.id(mapping.word(record, "region"))
        row |= {
            "title": mapping.text(record, "title"),
            "description": mapping.text(record, "description"),
            "location": self.places.location(record, address_suffices=region_id is not None),
            "reported_at": self._reported_at(record),
            "report_type_id": self.types.id(mapping.words(record, "report_type")),
            "severity_level_id": self.levels.id(mapping.word(record, "severity")),
            "region_id": region_id,
            "status": _status(mapping.word(record, "status")),
            "status_notes": mapping.text(record, "status_notes"),
        }
        if row["title"] is None and row["description"] is not None:
            row["title"] = title_of(row["description"])
            self.notes["have no title in the file; theirs is the beginning of the description"] += 1
        if row["region_id"] is None and self.nearest is not None:
            row["region_id"] = self.nearest.region(row["location"])
        location = row["location"]
        place = location["coordinates"][:2] if "coordinates" in location else [location["address"]]
        # The time as it is written: what it means can be corrected, with another time zone or format.
        usual = (row["title"], mapping.raw(record, "reported_at"), *place)
        row = identify(row, self.keys, record, former_id, usual)
        return {name: value for name, value in row.items() if value is not None}

    def all_notes(self) -> Counter[str]:
        """What the user has to know in the end, with how many records it is about."""
        return self.notes + self.keys.notes() + (self.nearest.notes if self.nearest else Counter())

    def _reported_at(self, record: Record) -> dt.datetime | None:
        """The time of a report; none for the moment of the import, which a report that is there does not take on."""
        word = self.mapping.word(record, "reported_at")
        if word is None:
            raise RefusedError(f"reported_at: Blank; --set reported_at={NOW} takes the moment of the import.")
        return None if word == NOW else self.dates.read(word)


def title_of(description: str) -> str:
    """The beginning of a description, as a title: its first sentence or line, shortened between words."""
    found = _SENTENCE.match(description.strip())
    first = " ".join((found.group() if found else description).split())
    if len(first) <= MAX_TITLE_LENGTH:
        return first
    # Scripts without blanks between words are cut anywhere.
    short = first[:MAX_TITLE_LENGTH].rpartition(" ")[0] or first[: MAX_TITLE_LENGTH - 1]
    return f"{short}\u2026"


def _status(word: str | None) -> str | None:
    """The status of a cell; blanks and case do not matter.

    Raises:
        RefusedError: There is none such, or it is one that an import cannot say.
    """
    if word is None:
        return None
    status = plain(word).replace(" ", "_").replace("-", "_")
    if status not in IMPORTED_STATUSES:
        raise RefusedError(
            f"status: A report cannot be imported as {word!r}; say what it means, such as --value"
            f" status:{word}={CONFIRMED}."
        )
    return status


@dataclass(frozen=True, slots=True)
class Dates:
    """Reads the dates of a file.

    Attributes:
        format: As strptime knows it; None for RFC 3339.
        zone: Of dates that name none.
    """

    format: str | None
    zone: dt.tzinfo | None

    def read(self, word: str) -> dt.datetime:
        """The moment.

        Raises:
            RefusedError: It is not a date of this format, or says no offset and no time zone was given.
        """
        try:
            moment = (
                dt.datetime.strptime(word, self.format)  # noqa: DTZ007 - the zone is added below
                if self.format
                # RFC 3339 allows t and z in lower case, which Python does not read.
                else dt.datetime.fromisoformat(word.upper())
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
        self._ids: dict[str, str] = {
            plain(word): row["id"] for row in levels for word in (row["name"], row["id"])
        }
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
