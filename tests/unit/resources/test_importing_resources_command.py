"""The command `import resources`, against a service that answers as the real one does."""

from __future__ import annotations

import csv
from collections import Counter
from types import SimpleNamespace
from uuid import UUID

import orjson
import pytest
from click.testing import CliRunner

from services.cli.importing.resources import import_resources
from services.resources.schemas import ResourceRow
from shared.domain.imports import check_rows

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
        return {"items": [{"id": REGION, "code": "FL", "name": "Florida"}], "next_cursor": None}

    def create_resource_type(self, *, name):
        return {"id": str(UUID(int=len(name)))}

    def locate_regions(self, *, points):
        return {"region_ids": [REGION for _ in points]}

    def import_resources(self, *, rows, source):
        usual = {"status": "available"}
        batch = check_rows(
            orjson.loads(orjson.dumps(rows)), ResourceRow(), lambda row: usual | row, source=source
        )
        counts = Counter()
        for index, row in batch.rows.items():
            identity = batch.identities[index]
            name = identity.get("id") or (source, identity["key"])
            former = ("", identity.get("former_key"))
            if former in self.stored:
                self.stored[name] = self.stored.pop(former)
            before = self.stored.get(name)
            same = before is not None and before["digest"] == row["digest"]
            counts["stored" if before is None else "unchanged" if same else "updated"] += 1
            if not same:
                self.stored[name] = {"version": 1, "status_notes": None} | (before or {}) | row
        return {
            "ids": batch.ids,
            "refused": batch.refused,
            "stored": 0,
            "updated": 0,
            "unchanged": 0,
            **counts,
        }

    def list_resources(self, *, import_source, **_page):
        items = [
            row | {"import_key": name[1]} for name, row in self.stored.items() if name[0] == import_source
        ]
        return {"items": items, "next_cursor": None}

    def call(self, method, arguments):
        assert method == "resources.change_resource_status"
        row = next(row for row in self.stored.values() if row["id"] == arguments["resource_id"])
        row |= {"status": arguments["status"], "status_notes": arguments["notes"]}

    def __enter__(self):
        return SimpleNamespace(resources=self, identity=self, call=self.call)

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
        {"NAME": "Hall"},
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
        options=["--blank-capacity", "refuse"],
    )
    assert len(stored) == 3
    assert reasons == {
        "2": "location: No coordinates.",
        "3": "location: 0, 0 stands for a place that is not known.",
        "4": "current_usage: Must not be more than the capacity.",
        "5": "current_usage: Must not be more than the capacity.",
        "6": "capacity: Is empty; --set capacity=... fills empty cells.",
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


@pytest.fixture
def bring(tmp_path, monkeypatch, methods):
    """Imports a file with this text; gives what the command printed."""
    monkeypatch.chdir(tmp_path)

    def invoke(text, *options, name="list.csv"):
        (tmp_path / name).write_text(text, encoding="utf-8")
        usual = [] if "resource_type" in text else ["--set", "resource_type=Shelter"]
        result = CliRunner().invoke(import_resources, [name, *usual, *options], obj=lambda: methods)
        assert result.exit_code == 0, result.output
        return result.output

    return invoke


NINE = """shelter_id,name,lon,lat,capacity,people
17,School One,-81.5,28.5,100,40
18,School Two,-81.6,28.6,50,50
"""
TEN = NINE.replace("100,40", "100,85")
SHELTERS = [
    part
    for pair in ("name=name", "longitude=lon", "latitude=lat", "capacity=capacity", "current_usage=people")
    for part in ("--map", pair)
]


@pytest.mark.parametrize("key", [(), ("--key", "shelter_id")])
def test_the_list_of_an_hour_later_updates_the_shelters_that_are_there(bring, methods, key):
    bring(NINE, *SHELTERS, *key)
    said = bring(TEN, *SHELTERS, *key)
    assert "unchanged         1" in said
    assert "updated           1" in said
    assert [row["current_usage"] for row in methods.stored.values()] == [85, 50]


def test_a_key_that_is_named_later_makes_no_second_shelter(bring, methods):
    bring(NINE, *SHELTERS)
    assert "unchanged         2" in bring(NINE, *SHELTERS, "--key", "shelter_id", "--source", "county")
    moved = NINE.replace("School One,-81.5", "School 1,-81.51")
    assert "updated           1" in bring(moved, *SHELTERS, "--key", "shelter_id", "--source", "county")
    assert len(methods.stored) == 2


def test_a_shelter_that_is_not_listed_any_more_is_closed_when_asked_and_opened_when_it_is_again(
    bring, methods
):
    options = [*SHELTERS, "--key", "shelter_id", "--source", "county", "--missing", "close"]
    bring(NINE, *options)
    one = NINE.replace("18,School Two,-81.6,28.6,50,50\n", "")
    assert "closed            1" in bring(one, *options)
    assert [row["status"] for row in methods.stored.values()] == ["available", "closed"]
    assert "closed            0" in bring(one, *options)
    assert "opened            1" in bring(NINE, *options)
    assert [row["status"] for row in methods.stored.values()] == ["available", "available"]


def test_a_shelter_that_somebody_closed_stays_closed_when_it_is_listed(bring, methods):
    options = [*SHELTERS, "--key", "shelter_id", "--source", "county", "--missing", "close"]
    bring(NINE, *options)
    next(iter(methods.stored.values())).update(status="closed", status_notes="Roof damaged")
    bring(NINE, *options)
    assert [row["status"] for row in methods.stored.values()] == ["closed", "available"]


def test_nothing_is_closed_when_a_record_has_no_key(bring, methods):
    options = [*SHELTERS, "--key", "shelter_id", "--source", "county", "--missing", "close"]
    bring(NINE, *options)
    said = bring(NINE.replace("18,", ","), *options)
    assert "Nothing is closed as missing" in said
    assert {row["status"] for row in methods.stored.values()} == {"available"}


def test_closing_what_is_missing_needs_a_source_and_a_key(methods, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "list.csv").write_text(NINE)
    for options in ([], ["--key", "shelter_id"], ["--source", "county"]):
        result = CliRunner().invoke(
            import_resources, ["list.csv", *SHELTERS, *options, "--missing", "close"], obj=lambda: methods
        )
        assert result.exit_code == 2
        assert "--missing close needs --source" in result.output


def test_a_status_is_mapped_with_values(bring, methods):
    text = "name,lon,lat,accepting\nClosed Gym,-81.52,28.52,False\nOpen Gym,-81.53,28.52,True\nGym,-81.5,28.5,?\n"
    said = bring(
        text,
        *(
            "--map",
            "name=name",
            "--map",
            "longitude=lon",
            "--map",
            "latitude=lat",
            "--map",
            "status=accepting",
        ),
        *("--value", "status:false=closed", "--value", "status:TRUE=available"),
    )
    assert [row["status"] for row in methods.stored.values()] == ["closed", "available"]
    assert (
        "'?' is not a status that an imported resource can have; say what it means, such as --value status:?=closed."
        in said
    )


def test_what_an_export_put_before_a_cell_is_taken_away_again(bring, methods):
    bring(
        "name,description,contact_phone,longitude,latitude,resource_type,region_name,capacity\n"
        "'-Depot 8dfe25,'+relief,'+509 3812 4466,-72.31,18.52,Shelter,Florida,\n"
    )
    [row] = methods.stored.values()
    assert (row["name"], row["description"]) == ("-Depot 8dfe25", "+relief")
    assert row["contact_phone"] == "+509 3812 4466"
    assert str(row["region_id"]) == REGION
    assert "capacity" not in row


def test_a_telephone_number_never_costs_the_shelter(bring, methods):
    numbers = {
        "(202) 555-0143": "(202) 555-0143",
        "202\u00a0555\u00a00143 ext. 12": "202 555 0143 ext. 12",
        "\u0665\u0665\u0665 \u0660\u0661\u0660\u0660": "555 0100",
        "+1 (202) 555-0143 ext 1234": "+1 202-555-0143x1234",
        "ask at the desk": None,
    }
    lines = [f"S{index},{-81.5 - index},28.5,{number}" for index, number in enumerate(numbers)]
    said = bring("\n".join(["name,longitude,latitude,contact_phone", *lines, ""]))
    assert [row.get("contact_phone") for row in methods.stored.values()] == list(numbers.values())
    assert "1  have a contact_phone that is not a phone number" in said


def test_a_number_that_cannot_be_read_does_not_clear_the_one_that_is_known(bring, methods, monkeypatch):
    sent = []
    store = methods.import_resources

    def import_resources(*, rows, source):
        sent.extend(rows)
        return store(rows=rows, source=source)

    monkeypatch.setattr(methods, "import_resources", import_resources)
    bring("name,longitude,latitude,contact_phone\nA,-81.5,28.5,ask at the desk\nB,-81.6,28.5,\n")
    assert "contact_phone" not in sent[0]
    assert sent[1]["contact_phone"] is None


def test_a_blank_capacity_is_no_limit_and_is_counted(bring, methods):
    said = bring(NINE.replace("50,50", ",50"), *SHELTERS)
    assert [row.get("capacity") for row in methods.stored.values()] == [100, None]
    assert "1  have no capacity in the file and are stored without a limit" in said


def test_decimal_commas_are_read_when_said(bring, methods):
    text = "name;lon;lat;capacity\nSchool;-81,5;28,5;1.200,0\n"
    options = ["--delimiter", ";", "--decimal", ",", *SHELTERS[:8]]
    bring(text, *options)
    [row] = methods.stored.values()
    assert (row["location"]["coordinates"], row["capacity"]) == ([-81.5, 28.5], 1200)
