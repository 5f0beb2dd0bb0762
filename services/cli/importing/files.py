"""Reads CSV, GeoJSON and JSON files record by record.

Texts stay as they are: HTML entities and wrongly decoded characters are data. Only the apostrophe that an export puts
before a cell that a spreadsheet would take for a formula is removed.
"""

from __future__ import annotations

import csv
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import orjson

from shared.platform.spreadsheet import MARKER, restored

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAX_CELL_LENGTH: Final = 16 * 1024 * 1024
JSON_SUFFIXES: Final = (".geojson", ".json")
CHUNK: Final = 1024 * 1024
FEATURE_ID: Final = "id"
"""The column of a GeoJSON feature's own ``id``, which stands beside the properties."""

REASONS: Final = ("reason", "refused_because")
"""The names of the column or member with the reason of a refusal; see `services.cli.importing.journal`."""


class FileError(Exception):
    """The file cannot be read; the message says why and, where possible, what to do."""


@dataclass(frozen=True, slots=True)
class Record:
    """One row, feature or object of a file.

    Attributes:
        number: Counted from 1, without the header.
        values: The cells, properties or members, by column.
        geometry: The geometry of a GeoJSON feature.
        problem: Why the record as such cannot be read; None where it can.
        original: What the file has: the cells by column, or the feature or object.
    """

    number: int
    values: dict[str, Any]
    geometry: Any = None
    problem: str | None = None
    original: Any = None

    @property
    def content(self) -> list[Any]:
        """The values as the file has them, and the geometry."""
        if isinstance(self.original, dict) and "properties" in self.original:
            return [self.original["properties"] or {}, self.geometry]
        return [self.original if isinstance(self.original, dict) else self.values, self.geometry]


class Source:
    """A file to import.

    Args:
        path: Ends in ``.geojson`` or ``.json`` for GeoJSON or a JSON array of objects; everything else is read as CSV
            with a header.
        encoding: The encoding of a CSV file.
        delimiter: The character between the cells of a CSV file.

    Attributes:
        columns: The names of the columns, in order.
        count: The number of records.
        digest: The digest of the bytes of the file.
        is_csv: Whether it is a CSV file.
        is_geojson: Whether it is a GeoJSON file.
        members: The members of a JSON object beside the records.

    Raises:
        FileError: The file cannot be read, decoded or parsed.
    """

    def __init__(self, path: Path, *, encoding: str = "utf-8-sig", delimiter: str = ",") -> None:
        self.path = path
        self.encoding = encoding
        self.delimiter = delimiter
        self.is_csv = path.suffix.lower() not in JSON_SUFFIXES
        self.is_geojson = False
        self._items: list[Any] = []
        self.members: dict[str, Any] = {}
        try:
            self.digest = _digest(path)
            if self.is_csv:
                self.columns = self._header()
            else:
                self._items, self.is_geojson, self.members = _items(path)
                self.columns = tuple(
                    dict.fromkeys(name for record in self.records() for name in record.values)
                )
            self.count = sum(1 for _ in self.records())
        except OSError as error:
            raise FileError(f"{path} cannot be read: {error.strerror}.") from error
        except UnicodeError as error:
            raise FileError(
                f"{path} is not {encoding}: {error}. Give the encoding of the file with --encoding."
            ) from error
        except LookupError as error:
            raise FileError(f"There is no encoding {encoding}.") from error

    def records(self) -> Iterator[Record]:
        """Return all records, from the first."""
        if self.is_csv:
            return self._rows()
        return self._features() if self.is_geojson else self._objects()

    def _header(self) -> tuple[str, ...]:
        columns = next(self._cells(), [])
        if not any(columns):
            raise FileError(f"{self.path} has no header.")
        twice = sorted({name for name in columns if columns.count(name) > 1})
        if twice:
            raise FileError(f"{self.path} has more than one column {', '.join(twice)}.")
        return tuple(columns)

    def _cells(self) -> Iterator[list[str]]:
        csv.field_size_limit(MAX_CELL_LENGTH)
        with self.path.open(encoding=self.encoding, newline="") as file:
            reader = csv.reader(file, delimiter=self.delimiter)
            try:
                yield from reader
            except csv.Error as error:
                raise FileError(f"{self.path}, line {reader.line_num}: {error}.") from error

    def _rows(self) -> Iterator[Record]:
        rows = self._cells()
        next(rows, None)
        number = 0
        for cells in rows:
            if not cells:
                continue
            number += 1
            problem = None
            if len(cells) != len(self.columns):
                problem = f"The row has {len(cells)} cells, the header has {len(self.columns)}."
            original = dict(zip(self.columns, cells, strict=False))
            values = original
            if any(cell.startswith(MARKER) for cell in cells):
                values = {name: restored(cell) for name, cell in original.items()}
            yield Record(number, values, problem=problem, original=original)

    def _features(self) -> Iterator[Record]:
        for number, feature in enumerate(self._items, start=1):
            properties = (feature.get("properties") or {}) if isinstance(feature, dict) else None
            if not isinstance(properties, dict):
                yield Record(number, {}, problem="Not a GeoJSON feature.", original=feature)
                continue
            values = properties
            if feature.get("id") is not None:
                values = {FEATURE_ID: feature["id"], **properties}
            yield Record(number, values, feature.get("geometry"), original=feature)

    def _objects(self) -> Iterator[Record]:
        for number, item in enumerate(self._items, start=1):
            if isinstance(item, dict):
                # As the services write it: a location is a GeoJSON Point.
                location = item.get("location")
                geometry = location if isinstance(location, dict) else None
                yield Record(number, _flat(item), geometry, original=item)
            else:
                yield Record(number, {}, problem="Not a JSON object.", original=item)


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _items(path: Path) -> tuple[list[Any], bool, dict[str, Any]]:
    """Return the features or objects of a JSON file, whether it is GeoJSON, and its other members."""
    try:
        found = orjson.loads(path.read_bytes().removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError as error:
        raise FileError(f"{path} is not JSON: {error}.") from error
    if isinstance(found, list):
        return found, bool(found) and all(_is_feature(item) for item in found), {}
    members = found if isinstance(found, dict) else {}
    if _is_feature(members):
        return [members], True, {}
    for name, is_geojson in (("features", True), ("items", False)):
        if isinstance(members.get(name), list):
            rest = {key: value for key, value in members.items() if key != name}
            return members[name], is_geojson, rest
    raise FileError(f"{path} is neither a GeoJSON FeatureCollection nor a JSON array of objects.")


def _is_feature(item: Any) -> bool:
    return isinstance(item, dict) and item.get("type") == "Feature"


def _flat(item: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return the members of an object, those of nested objects by dotted names."""
    found: dict[str, Any] = {}
    for name, value in item.items():
        if isinstance(value, dict):
            found |= _flat(value, f"{prefix}{name}.")
        else:
            found[prefix + name] = value
    return found
