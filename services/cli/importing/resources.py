"""The command `import resources`: resources from a CSV, GeoJSON or JSON file, by RPC."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import click

from services.cli.importing import places
from services.cli.importing.lookups import pages
from services.cli.importing.mapping import RefusedError
from services.cli.importing.options import file_options, record_options
from services.cli.importing.records import Columns, Import, Kind, Methods
from shared.client.errors import ImpactXError
from shared.domain.resources import AVAILABLE, CLOSED, STATUS
from shared.platform.phones import readable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from services.cli.importing.files import Record
    from services.cli.importing.run import Row
    from shared.client.calls import Client

TEXTS: Final = ("name", "description", "contact_person", "contact_email")
RESOURCES: Final = Kind(
    thing="resource",
    fields={
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
    },
    statuses=STATUS.statuses,
    example_status=CLOSED,
    usual_key="type, name and place",
    cleared_by_blanks=("description", "contact_person", "contact_email", "contact_phone", "capacity"),
)

REFUSE: Final = "refuse"
FULL: Final = "full"
UNLIMITED: Final = "unlimited"
LEAVE: Final = "leave"
CLOSE: Final = "close"

NOT_LISTED: Final = "Not in the list that was imported last."
"""The notes of a resource that ``--missing close`` closed; by them it is known, and opened when it is listed again."""


@click.command("resources")
@file_options
@record_options
@click.option(
    "--over-capacity",
    type=click.Choice([REFUSE, FULL]),
    default=REFUSE,
    show_default=True,
    help="What to do with a resource whose usage exceeds its capacity: refuse it, or store it as full with the"
    " number in its description.",
)
@click.option(
    "--blank-capacity",
    type=click.Choice([UNLIMITED, REFUSE]),
    default=UNLIMITED,
    show_default=True,
    help="What to do with a resource whose capacity is empty: store it without a limit, as an export writes it, or"
    " refuse it.",
)
@click.option(
    "--missing",
    type=click.Choice([LEAVE, CLOSE]),
    default=LEAVE,
    show_default=True,
    help="What to do with resources of this --source that are not in FILE: leave them, or close them. Closing needs"
    " --source and --key, and a FILE that lists all resources.",
)
@click.option(
    "--phone-region",
    metavar="COUNTRY",
    help="The country of phone numbers without a country code, such as HT. The default is IMPACTX_PHONE_REGION.",
)
@click.pass_obj
def import_resources(
    connect: Callable[[], Client], /, file: Path, refused: Path | None, state: Path, **options: Any
) -> None:
    """Import resources from a file.

    FILE is CSV with a header, GeoJSON with points, or a JSON array of objects.

    The fields for --map and --set are: name, description, longitude and latitude (not for GeoJSON), address,
    resource_type (a name), region (a code, name or id; without it, the region that contains the location), capacity,
    current_usage, contact_person, contact_phone, contact_email, status (available, limited, unavailable,
    out_of_service or closed; --value translates other words), status_notes, and id, of a resource that was exported.

    A resource that exists is updated to what FILE says, by the same rules as any other change. --key names the columns
    that tell which resource a record means. Without --key, the type, the name and the place do. An empty cell of a
    mapped column clears the field where it may be empty; status and usage stay as they are. A phone number that cannot
    be read is left out. You can repeat the command; it continues where it was interrupted.
    """
    closes = options["missing"] == CLOSE
    resources = Import(RESOURCES, file, refused, state, options)
    if closes and not (options["keys"] and options["list_name"]):
        raise click.UsageError("--missing close needs --source, whose resources it closes, and --key.")
    with connect() as client:
        resources.check(client)
        methods = Methods(
            client.resources.list_resource_types,
            client.resources.create_resource_type,
            client.resources.import_resources,
        )
        statuses: dict[str, str | None] = {}
        resources.run(client, methods, _columns(resources, options, statuses))
        if closes:
            _close_missing(client, options["list_name"], resources, statuses)


def _columns(resources: Import, options: dict[str, Any], statuses: dict[str, str | None]) -> Columns:
    """Return how the columns are read; ``statuses`` gets the status of each record by its key."""
    mapping, notes = resources.mapping, resources.notes

    def phone(record: Record) -> str | None:
        text = mapping.word(record, "contact_phone")
        if text is None:
            return None
        number = readable(text, options["phone_region"])
        if number is None:
            notes["have a contact_phone that is not a phone number; it was left out"] += 1
        return number

    def complete(_record: Record, row: Row) -> None:
        if options["over_capacity"] == FULL:
            row |= _clamped(row)
        if "capacity" in mapping and row["capacity"] is None:
            if options["blank_capacity"] == REFUSE:
                raise RefusedError("capacity: Is empty; --set capacity=... fills empty cells.")
            notes["have no capacity in the file and are stored without a limit"] += 1
        if row.get("key"):
            statuses[row["key"]] = row["status"]

    def identity(_record: Record, row: Row) -> Sequence[Any]:
        return (row["name"], row["resource_type_id"], *row["location"]["coordinates"][:2])

    readers: dict[str, Callable[[Record], Any]] = {
        **{name: resources.text(name) for name in TEXTS},
        "contact_phone": phone,
        "capacity": resources.whole("capacity"),
        "current_usage": resources.whole("current_usage"),
    }
    return Columns(readers, identity, complete)


def _clamped(row: Row) -> Row:
    """Return what changes of a row whose usage exceeds its capacity: it is full, and the number is kept in words."""
    capacity, current_usage = row["capacity"], row["current_usage"]
    if capacity is None or current_usage is None or current_usage <= capacity:
        return {}
    said = f"{current_usage} were counted for a capacity of {capacity}."
    return {"current_usage": capacity, "description": " ".join(filter(None, [row["description"], said]))}


def _close_missing(
    client: Client, list_name: str, resources: Import, statuses: dict[str, str | None]
) -> None:
    """Close the resources of a source that are not in its last file, and open those of them that are again."""
    if resources.keys.lacking or not resources.keys.seen:
        click.echo("Nothing is closed as missing, because some records of the file have no key.", err=True)
        return
    done: Counter[str] = Counter()
    for resource in list(pages(client.resources.list_resources, import_source=list_name)):
        status = _status_by_list(resource, resources.keys.seen, statuses)
        if status is None:
            continue
        try:
            client.call(
                "resources.change_resource_status",
                {
                    "resource_id": resource["id"],
                    "version": resource["version"],
                    "status": status,
                    "notes": NOT_LISTED if status == CLOSED else None,
                },
            )
        except ImpactXError as error:
            click.echo(f"{resource['name']} remains {resource['status']}: {error.message}", err=True)
            continue
        done["closed" if status == CLOSED else "opened"] += 1
    click.echo(f"{'closed':10} {done['closed']:8,}  that are not in the file")
    if done["opened"]:
        click.echo(f"{'opened':10} {done['opened']:8,}  that were missing before and are in the file again")


def _status_by_list(resource: Row, seen: dict[str, int], statuses: dict[str, str | None]) -> str | None:
    """Return the status that a resource must enter because it is in the file or not; None where it stays."""
    key = resource["import_key"]
    if key not in seen:
        return None if resource["status"] == CLOSED else CLOSED
    was_missing = resource["status"] == CLOSED and resource["status_notes"] == NOT_LISTED
    return statuses.get(key) or AVAILABLE if was_missing and statuses.get(key) != CLOSED else None
