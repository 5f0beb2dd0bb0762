"""CSV without formulas, GeoJSON features, problems."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway import answers
from shared.errors import BY_SLUG, Conflict, Internal, RateLimited, Unavailable
from shared.rpc.client import RpcClient
from tests.support.gateway import application

APP = application()


def lines(pages, columns):
    """The rows of a CSV answer over these pages."""

    def call(_method, arguments):
        number = int(arguments.get("cursor") or 0)
        more = str(number + 1) if number + 1 < len(pages) else None
        return {"items": pages[number], "next_cursor": more}

    with APP.test_request_context("/"):
        response = answers.csv_answer(call, "reports.list_reports", {}, columns)
        text = b"".join(response.response).decode()
    return list(csv.reader(io.StringIO(text, newline="")))


@given(st.lists(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r")))))
def test_no_cell_is_a_formula_and_nothing_else_changes(pages):
    found = lines([[{"title": text} for text in page] for page in pages] or [[]], ["title"])
    given_texts = [text for page in pages for text in page]
    assert found[0] == ["title"]
    shown = [row[0] if row else "" for row in found[1:]]
    assert [cell.removeprefix("'") for cell in shown] == [text.removeprefix("'") for text in given_texts]
    assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\n")) for cell in shown)


def test_cells():
    item = {
        "id": "1",
        "location": {"type": "Point", "coordinates": [-72.5, 18.2], "address": "@home"},
        "current_usage": -3,
        "is_active": True,
        "roles": ["a"],
        "notes": None,
    }
    columns = answers.csv_columns(["id", "location", "current_usage", "is_active", "roles", "notes"])
    assert lines([[item]], columns) == [
        ["id", "longitude", "latitude", "address", "current_usage", "is_active", "roles", "notes"],
        ["1", "-72.5", "18.2", "'@home", "-3", "true", '["a"]', ""],
    ]


def test_a_list_that_breaks_off_breaks_off():
    def call(_method, arguments):
        if "cursor" in arguments:
            raise Unavailable
        return {"items": [{"id": "1"}], "next_cursor": "x"}

    with APP.test_request_context("/"):
        response = answers.csv_answer(call, "reports.list_reports", {}, ["id"])
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
