"""Reads CSV and GeoJSON files record by record.

Text is taken as it is: HTML entities, wrongly decoded characters and cells that begin with ``= + - @`` are data.
"""

from __future__ import annotations

import csv
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LONGEST_CELL: Final = 16 * 1024 * 1024
GEOJSON_SUFFIXES: Final = (".geojson", ".json")
CHUNK: Final = 1024 * 1024


class FileError(Exception):
    """The file cannot be read; the message says why and, where it can be helped, how."""


@dataclass(frozen=True, slots=True)
class Record:
    """One row or feature.

    Attributes:
        number: Counted from 1, without the header.
        values: The cells or properties, by column.
        geometry: Of a GeoJSON feature.
        problem: Why the record as such is broken; None where it is not.
    """

    number: int
    values: dict[str, Any]
    geometry: Any = None
    problem: str | None = None


class Source:
    """A file to import.

    Args:
        path: Ends in ``.geojson`` or ``.json`` for GeoJSON; everything else is read as CSV with a header.
        encoding: Of a CSV file.
        delimiter: Between the cells of a CSV file.

    Attributes:
        columns: Their names, in order.
        count: How many records there are.
        digest: Of the file's bytes.

    Raises:
        FileError: It cannot be read, decoded or parsed.
    """

    def __init__(self, path: Path, *, encoding: str = "utf-8-sig", delimiter: str = ",") -> None:
        self.path = path
        self._encoding = encoding
        self._delimiter = delimiter
        self._features: list[Any] | None = None
        try:
            self.digest = _digest(path)
            if path.suffix.lower() in GEOJSON_SUFFIXES:
                self._features = _features(path)
                self.columns = _property_names(self._features)
            else:
                self.columns = self._header()
            self.count = sum(1 for _ in self.records())
        except OSError as error:
            raise FileError(f"{path} cannot be read: {error.strerror}.") from error
        except UnicodeError as error:
            raise FileError(
                f"{path} is not {encoding}: {error}. Name its encoding with --encoding."
            ) from error
        except LookupError as error:
            raise FileError(f"There is no encoding {encoding}.") from error

    def records(self) -> Iterator[Record]:
        """All records from the first on."""
        return self._rows() if self._features is None else self._properties()

    def _header(self) -> tuple[str, ...]:
        columns = next(self._cells(), [])
        if not any(columns):
            raise FileError(f"{self.path} has no header.")
        twice = sorted({name for name in columns if columns.count(name) > 1})
        if twice:
            raise FileError(f"{self.path} has more than one column {', '.join(twice)}.")
        return tuple(columns)

    def _cells(self) -> Iterator[list[str]]:
        csv.field_size_limit(LONGEST_CELL)
        with self.path.open(encoding=self._encoding, newline="") as file:
            reader = csv.reader(file, delimiter=self._delimiter)
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
            yield Record(number, dict(zip(self.columns, cells, strict=False)), problem=problem)

    def _properties(self) -> Iterator[Record]:
        for number, feature in enumerate(self._features or [], start=1):
            if not isinstance(feature, dict) or not isinstance(feature.get("properties") or {}, dict):
                yield Record(number, {}, problem="Not a GeoJSON feature.")
            else:
                yield Record(number, feature.get("properties") or {}, feature.get("geometry"))


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _features(path: Path) -> list[Any]:
    try:
        collection = orjson.loads(path.read_bytes())
    except orjson.JSONDecodeError as error:
        raise FileError(f"{path} is not JSON: {error}.") from error
    features = collection.get("features") if isinstance(collection, dict) else None
    if not isinstance(features, list):
        raise FileError(f"{path} is not a GeoJSON FeatureCollection.")
    return features


def _property_names(features: list[Any]) -> tuple[str, ...]:
    names: dict[str, None] = {}
    for feature in features:
        properties = feature.get("properties") if isinstance(feature, dict) else None
        if isinstance(properties, dict):
            names.update(dict.fromkeys(properties))
    return tuple(names)
