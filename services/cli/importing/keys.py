"""What identifies a record of a file, so that the next file identifies the same one."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import click
import orjson

from services.cli.importing.mapping import RefusedError, plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.cli.importing.files import Record, Source
    from services.cli.importing.run import Row

MAX_KEY_LENGTH: Final = 200
"""As the services take it; a longer one is named by its digest."""


class Keys:
    """Makes the key of each record.

    Args:
        columns: The columns whose cells identify a record, as given with ``--key``; without any, `of_values`
            identifies it.
        source: The file.
        usual: What identifies a record without ``columns``, in words.

    Attributes:
        seen: The keys of the records so far.
        shared: How many records had the same default key as an earlier one.
        lacking: How many records had no key.

    Raises:
        click.BadParameter: The file lacks a column.
    """

    def __init__(self, columns: Sequence[str], source: Source, usual: str) -> None:
        unknown = [name for name in columns if name not in source.columns]
        if unknown:
            raise click.BadParameter(
                f"there is no column {', '.join(map(repr, unknown))}. The file has: {', '.join(source.columns)}.",
                param_hint="--key",
            )
        self._columns = columns
        self._usual = usual
        self._twins: Counter[str] = Counter()
        self.seen: dict[str, int] = {}
        self.shared = 0
        self.lacking = 0

    def of_columns(self, record: Record) -> str | None:
        """Return the key of the record by the columns that were named; None where none were.

        Raises:
            RefusedError: One of the cells is empty, or another record of the file has the same key.
        """
        if not self._columns:
            return None
        cells = [_cell(record.values.get(name)) for name in self._columns]
        if not all(cells):
            self.lacking += 1
            blank = self._columns[cells.index("")]
            raise RefusedError(f"key: {blank} is empty; it has to identify the record.")
        pairs = [[plain(name), cell] for name, cell in zip(self._columns, cells, strict=True)]
        key = _short(pairs)
        first = self.seen.setdefault(key, record.number)
        if first != record.number:
            said = ", ".join(f"{name} {cell}" for name, cell in zip(self._columns, cells, strict=True))
            raise RefusedError(f"key: Record {first} of the file has the same key: {said}.")
        return key

    def of_values(self, record: Record, values: Sequence[Any]) -> str:
        """Return the key of the record by what usually identifies it; records that share it are told apart by order."""
        key, is_shared = self.usual(values)
        self.shared += is_shared
        self.seen[key] = record.number
        return key

    def usual(self, values: Sequence[Any]) -> tuple[str, bool]:
        """Return the key of the next record with these values, and whether an earlier one had the same values."""
        base = _short([plain(value) if isinstance(value, str) else value for value in values])
        self._twins[base] += 1
        number = self._twins[base]
        return (base, False) if number == 1 else (_short([base, number]), True)

    def notes(self) -> Counter[str]:
        """Return what the user has to know of the keys, with the number of records that it concerns."""
        if not self.shared:
            return Counter()
        return Counter(
            {
                f"have the same {self._usual} as another record of the file, so only their order tells them apart;"
                " use --key COLUMN to identify them": self.shared
            }
        )


class FormerIds:
    """The ids that earlier versions made of the content of records, by which what they imported is recognised."""

    def __init__(self) -> None:
        self._seen: Counter[bytes] = Counter()

    def of(self, record: Record) -> UUID:
        """Return the id of a record. Records with the same content are told apart by their order."""
        content = hashlib.sha256(orjson.dumps(record.content, option=orjson.OPT_SORT_KEYS)).digest()
        self._seen[content] += 1
        mixed = hashlib.sha256(content + self._seen[content].to_bytes(8, "big")).digest()
        return UUID(bytes=mixed[:16], version=5)


def identify(row: Row, keys: Keys, record: Record, former_id: UUID, values: Sequence[Any]) -> Row:
    """Return the row with what identifies its record: the id that it has, or a key.

    Args:
        row: The members of the record, with its ``id`` or ``key`` where the file has one.
        keys: The keys of the file.
        record: The record.
        former_id: The id that an earlier version would have given the record.
        values: What usually identifies such a record.
    """
    if row["id"] is not None:
        return row
    if row["key"] is None:
        return row | {"key": keys.of_values(record, values), "former_id": former_id}
    # It may have been imported before without the columns of the key.
    return row | {"former_key": keys.usual(values)[0], "former_id": former_id}


def _cell(value: Any) -> str:
    text = value if isinstance(value, str) else "" if value is None else orjson.dumps(value).decode()
    return " ".join(text.split())


def _short(content: list[Any]) -> str:
    text = orjson.dumps(content)
    written = text.decode()
    return written if len(written) <= MAX_KEY_LENGTH else hashlib.sha256(text).hexdigest()
