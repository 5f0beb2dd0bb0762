"""The CSV and GeoJSON files of lists, which an import reads back unchanged.

Every cell is quoted, and no cell is a formula (`shared.platform.spreadsheet`). The codes and names of regions, types
and severity levels stand beside their ids, in columns that an import understands.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Callable
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import orjson

from shared.platform.schemas import MAX_LIMIT, Timestamp
from shared.platform.spreadsheet import neutralised

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from marshmallow import Schema

Call = Callable[[str, dict[str, Any]], Any]
"""A function that calls a method with arguments."""

BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
LOCATION: Final = ("longitude", "latitude", "address")


@dataclass(frozen=True, slots=True)
class Names:
    """The list that has the names for an id.

    Attributes:
        method: The method that returns the list.
        columns: The field of the listed items for each column.
        arguments: The arguments of the method.
    """

    method: str
    columns: Mapping[str, str]
    arguments: Mapping[str, Any] = field(default_factory=dict)


NAMES: Final[Mapping[str, Names]] = MappingProxyType(
    {
        "region_id": Names("identity.list_regions", {"region": "code", "region_name": "name"}),
        "report_type_id": Names(
            "reports.list_report_types", {"report_type": "name"}, {"include_inactive": True}
        ),
        "severity_level_id": Names("reports.list_severity_levels", {"severity_level": "name"}),
        "resource_type_id": Names(
            "resources.list_resource_types", {"resource_type": "name"}, {"include_inactive": True}
        ),
    }
)
"""The lists by the fields that hold the ids."""


class Table:
    """The columns of a list, and the way its items become rows.

    Args:
        item: The schema of the items.
        named: Whether names are added to ids, which takes calls by a caller who is signed in.
        zone: The time zone of the times; UTC by default.
        mark: Whether the file begins with a byte order mark, which tells a spreadsheet that it is UTF-8.

    Attributes:
        columns: The names of the columns, in order.
    """

    def __init__(
        self, item: Schema, *, named: bool = True, zone: dt.tzinfo | None = None, mark: bool = False
    ) -> None:
        self._item = item
        self._named = named
        self._zone = zone
        self._mark = mark
        self._names = {
            name: {column: part for column, part in NAMES[name].columns.items() if column not in item.fields}
            for name in item.fields
            if named and name in NAMES
        }
        self._moments = [name for name, kind in item.fields.items() if isinstance(kind, Timestamp)]
        self.columns = [
            column
            for name in item.fields
            for column in (LOCATION if name == "location" else (name, *self._names.get(name, ())))
        ]

    def shown(self, *, zone: dt.tzinfo | None, mark: bool) -> Table:
        """Return the same table with times in a zone, or with a byte order mark."""
        return Table(self._item, named=self._named, zone=zone, mark=mark)

    def lines(self, call: Call, found: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
        """Yield the CSV file, a piece for each page."""
        buffer = io.StringIO(newline="")
        writer = csv.DictWriter(buffer, self.columns, extrasaction="ignore", quoting=csv.QUOTE_ALL)
        writer.writeheader()
        head = BYTE_ORDER_MARK if self._mark else b""
        complete = self.complete(call)
        for page in found:
            writer.writerows(self._row(complete(item)) for item in page["items"])
            yield head + buffer.getvalue().encode()
            head = b""
            buffer.seek(0)
            buffer.truncate()

    def complete(self, call: Call) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
        """Return a function that adds the names to an item; the names are listed once, before the first item."""
        known: dict[str, dict[str, Mapping[str, Any]]] = {}
        for name, columns in self._names.items():
            if columns:
                names = NAMES[name]
                listed = pages(call, names.method, {"limit": MAX_LIMIT, **names.arguments})
                known[name] = {row["id"]: row for page in listed for row in page["items"]}

        def completed(item: Mapping[str, Any]) -> dict[str, Any]:
            found = dict(item)
            for name, rows in known.items():
                row = rows.get(item.get(name) or "", {})
                found |= {column: row.get(part) for column, part in self._names[name].items()}
            return found

        return completed

    def _row(self, item: dict[str, Any]) -> dict[str, Any]:
        if self._zone is not None:
            item |= {
                name: dt.datetime.fromisoformat(item[name]).astimezone(self._zone).isoformat()
                for name in self._moments
                if item.get(name)
            }
        row = {name: _cell(value) for name, value in item.items()}
        location = item.get("location")
        if isinstance(location, dict):
            # A location that is an address alone has no coordinates.
            coordinates = (location.get("coordinates") or (None, None))[:2]
            row |= dict(zip(LOCATION, (*coordinates, _cell(location.get("address"))), strict=True))
        return row


def pages(
    call: Call, method: str, arguments: Mapping[str, Any], first: Mapping[str, Any] | None = None
) -> Iterator[Mapping[str, Any]]:
    """Yield the pages of a list, each requested when it is needed; ``first`` is the first page, if it is known."""
    page = call(method, dict(arguments)) if first is None else first
    while True:
        yield page
        if not page["next_cursor"]:
            return
        page = call(method, {**arguments, "cursor": page["next_cursor"]})


def feature(item: Mapping[str, Any], geometry: str) -> dict[str, Any]:
    """Return an item as a GeoJSON feature; ``geometry`` is the field that holds its geometry."""
    place = item.get(geometry)
    properties = {name: value for name, value in item.items() if name not in ("id", geometry)}
    if place is not None and "address" in place:
        properties["address"] = place["address"]
        place = {name: value for name, value in place.items() if name != "address"} or None
    return {"type": "Feature", "id": item["id"], "geometry": place, "properties": properties}


def zone_of(name: str) -> dt.tzinfo:
    """Return the time zone with a name.

    Raises:
        ValueError: There is no such time zone.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, OSError) as error:
        raise ValueError(f"Unknown time zone {name!r}; give a name such as Europe/Berlin.") from error


def _cell(value: Any) -> Any:
    if isinstance(value, dict | list):
        value = orjson.dumps(value).decode()
    if isinstance(value, bool):
        return str(value).lower()
    return neutralised(value) if isinstance(value, str) else value
