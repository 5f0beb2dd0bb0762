"""The command ``import resources``: resources from a CSV, GeoJSON or JSON file, by RPC.

It runs outside of the service, as any other caller of it would.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import click

from services.cli.importing import places
from services.cli.importing.keys import Keys, identify
from services.cli.importing.lookups import Regions, Types, pages, type_options
from services.cli.importing.mapping import Mapping, RefusedError, pairs, plain
from services.cli.importing.options import (
    file_options,
    key_options,
    open_journal,
    open_source,
    place_options,
)
from services.cli.importing.run import Outcome, Row, outcomes_of, run
from shared.client.errors import ImpactXError
from shared.domain.resources import AVAILABLE, CLOSED, STATUS
from shared.platform.phones import readable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from uuid import UUID

    from services.cli.importing.files import Record
    from services.cli.importing.places import Nearest, Places
    from shared.client.calls import Client

TEXTS: Final = ("name", "description", "contact_person", "contact_email")
FIELDS: Final = {
    "id": (),
    **dict.fromkeys(TEXTS, ()),
    "contact_phone": (),
    **places.FIELDS,
    "resource_type": ("resource_type_id",),
    "region": ("region_code", "region_name", "region_id"),
    "capacity": (),
    "current_usage": (),
    "status": (),
    "status_notes": (),
}
CLEARED_BY_BLANKS: Final = ("description", "contact_person", "contact_email", "contact_phone", "capacity")

REFUSE: Final = "refuse"
FULL: Final = "full"
UNLIMITED: Final = "unlimited"
LEAVE: Final = "leave"
CLOSE: Final = "close"

NOT_LISTED: Final = "Not in the list that was imported last."
"""The notes of a resource that ``--missing close`` closed; by them it is known, and opened when it is listed again."""


@click.command("resources")
@file_options
@key_options
@type_options
@place_options
@click.option(
    "--over-capacity",
    type=click.Choice([REFUSE, FULL]),
    default=REFUSE,
    show_default=True,
    help="What becomes of a resource that is used beyond its capacity; stored as full, its description says by"
    " how many.",
)
@click.option(
    "--blank-capacity",
    type=click.Choice([UNLIMITED, REFUSE]),
    default=UNLIMITED,
    show_default=True,
    help="What becomes of a resource whose capacity is blank. An export writes no limit as a blank; in a list where"
    " a blank means that nobody knows, refuse.",
)
@click.option(
    "--missing",
    type=click.Choice([LEAVE, CLOSE]),
    default=LEAVE,
    show_default=True,
    help="What becomes of resources of this --source that are not in FILE, where FILE lists all of them. It needs"
    " --source and --key.",
)
@click.option(
    "--phone-region",
    metavar="COUNTRY",
    help="Where telephone numbers without a country code are from, such as HT; IMPACTX_PHONE_REGION by default.",
)
@click.pass_obj
def import_resources(
    connect: Callable[[], Client], /, file: Path, refused: Path | None, state: Path, **options: Any
) -> None:
    """Imports resources from FILE: CSV with a header, GeoJSON with points, or a JSON array of objects.

    The fields to --map or --set are: name, description, longitude, latitude (not for GeoJSON), address,
    resource_type (a name), region (a code, name or id; without it, the region that contains the place), capacity,
    current_usage, contact_person, contact_phone, contact_email, status (available, limited, unavailable,
    out_of_service or closed; what else cells say, --value translates), status_notes, and id, of a resource that was
    exported.

    A resource that is there is brought up to what FILE says, by the rules that hold for any change of it. Which one a
    record means, --key says; without it, the type, the name and the place together do. A blank cell of a mapped column
    clears what may be empty; of status and usage it leaves what is known. The command can be repeated, and goes on
    where it was interrupted. A telephone number that cannot be read is left out.
    """
    source = open_source(file, options["encoding"], options["delimiter"])
    mapping = Mapping(
        FIELDS,
        source,
        options["maps"],
        options["constants"],
        options["values"],
        decimal=options["decimal"],
    )
    closes = options["missing"] == CLOSE
    if closes and not (options["keys"] and options["list_name"]):
        raise click.UsageError("--missing close needs --source, whose resources are meant, and --key.")
    keys = Keys(options["keys"], source, "type, name and place")
    where = places.Places(mapping, swap=options["swap"])
    with connect() as client:
        problem = places.swapped_problem(
            where, source, lambda positions: places.located(client.identity, positions)
        )
        if problem:
            raise click.ClickException(f"Nothing was imported. {problem}")
        reader = Reader(
            mapping,
            keys,
            where,
            Types(
                "resource",
                client.resources.list_resource_types,
                client.resources.create_resource_type,
                words=pairs("--type", options["types"]),
                separator=options["separator"],
                create=options["create_types"],
            ),
            Regions(client.identity.list_regions),
            nearest=places.nearest(client.identity, options["nearest"]),
            clamps=options["over_capacity"] == FULL,
            needs_capacity=options["blank_capacity"] == REFUSE,
            phone_region=options["phone_region"],
        )
        run(
            source,
            open_journal(source, refused, state, options),
            reader.row,
            lambda rows: _send(client, rows, options["list_name"]),
            notes=reader.all_notes,
        )
        if closes:
            _settle_missing(client, options["list_name"], reader)


def _send(client: Client, rows: list[Row], list_name: str) -> Sequence[Outcome]:
    if not rows:
        return []
    answer = client.resources.import_resources(rows=rows, source=list_name)
    return places.explained(client.identity, rows, outcomes_of(answer, len(rows)))


@dataclass(frozen=True, slots=True)
class Reader:
    """Makes rows of `import_resources` out of records.

    Attributes:
        nearest: Finds the region of what lies outside of all, if that is wanted.
        clamps: Whether what is used beyond its capacity is stored as full.
        needs_capacity: Whether a blank capacity is refused.
        phone_region: Where telephone numbers without a country code are from.
        statuses: What the records say of their status, by their keys.
        notes: What the user has to know in the end.
    """

    mapping: Mapping
    keys: Keys
    places: Places
    types: Types
    regions: Regions
    nearest: Nearest | None
    clamps: bool
    needs_capacity: bool
    phone_region: str | None
    statuses: dict[str, str | None] = field(default_factory=dict)
    notes: Counter[str] = field(default_factory=Counter)

    def row(self, record: Record, former_id: UUID) -> Row:
        """The row; what is missing is left out, for the service to refuse by its rules.

        Raises:
            RefusedError: A value cannot be read as what it should be.
        """
        mapping = self.mapping
        row: Row = {"id": mapping.word(record, "id")}
        if row["id"] is None:
            # First of all: what is refused for another reason is listed nevertheless.
            row["key"] = self.keys.of_columns(record)
        row |= {
            **{name: mapping.text(record, name) for name in TEXTS},
            "contact_phone": self._phone(record),
            "location": self.places.location(record),
            "resource_type_id": self.types.id(mapping.words(record, "resource_type")),
            "region_id": self.regions.id(mapping.word(record, "region")),
            "capacity": mapping.whole(record, "capacity"),
            "current_usage": mapping.whole(record, "current_usage"),
            "status": _status(mapping.word(record, "status")),
            "status_notes": mapping.text(record, "status_notes"),
        }
        if self.clamps:
            row |= _clamped(row)
        if row["region_id"] is None and self.nearest is not None:
            row["region_id"] = self.nearest.region(row["location"])
        if "capacity" in mapping and row["capacity"] is None:
            if self.needs_capacity:
                raise RefusedError("capacity: Not known; --set capacity=... stands in for blank cells.")
            self.notes["have no capacity in the file and are stored without a limit"] += 1
        coordinates = row["location"]["coordinates"][:2]
        usual = (row["name"], row["resource_type_id"], *coordinates)
        # A number that cannot be read is no reason to forget the one that is known.
        cleared = {
            name for name in CLEARED_BY_BLANKS if name in mapping and mapping.word(record, name) is None
        }
        row = identify(row, self.keys, record, former_id, usual)
        if row.get("key"):
            self.statuses[row["key"]] = row["status"]
        return {name: value for name, value in row.items() if value is not None or name in cleared}

    def all_notes(self) -> Counter[str]:
        """What the user has to know in the end, with how many records it is about."""
        return self.notes + self.keys.notes() + (self.nearest.notes if self.nearest else Counter())

    def _phone(self, record: Record) -> str | None:
        text = self.mapping.word(record, "contact_phone")
        if text is None:
            return None
        number = readable(text, self.phone_region)
        if number is None:
            self.notes["have a contact_phone that is no telephone number; it was left out"] += 1
        return number


def _status(word: str | None) -> str | None:
    """The status of a cell; blanks and case do not matter.

    Raises:
        RefusedError: There is none such.
    """
    if word is None:
        return None
    status = plain(word).replace(" ", "_").replace("-", "_")
    if status not in STATUS.statuses:
        raise RefusedError(
            f"status: There is no status {word!r}; say what it means, such as --value status:{word}={CLOSED}."
        )
    return status


def _clamped(row: Row) -> Row:
    """What changes of a row whose usage is beyond its capacity: it is full, and the number is not lost."""
    capacity, current_usage = row["capacity"], row["current_usage"]
    if capacity is None or current_usage is None or current_usage <= capacity:
        return {}
    said = f"{current_usage} were counted for a capacity of {capacity}."
    return {"current_usage": capacity, "description": " ".join(filter(None, [row["description"], said]))}


def _settle_missing(client: Client, list_name: str, reader: Reader) -> None:
    """Closes the resources of a list that are not in its last file, and opens those of them that are again."""
    if reader.keys.lacking or not reader.keys.seen:
        click.echo("Nothing is closed as missing: not every record of the file has a key.", err=True)
        return
    done: Counter[str] = Counter()
    for resource in list(pages(client.resources.list_resources, import_source=list_name)):
        status = _status_by_list(resource, reader)
        if status is None:
            continue
        notes = NOT_LISTED if status == CLOSED else None
        try:
            client.call(
                "resources.change_resource_status",
                {
                    "resource_id": resource["id"],
                    "version": resource["version"],
                    "status": status,
                    "notes": notes,
                },
            )
        except ImpactXError as error:
            click.echo(f"{resource['name']} stays {resource['status']}: {error.message}", err=True)
            continue
        done["closed" if status == CLOSED else "opened"] += 1
    click.echo(f"{'closed':10} {done['closed']:8,}  that are not in the file")
    if done["opened"]:
        click.echo(f"{'opened':10} {done['opened']:8,}  that were missing before and are in the file again")


def _status_by_list(resource: Row, reader: Reader) -> str | None:
    """The status that a resource has to enter because of the list that it is in or not; None for none."""
    key = resource["import_key"]
    if key not in reader.keys.seen:
        return None if resource["status"] == CLOSED else CLOSED
    was_missing = resource["status"] == CLOSED and resource["status_notes"] == NOT_LISTED
    return (
        reader.statuses.get(key) or AVAILABLE if was_missing and reader.statuses.get(key) != CLOSED else None
    )
