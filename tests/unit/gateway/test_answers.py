"""CSV without formulas, GeoJSON features, problems."""

from __future__ import annotations

import csv
import io
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import fields

from services.gateway.http import responses
from shared.client.errors import BY_SLUG, Conflict, Internal, RateLimited, Unavailable
from shared.client.rpc import RpcClient
from shared.domain.exporting import Table
from shared.platform.schemas import Identifier, Result, Timestamp
from shared.platform.spreadsheet import neutralised, restored
from tests.support.gateway import application

APP = application()


REGION = {"id": "r1", "code": "HT-OU", "name": "Ouest"}


class Item(Result):
    """What the lists of these tests hold."""

    id = Identifier()
    title = fields.String()
    location = fields.Raw()
    current_usage = fields.Integer()
    is_active = fields.Boolean()
    roles = fields.List(fields.String())
    notes = fields.String()
    region_id = Identifier()
    reported_at = Timestamp()


def table(*names, **options):
    return Table(Item(only=names), **options)


def written(pages, shown):
    """The bytes of a CSV answer over these pages."""

    def call(method, arguments):
        if method == "identity.list_regions":
            return {"items": [REGION], "next_cursor": None}
        number = int(arguments.get("cursor") or 0)
        more = str(number + 1) if number + 1 < len(pages) else None
        return {"items": pages[number], "next_cursor": more}

    with APP.test_request_context("/"):
        response = responses.csv_response(call, "reports.list_reports", {}, shown)
        return b"".join(response.response)


def lines(pages, shown):
    """The rows of a CSV answer over these pages."""
    return list(csv.reader(io.StringIO(written(pages, shown).decode(), newline="")))


@given(st.lists(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))))
def test_no_cell_is_a_formula_and_an_import_reads_what_there_was(pages):
    found = lines([[{"title": text} for text in page] for page in pages] or [[]], table("title"))
    given_texts = [text for page in pages for text in page]
    assert found[0] == ["title"]
    shown = [row[0] for row in found[1:]]
    assert [restored(cell) for cell in shown] == given_texts
    assert not any(cell.strip().startswith(tuple("=+-@\uff1d\uff0b\uff0d\uff20")) for cell in shown)


def test_cells():
    item = {
        "id": "1",
        "location": {"type": "Point", "coordinates": [-72.5, 18.2], "address": "@home"},
        "current_usage": -3,
        "is_active": True,
        "roles": ["a"],
        "notes": None,
    }
    names = ("id", "location", "current_usage", "is_active", "roles", "notes")
    assert lines([[item, {"id": "2"}]], table(*names)) == [
        ["id", "longitude", "latitude", "address", "current_usage", "is_active", "roles", "notes"],
        ["1", "-72.5", "18.2", "'@home", "-3", "true", '["a"]', ""],
        ["2", "", "", "", "", "", "", ""],
    ]


def test_every_cell_is_quoted():
    assert written(
        [[{"id": "1", "current_usage": 3, "notes": None}]], table("id", "current_usage", "notes")
    ) == (b'"id","current_usage","notes"\r\n"1","3",""\r\n')


def test_names_stand_beside_ids_and_times_in_the_zone_that_is_asked_for():
    item = {"id": "1", "region_id": "r1", "reported_at": "2026-07-05T22:26:00+00:00"}
    other = {"id": "2", "region_id": "gone", "reported_at": None}
    shown = table("id", "region_id", "reported_at", zone=ZoneInfo("America/Port-au-Prince"), mark=True)
    found = written([[item, other]], shown)
    assert found.startswith(b"\xef\xbb\xbf")
    assert list(csv.reader(found.decode("utf-8-sig").splitlines())) == [
        ["id", "region_id", "region", "region_name", "reported_at"],
        ["1", "r1", "HT-OU", "Ouest", "2026-07-05T18:26:00-04:00"],
        ["2", "gone", "", "", ""],
    ]


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("  =1+1", "'  =1+1"),
        ("\u200b\ufeff@x", "'\u200b\ufeff@x"),
        ("\uff1d1+1", "'\uff1d1+1"),
        ("\uff0d\uff11", "'\uff0d\uff11"),
        ("\ttab", "'\ttab"),
        ("'=1", "''=1"),
        ("''quoted''", "''quoted''"),
        ("-Depot 8dfe25", "'-Depot 8dfe25"),
        ("+relief", "'+relief"),
        ("+509 3812 4466", "+509 3812 4466"),
        ("+1 (202) 555-0143 ext. 12", "+1 (202) 555-0143 ext. 12"),
        ("+509 3812+cmd", "'+509 3812+cmd"),
        ("'+509 3812 4466", "''+509 3812 4466"),
        ("(202) 555-0143", "(202) 555-0143"),
        ("a=b", "a=b"),
    ],
)
def test_a_marker_stands_before_what_a_spreadsheet_takes_for_a_formula(text, cell):
    assert neutralised(text) == cell
    assert restored(cell) == text


def test_a_list_that_breaks_off_breaks_off():
    def call(_method, arguments):
        if "cursor" in arguments:
            raise Unavailable
        return {"items": [{"id": "1"}], "next_cursor": "x"}

    with APP.test_request_context("/"):
        response = responses.csv_response(call, "reports.list_reports", {}, table("id"))
        with pytest.raises(Unavailable):
            list(response.response)


class Refusing(RpcClient):
    """Every call fails alike."""

    def __init__(self, error):
        super().__init__("memory://")
        self._error = error

    def call(self, *_arguments, **_options):
        raise self._error


def answer_to(error):
    client = application(rpc=Refusing(error)).test_client()
    return client.post("/api/v1/auth/login", json={"email": "a@b.example", "password": "x"})


@pytest.mark.parametrize("slug", BY_SLUG)
def test_each_error_of_the_set_has_its_status(slug):
    answer = answer_to(BY_SLUG[slug]("Said plainly.", fields={"email": ["So."]}))
    problem = answer.get_json(force=True)
    assert answer.status_code == problem["status"] >= 400
    assert (problem["slug"], problem["detail"], problem["fields"]) == (
        slug,
        "Said plainly.",
        {"email": ["So."]},
    )


def test_a_fault_of_ours_says_nothing_of_itself():
    answer = answer_to(RuntimeError("the password is hunter2"))
    assert answer.status_code == 500
    assert b"hunter2" not in answer.data
    assert b"Traceback" not in answer.data
    assert answer.get_json(force=True)["correlation_id"] == answer.headers["X-Request-ID"]


def test_when_to_come_again():
    assert answer_to(RateLimited(retry_after=17)).headers["Retry-After"] == "17"
    assert int(answer_to(Unavailable()).headers["Retry-After"]) > 0


def test_a_fault_of_a_service_is_no_invitation_to_come_again():
    answer = answer_to(Internal())
    assert answer.status_code == 500
    assert "Retry-After" not in answer.headers


def test_details_do_not_replace_what_a_problem_says():
    problem = answer_to(Conflict("No.", status="closed", type="x", detail="y")).get_json(force=True)
    assert (problem["status"], problem["current_status"]) == (409, "closed")
    assert (problem["type"], problem["detail"]) == ("urn:impactx:problem:conflict", "No.")
