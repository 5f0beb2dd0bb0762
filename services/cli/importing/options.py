"""The options of the import commands."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from services.cli.importing.files import FileError, Source
from services.cli.importing.journal import REFUSED, Journal
from services.cli.importing.mapping import COMMA, POINT
from shared.domain.exporting import zone_of

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Mapping

Command = TypeVar("Command", bound="Callable[..., Any]")


def _adding(*options: Callable[[Any], Any]) -> Callable[[Command], Command]:
    """Return a decorator that adds the options to a command, in their order."""

    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


file_options = _adding(
    click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path)),
    click.option(
        "--map",
        "maps",
        multiple=True,
        metavar="FIELD=COLUMN",
        help="The column that fills a field. If a field has several columns, such as a date and a time, their cells are"
        " joined with spaces. Without any --map, columns fill the fields of the same name.",
    ),
    click.option(
        "--set",
        "constants",
        multiple=True,
        metavar="FIELD=VALUE",
        help="The value of a field for records whose cell is empty, or for all records if no column fills the field.",
    ),
    click.option(
        "--value",
        "values",
        multiple=True,
        metavar="FIELD:CELL=VALUE",
        help="The value that a cell stands for, such as status:False=closed.",
    ),
    click.option(
        "--refused",
        type=click.Path(dir_okay=False, path_type=Path),
        help="The file to which refused records are written, in the format of FILE. The default is the name of FILE"
        " with .refused before its extension, in the current directory.",
    ),
    click.option(
        "--state",
        type=click.Path(file_okay=False, path_type=Path),
        default=Path(".impactx/imports"),
        show_default=True,
        help="The directory that remembers how far an unfinished import came.",
    ),
    click.option(
        "--decimal",
        type=click.Choice([POINT, COMMA]),
        default=POINT,
        show_default=True,
        help="The decimal separator of numbers.",
    ),
    click.option("--encoding", default="utf-8-sig", show_default=True, help="The encoding of a CSV file."),
    click.option(
        "--delimiter", default=",", show_default=True, help="The character between the cells of a CSV file."
    ),
)
"""Adds FILE, and the options that say how it is read and where refused records go."""

record_options = _adding(
    click.option(
        "--key",
        "keys",
        multiple=True,
        metavar="COLUMN",
        help="The column that identifies a record, in this file and in later ones, such as a number. A record whose key"
        " is known is updated. You can repeat the option.",
    ),
    click.option(
        "--source",
        "list_name",
        default="",
        metavar="NAME",
        help="The name of the list that FILE belongs to, where several lists use the same keys.",
    ),
    click.option(
        "--type",
        "types",
        multiple=True,
        metavar="CELL=NAME",
        help="The type that a cell stands for. You can repeat the option.",
    ),
    click.option(
        "--separator", help="The text between several types in a cell. The first type that is known counts."
    ),
    click.option(
        "--create-types",
        is_flag=True,
        help="Create types that are not known; of several types in a cell, the first.",
    ),
    click.option("--swap", is_flag=True, help="Read positions with the latitude first."),
    click.option(
        "--nearest",
        type=click.FloatRange(0, 1000, min_open=True),
        metavar="KM",
        help="Put records outside of all regions into the nearest region, if it is within this number of kilometres.",
    ),
)
"""Adds the options for records that have a key, a type and a place."""


def time_zone(name: str | None) -> dt.tzinfo | None:
    """Return the time zone with a name, or None without one.

    Raises:
        click.BadParameter: There is no such time zone.
    """
    if name is None:
        return None
    try:
        return zone_of(name)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--timezone") from error


def open_source(file: Path, encoding: str, delimiter: str) -> Source:
    """Return the file to import.

    Raises:
        click.ClickException: The file cannot be read; the message says why.
    """
    if len(delimiter) != 1:
        raise click.BadParameter("must be one character.", param_hint="--delimiter")
    try:
        return Source(file, encoding=encoding, delimiter=delimiter)
    except FileError as error:
        raise click.ClickException(str(error)) from error


def open_journal(source: Source, refused: Path | None, state: Path, options: Mapping[str, Any]) -> Journal:
    """Return the journal of the import of this file with these options."""
    return Journal(
        state,
        {"file": source.digest, "options": {**options, "refused": str(refused)}},
        refused or _refused_path(source),
        source,
    )


def _refused_path(source: Source) -> Path:
    """Return the file for the refused records of a file; for those of a file of refused records, the next number."""
    name = source.path.stem
    suffix = ".csv" if source.is_csv else source.path.suffix
    stem, mark, number = name.rpartition(REFUSED)
    if not mark or (number and not number.isdecimal()):
        return Path(f"{name}{REFUSED}{suffix}")
    return Path(f"{stem}{REFUSED}{int(number or 1) + 1}{suffix}")
