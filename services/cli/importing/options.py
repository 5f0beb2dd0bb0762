"""The options that every import command has."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from services.cli.importing.files import FileError, Source
from services.cli.importing.journal import REFUSED, Journal
from services.cli.importing.mapping import COMMA, POINT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

Command = TypeVar("Command", bound="Callable[..., Any]")


def file_options(command: Command) -> Command:
    """Adds FILE and how to read it, ``--map``, ``--set``, ``--refused`` and ``--state``."""
    options: Sequence[Callable[[Command], Command]] = (
        click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path)),
        click.option(
            "--map",
            "maps",
            multiple=True,
            metavar="FIELD=COLUMN",
            help="Which column fills a field; of several columns, such as of a date and a time, the field is made with"
            " blanks between. Without any --map, columns that are called as a field fill it.",
        ),
        click.option(
            "--set",
            "constants",
            multiple=True,
            metavar="FIELD=VALUE",
            help="A value for records whose cell is blank, or for all.",
        ),
        click.option(
            "--refused",
            type=click.Path(dir_okay=False, path_type=Path),
            help="Where refused records go, in the form of FILE; by default its name with .refused before the end, in"
            " this directory.",
        ),
        click.option(
            "--state",
            type=click.Path(file_okay=False, path_type=Path),
            default=Path(".impactx/imports"),
            show_default=True,
            help="Where is remembered how far an unfinished import came.",
        ),
        click.option(
            "--value",
            "values",
            multiple=True,
            metavar="FIELD:CELL=VALUE",
            help="What the words of a cell mean, such as status:False=closed.",
        ),
        click.option(
            "--decimal",
            type=click.Choice([POINT, COMMA]),
            default=POINT,
            show_default=True,
            help="What stands before the decimals of a number.",
        ),
        click.option("--encoding", default="utf-8-sig", show_default=True, help="Of a CSV file."),
        click.option("--delimiter", default=",", show_default=True, help="Between the cells of a CSV file."),
    )
    for option in reversed(options):
        command = option(command)
    return command


def key_options(command: Command) -> Command:
    """Adds ``--key`` and ``--source``, which name the records of a file for `services.cli.importing.keys`."""
    options: Sequence[Callable[[Command], Command]] = (
        click.option(
            "--key",
            "keys",
            multiple=True,
            metavar="COLUMN",
            help="The column whose cell tells a record from every other one, today and in later files, such as a"
            " number; may be repeated. A record whose key is known is updated.",
        ),
        click.option(
            "--source",
            "list_name",
            default="",
            metavar="NAME",
            help="Whose list this is, where several have the same keys.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def place_options(command: Command) -> Command:
    """Adds ``--swap`` and ``--nearest``, by which `services.cli.importing.places` understands positions."""
    options: Sequence[Callable[[Command], Command]] = (
        click.option("--swap", is_flag=True, help="Positions are written with the latitude first."),
        click.option(
            "--nearest",
            type=click.FloatRange(0, 1000, min_open=True),
            metavar="KM",
            help="Put what lies outside of every region into the nearest one, if that is within so many kilometres.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def open_source(file: Path, encoding: str, delimiter: str) -> Source:
    """The file to import.

    Raises:
        click.ClickException: It cannot be read; the message says why.
    """
    if len(delimiter) != 1:
        raise click.BadParameter("must be one character.", param_hint="--delimiter")
    try:
        return Source(file, encoding=encoding, delimiter=delimiter)
    except FileError as error:
        raise click.ClickException(str(error)) from error


def open_journal(source: Source, refused: Path | None, state: Path, options: Mapping[str, Any]) -> Journal:
    """What is known of this import: of this file with these options."""
    return Journal(
        state,
        {"file": source.digest, "options": {**options, "refused": str(refused)}},
        refused or _refused_path(source),
        source,
    )


def _refused_path(source: Source) -> Path:
    """Where the refused records of a file go; of a file of refused records the next one."""
    name = source.path.stem
    suffix = ".csv" if source.is_csv else source.path.suffix
    stem, mark, number = name.rpartition(REFUSED)
    if not mark or (number and not number.isdecimal()):
        return Path(f"{name}{REFUSED}{suffix}")
    return Path(f"{stem}{REFUSED}{int(number or 1) + 1}{suffix}")
