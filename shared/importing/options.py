"""The options that every import command has."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from shared.importing.files import FileError, Source
from shared.importing.journal import Journal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

Command = TypeVar("Command", bound="Callable[..., Any]")


def file_options(command: Command) -> Command:
    """Adds FILE and how to read it, ``--map``, ``--set``, ``--refused`` and ``--state``."""
    options: Sequence[Callable[[Command], Command]] = (
        click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path)),
        click.option(
            "--map", "maps", multiple=True, metavar="FIELD=COLUMN", help="Which column fills a field."
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
            help="Where refused records go; by default the file's name with .refused.csv, in this directory.",
        ),
        click.option(
            "--state",
            type=click.Path(file_okay=False, path_type=Path),
            default=Path(".impactx/imports"),
            show_default=True,
            help="Where is remembered how far an unfinished import came.",
        ),
        click.option("--encoding", default="utf-8-sig", show_default=True, help="Of a CSV file."),
        click.option("--delimiter", default=",", show_default=True, help="Between the cells of a CSV file."),
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
        refused or Path(f"{source.path.stem}.refused.csv"),
        source.columns,
    )
