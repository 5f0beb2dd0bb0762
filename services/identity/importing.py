"""The command that brings regions in from a GeoJSON file, by RPC like any other client."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import orjson
from marshmallow import ValidationError

from services.identity.geometry import check_structure, normalise
from shared.errors import Conflict, Forbidden, ImpactXError, Invalid, NotFound, TooLarge

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.rpc.client import RpcClient

REFUSALS = (Invalid, Conflict, Forbidden, TooLarge)
"""What is wrong with one region; anything else stops the import, which can be started again."""


@click.command("regions")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--code", "code_property", default="id", show_default=True, help="The property that is the code."
)
@click.option(
    "--name", "name_property", default="name", show_default=True, help="The property that is the name."
)
@click.option("--prefix", default="", help="Put before each code, such as US- before FIPS numbers.")
@click.option(
    "--refused",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where refused features go, with the reason; FILE.refused.geojson by default.",
)
@click.pass_obj
def import_regions(
    connect: Callable[[], RpcClient],
    file: Path,
    code_property: str,
    name_property: str,
    prefix: str,
    refused: Path | None,
) -> None:
    """Brings regions in from FILE, a GeoJSON FeatureCollection of polygons.

    A region whose code is known gets the file's name and boundaries; running it again changes nothing more.
    """
    features = read_features(file)
    counts: Counter[str] = Counter()
    wrong: list[dict[str, Any]] = []
    with connect() as client, click.progressbar(features, label="Regions") as bar:
        for feature in bar:
            try:
                counts[bring(client, feature, code_property, name_property, prefix)] += 1
            except REFUSALS as error:
                counts["refused"] += 1
                properties = {**(feature.get("properties") or {}), "refused": str(error)}
                wrong.append({**feature, "properties": properties})
    click.echo(", ".join(f"{counts[what]} {what}" for what in ("created", "updated", "unchanged", "refused")))
    if wrong:
        target = refused or file.with_name(f"{file.name}.refused.geojson")
        target.write_bytes(orjson.dumps({"type": "FeatureCollection", "features": wrong}))
        for feature in wrong:
            click.echo(f"  {_said(feature, code_property) or '?'}: {feature['properties']['refused']}")
        click.echo(f"The refused ones are in {target}.")


def read_features(file: Path) -> list[dict[str, Any]]:
    """The features of a GeoJSON file.

    Raises:
        ClickException: It is no FeatureCollection.
    """
    try:
        collection = orjson.loads(file.read_bytes())
    except orjson.JSONDecodeError as error:
        raise click.ClickException(f"{file} is not JSON: {error}.") from error
    features = collection.get("features") if isinstance(collection, dict) else None
    if not isinstance(features, list) or not all(isinstance(feature, dict) for feature in features):
        raise click.ClickException(f"{file} is not a GeoJSON FeatureCollection.")
    return features


def bring(
    client: RpcClient, feature: dict[str, Any], code_property: str, name_property: str, prefix: str
) -> str:
    """Makes or changes one region.

    Returns:
        What became of it: ``created``, ``updated`` or ``unchanged``.

    Raises:
        ImpactXError: It was refused, or the service cannot be reached.
    """
    code, name = _said(feature, code_property), _said(feature, name_property)
    missing = [said for said, value in ((code_property, code), (name_property, name)) if not value]
    if missing:
        raise Invalid(fields={field: ["This property is missing."] for field in missing})
    geometry = feature.get("geometry")
    try:
        known = client.identity.get_region(code=prefix + code)
    except NotFound:
        client.identity.create_region(code=prefix + code, name=name, boundaries=geometry)
        return "created"
    if known["name"] == name and known["boundaries"] == _as_stored(geometry):
        return "unchanged"
    client.identity.update_region(
        region_id=known["id"], version=known["version"], name=name, boundaries=geometry
    )
    return "updated"


def _said(feature: dict[str, Any], name: str) -> str:
    value = (feature.get("properties") or {}).get(name, feature.get(name))
    return "" if value is None else str(value).strip()


def _as_stored(geometry: Any) -> dict[str, Any] | None:
    """The geometry as identity stores it; None if it would refuse it, and then it says why itself."""
    try:
        return normalise(check_structure(geometry))
    except (ValidationError, ImpactXError):
        return None
