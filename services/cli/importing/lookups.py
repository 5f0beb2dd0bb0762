"""The ids behind the names and codes of a file."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from services.cli.importing.mapping import RefusedError, plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from services.cli.importing.run import Row

MAX_TYPE_NAME_LENGTH: Final = 100
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
        listed: Lists the catalogue, with ``include_inactive``: what is there keeps a type that is not in use any more.
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
        rows = list(pages(listed, include_inactive=True))
        self._ids: dict[str, str] = {plain(row["name"]): row["id"] for row in rows}
        self._ids |= {plain(row["id"]): row["id"] for row in rows}
        for word, name in words.items():
            self._ids[plain(word)] = self._meant(name)

    def id(self, cells: Sequence[str]) -> str | None:
        """The type that the cells name; of several the first that is known, or with ``create`` the first.

        Raises:
            RefusedError: None is known, or the name of a new one is too long.
        """
        if not cells:
            return None
        names = [name.strip() for cell in cells for name in self._parts(cell)]
        names = [name for name in names if name] or [cells[0]]
        if self._create:
            # Always the first, or a type that is added later would change what an earlier row was.
            return self._ids.get(plain(names[0])) or self._added(names[0])
        for name in names:
            if plain(name) in self._ids:
                return self._ids[plain(name)]
        raise RefusedError(f"{self._thing}_type: There is no {self._thing} type {names[0]!r}.")

    def _parts(self, cell: str) -> list[str]:
        return cell.split(self._separator) if self._separator else [cell]

    def _added(self, name: str) -> str:
        if len(name) > MAX_TYPE_NAME_LENGTH:
            raise RefusedError(f"{self._thing}_type: Longer than {MAX_TYPE_NAME_LENGTH} characters.")
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
    """The regions by their codes, their ids, and those of their names that only one has.

    Args:
        listed: identity's ``list_regions``.
    """

    def __init__(self, listed: Callable[..., Any]) -> None:
        rows = list(pages(listed))
        names = Counter(plain(row["name"]) for row in rows)
        self._ids: dict[str, str] = {
            plain(row["name"]): row["id"] for row in rows if names[plain(row["name"])] == 1
        }
        self._ids |= {plain(row["id"]): row["id"] for row in rows}
        self._ids |= {plain(row["code"]): row["id"] for row in rows}
        # Codes are told apart by case.
        self._codes = {row["code"]: row["id"] for row in rows}

    def id(self, word: str | None) -> str | None:
        """The region with this code, id or name.

        Raises:
            RefusedError: There is none.
        """
        if word is None:
            return None
        found = self._codes.get(word) or self._ids.get(plain(word))
        if found is None:
            raise RefusedError(f"region: There is no region {word!r}.")
        return found


def pages(method: Callable[..., Any], *, limit: int = PAGE, **arguments: Any) -> Iterator[Row]:
    """All items of a list method, page after page."""
    cursor = None
    while True:
        page = method(limit=limit, cursor=cursor, **arguments)
        yield from page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return
