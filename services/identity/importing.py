"""The command ``import regions``: regions from a GeoJSON file, by RPC.

It runs outside of the service, as any other caller of it would.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click
import shapely
from shapely.errors import ShapelyError
from shapely.geometry import mapping as geojson_of
from shapely.geometry import shape

from shared.errors import Conflict, Invalid
from shared.importing.mapping import Mapping, RefusedError
from shared.importing.options import file_options, open_journal, open_source
from shared.importing.run import Outcome, Row, reason_of, run

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from uuid import UUID

    from shared.importing.files import Record
    from shared.rpc.client import RpcClient

FIELDS: Final = ("code", "name", "description")
PAGE: Final = 500


@click.command("regions")
@file_options
@click.option("--prefix", default="", help="Put before each code, such as US- before FIPS numbers.")
@click.option(
    "--repair",
    is_flag=True,
    help="Mend boundaries that are not closed or cross themselves instead of refusing them.",
)
@click.pass_obj
def import_regions(
    connect: Callable[[], RpcClient], /, file: Path, refused: Path | None, state: Path, **options: Any
) -> None:
    """Imports regions from FILE, GeoJSON with polygons or CSV without boundaries.

    The fields to --map or --set are: code, name, description. A region whose code is known is brought up to
    what the file says. The command can be repeated, and goes on where it was interrupted.
    """
    source = open_source(file, options["encoding"], options["delimiter"])
    mapping = Mapping(FIELDS, source.columns, options["maps"], options["constants"])
    with connect() as client:
        sender = Sender(client)
        journal = open_journal(source, refused, state, options)

        def row(record: Record, record_id: UUID) -> Row:
            del record_id  # a region is known by its code
            return _row(mapping, record, options["prefix"], repair=options["repair"])

        # Boundaries are large, and each region is a call of its own.
        run(source, journal, row, sender.send, most_rows=1)


def _row(mapping: Mapping, record: Record, prefix: str, *, repair: bool) -> Row:
    code = mapping.word(record, "code")
    row = {
        "code": code and prefix + code,
        "name": mapping.word(record, "name"),
        "description": mapping.text(record, "description"),
        "boundaries": _repaired(record.geometry) if repair else record.geometry,
    }
    return {name: value for name, value in row.items() if value is not None}


def _repaired(geometry: Any) -> Any:
    """The geometry, closed, and cut where it crosses itself; only its polygons are kept then."""
    if geometry is None:
        return None
    try:
        found = shape(geometry)
        if found.is_valid:
            return geojson_of(found)
        parts = shapely.get_parts(shapely.make_valid(found, method="structure", keep_collapsed=False))
    except (ShapelyError, ValueError, TypeError, AttributeError, KeyError) as error:
        raise RefusedError(f"boundaries: Not a geometry: {error}.") from error
    polygons = [part for part in parts if part.geom_type == "Polygon"]
    return geojson_of(shapely.MultiPolygon(polygons))


class Sender:
    """Creates regions, and updates those that are there.

    Args:
        client: Who calls.
    """

    def __init__(self, client: RpcClient) -> None:
        self._client = client
        self._versions: dict[str, tuple[str, int]] = {}
        cursor = None
        while True:
            page = client.identity.list_regions(limit=PAGE, cursor=cursor)
            self._versions |= {row["code"]: (row["id"], row["version"]) for row in page["items"]}
            cursor = page["next_cursor"]
            if cursor is None:
                break

    def send(self, rows: list[Row]) -> Sequence[Outcome]:
        """Creates or updates the regions, and says what became of each."""
        return [self._send(row) for row in rows]

    def _send(self, row: Row) -> Outcome:
        try:
            if row.get("code") not in self._versions:
                self._client.identity.create_region(**row)
                return Outcome("stored")
            return self._update(row)
        except (Invalid, Conflict) as error:
            return Outcome("refused", reason_of(error.fields, error.message))

    def _update(self, row: Row) -> Outcome:
        region_id, version = self._versions[row["code"]]
        there: Row = {**self._client.identity.get_region(region_id=region_id)}
        changes = {name: value for name, value in row.items() if name != "code" and there[name] != value}
        if _same_shape(there["boundaries"], changes.get("boundaries")):
            del changes["boundaries"]
        if not changes:
            return Outcome("unchanged")
        self._client.identity.update_region(region_id=region_id, version=version, **changes)
        return Outcome("updated")


def _same_shape(there: Any, given: Any) -> bool:
    """Whether two geometries are the same but for the order and direction of their rings."""
    if there is None or given is None:
        return False
    try:
        here, other = shape(there), shape(given)
    except (ShapelyError, ValueError, TypeError, AttributeError, KeyError):
        return False
    return bool(shapely.equals_exact(shapely.normalize(here), shapely.normalize(other)))
