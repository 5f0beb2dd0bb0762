"""The ids behind the names and codes of a file."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import click

from services.cli.importing.mapping import RefusedError, plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from services.cli.importing.run import Row

MAX_TYPE_NAME_LENGTH: Final = 100
PAGE: Final = 500


class Types:
    """The types of a catalogue, by their names.

    Args:
        thing: The kind of records that have the types: ``report``.
        listed: Lists the catalogue, with ``include_inactive``: a record keeps a type that has become inactive.
        created: Creates a type with a name.
        words: The names of the types that words of the file stand for.
        separator: The text between several types in a cell.
        create: Whether to create types that are not known.

    Raises:
        click.BadParameter: ``words`` name a type that does not exist.
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
        """Return the id of the type that the cells name: of several the first known one, or with ``create`` the first.

        Raises:
            RefusedError: No type is known, or the name of a new one is too long.
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
        click.echo(f"Created the {self._thing} type {name}.", err=True)
        return self._ids[plain(name)]

    def _meant(self, name: str) -> str:
        if plain(name) in self._ids:
            return self._ids[plain(name)]
        if self._create:
            return self._added(name)
        raise click.BadParameter(f"there is no {self._thing} type {name!r}.", param_hint="--type")


class Regions:
    """The regions, by their codes, their ids, and those of their names that only one region has.

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
        """Return the id of the region with this code, id or name.

        Raises:
            RefusedError: There is no such region.
        """
        if word is None:
            return None
        found = self._codes.get(word) or self._ids.get(plain(word))
        if found is None:
            raise RefusedError(f"region: There is no region {word!r}.")
        return found


def pages(method: Callable[..., Any], *, limit: int = PAGE, **arguments: Any) -> Iterator[Row]:
    """Return all items of a list method, page after page."""
    cursor = None
    while True:
        page = method(limit=limit, cursor=cursor, **arguments)
        yield from page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return
