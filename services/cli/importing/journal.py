"""Remembers how far an import came, and writes down what was refused."""

from __future__ import annotations

import csv
import hashlib
import re
from collections import Counter
from dataclasses import asdict, dataclass
from typing import IO, TYPE_CHECKING, Any, Final

import orjson

from services.cli.importing.files import REASONS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from services.cli.importing.files import Record, Source

REFUSED: Final = ".refused"

_PARTICULAR: Final = re.compile(r"'(?:[^'\\]|\\.)*'|\"[^\"]*\"|-?\d[\d.,]*")


@dataclass(slots=True)
class Reason:
    """Why records were refused.

    Attributes:
        example: The whole reason of the first record.
        record: The number of the first record.
        count: The number of records.
        is_whole: Whether the reason is the same to the letter for all of them.
    """

    example: str
    record: int
    count: int = 0
    is_whole: bool = True


class Journal:
    """The state of one import: this file with these options.

    An import that was interrupted continues after the last batch that was answered. Records that it repeats do no harm,
    since every record has an identity of its own.

    Args:
        directory: Where the state is kept until the import is through.
        identity: What identifies the import: the digest of the file, and the options.
        refused: The file for refused records. It has the form of the source, with the reason beside each record, so
            that it can be corrected and imported with the same options.
        source: The file.
    """

    def __init__(self, directory: Path, identity: Mapping[str, Any], refused: Path, source: Source) -> None:
        key = hashlib.sha256(orjson.dumps(identity, option=orjson.OPT_SORT_KEYS)).hexdigest()[:32]
        self._path = directory / f"{key}.json"
        self.refused_path = refused
        state = self._read()
        self.done: int = state.get("done", 0)
        self.outcomes: Counter[str] = Counter(state.get("outcomes", {}))
        self.reasons: dict[str, Reason] = {
            name: Reason(**reason) for name, reason in state.get("reasons", {}).items()
        }
        size: int = state.get("refused_size", 0)
        self._refused = (
            _RefusedRows(refused, source, size) if source.is_csv else _RefusedItems(refused, source, size)
        )

    def refuse(self, record: Record, reason: str) -> None:
        """Write a record and the reason of its refusal."""
        self._refused.write(record, reason)
        found = self.reasons.setdefault(_PARTICULAR.sub("…", reason), Reason(reason, record.number))
        found.count += 1
        found.is_whole = found.is_whole and found.example == reason

    def save(self, done: int) -> None:
        """Remember that every record up to this number was imported or refused."""
        self.done = done
        state = {
            "done": done,
            "outcomes": self.outcomes,
            "reasons": {name: asdict(reason) for name, reason in self.reasons.items()},
            "refused_size": self._refused.flush(),
        }
        self._path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self._path.with_suffix(".unfinished")
        unfinished.write_bytes(orjson.dumps(state))
        unfinished.replace(self._path)

    def close(self, *, finished: bool) -> None:
        """Close the file of refused records, and forget the state of a finished import."""
        self._refused.close()
        if finished:
            self._path.unlink(missing_ok=True)

    def _read(self) -> dict[str, Any]:
        try:
            state = orjson.loads(self._path.read_bytes())
        except (FileNotFoundError, orjson.JSONDecodeError):
            return {}
        return state if isinstance(state, dict) else {}


class _RefusedRows:
    """Refused rows of a CSV file, as another one with the same columns, encoding and delimiter."""

    def __init__(self, path: Path, source: Source, size: int) -> None:
        self._path = path
        self._source = source
        self._size = size
        self._file: IO[str] | None = None
        # The reason of an earlier import is replaced; a column of the user's that is called so is not.
        fed_again = REFUSED in source.path.name
        self._reason = next(
            name
            for name in (*REASONS, "")
            if name not in source.columns or (fed_again and name == REASONS[0])
        )
        self._names = [*(name for name in source.columns if name != self._reason), self._reason]

    def write(self, record: Record, reason: str) -> None:
        """Add a record."""
        if self._file is None:
            self._file = self._open()
        self._writer().writerow((record.original or {}) | {self._reason: reason})

    def flush(self) -> int:
        """Write everything to the file, and return where it ends."""
        if self._file is not None:
            self._file.flush()
            self._size = self._file.tell()
        return self._size

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()

    def _writer(self) -> csv.DictWriter[str]:
        if self._file is None:
            raise ValueError("The file is not open.")
        return csv.DictWriter(
            self._file, self._names, extrasaction="ignore", delimiter=self._source.delimiter
        )

    def _open(self) -> IO[str]:
        """Continue the file after what the last saved state knows of, or begin it."""
        continues = bool(self._size) and self._path.exists()
        file = self._path.open(
            "r+" if continues else "w",
            encoding=self._source.encoding.removesuffix("-sig"),
            errors="backslashreplace",
            newline="",
        )
        self._file = file
        if continues:
            file.seek(self._size)
            file.truncate()
        else:
            self._writer().writeheader()
        return file


class _RefusedItems:
    """Refused features or objects of a JSON file, as another one. It is whole after every `flush`."""

    def __init__(self, path: Path, source: Source, size: int) -> None:
        self._path = path
        self._size = size
        self._file: IO[bytes] | None = None
        self._head = b'{"type":"FeatureCollection","features":[\n' if source.is_geojson else b"[\n"
        self._tail = b"\n]}\n" if source.is_geojson else b"\n]\n"

    def write(self, record: Record, reason: str) -> None:
        """Add a record, with the reason as a member of its own, which an import ignores."""
        if self._file is None:
            self._file = self._open()
        if self._file.tell() > len(self._head):
            self._file.write(b",\n")
        original = record.original if isinstance(record.original, dict) else {"record": record.original}
        self._file.write(orjson.dumps({**original, REASONS[0]: reason}))

    def flush(self) -> int:
        """Write everything to the file, and return where its last record ends."""
        if self._file is not None:
            self._size = self._file.tell()
            self._file.write(self._tail)
            self._file.flush()
            self._file.seek(self._size)
        return self._size

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self.flush()
            self._file.close()

    def _open(self) -> IO[bytes]:
        """Continue the file after what the last saved state knows of, or begin it."""
        if self._size and self._path.exists():
            file = self._path.open("r+b")
            file.seek(self._size)
            file.truncate()
            return file
        file = self._path.open("w+b")
        file.write(self._head)
        return file
