"""The command `import reports`, against a service that answers as the real one does."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path
from uuid import UUID

import orjson
import pytest
from click.testing import CliRunner

from services.cli.importing.reports import Dates, import_reports
from services.reports.schemas import ReportRow
from shared.client.errors import Unavailable
from shared.domain.imports import check_rows

TYPES = {"Flood": "00000000-0000-7000-8000-00000000000a", "Fire": "00000000-0000-7000-8000-00000000000b"}
REGION = "00000000-0000-7000-8000-00000000000c"
HEADER = ["Serial", "INCIDENT TITLE", "DATE", "PLACE", "DESCRIPTION", "CATEGORY", "LAT", "LON"]
MAPS = (
    "title=INCIDENT TITLE",
    "description=DESCRIPTION",
    "reported_at=DATE",
    "address=PLACE",
    "report_type=CATEGORY",
    "latitude=LAT",
    "longitude=LON",
)
HERE = {"lon": -72.5, "lat": 18.2}
OPTIONS = [part for pair in MAPS for part in ("--map", pair)] + [
    "--set",
    "severity=3",
    "--date-format",
    "%d/%m/%Y %H:%M",
    "--timezone",
    "America/Port-au-Prince",
]


class Methods:
    """The methods that the command calls."""

    def __init__(self):
        self.stored = {}
        self.calls = 0
        self.fail_at = None
        self.inside = (-180, -90, 180, 90)
        self.types = dict(TYPES)

    def list_report_types(self, **_page):
        items = [{"id": type_id, "name": name} for name, type_id in self.types.items()]
        return {"items": items, "next_cursor": None}

    def list_severity_levels(self, **_page):
        ids = (f"00000000-0000-7000-8000-00000000010{level}" for level in range(1, 6))
        items = [{"id": row_id, "name": f"L{level}", "level": level} for level, row_id in enumerate(ids, 1)]
        return {"items": items, "next_cursor": None}

    def list_regions(self, *, include_boundaries=False, detail="overview", **_page):
        assert not include_boundaries or detail == "full"
        west, south, east, north = self.inside
        ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
        boundaries = {"type": "Polygon", "coordinates": [ring]}
        region = {"id": REGION, "code": "HT.OU", "name": "Ouest", "boundaries": boundaries}
        return {"items": [region], "next_cursor": None}

    def create_report_type(self, *, name):
        self.types[name] = str(UUID(int=1000 + len(self.types)))
        return {"id": self.types[name]}

    def locate_regions(self, *, points):
        return {"region_ids": [REGION if self.is_inside(point) else None for point in points]}

    def is_inside(self, point):
        west, south, east, north = self.inside
        return west <= point["lon"] <= east and south <= point["lat"] <= north

    def import_reports(self, *, rows, source):
        self.calls += 1
        if self.calls == self.fail_at:
            raise Unavailable
        rows = orjson.loads(orjson.dumps(rows))
        batch = check_rows(rows, ReportRow(), dict, source=source)
        counts = Counter()
        for index, row in list(batch.rows.items()):
            longitude, latitude = row["location"].get("coordinates", [0, 0])[:2]
            if "region_id" not in row and not self.is_inside({"lon": longitude, "lat": latitude}):
                batch.locate(index, None)
                continue
            identity = batch.identities[index]
            name = identity.get("id") or (source, identity["key"])
            before = self.stored.get(name)
            counts[
                "stored"
                if before is None
                else "unchanged"
                if before["digest"] == row["digest"]
                else "updated"
            ] += 1
            self.stored[name] = row
        return {
            "ids": batch.ids,
            "refused": batch.refused,
            "stored": 0,
            "updated": 0,
            "unchanged": 0,
            **counts,
        }


class Client:
    def __init__(self, methods):
        self.reports = self.identity = methods

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


@pytest.fixture
def methods():
    return Methods()


@pytest.fixture
def run(tmp_path, monkeypatch, methods):
    monkeypatch.chdir(tmp_path)

    def invoke(*arguments):
        return CliRunner().invoke(
            import_reports, [str(argument) for argument in arguments], obj=lambda: Client(methods)
        )

    return invoke


@pytest.fixture
def write(tmp_path):
    def make(rows, name="incidents.csv"):
        path = tmp_path / name
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([HEADER, *rows])
        return path

    return make


def row(serial, **changed):
    cells = {
        "Serial": serial,
        "INCIDENT TITLE": f"Incident {serial}",
        "DATE": "05/07/2010 17:26",
        "PLACE": "Jacmel",
        "DESCRIPTION": "Water",
        "CATEGORY": "Flood",
        "LAT": "18.23",
        "LON": "-72.53",
    } | changed
    return [cells[name] for name in HEADER]


def refused(path="incidents.refused.csv"):
    with Path(path).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_columns_are_mapped_and_texts_stay_as_they_are(run, write, methods):
    dirty = {"INCIDENT TITLE": "=cmd()|&amp;Ã©", "DESCRIPTION": "two\nlines", "CATEGORY": " flood "}
    result = run(write([row(1, **dirty)]), *OPTIONS)
    assert result.exit_code == 0, result.output
    [stored] = methods.stored.values()
    assert stored["title"] == "=cmd()|&amp;Ã©"
    assert stored["description"] == "two\nlines"
    assert stored["location"] == {"type": "Point", "coordinates": [-72.53, 18.23], "address": "Jacmel"}
    assert stored["reported_at"].isoformat() == "2010-07-05T22:26:00+00:00"
    assert str(stored["report_type_id"]) == TYPES["Flood"]
    assert "region_id" not in stored


def test_every_row_ends_as_stored_or_refused_for_a_reason(run, write, methods):
    rows = [
        row(1),
        row(2, LAT="north"),
        row(3, LON=""),
        row(4, DATE="2010-07-05"),
        row(5, CATEGORY="Rain of frogs"),
        row(6, DESCRIPTION=" "),
        row(7, LAT="118.2"),
        row(8, **{"INCIDENT TITLE": "x" * 256}),
        row(9, DESCRIPTION="a\x00b"),
        row(10)[:5],
        row(11, LAT="nan"),
    ]
    result = run(write(rows), *OPTIONS)
    assert result.exit_code == 0, result.output
    assert len(methods.stored) == 1
    assert "All refused records are in incidents.refused.csv" in result.output
    assert {found["Serial"]: found["reason"] for found in refused()} == {
        "2": "latitude: Not a number.",
        "3": "location: No coordinates.",
        "4": "reported_at: Not a date like %d/%m/%Y %H:%M.",
        "5": "report_type: There is no report type 'Rain of frogs'.",
        "6": "description: Missing data for required field.",
        "7": "location: Latitude 118.2 is out of range; longitude and latitude may be swapped.",
        "8": "title: Must be at most 255 characters long.",
        "9": "description: Must not contain the NUL character.",
        "10": "The row has 5 cells, the header has 8.",
        "11": "latitude: Not a number.",
    }
    assert "stored            1" in result.output
    assert "refused          10" in result.output
    assert "latitude: Not a number." in result.output


def test_a_constant_fills_blank_cells(run, write, methods):
    result = run(
        write([row(1, CATEGORY=" "), row(2)]), *OPTIONS, "--set", "report_type=Fire", "--set", "region=HT.OU"
    )
    assert result.exit_code == 0, result.output
    first, second = methods.stored.values()
    assert [str(found["report_type_id"]) for found in (first, second)] == [TYPES["Fire"], TYPES["Flood"]]
    assert str(first["region_id"]) == REGION


def test_of_several_types_in_a_cell_the_first_that_is_known_counts(run, write, methods):
    rows = [row(1, CATEGORY="1. Urgences, Fire, Flood, "), row(2, CATEGORY="2. Eau"), row(3, CATEGORY=", ")]
    result = run(write(rows), *OPTIONS, "--separator", ",", "--type", "2. Eau=Flood")
    assert result.exit_code == 0, result.output
    kinds = [str(found["report_type_id"]) for found in methods.stored.values()]
    assert kinds == [TYPES["Fire"], TYPES["Flood"]]
    assert [found["Serial"] for found in refused()] == ["3"]


def test_unknown_types_are_added_only_when_asked(run, write, methods):
    rows = [row(1, CATEGORY="Fire"), row(2, CATEGORY="New, Fire"), row(3, CATEGORY="new")]
    file = write(rows)
    for _ in range(2):
        result = run(file, *OPTIONS, "--separator", ",", "--create-types")
        assert result.exit_code == 0, result.output
    assert set(methods.types) == {"Flood", "Fire", "New"}
    kinds = [str(found["report_type_id"]) for found in methods.stored.values()]
    assert kinds == [TYPES["Fire"], methods.types["New"], methods.types["New"]]
    assert "unchanged         3" in result.output


def test_a_repeat_changes_nothing_and_twins_are_two(run, write, methods):
    file = write([row(1), row(1), row(2)])
    run(file, *OPTIONS)
    assert len(methods.stored) == 3
    result = run(file, *OPTIONS)
    assert "unchanged         3" in result.output
    longer = write([row(1), row(1), row(2), row(3)], "longer.csv")
    result = run(longer, *OPTIONS)
    assert "unchanged         3" in result.output
    assert "stored            1" in result.output


def test_an_interrupted_import_goes_on_where_it_stopped(run, write, methods):
    rows = [row(number, LAT="bad" if number % 100 == 0 else "18.2") for number in range(2600)]
    file = write(rows)
    methods.fail_at = 4
    result = run(file, *OPTIONS)
    assert result.exit_code == 1
    assert "Repeat the command to continue after record" in result.output
    before = methods.calls
    result = run(file, *OPTIONS)
    assert result.exit_code == 0, result.output
    assert "Continuing after record" in result.output
    assert methods.calls - before < 6, "what was done is not sent again"
    assert len(methods.stored) == 2574
    assert [found["Serial"] for found in refused()] == [str(number) for number in range(0, 2600, 100)]
    assert "refused          26" in result.output
    assert "26  latitude: Not a number.  record 1" in result.output


@pytest.mark.parametrize(
    "written", ["2026-01-31T12:00:00z", "2026-01-31t12:00:00Z", "2026-01-31t14:00:00+02:00"]
)
def test_small_letters_in_a_moment_are_rfc_3339(written):
    assert Dates(None, None).read(written).isoformat() == "2026-01-31T12:00:00+00:00"


def test_geojson_points_are_places(run, methods, tmp_path):
    def feature(geometry, **properties):
        return {"type": "Feature", "geometry": geometry, "properties": properties}

    point = {"type": "Point", "coordinates": [-72.5, 18.2]}
    said = {"t": "Flood in town", "d": "Water", "s": 4, "when": "2026-01-31T12:00:00Z"}
    file = tmp_path / "incidents.geojson"
    features = [
        feature(point, **said),
        feature({"type": "LineString", "coordinates": [[0, 0], [1, 1]]}, **said),
        feature(None, **said),
        feature(point, **said | {"when": "2026-01-31T12:00:00"}),
        "no feature",
    ]
    file.write_bytes(orjson.dumps({"type": "FeatureCollection", "features": features}))
    maps = ["--map", "title=t", "--map", "description=d", "--map", "severity=s", "--map", "reported_at=when"]
    result = run(file, *maps, "--set", "report_type=flood")
    assert result.exit_code == 0, result.output
    [stored] = methods.stored.values()
    assert stored["location"] == point
    assert str(stored["severity_level_id"]).endswith("4")
    again = orjson.loads(Path("incidents.refused.geojson").read_bytes())
    assert again["type"] == "FeatureCollection"
    assert [found["reason"] for found in again["features"]] == [
        "location: Not a Point.",
        "location: No coordinates.",
        "reported_at: Has no offset from UTC; name a time zone with --timezone.",
        "Not a GeoJSON feature.",
    ]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--map", "title=NO SUCH"], "there is no column 'NO SUCH'. The file has: Serial, INCIDENT TITLE"),
        (["--map", "colour=PLACE"], "there is no field 'colour'"),
        (["--map", "title"], "'title' is not NAME=VALUE"),
        (["--set", "severity=1", "--set", "severity=2"], "'severity' is given twice"),
        (["--timezone", "Mars/Olympus"], "Unknown time zone 'Mars/Olympus'"),
        (["--type", "Eau=Deluge"], "there is no report type 'Deluge'"),
        (["--encoding", "klingon"], "There is no encoding klingon"),
        (["--encoding", "ascii"], "is not ascii"),
    ],
)
def test_a_wrong_option_is_said_before_anything_is_sent(run, write, methods, options, said):
    result = run(write([row(1, PLACE="Léogâne")]), "--set", "reported_at=now", *options)
    assert result.exit_code != 0
    assert said in result.output
    assert methods.calls == 0


def test_a_file_that_is_none_is_said(run, tmp_path):
    for name, content, said in (
        ("empty.csv", "", "has no header"),
        ("twice.csv", "a,b,a\n", "more than one column a"),
        ("broken.geojson", "{", "is not JSON"),
        ("other.json", "{}", "is neither a GeoJSON FeatureCollection nor a JSON array"),
    ):
        (tmp_path / name).write_text(content)
        result = run(tmp_path / name)
        assert result.exit_code == 1
        assert said in result.output


def test_an_import_with_other_options_corrects_what_is_there(run, write, methods):
    """A wrong time zone, date format, type or region is mended by importing again."""
    file = write([row(1), row(2)])
    run(file, *OPTIONS)
    result = run(file, *OPTIONS[:-1], "UTC", "--set", "region=HT.OU")
    assert "updated           2" in result.output
    assert len(methods.stored) == 2
    assert {found["reported_at"].hour for found in methods.stored.values()} == {17}


def test_a_changed_cell_or_a_new_column_makes_no_second_report(run, write, methods, tmp_path):
    file = write([row(1), row(2)])
    run(file, *OPTIONS)
    with (tmp_path / "later.csv").open("w", encoding="utf-8", newline="") as later:
        corrected = row(1, DESCRIPTION="Water, two metres")
        csv.writer(later).writerows([[*HEADER, "NEW"], [*corrected, "x"], [*row(2), "y"]])
    result = run(tmp_path / "later.csv", *OPTIONS)
    assert "unchanged         1" in result.output
    assert "updated           1" in result.output
    assert len(methods.stored) == 2


def test_a_key_names_a_report_whatever_else_changes(run, write, methods):
    run(write([row(1), row(2)]), *OPTIONS, "--key", "Serial")
    changed = row(1, LAT="18.5", DATE="06/07/2010 08:00", **{"INCIDENT TITLE": "Else"})
    result = run(write([row(2), changed], "later.csv"), *OPTIONS, "--key", "Serial")
    assert "unchanged         1" in result.output
    assert "updated           1" in result.output
    assert len(methods.stored) == 2
    run(write([row(1)], "others.csv"), *OPTIONS, "--key", "Serial", "--source", "Red Cross")
    assert len(methods.stored) == 3


def test_a_key_that_is_blank_or_comes_twice_is_refused(run, write, methods):
    result = run(write([row(1), row(" "), row(1, DESCRIPTION="Else")]), *OPTIONS, "--key", "Serial")
    assert result.exit_code == 0, result.output
    assert len(methods.stored) == 1
    assert [found["reason"] for found in refused()] == [
        "key: Serial is empty; it has to identify the record.",
        "key: Record 1 of the file has the same key: Serial 1.",
    ]
    result = run(write([row(1)]), *OPTIONS, "--key", "NUMBER")
    assert "there is no column 'NUMBER'" in result.output


def test_records_that_share_what_identifies_them_are_counted(run, write):
    result = run(write([row(1), row(1), row(2)]), *OPTIONS)
    assert "1  have the same title, time and place as another record" in result.output
    assert "--key COLUMN" in result.output


def test_a_time_that_is_not_mapped_is_said_before_anything_is_imported(run, write, methods):
    at = OPTIONS.index("reported_at=DATE")
    maps = [*OPTIONS[: at - 1], *OPTIONS[at + 1 :]]
    result = run(write([row(number) for number in range(140)]), *maps)
    assert result.exit_code == 1
    assert "reported_at is not mapped: each of the 140 reports" in result.output
    assert methods.calls == 0
    result = run(write([row(1)]), *maps, "--set", "reported_at=now")
    assert result.exit_code == 0, result.output
    [stored] = methods.stored.values()
    assert "reported_at" not in stored


def test_a_blank_time_is_refused_unless_now_is_meant(run, write, methods):
    file = write([row(1, DATE=" "), row(2)])
    run(file, *OPTIONS)
    assert [found["reason"] for found in refused()] == [
        "reported_at: Is empty; --set reported_at=now uses the time of the import."
    ]
    run(file, *OPTIONS, "--set", "reported_at=now")
    assert len(methods.stored) == 2


def test_coordinates_that_are_swapped_throughout_are_said_before_anything_is_imported(run, write, methods):
    rows = [row(1, LAT="-124.208474", LON="40.644028"), row(2, LAT="-121.645244", LON="39.70")]
    result = run(write(rows), *OPTIONS)
    assert result.exit_code == 1
    assert "longitude and latitude look swapped" in result.output
    assert '--map longitude="LAT" --map latitude="LON"' in result.output
    assert methods.calls == 0
    result = run(write(rows), *OPTIONS, "--swap")
    assert result.exit_code == 0, result.output
    assert len(methods.stored) == 2


def test_swapped_coordinates_are_recognised_by_the_regions_too(run, write, methods):
    methods.inside = (-75, 17, -71, 21)
    result = run(write([row(number, LAT="-72.3", LON="18.5") for number in range(3)]), *OPTIONS)
    assert result.exit_code == 1
    assert "0 lie in a region, with longitude and latitude swapped 3 do" in result.output
    assert methods.calls == 0


def test_a_single_row_with_swapped_coordinates_is_refused_for_that(run, write, methods):
    methods.inside = (-75, 17, -71, 21)
    rows = [
        row(1),
        row(2),
        row(3, LAT="-72.3", LON="18.5"),
        row(4, LAT="-124", LON="40"),
        row(5, LAT="5", LON="5"),
    ]
    result = run(write(rows), *OPTIONS)
    assert result.exit_code == 0, result.output
    reasons = [found["reason"] for found in refused()]
    assert reasons[0].endswith("Swapped, it would lie in one; longitude and latitude look swapped.")
    assert reasons[1] == "location: Latitude -124 is out of range; longitude and latitude may be swapped."
    assert reasons[2] == "region_id: No region contains this location; name the region."


def test_a_place_near_a_region_is_put_there_when_asked(run, write, methods):
    methods.inside = (-75, 17, -71, 21)
    rows = [row(1), row(2, LAT="21.02", LON="-72"), row(3, LAT="22", LON="-72")]
    result = run(write(rows), *OPTIONS, "--nearest", "5")
    assert result.exit_code == 0, result.output
    assert [found["Serial"] for found in refused()] == ["3"]
    assert "1  lie outside of every region and were put into the nearest, within 5 km" in result.output
    assert sum("region_id" in found for found in methods.stored.values()) == 1


def test_refusals_are_grouped_by_reason_with_an_example(run, write):
    rows = [row(number, CATEGORY=f"Kind {number}") for number in range(30)] + [row(40, LAT="x")]
    result = run(write(rows), *OPTIONS)
    assert "30  report_type: There is no report type 'Kind 0'.  (and similar)  record 1\n" in result.output
    assert "1  latitude: Not a number.  record 31\n" in result.output


def test_refused_rows_can_be_mended_and_imported_again(run, write, methods):
    file = write([row(1), row(2, LAT="x"), row(3, CATEGORY="Storm")])
    text = file.read_text(encoding="utf-8").replace(",", ";")
    file.write_text(text, encoding="utf-16")
    options = [*OPTIONS, "--delimiter", ";", "--encoding", "utf-16"]
    assert run(file, *options).exit_code == 0
    again = Path("incidents.refused.csv")
    mended = again.read_text(encoding="utf-16").replace(";x;", ";18.2;")
    again.write_text(mended, encoding="utf-16", newline="")
    result = run(again, *options)
    assert result.exit_code == 0, result.output
    assert len(methods.stored) == 2
    last = Path("incidents.refused2.csv").read_text(encoding="utf-16")
    assert "There is no report type 'Storm'" in last
    assert "Not a number" not in last


def test_a_column_that_is_called_reason_is_not_lost(run, methods, tmp_path):
    file = tmp_path / "own.csv"
    with file.open("w", encoding="utf-8", newline="") as opened:
        csv.writer(opened).writerows([[*HEADER, "reason"], [*row(1, LAT="x"), "a flood"]])
    run(file, *OPTIONS)
    [found] = refused("own.refused.csv")
    assert (found["reason"], found["refused_because"]) == ("a flood", "latitude: Not a number.")


def test_refused_features_can_be_mended_and_imported_again(run, methods, tmp_path):
    features = [
        {
            "type": "Feature",
            "id": f"N{number}",
            "geometry": {"type": "Point", "coordinates": [-72.5, 18.2 if number else 118.2]},
            "properties": {"t": f"Flood {number}", "d": "Water"},
        }
        for number in range(2)
    ]
    file = tmp_path / "incidents.geojson"
    file.write_bytes(orjson.dumps({"type": "FeatureCollection", "features": features}))
    options = ["--map", "title=t", "--map", "description=d", "--key", "id"]
    options += [
        "--set",
        "report_type=flood",
        "--set",
        "severity=3",
        "--set",
        "reported_at=2026-01-31T12:00:00Z",
    ]
    assert run(file, *options).exit_code == 0
    again = Path("incidents.refused.geojson")
    found = orjson.loads(again.read_bytes())
    assert [feature["id"] for feature in found["features"]] == ["N0"]
    found["features"][0]["geometry"]["coordinates"][1] = 18.2
    again.write_bytes(orjson.dumps(found))
    assert "stored            1" in run(again, *options).output
    assert "unchanged         2" in run(file, *options).output or len(methods.stored) == 2


def test_a_date_and_a_time_of_day_can_be_two_columns(run, methods, tmp_path):
    file = tmp_path / "two.csv"
    file.write_text('t,d,day,hour,lon,lat\nFlood,Water,05/07/2010,17:26,"-72,53","18,23"\n')
    maps = [
        "title=t",
        "description=d",
        "reported_at=day",
        "reported_at=hour",
        "longitude=lon",
        "latitude=lat",
    ]
    options = [part for pair in maps for part in ("--map", pair)] + OPTIONS[-4:]
    result = run(file, *options, "--set", "report_type=Fire", "--set", "severity=2")
    assert result.exit_code == 0, result.output
    [stored] = methods.stored.values()
    assert stored["reported_at"].isoformat() == "2010-07-05T22:26:00+00:00"
    assert stored["location"]["coordinates"] == [-72.53, 18.23]


def test_a_json_array_is_read_and_a_title_is_made_of_the_description(run, methods, tmp_path):
    file = tmp_path / "incidents.json"
    items = [
        {
            "what": "Water in the school. Forty people.",
            "place": {"lon": -72.5, "lat": 18.2},
            "kinds": ["Rain", "Flood"],
        },
        {"what": "word " * 60, "place": {"lon": -72.6, "lat": 18.2}, "kinds": ["Fire"]},
        "no object",
    ]
    file.write_bytes(orjson.dumps(items))
    maps = ["description=what", "longitude=place.lon", "latitude=place.lat", "report_type=kinds"]
    options = [part for pair in maps for part in ("--map", pair)]
    result = run(file, *options, "--set", "severity=2", "--set", "reported_at=now")
    assert result.exit_code == 0, result.output
    first, second = methods.stored.values()
    assert first["title"] == "Water in the school."
    assert str(first["report_type_id"]) == TYPES["Flood"]
    assert second["title"].endswith("word\u2026")
    assert len(second["title"]) <= 101
    assert "2  have no title in the file" in result.output
    [left] = orjson.loads(Path("incidents.refused.json").read_bytes())
    assert left == {"record": "no object", "reason": "Not a JSON object."}


def test_a_report_with_an_address_and_a_region_needs_no_coordinates(run, write, methods):
    rows = [row(1, LAT="", LON=""), row(2, LAT="", LON="", PLACE=" ")]
    run(write(rows), *OPTIONS, "--set", "region=HT.OU")
    [stored] = methods.stored.values()
    assert stored["location"] == {"address": "Jacmel"}
    run(write([row(3, LAT="", LON="")], "other.csv"), *OPTIONS)
    assert [found["reason"] for found in refused("other.refused.csv")] == ["location: No coordinates."]


def test_a_status_is_said_with_values(run, write, methods):
    options = [
        *OPTIONS,
        "--map",
        "status=PLACE",
        "--value",
        "status:YES=confirmed",
        "--value",
        "status:NO=pending",
    ]
    run(write([row(1, PLACE="yes"), row(2, PLACE="NO"), row(3, PLACE="perhaps")]), *options)
    assert [found["status"] for found in methods.stored.values()] == ["confirmed", "pending"]
    assert "say what it means, such as --value status:perhaps=confirmed" in refused()[0]["reason"]
    assert "is not FIELD:CELL=VALUE" in run(write([row(1)]), *OPTIONS, "--value", "status").output


def test_columns_that_are_called_as_fields_need_no_mapping(run, methods, tmp_path):
    file = tmp_path / "export.csv"
    with file.open("w", encoding="utf-8-sig", newline="") as opened:
        names = [
            "id",
            "title",
            "description",
            "longitude",
            "latitude",
            "address",
            "reported_at",
            "report_type",
        ]
        names += ["severity_level", "region", "status", "version"]
        cells = ["0197f3c8-0000-7000-8000-000000000001", "'=Flood", "Water", "-72.5", "18.2", ""]
        cells += ["2010-07-05T17:26:00+00:00", "Flood", "L3", "HT.OU", "confirmed", "4"]
        csv.writer(opened, quoting=csv.QUOTE_ALL).writerows([names, cells])
    result = run(file)
    assert result.exit_code == 0, result.output
    [(name, stored)] = methods.stored.items()
    assert (str(name), stored["title"], stored["status"]) == (cells[0], "=Flood", "confirmed")
    assert str(stored["region_id"]) == REGION
