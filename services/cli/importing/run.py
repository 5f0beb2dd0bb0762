"""Drives an import: records in, batches out, a bar meanwhile and a summary at the end."""

from __future__ import annotations

import time
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import click
import orjson

from services.cli.importing.keys import FormerIds
from services.cli.importing.mapping import RefusedError
from shared.client.errors import ImpactXError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from uuid import UUID

    from services.cli.importing.files import Record, Source
    from services.cli.importing.journal import Journal

MAX_ROWS: Final = 500
MAX_BYTES: Final = 768 * 1024
"""Of the rows of one call; with what surrounds them it stays below the 1 MiB that a service accepts."""

TOO_LARGE: Final = (
    f"The record has more than {MAX_BYTES:,} bytes: shorten its texts, or simplify its boundary"
    " (mapshaper -simplify, or ogr2ogr -simplify)."
)

IN_FLIGHT: Final = 6
"""Calls under way at once: rows are read and sent, and others checked, while the database stores the last ones.

With two, the events of the import take half of its time away; the more there are, the longer others wait for the
service, and the further its events fall behind.
"""

SHOWN_REASONS: Final = 20

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of a row: ``stored``, ``updated``, ``unchanged``, or refused for a reason."""

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
    notes: Callable[[], Mapping[str, int]] = dict,
    max_rows: int = MAX_ROWS,
    sees_done: bool = True,
) -> None:
    """Import every record that the journal does not know to be done.

    Args:
        source: The file.
        journal: The journal of this import.
        prepare: Returns the row of a record, given also the id that an earlier version would have given it; raises
            `RefusedError` where it cannot. It is called for the records of the file in their order.
        send: Sends rows and returns the outcome of each, in their order. It is called from several threads.
        notes: Returns what else the user has to know in the end, with the number of records that it concerns.
        max_rows: The number of rows in one call of `send`.
        sees_done: Whether ``prepare`` is called for the records, too, that were done before an interruption, because
            what it makes of a record depends on those before.

    Raises:
        click.ClickException: A service could not be reached or refused the whole call. What was done stays
            done; the same command continues.
    """
    began, already = time.monotonic(), journal.done
    if already:
        click.echo(f"Continuing after record {already:,}.")
    finished = False
    try:
        with (
            click.progressbar(length=source.count, label=source.path.name, show_pos=True) as bar,
            ThreadPoolExecutor(IN_FLIGHT) as pool,
        ):
            bar.update(already)
            waiting: deque[tuple[list[_Entry], Future[Sequence[Outcome]]]] = deque()
            for batch in _batches(source, already, prepare, max_rows, sees_done=sees_done):
                rows = [entry.row for entry in batch if entry.row is not None]
                waiting.append((batch, pool.submit(send, rows)))
                if len(waiting) > IN_FLIGHT:
                    bar.update(_settle(journal, *waiting.popleft()))
            while waiting:
                bar.update(_settle(journal, *waiting.popleft()))
        finished = True
    except ImpactXError as error:
        raise click.ClickException(
            f"{error}\nThe records before are imported. Repeat the command to continue after record {journal.done:,}."
        ) from error
    finally:
        journal.close(finished=finished)
    _summarise(journal, notes(), source.count - already, time.monotonic() - began)


def _batches(
    source: Source,
    already: int,
    prepare: Callable[[Record, UUID], Row],
    max_rows: int,
    *,
    sees_done: bool,
) -> Iterator[list[_Entry]]:
    former = FormerIds()
    batch: list[_Entry] = []
    size = 0
    for record in source.records():
        former_id, done = former.of(record), record.number <= already
        if done and not sees_done:
            continue
        entry, length = _entry(record, former_id, prepare)
        if done:
            continue
        if batch and (len(batch) == max_rows or size + length > MAX_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(entry)
        size += length
    if batch:
        yield batch


def _entry(record: Record, former_id: UUID, prepare: Callable[[Record, UUID], Row]) -> tuple[_Entry, int]:
    """Return the record with its row or the reason of its refusal, and the size of the row in bytes."""
    try:
        row, length = _row(record, former_id, prepare)
    except RefusedError as refusal:
        return _Entry(record, None, str(refusal)), 0
    return _Entry(record, row, None), length


def _row(record: Record, former_id: UUID, prepare: Callable[[Record, UUID], Row]) -> tuple[Row, int]:
    if record.problem:
        raise RefusedError(record.problem)
    row = prepare(record, former_id)
    length = len(orjson.dumps(row))
    if length > MAX_BYTES:
        raise RefusedError(TOO_LARGE)
    return row, length


def _settle(journal: Journal, batch: list[_Entry], answer: Future[Sequence[Outcome]]) -> int:
    outcomes = iter(answer.result())
    for entry in batch:
        outcome = Outcome("refused", entry.reason) if entry.row is None else next(outcomes)
        if outcome.reason is not None:
            journal.refuse(entry.record, outcome.reason)
        journal.outcomes[outcome.what] += 1
    journal.save(batch[-1].record.number)
    return len(batch)


def _summarise(journal: Journal, notes: Mapping[str, int], count: int, seconds: float) -> None:
    click.echo(f"{count:,} records in {seconds:.1f} s ({count / max(seconds, 0.001):,.0f} a second)")
    for what, number in sorted(journal.outcomes.items()):
        click.echo(f"{what:10} {number:8,}")
    for note, number in notes.items():
        click.echo(f"{number:19,}  {note}")
    reasons = sorted(journal.reasons.values(), key=lambda reason: -reason.count)
    if reasons:
        click.echo("Reasons for refusals, with the number of the first record of each:")
    for reason in reasons[:SHOWN_REASONS]:
        others = "" if reason.is_whole else "  (and similar)"
        click.echo(f"{reason.count:19,}  {reason.example}{others}  record {reason.record:,}")
    more = reasons[SHOWN_REASONS:]
    if more:
        click.echo(f"{sum(reason.count for reason in more):19,}  for {len(more):,} other reasons")
    if reasons:
        click.echo(
            f"All refused records are in {journal.refused_path}, with the reason for each. Correct them there and"
            " import that file with the same options."
        )


def outcomes_of(answer: Any, count: int) -> list[Outcome]:
    """Return the outcome of each of ``count`` rows, from the result of an import method of a service."""
    refused = {refusal["row"]: refusal for refusal in answer["refused"]}
    # Which of the rest were new is told by number only; no row's fate depends on it.
    known = iter(
        [Outcome(what) for what in ("stored", "updated", "unchanged") for _ in range(answer.get(what, 0))]
    )
    return [
        Outcome("refused", reason_of(refused[index]["fields"], refused[index]["message"]))
        if index in refused
        else next(known)
        for index in range(count)
    ]


def reason_of(fields: Mapping[str, Sequence[str]], message: str) -> str:
    """Return a refusal in one line: the fields with what is wrong with them, or else the message."""
    if fields:
        return "; ".join(f"{name}: {' '.join(problems)}" for name, problems in fields.items())
    return message
