"""Remembers how far an import came, and writes down what was refused."""

from __future__ import annotations

import csv
import hashlib
from collections import Counter
from typing import IO, TYPE_CHECKING, Any, Final

import orjson

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from shared.importing.files import Record

REASON: Final = "reason"
GEOMETRY: Final = "geometry"


class Journal:
    """The state of one import: this file with these options.

    An import that stopped half-way is continued behind the last batch that was answered. What it repeats
    nevertheless is harmless, since every record has an id of its own.

    Args:
        directory: Where the state is kept until the import is through.
        identity: What makes it this import: the digest of the file, the options.
        refused: The CSV file for refused records: the columns of the file and ``reason``.
        columns: Of the file.
    """

    def __init__(
        self, directory: Path, identity: Mapping[str, Any], refused: Path, columns: Sequence[str]
    ) -> None:
        key = hashlib.sha256(orjson.dumps(identity, option=orjson.OPT_SORT_KEYS)).hexdigest()[:32]
        self._path = directory / f"{key}.json"
        self._names = [*(name for name in columns if name not in (REASON, GEOMETRY)), GEOMETRY, REASON]
        self.refused_path = refused
        self._refused: IO[str] | None = None
        state = self._read()
        self.done: int = state.get("done", 0)
        self.outcomes: Counter[str] = Counter(state.get("outcomes", {}))
        self.reasons: Counter[str] = Counter(state.get("reasons", {}))
        self._refused_size: int = state.get("refused_size", 0)

    def refuse(self, record: Record, reason: str) -> None:
        """Writes a record and the reason against it."""
        if self._refused is None:
            self._refused = self._open_refused()
        values = {name: _cell(value) for name, value in record.values.items()}
        geometry = "" if record.geometry is None else _cell(record.geometry)
        writer = csv.DictWriter(self._refused, self._names, extrasaction="ignore")
        writer.writerow(values | {GEOMETRY: geometry, REASON: reason})
        self.reasons[reason] += 1

    def save(self, done: int) -> None:
        """Notes that every record up to this number has ended as stored or refused."""
        self.done = done
        if self._refused is not None:
            self._refused.flush()
            self._refused_size = self._refused.tell()
        state = {
            "done": done,
            "outcomes": self.outcomes,
            "reasons": self.reasons,
            "refused_size": self._refused_size,
        }
        self._path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self._path.with_suffix(".unfinished")
        unfinished.write_bytes(orjson.dumps(state))
        unfinished.replace(self._path)

    def close(self, *, finished: bool) -> None:
        """Ends; the state of a finished import is forgotten."""
        if self._refused is not None:
            self._refused.close()
        if finished:
            self._path.unlink(missing_ok=True)

    def _read(self) -> dict[str, Any]:
        try:
            state = orjson.loads(self._path.read_bytes())
        except (FileNotFoundError, orjson.JSONDecodeError):
            return {}
        return state if isinstance(state, dict) else {}

    def _open_refused(self) -> IO[str]:
        """Continues the file behind what the last saved state knows of, or begins it."""
        if self._refused_size and self.refused_path.exists():
            file = self.refused_path.open("r+", encoding="utf-8", newline="")
            file.seek(self._refused_size)
            file.truncate()
            return file
        file = self.refused_path.open("w", encoding="utf-8", newline="")
        csv.DictWriter(file, self._names).writeheader()
        return file


def _cell(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else orjson.dumps(value).decode()
