"""Files through the command line: imported, imported again, exported, and brought back as they were."""

import csv
import re
from uuid import uuid4

import orjson
import pytest

LISTS = """number,label,lon,lat,beds,people,open
17,School One,{east},10.1,100,{people},True
18,School Two,{east},10.2,50,50,{open}
"""
MAPS = ("name=label", "longitude=lon", "latitude=lat", "capacity=beds", "current_usage=people", "status=open")
OPTIONS = [
    *(part for pair in MAPS for part in ("--map", pair)),
    *("--value", "status:True=available", "--value", "status:False=closed", "--set", "resource_type=Shelter"),
]


@pytest.fixture(scope="module")
def place(administrator):
    """The code of a region of this test's own, and a longitude in it."""
    code = f"FILES-{uuid4().hex[:8]}"
    west = (int(code[-6:], 16) % 300) - 150 + 0.55
    ring = [[west, 10.0], [west + 0.4, 10.0], [west + 0.4, 10.4], [west, 10.4], [west, 10.0]]
    boundaries = {"type": "Polygon", "coordinates": [ring]}
    administrator.identity.create_region(name=code, code=code, boundaries=boundaries)
    return code, west + 0.2


@pytest.fixture
def bring(running, tmp_path):
    """Imports a file and gives what the command said."""

    def bringing(what, name, text, *options):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        refused = tmp_path / f"refused-{name}"
        done = running.command(
            "import", what, path, "--state", tmp_path / "state", "--refused", refused, *options
        )
        assert not refused.exists(), refused.read_text()
        return done.stdout

    return bringing


def test_a_list_of_an_hour_later_changes_what_changed_and_makes_nothing_twice(administrator, bring, place):
    code, east = place
    options = [*OPTIONS, "--set", f"region={code}"]
    nine = LISTS.format(east=east, people=40, open=True)
    ten = LISTS.format(east=east, people=85, open=False)
    assert "stored            2" in bring("resources", "nine.csv", nine, *options)
    assert "unchanged         2" in bring("resources", "nine.csv", nine, *options)
    assert "updated           2" in bring("resources", "ten.csv", ten, *options)
    [region] = administrator.identity.list_regions(codes=[code])["items"]
    found = administrator.resources.list_resources(region_id=[region["id"]])["items"]
    shown = {item["name"]: (item["current_usage"], item["status"], item["version"]) for item in found}
    assert shown == {"School One": (85, "available", 2), "School Two": (50, "closed", 2)}
    free = administrator.resources.list_available_resources(region_id=[region["id"]])["items"]
    assert [item["name"] for item in free] == ["School One"]
    [one] = [item for item in found if item["name"] == "School One"]
    [entry] = administrator.resources.list_usage_changes(resource_id=one["id"])["items"]
    assert (entry["usage_change"], entry["current_usage"]) == (45, 85)


def test_what_is_exported_is_imported_as_it_was_and_an_edited_cell_alone_changes(
    administrator, running, bring, place, tmp_path
):
    code, east = place
    [region] = administrator.identity.list_regions(codes=[code])["items"]
    report_type = administrator.reports.list_report_types()["items"][0]
    level = administrator.reports.list_severity_levels()["items"][0]
    texts = ["=1+1", "'=1+1", '-Depot, "new"', "  @home", "\uff1d1", "+509 3812 4466", "two\nlines", "l'eau"]
    filed = [
        administrator.reports.create_report(
            title=" ".join(text.split()) or "none",
            description=text,
            report_type_id=report_type["id"],
            severity_level_id=level["id"],
            location={"type": "Point", "coordinates": [east, 10.3], "address": text.strip()},
            region_id=region["id"],
        )
        for text in texts
    ]
    chosen = ("--filter", f"region_id={region['id']}")
    for form in ("csv", "geojson"):
        file = tmp_path / f"reports.{form}"
        running.command("export", "reports", "--format", form, "--output", file, *chosen)
        assert f"unchanged  {len(texts):8}" in bring("reports", f"again.{form}", file.read_bytes())
    after = {
        item["id"]: item for item in administrator.reports.list_reports(region_id=[region["id"]])["items"]
    }
    assert after == {item["id"]: item for item in filed}

    with (tmp_path / "reports.csv").open(encoding="utf-8", newline="") as opened:
        rows = list(csv.DictReader(opened))
    rows[0]["description"] = "Edited"
    with (tmp_path / "edited.csv").open("w", encoding="utf-8", newline="") as opened:
        writer = csv.DictWriter(opened, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    said = bring("reports", "edited.csv", (tmp_path / "edited.csv").read_bytes())
    assert "updated           1" in said
    edited = administrator.reports.get_report(report_id=rows[0]["id"])
    assert (edited["description"], edited["version"]) == ("Edited", 2)


def test_resources_without_a_limit_and_regions_go_round(administrator, running, bring, place, tmp_path):
    code, east = place
    [region] = administrator.identity.list_regions(codes=[code])["items"]
    kind = administrator.resources.list_resource_types()["items"][0]
    administrator.resources.create_resource(
        name="Depot",
        resource_type_id=kind["id"],
        region_id=region["id"],
        contact_phone="(202) 555-0143",
        location={"type": "Point", "coordinates": [east, 10.3]},
    )
    file = tmp_path / "resources.csv"
    chosen = ("--filter", f"region_id={region['id']}", "--bom", "--timezone", "America/Port-au-Prince")
    running.command("export", "resources", "--output", file, *chosen)
    said = bring("resources", "resources-again.csv", file.read_bytes())
    assert re.findall(r"^(\w+) +\d", said, re.MULTILINE)[-1:] == ["unchanged"], said

    file = tmp_path / "regions.geojson"
    running.command("export", "regions", "--output", file, "--filter", f'codes=["{code}"]')
    [feature] = orjson.loads(file.read_bytes())["features"]
    assert feature["properties"]["code"] == code
    assert "unchanged         1" in bring("regions", "regions-again.geojson", file.read_bytes())
