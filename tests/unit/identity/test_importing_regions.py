"""The command `import regions`, against a service that answers as the real one does."""

from __future__ import annotations

import csv
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner

from services.identity.geometry import check_structure, normalise
from services.identity.importing import import_regions
from shared.errors import Invalid
from shared.schemas import ValidationError, invalid

SQUARE = {"type": "Polygon", "coordinates": [[[0, 0], [0, 1], [1, 1], [1, 0], [0, 0]]]}
BOWTIE = {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]]}
OPEN = {"type": "Polygon", "coordinates": [[[0, 0], [0, 1], [1, 1], [1, 0]]]}


class Identity:
    """The methods that the command calls."""

    def __init__(self):
        self.regions = {}

    def list_regions(self, **_page):
        items = [{**region, "boundaries": None} for region in self.regions.values()]
        return {"items": items, "next_cursor": None}

    def get_region(self, *, region_id):
        return self.regions[region_id]

    def create_region(self, *, code, name=None, boundaries=None, description=None):
        if name is None:
            raise Invalid(fields={"name": ["Missing data for required field."]})
        self.regions[f"id of {code}"] = {
            "id": f"id of {code}",
            "code": code,
            "name": name,
            "description": description,
            "boundaries": self._checked(boundaries),
            "version": 1,
        }

    def update_region(self, *, region_id, version, **changes):
        region = self.regions[region_id]
        assert region["version"] == version
        if "boundaries" in changes:
            changes["boundaries"] = self._checked(changes["boundaries"])
        region.update(changes, version=version + 1)

    @staticmethod
    def _checked(boundaries):
        try:
            given = orjson.loads(orjson.dumps(boundaries))
            return None if given is None else normalise(check_structure(given))
        except ValidationError as error:
            raise invalid({"boundaries": error.messages}) from None


class Client:
    def __init__(self, identity):
        self.identity = identity

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


@pytest.fixture
def identity():
    return Identity()


@pytest.fixture
def run(tmp_path, monkeypatch, identity):
    monkeypatch.chdir(tmp_path)

    def invoke(*features, options=()):
        properties = ({"HASC": code, "label": name, "geometry": shape} for code, name, shape in features)
        collection = [
            {"type": "Feature", "geometry": found.pop("geometry"), "properties": found}
            for found in properties
        ]
        Path("regions.geojson").write_bytes(
            orjson.dumps({"type": "FeatureCollection", "features": collection})
        )
        arguments = ["regions.geojson", "--map", "code=HASC", "--map", "name=label", *options]
        result = CliRunner().invoke(import_regions, arguments, obj=lambda: Client(identity))
        assert result.exit_code == 0, result.output
        return result.output

    return invoke


def test_regions_are_made_and_then_left_alone(run, identity):
    features = [("HT.GR", "Grand'Anse", SQUARE), ("HT.OU", "Ouest", None)]
    assert "stored            2" in run(*features)
    assert "unchanged         2" in run(*features)
    assert {region["version"] for region in identity.regions.values()} == {1}


def test_what_changed_in_the_file_changes_in_the_region(run, identity):
    run(("A", "First", SQUARE), ("B", "Second", SQUARE))
    output = run(
        ("A", "Renamed", SQUARE),
        ("B", "Second", {**SQUARE, "coordinates": [[[0, 0], [2, 0], [2, 2], [0, 0]]]}),
    )
    assert "updated           2" in output
    assert identity.regions["id of A"]["name"] == "Renamed"
    assert identity.regions["id of B"]["boundaries"]["coordinates"][0][1] == [2, 0]


def test_a_wrong_boundary_is_refused_with_the_place_or_mended(run, identity):
    features = [("A", "Bowtie", BOWTIE), ("B", "Open", OPEN), ("C", None, SQUARE)]
    assert "refused           3" in run(*features)
    with Path("regions.refused.csv").open(encoding="utf-8", newline="") as file:
        reasons = {row["HASC"]: row["reason"] for row in csv.DictReader(file)}
    assert "crosses itself at longitude 0.500000, latitude 0.500000" in reasons["A"]
    assert "not closed" in reasons["B"]
    assert reasons["C"] == "name: Missing data for required field."
    output = run(*features, options=["--repair"])
    assert "stored            2" in output
    assert identity.regions["id of A"]["boundaries"]["type"] == "MultiPolygon"
    assert identity.regions["id of B"]["boundaries"] == normalise(SQUARE)


def test_a_prefix_makes_codes_distinct(run, identity):
    run(("12", "Florida", SQUARE), options=["--prefix", "US-"])
    assert identity.regions["id of US-12"]["name"] == "Florida"
