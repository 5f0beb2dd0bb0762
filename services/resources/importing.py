"""The command ``import resources``: resources from a CSV or GeoJSON file, by RPC.

It runs outside of the service, as any other caller of it would.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import click

from shared.importing import places
from shared.importing.lookups import Regions, Types, type_options
from shared.importing.mapping import Mapping, RefusedError, pairs
from shared.importing.options import file_options, open_journal, open_source
from shared.importing.run import Outcome, Row, outcomes_of, run

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from uuid import UUID

    from shared.importing.files import Record
    from shared.rpc.client import RpcClient

TEXTS: Final = ("name", "description", "contact_person", "contact_phone", "contact_email")
FIELDS: Final = (*TEXTS, *places.FIELDS, "resource_type", "region", "capacity", "current_usage")

REFUSE: Final = "refuse"
FULL: Final = "full"


@click.command("resources")
@file_options
@type_options
@click.option(
    "--over-capacity",
    type=click.Choice([REFUSE, FULL]),
    default=REFUSE,
    show_default=True,
    help="What becomes of a resource that is used beyond its capacity; stored as full, its description says by"
    " how many.",
)
@click.pass_obj
def import_resources(
    connect: Callable[[], RpcClient], /, file: Path, refused: Path | None, state: Path, **options: Any
) -> None:
    """Imports resources from FILE, CSV with a header or GeoJSON with points.

    The fields to --map or --set are: name, description, longitude, latitude (not for GeoJSON), address,
    resource_type (a name), region (a code; without it, the region that contains the place), capacity,
    current_usage, contact_person, contact_phone and contact_email.

    Every resource is stored as available. Without a capacity field they are unlimited; where the field is mapped,
    a blank cell is refused, for nobody should be sent to a place of which that is not known.

    The command can be repeated: a record that is there already stays as it is. After an interruption it goes on
    where it stopped. Texts are taken as they are, whatever they hold.
    """
    source = open_source(file, options["encoding"], options["delimiter"])
    mapping = Mapping(FIELDS, source.columns, options["maps"], options["constants"])
    with connect() as client:
        types = Types(
            "resource",
            client.resources.list_resource_types,
            client.resources.create_resource_type,
            words=pairs("--type", options["types"]),
            separator=options["separator"],
            create=options["create_types"],
        )
        clamps = options["over_capacity"] == FULL
        reader = Reader(mapping, types, Regions(client.identity.list_regions), clamps=clamps)
        journal = open_journal(source, refused, state, options)
        run(source, journal, reader.row, lambda rows: _send(client, rows))


def _send(client: RpcClient, rows: list[Row]) -> Sequence[Outcome]:
    return outcomes_of(client.resources.import_resources(rows=rows), len(rows)) if rows else []


@dataclass(frozen=True, slots=True)
class Reader:
    """Makes rows of `import_resources` out of records.

    Attributes:
        clamps: Whether what is used beyond its capacity is stored as full.
    """

    mapping: Mapping
    types: Types
    regions: Regions
    clamps: bool

    def row(self, record: Record, record_id: UUID) -> Row:
        """The row; what is missing is left out, for the service to refuse by its rules.

        Raises:
            RefusedError: A value cannot be read as what it should be.
        """
        mapping = self.mapping
        row = {
            "id": record_id,
            **{name: mapping.text(record, name) for name in TEXTS},
            "location": places.location_of(mapping, record),
            "resource_type_id": self.types.id(mapping.word(record, "resource_type")),
            "region_id": self.regions.id(mapping.word(record, "region")),
            "capacity": mapping.whole(record, "capacity"),
            "current_usage": mapping.whole(record, "current_usage"),
        }
        if "capacity" in mapping and row["capacity"] is None:
            raise RefusedError("capacity: Not known; --set capacity=... stands in for blank cells.")
        if self.clamps:
            row |= _clamped(row)
        return {name: value for name, value in row.items() if value is not None}


def _clamped(row: Row) -> Row:
    """What changes of a row whose usage is beyond its capacity: it is full, and the number is not lost."""
    capacity, current_usage = row["capacity"], row["current_usage"]
    if capacity is None or current_usage is None or current_usage <= capacity:
        return {}
    said = f"{current_usage} were counted for a capacity of {capacity}."
    return {"current_usage": capacity, "description": " ".join(filter(None, [row["description"], said]))}
