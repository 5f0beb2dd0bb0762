"""Which column of a file fills which field: the options ``--map``, ``--set`` and ``--value``."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import click
import orjson

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from collections.abc import Mapping as Dictionary

    from services.cli.importing.files import Record, Source

NUL: Final = "\x00"
POINT: Final = "."
COMMA: Final = ","
COORDINATES: Final = ("longitude", "latitude")
ID: Final = "id"

_OTHER_SIGNS: Final = str.maketrans({"\u2212": "-", "\u066b": ".", "\u066c": "", "'": "", "\u2019": ""})


class RefusedError(Exception):
    """A record cannot be imported; the message is the reason that is written next to it."""


class Mapping:
    """Where the fields of an import come from.

    Args:
        fields: The fields, each with other names of columns that mean it. Where no ``maps`` are given, a column with
            the name of a field, or with such a name, fills the field.
        source: The file.
        maps: ``field=COLUMN``, as given with ``--map``; several columns of a field are joined.
        constants: ``field=value``, as given with ``--set``: for records whose cell is empty, or for all records.
        values: ``field:CELL=value``, as given with ``--value``: what a cell stands for.
        decimal: The decimal separator of numbers, a point or a comma.

    Attributes:
        columns: The columns of each field that has any.

    Raises:
        click.BadParameter: A field or a column is not known, or a constant is given twice.
    """

    def __init__(
        self,
        fields: Dictionary[str, Sequence[str]],
        source: Source,
        maps: Iterable[str],
        constants: Iterable[str],
        values: Iterable[str] = (),
        *,
        decimal: str = POINT,
    ) -> None:
        self._constants = pairs("--set", constants, fields)
        self._decimal = decimal
        self._meanings = _meanings(values, fields)
        self.columns: dict[str, list[str]] = defaultdict(list)
        for field, column in _columns(maps, fields):
            self.columns[field].append(column)
        unknown = [
            name for columns in self.columns.values() for name in columns if name not in source.columns
        ]
        if unknown:
            raise click.BadParameter(
                f"there is no column {', '.join(map(repr, unknown))}. The file has: {', '.join(source.columns)}.",
                param_hint="--map",
            )
        if not self.columns:
            self.columns |= _by_name(fields, source)

    def __contains__(self, field: str) -> bool:
        return field in self.columns or field in self._constants

    def is_constant(self, field: str) -> bool:
        """Return whether the field has the same value in every record."""
        return field not in self.columns and field in self._constants

    def text(self, record: Record, field: str) -> str | None:
        """Return the text of a field as the file has it, or None where the record has none.

        Raises:
            RefusedError: The text has a NUL character, which cannot be stored.
        """
        return self._meant(field, " ".join(self._cells(record, field)))

    def words(self, record: Record, field: str) -> list[str]:
        """Return the words of a field, one for each of its columns, or for each item of the list in its column.

        Raises:
            RefusedError: A word has a NUL character.
        """
        cells = self._cells(record, field) or [""]
        return [found.strip() for cell in cells if (found := self._meant(field, cell)) is not None]

    def word(self, record: Record, field: str) -> str | None:
        """Return the text of a field without white space around it, for what is looked up or converted."""
        text = self.text(record, field)
        return text.strip() if text else None

    def raw(self, record: Record, field: str) -> str | None:
        """Return what the file itself has for a field, before the options change it, with single spaces."""
        return " ".join(" ".join(self._cells(record, field)).split()) or None

    def number(self, record: Record, field: str) -> float | None:
        """Return the number of a field; a coordinate may have a decimal comma in any case.

        Raises:
            RefusedError: The cell is not a number.
        """
        word = self.word(record, field)
        if word is None:
            return None
        try:
            number = float(self._plain_number(word, field))
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            hint = (
                " If the file has decimal commas, use --decimal ,."
                if COMMA in word and self._decimal == POINT
                else ""
            )
            raise RefusedError(f"{field}: Not a number.{hint}")
        return number

    def whole(self, record: Record, field: str) -> int | None:
        """Return the whole number of a field; ``122.0``, as spreadsheets write it, is one.

        Raises:
            RefusedError: The cell is not a whole number.
        """
        number = self.number(record, field)
        if number is None:
            return None
        if not number.is_integer():
            raise RefusedError(f"{field}: Not a whole number.")
        return int(number)

    def _cells(self, record: Record, field: str) -> list[str]:
        """Return the cells of the columns of a field that are not empty."""
        found = []
        for column in self.columns.get(field, ()):
            value = record.values.get(column)
            for part in value if isinstance(value, list) else [value]:
                cell = part if isinstance(part, str) else "" if part is None else _shown(part)
                if cell.strip():
                    found.append(cell)
        return found

    def _meant(self, field: str, cell: str) -> str | None:
        """Return what a cell stands for; the constant where the cell is empty."""
        meanings = self._meanings.get(field)
        if meanings:
            cell = meanings.get(plain(cell), cell)
        if not cell.strip():
            return self._constants.get(field)
        if NUL in cell:
            raise RefusedError(f"{field}: Must not contain the NUL character.")
        return cell

    def _plain_number(self, word: str, field: str) -> str:
        """Return the number as Python writes it."""
        word = word.translate(_OTHER_SIGNS)
        if self._decimal == COMMA:
            return re.sub(r"[\s.]", "", word).replace(COMMA, POINT) if COMMA in word else word
        if field in COORDINATES and POINT not in word and word.count(COMMA) == 1:
            return word.replace(COMMA, POINT)
        return word


def plain(text: str) -> str:
    """Return a text as it is compared: without case, and with single spaces."""
    return " ".join(text.split()).casefold()


def pairs(option: str, given: Iterable[str], names: Collection[str] | None = None) -> dict[str, str]:
    """Return ``name=value`` options as a dict. Any name is allowed unless the known ones are given.

    Raises:
        click.BadParameter: An option has no ``=``, or its name is not known or given twice.
    """
    found: dict[str, str] = {}
    for name, value in _split(option, given, names):
        if name in found:
            raise click.BadParameter(f"{name!r} is given twice.", param_hint=option)
        found[name] = value
    return found


def _split(option: str, given: Iterable[str], names: Collection[str] | None) -> list[tuple[str, str]]:
    found = []
    for pair in given:
        name, separator, value = pair.partition("=")
        if not separator or not value:
            raise click.BadParameter(f"{pair!r} is not NAME=VALUE.", param_hint=option)
        _check_name(option, name, names)
        found.append((name, value))
    return found


def _check_name(option: str, name: str, names: Collection[str] | None) -> None:
    if names is not None and name not in names:
        raise click.BadParameter(
            f"there is no field {name!r}. The fields are: {', '.join(names)}.", param_hint=option
        )


def _columns(maps: Iterable[str], fields: Collection[str]) -> list[tuple[str, str]]:
    return _split("--map", maps, fields)


def _meanings(values: Iterable[str], fields: Collection[str]) -> dict[str, dict[str, str]]:
    """Return what the cells of each field stand for, by the cells as they are compared."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for given in values:
        field, colon, rest = given.partition(":")
        cell, equals, value = rest.rpartition("=")
        if not colon or not equals:
            raise click.BadParameter(
                f"{given!r} is not FIELD:CELL=VALUE, such as status:False=closed.", param_hint="--value"
            )
        _check_name("--value", field, fields)
        found[field][plain(cell)] = value
    return found


def _by_name(fields: Dictionary[str, Sequence[str]], source: Source) -> dict[str, list[str]]:
    """Return the columns whose name means a field."""
    found = {}
    for field, names in fields.items():
        named = next((name for name in (field, *names) if name in source.columns), None)
        # A file of somebody else has ids of its own.
        if named is not None and (field != ID or _has_uuids(source, named)):
            found[field] = [named]
    return found


def _has_uuids(source: Source, column: str) -> bool:
    first = next((record.values.get(column) for record in source.records()), None)
    try:
        UUID(str(first))
    except ValueError:
        return False
    return True


def _shown(value: Any) -> str:
    """Return a JSON value that is not a text as a text."""
    return orjson.dumps(value).decode()
