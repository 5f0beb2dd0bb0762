"""Drives an import: records in, batches out, a bar meanwhile and a summary at the end."""

from __future__ import annotations

import hashlib
import time
from collections import Counter, deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import click
import orjson

from shared.errors import Conflict, ImpactXError
from shared.importing.mapping import RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from shared.importing.files import Record, Source
    from shared.importing.journal import Journal

MOST_ROWS: Final = 500
MOST_BYTES: Final = 768 * 1024
"""Of the rows of one call; with what surrounds them it stays below the 1 MiB that a service accepts."""

IN_FLIGHT: Final = 6
"""Calls under way at once: rows are read and sent, and others checked, while the database stores the last ones.

With two, the events of the import take half of its time away; the more there are, the longer others wait for the
service, and the further its events fall behind.
"""

SHOWN_REASONS: Final = 20
IMPORTED_BEFORE: Final = "Was imported before, with other options or by somebody else; it stays as it is."

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a row: ``stored``, ``unchanged``, ``updated``, or refused for a reason."""

    what: str
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class _Entry:
    record: Record
    row: Row | None
    reason: str | None


def run(
    source: Source,
    journal: Journal,
    prepare: Callable[[Record, UUID], Row],
    send: Callable[[list[Row]], Sequence[Outcome]],
    *,
    most_rows: int = MOST_ROWS,
) -> None:
    """Imports every record that the journal does not know to be done.

    Args:
        source: The file.
        journal: Of this import.
        prepare: Makes a row of a record, with the id that is always the same for this record; raises
            `RefusedError` where it cannot.
        send: Hands rows over and says what became of each, in their order. It is called from several threads.
        most_rows: In one call of `send`.

    Raises:
        click.ClickException: A service could not be reached or refused the whole call. What was done stays
            done; the same command continues.
    """
    began, already = time.monotonic(), journal.done
    if already:
        click.echo(f"Continues behind record {already:,}.")
    finished = False
    try:
        with (
            click.progressbar(length=source.count, label=source.path.name, show_pos=True) as bar,
            ThreadPoolExecutor(IN_FLIGHT) as pool,
        ):
            bar.update(already)
            waiting: deque[tuple[list[_Entry], Future[Sequence[Outcome]]]] = deque()
            for batch in _batches(source, already, prepare, most_rows):
                rows = [entry.row for entry in batch if entry.row is not None]
                waiting.append((batch, pool.submit(send, rows)))
                if len(waiting) > IN_FLIGHT:
                    bar.update(_settle(journal, *waiting.popleft()))
            while waiting:
                bar.update(_settle(journal, *waiting.popleft()))
        finished = True
    except ImpactXError as error:
        raise click.ClickException(
            f"{error}\nWhat was imported stays. The same command continues behind record {journal.done:,}."
        ) from error
    finally:
        journal.close(finished=finished)
    _summarise(journal, source.count - already, time.monotonic() - began)


def _batches(
    source: Source, already: int, prepare: Callable[[Record, UUID], Row], most_rows: int
) -> Iterator[list[_Entry]]:
    seen: Counter[bytes] = Counter()
    batch: list[_Entry] = []
    size = 0
    for record in source.records():
        record_id = _identity(record, seen)
        if record.number <= already:
            continue
        entry, length = _entry(record, record_id, prepare)
        if batch and (len(batch) == most_rows or size + length > MOST_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(entry)
        size += length
    if batch:
        yield batch


def _entry(record: Record, record_id: UUID, prepare: Callable[[Record, UUID], Row]) -> tuple[_Entry, int]:
    """The record with its row or the reason against it, and the bytes that the row takes."""
    try:
        row, length = _row(record, record_id, prepare)
    except RefusedError as refusal:
        return _Entry(record, None, str(refusal)), 0
    return _Entry(record, row, None), length


def _row(record: Record, record_id: UUID, prepare: Callable[[Record, UUID], Row]) -> tuple[Row, int]:
    if record.problem:
        raise RefusedError(record.problem)
    row = prepare(record, record_id)
    length = len(orjson.dumps(row))
    if length > MOST_BYTES:
        raise RefusedError(f"Larger than {MOST_BYTES:,} bytes.")
    return row, length


def _identity(record: Record, seen: Counter[bytes]) -> UUID:
    """The id of a record, from its content: the same whenever, from whichever file, it is imported.

    Records that are the same to the letter are told apart by their order.
    """
    content = hashlib.sha256(
        orjson.dumps([record.values, record.geometry], option=orjson.OPT_SORT_KEYS)
    ).digest()
    seen[content] += 1
    mixed = hashlib.sha256(content + seen[content].to_bytes(8, "big")).digest()
    return UUID(bytes=mixed[:16], version=5)


def _settle(journal: Journal, batch: list[_Entry], answer: Future[Sequence[Outcome]]) -> int:
    outcomes = iter(answer.result())
    for entry in batch:
        outcome = Outcome("refused", entry.reason) if entry.row is None else next(outcomes)
        if outcome.reason is not None:
            journal.refuse(entry.record, outcome.reason)
        journal.outcomes[outcome.what] += 1
    journal.save(batch[-1].record.number)
    return len(batch)


def _summarise(journal: Journal, count: int, seconds: float) -> None:
    click.echo(f"{count:,} records in {seconds:.1f} s ({count / max(seconds, 0.001):,.0f} a second)")
    for what, number in sorted(journal.outcomes.items()):
        click.echo(f"{what:10} {number:8,}")
    for reason, number in journal.reasons.most_common(SHOWN_REASONS):
        click.echo(f"{number:19,}  {reason}")
    others = len(journal.reasons) - SHOWN_REASONS
    if others > 0:
        click.echo(f"{'':21}and {others:,} other reasons")
    if journal.reasons:
        click.echo(f"Each refused record is in {journal.refused_path}, with the reason.")


def outcomes_of(answer: Any, count: int) -> list[Outcome]:
    """What became of each of ``count`` rows, from the answer of a service's import method."""
    refused = {refusal["row"]: refusal for refusal in answer["refused"]}
    # Which of the rest were new is told by number only; no row's fate depends on it.
    known = iter([Outcome("stored")] * answer["stored"] + [Outcome("unchanged")] * answer["unchanged"])
    return [
        Outcome("refused", _reason(refused[index])) if index in refused else next(known)
        for index in range(count)
    ]


def _reason(refusal: Mapping[str, Any]) -> str:
    # The id is made here, of the record itself: to who imports, it says nothing.
    if refusal["error"] == Conflict.slug and "id" in refusal["fields"]:
        return IMPORTED_BEFORE
    return reason_of(refusal["fields"], refusal["message"])


def reason_of(fields: Mapping[str, Sequence[str]], message: str) -> str:
    """A refusal in one line: the fields with what is wrong with them, or else the message."""
    if fields:
        return "; ".join(f"{name}: {' '.join(problems)}" for name, problems in fields.items())
    return message
