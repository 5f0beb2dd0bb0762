"""The ids behind the names and codes of a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from shared.importing.mapping import RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from shared.importing.run import Row

LONGEST_TYPE_NAME: Final = 100
PAGE: Final = 500

Command = TypeVar("Command", bound="Callable[..., Any]")


def type_options(command: Command) -> Command:
    """Adds ``--type``, ``--separator`` and ``--create-types``, by which `Types` understands cells."""
    options: Sequence[Callable[[Command], Command]] = (
        click.option("--separator", help="Between several types in a cell; the first that is known counts."),
        click.option(
            "--type", "types", multiple=True, metavar="CELL=NAME", help="The type that a cell's words mean."
        ),
        click.option(
            "--create-types",
            is_flag=True,
            help="Add types that are not known; of several in a cell the first.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


class Types:
    """The types of a catalogue by their names.

    Args:
        thing: What they are types of, in a word: ``report``.
        listed: Lists the catalogue.
        created: Adds a type of a name.
        words: What words of the file mean, by the names of types.
        separator: Between several types in a cell.
        create: Whether to add types that are not known.

    Raises:
        click.BadParameter: ``words`` name a type that there is not.
    """

    def __init__(
        self,
        thing: str,
        listed: Callable[..., Any],
        created: Callable[..., Any],
        *,
        words: dict[str, str],
        separator: str | None,
        create: bool,
    ) -> None:
        self._thing = thing
        self._created = created
        self._separator = separator
        self._create = create
        self._ids: dict[str, str] = {plain(row["name"]): row["id"] for row in pages(listed)}
        for word, name in words.items():
            self._ids[plain(word)] = self._meant(name)

    def id(self, cell: str | None) -> str | None:
        """The type that a cell names; of several the first that is known, or with ``create`` the first.

        Raises:
            RefusedError: None is known, or the name of a new one is too long.
        """
        if cell is None:
            return None
        names = [name.strip() for name in cell.split(self._separator)] if self._separator else [cell]
        names = [name for name in names if name] or [cell]
        if self._create:
            # Always the first, or a type that is added later would change what an earlier row was.
            return self._ids.get(plain(names[0])) or self._added(names[0])
        for name in names:
            if plain(name) in self._ids:
                return self._ids[plain(name)]
        raise RefusedError(f"{self._thing}_type: There is no {self._thing} type {names[0]!r}.")

    def _added(self, name: str) -> str:
        if len(name) > LONGEST_TYPE_NAME:
            raise RefusedError(f"{self._thing}_type: Longer than {LONGEST_TYPE_NAME} characters.")
        self._ids[plain(name)] = self._created(name=name)["id"]
        click.echo(f"Added the {self._thing} type {name}.", err=True)
        return self._ids[plain(name)]

    def _meant(self, name: str) -> str:
        if plain(name) in self._ids:
            return self._ids[plain(name)]
        if self._create:
            return self._added(name)
        raise click.BadParameter(f"there is no {self._thing} type {name!r}.", param_hint="--type")


class Regions:
    """The regions by their codes.

    Args:
        listed: identity's ``list_regions``.
    """

    def __init__(self, listed: Callable[..., Any]) -> None:
        self._ids: dict[str, str] = {row["code"]: row["id"] for row in pages(listed)}

    def id(self, code: str | None) -> str | None:
        """The region with this code.

        Raises:
            RefusedError: There is none.
        """
        if code is None:
            return None
        if code not in self._ids:
            raise RefusedError(f"region: There is no region {code!r}.")
        return self._ids[code]


def pages(method: Callable[..., Any]) -> Iterator[Row]:
    """All items of a list method, page after page."""
    cursor = None
    while True:
        page = method(limit=PAGE, cursor=cursor)
        yield from page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return


def plain(name: str) -> str:
    """A name as it is compared: without case and without blanks around it."""
    return name.strip().casefold()
