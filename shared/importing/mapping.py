"""Which column of a file means what: the options ``--map`` and ``--set``."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import click
import orjson

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from shared.importing.files import Record

NUL = "\x00"


class RefusedError(Exception):
    """A record cannot be imported; the message is the reason that is written beside it."""


class Mapping:
    """What the fields of an import are taken from.

    Args:
        fields: Those that there are.
        columns: Those that the file has.
        maps: ``field=COLUMN``, as given with ``--map``.
        constants: ``field=value``, as given with ``--set``: for records whose cell is blank, or for all.

    Raises:
        click.BadParameter: A field or a column is not known, or is given twice.
    """

    def __init__(
        self, fields: Collection[str], columns: Sequence[str], maps: Iterable[str], constants: Iterable[str]
    ) -> None:
        self._columns = pairs("--map", maps, fields)
        self._constants = pairs("--set", constants, fields)
        unknown = [column for column in self._columns.values() if column not in columns]
        if unknown:
            raise click.BadParameter(
                f"there is no column {', '.join(map(repr, unknown))}. The file has: {', '.join(columns)}.",
                param_hint="--map",
            )

    def __contains__(self, field: str) -> bool:
        return field in self._columns or field in self._constants

    def text(self, record: Record, field: str) -> str | None:
        """The record's text for a field, as it stands in the file; None where there is none.

        Raises:
            RefusedError: It holds a NUL, which cannot be stored.
        """
        value = record.values.get(self._columns[field]) if field in self._columns else None
        text = value if isinstance(value, str) else "" if value is None else _shown(value)
        if not text.strip():
            return self._constants.get(field)
        if NUL in text:
            raise RefusedError(f"{field}: Must not contain the NUL character.")
        return text

    def word(self, record: Record, field: str) -> str | None:
        """The same without blanks around it, for what is looked up or converted."""
        text = self.text(record, field)
        return text.strip() if text else None

    def number(self, record: Record, field: str) -> float | None:
        """The record's number for a field.

        Raises:
            RefusedError: It is not one.
        """
        word = self.word(record, field)
        if word is None:
            return None
        try:
            number = float(word)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise RefusedError(f"{field}: Not a number.")
        return number

    def whole(self, record: Record, field: str) -> int | None:
        """The record's whole number for a field; ``122.0``, as spreadsheets write it, is one.

        Raises:
            RefusedError: It is not one.
        """
        number = self.number(record, field)
        if number is None:
            return None
        if not number.is_integer():
            raise RefusedError(f"{field}: Not a whole number.")
        return int(number)


def pairs(option: str, given: Iterable[str], names: Collection[str] | None = None) -> dict[str, str]:
    """``name=value`` options as a dict; any name is fine unless the known ones are given.

    Raises:
        click.BadParameter: There is no ``=``, the name is not known, or it is given twice.
    """
    found: dict[str, str] = {}
    for pair in given:
        name, separator, value = pair.partition("=")
        if not separator or not value:
            raise click.BadParameter(f"{pair!r} is not NAME=VALUE.", param_hint=option)
        if names is not None and name not in names:
            raise click.BadParameter(
                f"there is no field {name!r}. The fields are: {', '.join(names)}.", param_hint=option
            )
        if name in found:
            raise click.BadParameter(f"{name!r} is given twice.", param_hint=option)
        found[name] = value
    return found


def _shown(value: Any) -> str:
    """A GeoJSON property that is no text, as a text."""
    return orjson.dumps(value).decode()
