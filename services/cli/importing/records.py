"""The engine of `import reports` and `import resources`: it makes rows of the records of a file and sends them.

Reports and resources have a place, a type, a region, a status and a key. A `Kind` says what is particular of one of
them; its command gives the functions that read its own columns.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from services.cli.importing import places
from services.cli.importing.keys import Keys, identify
from services.cli.importing.lookups import Regions, Types
from services.cli.importing.mapping import Mapping, RefusedError, pairs, plain
from services.cli.importing.options import open_journal, open_source
from services.cli.importing.run import Outcome, Row, outcomes_of, run

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from collections.abc import Mapping as Dictionary
    from pathlib import Path
    from uuid import UUID

    from services.cli.importing.files import Record
    from services.cli.importing.places import Nearest
    from shared.client.calls import Client


@dataclass(frozen=True, slots=True)
class Kind:
    """What the engine knows of a kind of records.

    Attributes:
        thing: What one record is, in a word: ``report``.
        fields: The fields that columns can fill, each with other names of columns that mean it.
        statuses: The statuses that a row can have.
        example_status: One of them, for a hint.
        usual_key: What identifies a record whose file has no key, in words.
        cleared_by_blanks: The members of a row that a blank cell of a mapped column clears.
        address_suffices: Whether an address without coordinates is a location where the region is known.
    """

    thing: str
    fields: Dictionary[str, tuple[str, ...]]
    statuses: Sequence[str]
    example_status: str
    usual_key: str
    cleared_by_blanks: Sequence[str] = ()
    address_suffices: bool = False


@dataclass(frozen=True, slots=True)
class Methods:
    """The methods of the service that has the records.

    Attributes:
        list_types: Lists the catalogue of types.
        create_type: Adds a type with a name.
        import_rows: Stores or updates the rows of a source.
    """

    list_types: Callable[..., Any]
    create_type: Callable[..., Any]
    import_rows: Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Columns:
    """How the columns of a kind are read.

    Attributes:
        readers: The function that reads each member of a row from a record. Each raises `RefusedError` where a cell
            cannot be read.
        identity: Returns the values that identify a record whose file has no key.
        complete: Changes a row that has been read, where one member depends on others.
    """

    readers: Dictionary[str, Callable[[Record], Any]]
    identity: Callable[[Record, Row], Sequence[Any]]
    complete: Callable[[Record, Row], None] = lambda _record, _row: None


class Import:
    """One run of an import command.

    Args:
        kind: The kind of the records.
        file: The file to import.
        refused: The file for refused records; None for the usual name.
        state: The directory that remembers how far an unfinished import came.
        options: What the user chose, by `file_options` and `record_options`.

    Attributes:
        source: The file.
        mapping: Which column fills which field.
        keys: What tells a record from the others.
        notes: What the user has to know in the end, with the number of records that it concerns.

    Raises:
        click.ClickException: The file cannot be read, or an option does not fit it.
    """

    def __init__(
        self, kind: Kind, file: Path, refused: Path | None, state: Path, options: Dictionary[str, Any]
    ) -> None:
        self._kind = kind
        self._refused = refused
        self._state = state
        self._options = options
        self.source = open_source(file, options["encoding"], options["delimiter"])
        self.mapping = Mapping(
            kind.fields,
            self.source,
            options["maps"],
            options["constants"],
            options["values"],
            decimal=options["decimal"],
        )
        self.keys = Keys(options["keys"], self.source, kind.usual_key)
        self.notes: Counter[str] = Counter()
        self._places = places.Places(self.mapping, swap=options["swap"])

    def text(self, field: str) -> Callable[[Record], str | None]:
        """Return the function that reads the text of a field."""
        return lambda record: self.mapping.text(record, field)

    def whole(self, field: str) -> Callable[[Record], int | None]:
        """Return the function that reads the whole number of a field."""
        return lambda record: self.mapping.whole(record, field)

    def check(self, client: Client, *problems: str | None) -> None:
        """Refuse the file as a whole where the given problems, or swapped coordinates, are found in it.

        Raises:
            click.ClickException: It says what is wrong.
        """
        swapped = places.swapped_problem(
            self._places, self.source, lambda positions: places.located(client.identity, positions)
        )
        found = [problem for problem in (*problems, swapped) if problem]
        if found:
            raise click.ClickException("\n".join(["Nothing was imported.", *found]))

    def run(self, client: Client, methods: Methods, columns: Columns) -> None:
        """Import the records of the file.

        Args:
            client: Signed in as the account that imports.
            methods: Those of the service.
            columns: How the columns of the kind are read.

        Raises:
            click.ClickException: The services could not be reached, or refused a whole call.
        """
        identity, options = client.identity, self._options
        types = Types(
            self._kind.thing,
            methods.list_types,
            methods.create_type,
            words=pairs("--type", options["types"]),
            separator=options["separator"],
            create=options["create_types"],
        )
        regions = Regions(identity.list_regions)
        nearest = places.nearest(identity, options["nearest"])

        def row(record: Record, former_id: UUID) -> Row:
            return self._row(record, former_id, columns, types, regions, nearest)

        def send(rows: list[Row]) -> Sequence[Outcome]:
            if not rows:
                return []
            answer = methods.import_rows(rows=rows, source=options["list_name"])
            return places.explained(identity, rows, outcomes_of(answer, len(rows)))

        def notes() -> Counter[str]:
            return self.notes + self.keys.notes() + (nearest.notes if nearest else Counter())

        journal = open_journal(self.source, self._refused, self._state, options)
        run(self.source, journal, row, send, notes=notes)

    def _row(
        self,
        record: Record,
        former_id: UUID,
        columns: Columns,
        types: Types,
        regions: Regions,
        nearest: Nearest | None,
    ) -> Row:
        """Return the row of a record. What is missing is left out, for the service to refuse by its rules.

        Raises:
            RefusedError: A cell cannot be read.
        """
        mapping, kind = self.mapping, self._kind
        row: Row = {"id": mapping.word(record, "id")}
        if row["id"] is None:
            # First of all: `keys` also counts the records that are refused for another reason.
            row["key"] = self.keys.of_columns(record)
        region_id = regions.id(mapping.word(record, "region"))
        row |= {
            "region_id": region_id,
            "location": self._places.location(
                record, address_suffices=kind.address_suffices and region_id is not None
            ),
            f"{kind.thing}_type_id": types.id(mapping.words(record, f"{kind.thing}_type")),
            **{name: read(record) for name, read in columns.readers.items()},
            "status": self._status(record),
            "status_notes": mapping.text(record, "status_notes"),
        }
        columns.complete(record, row)
        if region_id is None and nearest is not None:
            row["region_id"] = nearest.region(row["location"])
        row = identify(row, self.keys, record, former_id, columns.identity(record, row))
        cleared = {
            name for name in kind.cleared_by_blanks if name in mapping and mapping.word(record, name) is None
        }
        return {name: value for name, value in row.items() if value is not None or name in cleared}

    def _status(self, record: Record) -> str | None:
        """Return the status of a record; white space, hyphens and case do not matter.

        Raises:
            RefusedError: An import cannot give a record this status.
        """
        word = self.mapping.word(record, "status")
        if word is None:
            return None
        status = plain(word).replace(" ", "_").replace("-", "_")
        if status not in self._kind.statuses:
            raise RefusedError(
                f"status: {word!r} is not a status that an imported {self._kind.thing} can have; say what it means,"
                f" such as --value status:{word}={self._kind.example_status}."
            )
        return status
