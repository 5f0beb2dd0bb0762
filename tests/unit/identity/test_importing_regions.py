"""The command `import regions`, against a service that answers as the real one does."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner
from shapely.geometry import Point, shape

from services.cli.importing.regions import import_regions
from services.identity.geometry import check_structure, normalise
from shared.client.errors import Invalid, Unavailable
from shared.domain.boundaries import bbox_of
from shared.platform.schemas import ValidationError, invalid

SQUARE = {"type": "Polygon", "coordinates": [[[0, 0], [0, 1], [1, 1], [1, 0], [0, 0]]]}
BOWTIE = {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]]}
OTHER = {"type": "Polygon", "coordinates": [[[50, 50], [50, 51], [51, 51], [51, 50], [50, 50]]]}
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
            "parent_id": None,
            "parent_is_declared": False,
            "version": 1,
        }

    def update_region(self, *, region_id, version, **changes):
        region = self.regions[region_id]
        assert region["version"] == version
        if "boundaries" in changes:
            changes["boundaries"] = self._checked(changes["boundaries"])
        if "parent_id" in changes:
            if changes["parent_id"] == region_id:
                raise Invalid(fields={"parent_id": ["A region cannot be its own parent."]})
            changes["parent_is_declared"] = True
        region.update(changes, version=version + 1)
        return region

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

    def invoke(*features, options=(), succeeds=True):
        properties = ({"HASC": code, "label": name, "geometry": area} for code, name, area in features)
        collection = [
            {"type": "Feature", "geometry": found.pop("geometry"), "properties": found}
            for found in properties
        ]
        Path("regions.geojson").write_bytes(
            orjson.dumps({"type": "FeatureCollection", "features": collection})
        )
        arguments = ["regions.geojson", "--map", "code=HASC", "--map", "name=label", *options]
        result = CliRunner().invoke(import_regions, arguments, obj=lambda: Client(identity))
        assert (result.exit_code == 0) is succeeds, result.output
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


def test_a_code_in_other_letters_is_the_same_region_in_a_second_file_as_in_the_first(run, identity):
    run(("Ht-Gr", "First", SQUARE))
    assert "updated           1" in run(("HT-GR ", "Second", SQUARE))
    assert "unchanged         1" in run(("ht-gr", "Second", SQUARE))
    assert [(region["code"], region["name"]) for region in identity.regions.values()] == [("Ht-Gr", "Second")]


def test_a_wrong_boundary_is_refused_with_the_place_or_mended(run, identity):
    features = [("A", "Bowtie", BOWTIE), ("B", "Open", OPEN), ("C", None, SQUARE)]
    assert "refused           3" in run(*features)
    left = orjson.loads(Path("regions.refused.geojson").read_bytes())["features"]
    reasons = {feature["properties"]["HASC"]: feature["reason"] for feature in left}
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


def refusals():
    left = orjson.loads(Path("regions.refused.geojson").read_bytes())["features"]
    return [(feature["properties"]["HASC"], feature["reason"]) for feature in left]


@pytest.mark.parametrize("second", ["TWICE", " TWICE ", "twice"])
def test_a_code_that_stands_in_the_file_twice_is_refused_the_second_time_every_time(run, identity, second):
    features = [("TWICE", "Big country", SQUARE), ("ONCE", "Other", None), (second, "Small islet", OTHER)]
    for outcome in ("stored            2", "unchanged         2", "unchanged         2"):
        output = run(*features)
        assert outcome in output
        assert "refused           1" in output
        [(code, reason)] = refusals()
        assert code == second
        assert reason.startswith("code: Record 1 of this file already has the code")
        assert identity.regions["id of TWICE"]["name"] == "Big country"
        assert identity.regions["id of TWICE"]["version"] == 1


def test_a_code_that_stands_twice_is_refused_also_where_the_first_was_refused_or_done_in_an_earlier_run(
    run, identity, monkeypatch
):
    features = [("TWICE", "Big country", SQUARE), ("TWICE", "Small islet", OTHER), ("LAST", "Last", None)]
    create = identity.create_region

    def away(**region):
        if region["code"] == "LAST":
            raise Unavailable("Away.")
        create(**region)

    monkeypatch.setattr(identity, "create_region", away)
    assert "Repeat the command to continue" in run(*features, succeeds=False)
    monkeypatch.setattr(identity, "create_region", create)
    assert "refused           1" in run(*features)
    assert identity.regions["id of TWICE"]["name"] == "Big country"

    broken = [("NEW", None, SQUARE), ("NEW", "Second", SQUARE)]
    assert "refused           2" in run(*broken)


def test_areas_across_the_antimeridian_are_cut_and_are_the_same_when_imported_again(run, identity):
    def island(east):
        return {
            "type": "Polygon",
            "coordinates": [[[179, -57], [east, -57], [east, -56], [179, -56], [179, -57]]],
        }

    features = [("PLAIN", "Uncut ring", island(-179)), ("360", "Written 179 to 181", island(181))]
    assert "stored            2" in run(*features)
    for region in identity.regions.values():
        assert bbox_of(region["boundaries"]) == [179, -57, -179, -56]
        assert len(region["boundaries"]["coordinates"]) == 2
    assert "unchanged         2" in run(*features)


def test_a_repair_says_both_areas_and_one_that_would_lose_area_is_refused(run, identity):
    pole = [[180, -89.999], [0, -89.999], [-180, -89.999], [180, -89.999]]
    coast = [[-180, -80], [-90, -70], [0, -70], [90, -70], [179.5, -80], [-180, -80]]
    features = [
        ("AQ", "Antarctica", {"type": "Polygon", "coordinates": [pole, coast]}),
        ("BOW", "Bowtie", BOWTIE),
        ("GONE", "Nothing", {"type": "Polygon", "coordinates": [SQUARE["coordinates"][0]] * 2}),
    ]
    output = run(*features, options=["--repair"])
    assert "BOW: repaired; 0.5 square degrees before, 0.5 after." in output
    assert "A ring encloses the South Pole and was closed through it." in output
    assert refusals() == [
        ("GONE", "boundaries: The repair would keep 0 of 1 square degrees; correct the boundaries by hand.")
    ]
    stored = shape(identity.regions["id of AQ"]["boundaries"])
    assert stored.contains(Point(0, -85))
    assert stored.area > 6000
    assert "unchanged         2" in run(*features, options=["--repair"])


def test_the_id_of_a_feature_can_be_the_code(run, identity, tmp_path):
    feature = {"type": "Feature", "id": "NG.BO", "properties": {"name": "Borno"}, "geometry": SQUARE}
    Path("borno.geojson").write_bytes(orjson.dumps({"type": "FeatureCollection", "features": [feature]}))
    result = CliRunner().invoke(
        import_regions,
        ["borno.geojson", "--map", "code=id", "--map", "name=name"],
        obj=lambda: Client(identity),
    )
    assert result.exit_code == 0, result.output
    assert identity.regions["id of NG.BO"]["name"] == "Borno"


def test_outlines_are_not_taken_for_boundaries(run, identity, tmp_path):
    feature = {"type": "Feature", "id": "x", "properties": {"code": "A", "name": "A"}, "geometry": SQUARE}
    for detail, code in (("overview", 1), ("full", 0)):
        collection = {"type": "FeatureCollection", "features": [feature], "detail": detail}
        Path("page.geojson").write_bytes(orjson.dumps(collection))
        result = CliRunner().invoke(import_regions, ["page.geojson"], obj=lambda: Client(identity))
        assert result.exit_code == code, result.output
        assert ("has outlines" in result.output) is bool(code)
    assert list(identity.regions) == ["id of A"]


def imported(tmp_path, identity, monkeypatch, text, *options, succeeds=True):
    monkeypatch.chdir(tmp_path)
    Path("regions.csv").write_text(text)
    result = CliRunner().invoke(import_regions, ["regions.csv", *options], obj=lambda: Client(identity))
    assert (result.exit_code == 0) is succeeds, result.output
    return result.output


def parents(identity):
    return {
        region["code"]: (region["parent_id"], region["parent_is_declared"])
        for region in identity.regions.values()
    }


def test_a_record_names_the_parent_which_may_come_before_or_after_it(tmp_path, identity, monkeypatch):
    text = "code,name,parent\nC,Commune,d\nD,Department,HT\nHT,Haiti,\n"
    assert "2 regions were moved" in imported(tmp_path, identity, monkeypatch, text)
    expected = {"C": ("id of D", True), "D": ("id of HT", True), "HT": (None, False)}
    assert parents(identity) == expected
    assert "moved" not in imported(tmp_path, identity, monkeypatch, text)
    assert {region["version"] for region in identity.regions.values()} == {1, 2}


def test_a_prefix_is_that_of_parents_in_the_file_and_not_of_others(tmp_path, identity, monkeypatch):
    identity.create_region(code="WORLD", name="World")
    text = "id,label,up\n1,One,WORLD\n2,Two,1\n"
    options = ("--map", "code=id", "--map", "name=label", "--map", "parent=up", "--prefix", "P-")
    imported(tmp_path, identity, monkeypatch, text, *options)
    assert parents(identity) == {
        "WORLD": (None, False),
        "P-1": ("id of WORLD", True),
        "P-2": ("id of P-1", True),
    }


def test_an_export_keeps_declared_parents_and_leaves_found_ones_to_the_boundaries(
    tmp_path, identity, monkeypatch
):
    text = "code,name,parent_code,parent_is_declared\nA,Top,,true\nB,Declared,A,true\nC,Found,A,false\nD,Free,,false\n"
    imported(tmp_path, identity, monkeypatch, text)
    # Without boundaries nothing can be found.
    assert parents(identity) == {
        "A": (None, True),
        "B": ("id of A", True),
        "C": ("id of A", True),
        "D": (None, False),
    }


def test_parents_that_cannot_be_are_said_and_the_others_are_kept(tmp_path, identity, monkeypatch):
    text = "code,name,parent\nA,One,NOWHERE\nB,Two,B\nC,Three,A\n"
    output = imported(tmp_path, identity, monkeypatch, text, succeeds=False)
    assert "A: There is no region NOWHERE." in output
    assert "B: parent_id: A region cannot be its own parent." in output
    assert parents(identity)["C"] == ("id of A", True)
