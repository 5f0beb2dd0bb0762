"""The command `import reports`: reports from a CSV, GeoJSON or JSON file, by RPC."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import click

from services.cli.importing import places
from services.cli.importing.lookups import pages
from services.cli.importing.mapping import RefusedError, plain
from services.cli.importing.options import file_options, record_options, time_zone
from services.cli.importing.records import Columns, Import, Kind, Methods
from services.reports.schemas.imports import STATUSES as IMPORTED_STATUSES
from shared.domain.reports import CONFIRMED

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from services.cli.importing.files import Record
    from services.cli.importing.run import Row
    from shared.client.calls import Client

REPORTS: Final = Kind(
    thing="report",
    fields={
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
    },
    statuses=IMPORTED_STATUSES,
    example_status=CONFIRMED,
    usual_key="title, time and place",
    address_suffices=True,
)

NOW: Final = "now"
MAX_TITLE_LENGTH: Final = 100
"""Of a title that is made from the description."""

_SENTENCE: Final = re.compile(r"[^\n]+?(?:[.!?\u3002\uff01\uff1f](?=\s|$)|\n|$)")


@click.command("reports")
@file_options
@record_options
@click.option(
    "--date-format",
    metavar="FORMAT",
    help="The format of reported_at, as strptime takes it. Without it, times are RFC 3339 or ISO 8601.",
)
@click.option(
    "--timezone",
    metavar="NAME",
    help="The time zone of times that name none, such as America/Port-au-Prince.",
)
@click.pass_obj
def import_reports(
    connect: Callable[[], Client], /, file: Path, refused: Path | None, state: Path, **options: Any
) -> None:
    """Import reports from a file.

    FILE is CSV with a header, GeoJSON with points, or a JSON array of objects.

    The fields for --map and --set are: title, description, longitude and latitude (not for GeoJSON), address,
    reported_at, report_type (a name), severity (1 to 5, or a name), region (a code, name or id; without it, the region
    that contains the location), status (pending, confirmed, in_progress, resolved, closed or rejected; --value
    translates other words), status_notes, and id, of a report that was exported. A record without a title gets the
    beginning of its description as the title. Use --set reported_at=now for reports whose time is not known.

    A report that exists is updated to what FILE says, by the same rules as any other change. --key names the columns
    that tell which report a record means. Without --key, the title, the time as FILE writes it and the place do. You
    can repeat the command; it continues where it was interrupted.
    """
    reports = Import(REPORTS, file, refused, state, options)
    dates = Dates(options["date_format"], time_zone(options["timezone"]))
    with connect() as client:
        reports.check(client, _time_problem(reports))
        levels = Levels(client.reports.list_severity_levels)
        methods = Methods(
            client.reports.list_report_types,
            client.reports.create_report_type,
            client.reports.import_reports,
        )
        reports.run(client, methods, _columns(reports, dates, levels))


def _time_problem(reports: Import) -> str | None:
    """Return what to do where no column holds the time: else each report would get the time of the import."""
    if "reported_at" in reports.mapping:
        return None
    return (
        f"reported_at is not mapped: each of the {reports.source.count:,} reports would get the time of this import."
        f" Name the column with --map reported_at=COLUMN (the file has: {', '.join(reports.source.columns)}), or use"
        f" --set reported_at={NOW}."
    )


def _columns(reports: Import, dates: Dates, levels: Levels) -> Columns:
    mapping = reports.mapping

    def reported_at(record: Record) -> dt.datetime | None:
        """Return the time; None for that of the import, which a report that exists does not take over."""
        word = mapping.word(record, "reported_at")
        if word is None:
            raise RefusedError(f"reported_at: Is empty; --set reported_at={NOW} uses the time of the import.")
        return None if word == NOW else dates.read(word)

    def complete(_record: Record, row: Row) -> None:
        if row["title"] is None and row["description"] is not None:
            row["title"] = title_of(row["description"])
            reports.notes["have no title in the file; theirs is the beginning of the description"] += 1

    def identity(record: Record, row: Row) -> Sequence[Any]:
        location = row["location"]
        place = location["coordinates"][:2] if "coordinates" in location else [location["address"]]
        # The time as it is written: what it means can be corrected, with another time zone or format.
        return (row["title"], mapping.raw(record, "reported_at"), *place)

    readers: dict[str, Callable[[Record], Any]] = {
        "title": reports.text("title"),
        "description": reports.text("description"),
        "reported_at": reported_at,
        "severity_level_id": lambda record: levels.id(mapping.word(record, "severity")),
    }
    return Columns(readers, identity, complete)


def title_of(description: str) -> str:
    """Return the first sentence or line of a description, shortened between words, as a title."""
    found = _SENTENCE.match(description.strip())
    first = " ".join((found.group() if found else description).split())
    if len(first) <= MAX_TITLE_LENGTH:
        return first
    # Scripts without blanks between words are cut anywhere.
    short = first[:MAX_TITLE_LENGTH].rpartition(" ")[0] or first[: MAX_TITLE_LENGTH - 1]
    return f"{short}\u2026"


@dataclass(frozen=True, slots=True)
class Dates:
    """Reads the times of a file.

    Attributes:
        format: As strptime takes it; None for RFC 3339.
        zone: That of times that name none.
    """

    format: str | None
    zone: dt.tzinfo | None

    def read(self, word: str) -> dt.datetime:
        """Return the time that a cell names, in UTC.

        Raises:
            RefusedError: The cell is not a time of this format, or it has no offset and no time zone was given.
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
                raise RefusedError("reported_at: Has no offset from UTC; name a time zone with --timezone.")
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
        """Return the id of the level with a number or name.

        Raises:
            RefusedError: There is no such level.
        """
        if word is None:
            return None
        if plain(word) not in self._ids:
            raise RefusedError(f"severity: There is no severity level {word!r}.")
        return self._ids[plain(word)]
