"""The command `import resources`, against a service that answers as the real one does."""

from __future__ import annotations

import csv
from types import SimpleNamespace
from uuid import UUID

import orjson
import pytest
from click.testing import CliRunner

from services.resources.importing import import_resources
from services.resources.schemas import CreateResource
from shared.db.imports import check_rows

TYPES = {"Shelter": "00000000-0000-7000-8000-00000000000a", "Clinic": "00000000-0000-7000-8000-00000000000b"}
REGION = "00000000-0000-7000-8000-00000000000c"
CELLS = {
    "NO": "1",
    "NAME": "Harbour school",
    "STREET": "1 Harbour Road",
    "LAT": "27.9",
    "LON": "-82.5",
    "KIND": "SHELTER",
    "BEDS": "100",
    "PEOPLE": "15",
    "PHONE": " ",
}
MAPS = (
    "name=NAME",
    "address=STREET",
    "latitude=LAT",
    "longitude=LON",
    "resource_type=KIND",
    "capacity=BEDS",
    "current_usage=PEOPLE",
    "contact_phone=PHONE",
)
OPTIONS = [part for pair in MAPS for part in ("--map", pair)]


class Methods:
    """The methods that the command calls."""

    def __init__(self):
        self.stored = {}

    def list_resource_types(self, **_page):
        return {"items": [{"id": key, "name": name} for name, key in TYPES.items()], "next_cursor": None}

    def list_regions(self, **_page):
        return {"items": [{"id": REGION, "code": "FL"}], "next_cursor": None}

    def create_resource_type(self, *, name):
        return {"id": str(UUID(int=len(name)))}

    def import_resources(self, *, rows):
        batch = check_rows(orjson.loads(orjson.dumps(rows)), CreateResource(), lambda row: row)
        new = {row["id"]: row for row in batch.rows.values() if row["id"] not in self.stored}
        self.stored |= new
        unchanged = len(batch.rows) - len(new)
        return {"stored": len(new), "unchanged": unchanged, "ids": batch.ids, "refused": batch.refused}

    def __enter__(self):
        return SimpleNamespace(resources=self, identity=self)

    def __exit__(self, *_):
        pass


@pytest.fixture
def methods():
    return Methods()


@pytest.fixture
def run(tmp_path, monkeypatch, methods):
    """Imports rows, given by what is unusual of them; gives what was stored and the reasons of the rest."""
    monkeypatch.chdir(tmp_path)

    def invoke(*rows, options=()):
        with (tmp_path / "shelters.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, CELLS)
            writer.writeheader()
            writer.writerows(CELLS | {"NO": str(number)} | row for number, row in enumerate(rows, 1))
        result = CliRunner().invoke(
            import_resources, ["shelters.csv", *OPTIONS, *options], obj=lambda: methods
        )
        assert result.exit_code == 0, result.output
        refused = tmp_path / "shelters.refused.csv"
        reasons = {}
        if refused.exists():
            with refused.open(encoding="utf-8", newline="") as file:
                reasons = {row["NO"]: row["reason"] for row in csv.DictReader(file)}
        return list(methods.stored.values()), reasons

    return invoke


def test_columns_are_mapped(run):
    [stored], reasons = run({"BEDS": "100.0", "PEOPLE": " 15 "})
    assert reasons == {}
    assert stored["name"] == "Harbour school"
    assert stored["location"] == {
        "type": "Point",
        "coordinates": [-82.5, 27.9],
        "address": "1 Harbour Road",
    }
    assert (stored["capacity"], stored["current_usage"]) == (100, 15)
    assert str(stored["resource_type_id"]) == TYPES["Shelter"]
    assert not {"region_id", "contact_phone"} & set(stored)


def test_every_row_ends_as_stored_or_refused_for_a_reason(run):
    stored, reasons = run(
        {},
        {"LAT": " "},
        {"LAT": "0", "LON": "0"},
        {"PEOPLE": "122"},
        {"BEDS": "0"},
        {"BEDS": " "},
        {"BEDS": "many"},
        {"PEOPLE": "1.5"},
        {"PEOPLE": "-1"},
        {"KIND": "PALACE"},
        {"NAME": " "},
        {"BEDS": "0", "PEOPLE": "0"},
        {"PEOPLE": " "},
    )
    assert len(stored) == 3
    assert reasons == {
        "2": "location: No coordinates.",
        "3": "location: 0, 0 stands for a place that is not known.",
        "4": "current_usage: Is more than the capacity.",
        "5": "current_usage: Is more than the capacity.",
        "6": "capacity: Not known; --set capacity=... stands in for blank cells.",
        "7": "capacity: Not a number.",
        "8": "current_usage: Not a whole number.",
        "9": "current_usage: Must be between 0 and 2147483647.",
        "10": "resource_type: There is no resource type 'PALACE'.",
        "11": "name: Missing data for required field.",
    }


def test_what_is_over_capacity_is_stored_as_full_when_asked(run):
    stored, reasons = run({"PEOPLE": "122"}, {"PEOPLE": "100"}, options=["--over-capacity", "full"])
    assert reasons == {}
    assert [row["current_usage"] for row in stored] == [100, 100]
    assert [row.get("description") for row in stored] == ["122 were counted for a capacity of 100.", None]


def test_a_constant_fills_blank_cells(run):
    stored, reasons = run({"BEDS": ""}, {}, options=["--set", "capacity=20", "--set", "region=FL"])
    assert reasons == {}
    assert [row["capacity"] for row in stored] == [20, 100]
    assert {str(row["region_id"]) for row in stored} == {REGION}


def test_a_repeat_changes_nothing(run, methods):
    run({}, {"NAME": "Hall"})
    run({}, {"NAME": "Hall"}, {"NAME": "Barn"})
    assert sorted(row["name"] for row in methods.stored.values()) == ["Barn", "Hall", "Harbour school"]
