"""The command `import reports`, against a service that answers as the real one does."""

from __future__ import annotations

import csv
from pathlib import Path
from uuid import UUID

import orjson
import pytest
from click.testing import CliRunner

from services.reports.importing import import_reports
from services.reports.schemas import CreateReport
from shared.db.imports import check_rows
from shared.db.repeats import id_taken
from shared.errors import Unavailable

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
        self.types = dict(TYPES)

    def list_report_types(self, **_page):
        items = [{"id": type_id, "name": name} for name, type_id in self.types.items()]
        return {"items": items, "next_cursor": None}

    def list_severity_levels(self, **_page):
        ids = (f"00000000-0000-7000-8000-00000000010{level}" for level in range(1, 6))
        items = [{"id": row_id, "name": f"L{level}", "level": level} for level, row_id in enumerate(ids, 1)]
        return {"items": items, "next_cursor": None}

    def list_regions(self, **_page):
        return {"items": [{"id": REGION, "code": "HT.OU"}], "next_cursor": None}

    def create_report_type(self, *, name):
        self.types[name] = str(UUID(int=1000 + len(self.types)))
        return {"id": self.types[name]}

    def import_reports(self, *, rows):
        self.calls += 1
        if self.calls == self.fail_at:
            raise Unavailable
        rows = orjson.loads(orjson.dumps(rows))
        batch = check_rows(rows, CreateReport(), dict)
        for index, row in list(batch.rows.items()):
            if self.stored.get(row["id"], row)["digest"] != row["digest"]:
                batch.refuse(index, id_taken("report"))
        new = [row for row in batch.rows.values() if row["id"] not in self.stored]
        self.stored |= {row["id"]: row for row in new}
        return {
            "stored": len(new),
            "unchanged": len(batch.rows) - len(new),
            "ids": batch.ids,
            "refused": batch.refused,
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
    assert "Each refused record is in incidents.refused.csv" in result.output
    assert {found["Serial"]: found["reason"] for found in refused()} == {
        "2": "latitude: Not a number.",
        "3": "location: No coordinates.",
        "4": "reported_at: Not a date like %d/%m/%Y %H:%M.",
        "5": "report_type: There is no report type 'Rain of frogs'.",
        "6": "description: Missing data for required field.",
        "7": "location.coordinates: Latitude 118.2 is out of range; it must be between -90 and 90.",
        "8": "title: Longer than 255 characters.",
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
    assert "behind record" in result.output
    before = methods.calls
    result = run(file, *OPTIONS)
    assert result.exit_code == 0, result.output
    assert "Continues behind record" in result.output
    assert methods.calls - before < 6, "what was done is not sent again"
    assert len(methods.stored) == 2574
    assert [found["Serial"] for found in refused()] == [str(number) for number in range(0, 2600, 100)]
    assert "refused          26" in result.output


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
    assert [found["reason"] for found in refused()] == [
        "location: Not a Point.",
        "location: No coordinates.",
        "reported_at: Says no offset from UTC; name a time zone with --timezone.",
        "Not a GeoJSON feature.",
    ]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--map", "title=NO SUCH"], "there is no column 'NO SUCH'. The file has: Serial, INCIDENT TITLE"),
        (["--map", "colour=PLACE"], "there is no field 'colour'"),
        (["--map", "title"], "'title' is not NAME=VALUE"),
        (["--set", "severity=1", "--set", "severity=2"], "'severity' is given twice"),
        (["--timezone", "Mars/Olympus"], "there is no time zone 'Mars/Olympus'"),
        (["--type", "Eau=Deluge"], "there is no report type 'Deluge'"),
        (["--encoding", "klingon"], "There is no encoding klingon"),
        (["--encoding", "ascii"], "is not ascii"),
    ],
)
def test_a_wrong_option_is_said_before_anything_is_sent(run, write, methods, options, said):
    result = run(write([row(1, PLACE="Léogâne")]), *options)
    assert result.exit_code != 0
    assert said in result.output
    assert methods.calls == 0


def test_a_file_that_is_none_is_said(run, tmp_path):
    for name, content, said in (
        ("empty.csv", "", "has no header"),
        ("twice.csv", "a,b,a\n", "more than one column a"),
        ("broken.geojson", "{", "is not JSON"),
        ("other.json", "[]", "is not a GeoJSON FeatureCollection"),
    ):
        (tmp_path / name).write_text(content)
        result = run(tmp_path / name)
        assert result.exit_code == 1
        assert said in result.output


def test_a_record_that_was_imported_with_other_options_is_refused_in_words(run, write):
    file = write([row(1)])
    run(file, *OPTIONS)
    result = run(file, *OPTIONS, "--set", "region=HT.OU")
    assert "Was imported before, with other options or by somebody else" in result.output
    assert "id:" not in result.output
