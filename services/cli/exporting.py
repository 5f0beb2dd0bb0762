"""The commands `export reports`, `export resources` and `export regions`: files that `import` can read."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

import click
import orjson

from services.cli.importing.options import time_zone
from services.identity.schemas import Region
from services.reports.schemas import Report
from services.resources.schemas import Resource
from shared.domain.exporting import Table, feature, pages
from shared.platform.schemas import MAX_LIMIT

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterator, Mapping

    from shared.client.calls import Client
    from shared.domain.exporting import Call
    from shared.platform.schemas import Result

CSV: Final = "csv"
GEOJSON: Final = "geojson"
BOUNDARIES: Final = "boundaries"
REGIONS_A_PAGE: Final = 20
"""Boundaries are large, and an answer holds only so much."""


@dataclass(frozen=True, slots=True)
class Export:
    """A kind of things that can be exported.

    Attributes:
        method: The list method that returns them.
        item: The schema of an item.
        geometry: The field that holds the geometry.
        limit: The number of items of a page.
    """

    method: str
    item: type[Result]
    geometry: str
    limit: int = MAX_LIMIT


EXPORTS: Final = {
    "reports": Export("reports.list_reports", Report, "location"),
    "resources": Export("resources.list_resources", Resource, "location"),
    "regions": Export("identity.list_regions", Region, BOUNDARIES, REGIONS_A_PAGE),
}


def _command(what: str) -> click.Command:
    """Return the command that exports a kind of things."""

    @click.command(what)
    @click.option(
        "--format",
        "form",
        type=click.Choice([CSV, GEOJSON]),
        default=GEOJSON if what == "regions" else CSV,
        show_default=True,
        help="The format of the file. A CSV file of regions has no boundaries.",
    )
    @click.option(
        "--output",
        type=click.Path(dir_okay=False, path_type=Path),
        help="The file to write. The default is the standard output.",
    )
    @click.option(
        "--filter",
        "filters",
        multiple=True,
        metavar="NAME=VALUE",
        help="Export only what a filter of the list method chooses, such as status=closed. VALUE can be JSON. You can"
        " repeat the option.",
    )
    @click.option(
        "--timezone",
        metavar="NAME",
        help="The time zone of a CSV file, such as America/Port-au-Prince; UTC without it.",
    )
    @click.option(
        "--bom",
        is_flag=True,
        help="Write the byte order mark by which spreadsheets recognise UTF-8 in a CSV file.",
    )
    @click.pass_obj
    def command(connect: Callable[[], Client], /, output: Path | None, **options: Any) -> None:
        with connect() as client, _opened(output) as file:
            count = 0
            for piece, number in _pieces(client, EXPORTS[what], **options):
                file.write(piece)
                count += number
        click.echo(f"{count:,} {what} exported{f' to {output}' if output else ''}.", err=True)

    command.help = f"""Export {what} to a file.

    The file has all {what} that the account may read, or those that the filters choose. `import {what}` reads the file
    without any --map, here or in another system.
    """
    return command


EXPORT_COMMANDS: Final = tuple(_command(what) for what in EXPORTS)


def _pieces(
    client: Client,
    chosen: Export,
    *,
    form: str,
    filters: tuple[str, ...],
    timezone: str | None,
    bom: bool,
) -> Iterator[tuple[bytes, int]]:
    """Return the file in pieces, each with the number of things that it holds."""
    arguments = {"limit": chosen.limit} | _filters(filters)

    def call(method: str, given: dict[str, Any]) -> Any:
        return client.call(method, given)

    if form == GEOJSON:
        if chosen.geometry == BOUNDARIES:
            arguments |= {"include_boundaries": True, "detail": "full"}
        return _features(call, chosen, arguments)
    return _rows(call, chosen, arguments, zone=time_zone(timezone), mark=bom)


def _rows(
    call: Call, chosen: Export, arguments: Mapping[str, Any], *, zone: dt.tzinfo | None, mark: bool
) -> Iterator[tuple[bytes, int]]:
    """The CSV file in pieces, each with the number of its rows."""
    shown = chosen.item(exclude=(BOUNDARIES,) if chosen.geometry == BOUNDARIES else ())
    table = Table(shown, zone=zone, mark=mark)
    counts: list[int] = []

    def counted() -> Iterator[Mapping[str, Any]]:
        for page in pages(call, chosen.method, arguments):
            counts.append(len(page["items"]))
            yield page

    for piece in table.lines(call, counted()):
        yield piece, counts[-1]


def _features(call: Call, chosen: Export, arguments: Mapping[str, Any]) -> Iterator[tuple[bytes, int]]:
    """Return the GeoJSON file in pieces, each with the number of its features."""
    complete = Table(chosen.item()).complete(call)
    yield b'{"type":"FeatureCollection","features":[', 0
    separator = b"\n"
    for page in pages(call, chosen.method, arguments):
        for item in page["items"]:
            yield separator + orjson.dumps(feature(complete(item), chosen.geometry)), 1
            separator = b",\n"
    yield b"\n]}\n", 0


def _filters(given: tuple[str, ...]) -> dict[str, Any]:
    """Return the filters as arguments of the list method; one that is given several times is a list.

    Raises:
        click.BadParameter: A filter has no ``=``.
    """
    found: dict[str, Any] = {}
    for pair in given:
        name, separator, text = pair.partition("=")
        if not separator:
            raise click.BadParameter(f"{pair!r} is not NAME=VALUE.", param_hint="--filter")
        try:
            value = orjson.loads(text)
        except orjson.JSONDecodeError:
            value = text
        found[name] = [*_listed(found[name]), value] if name in found else value
    return found


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


@contextmanager
def _opened(output: Path | None) -> Iterator[IO[bytes]]:
    """Open the file to write; it gets its name only when it is complete."""
    if output is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    unfinished = output.with_name(f".{output.name}.unfinished")
    try:
        with unfinished.open("wb") as file:
            yield file
        unfinished.replace(output)
    finally:
        unfinished.unlink(missing_ok=True)
