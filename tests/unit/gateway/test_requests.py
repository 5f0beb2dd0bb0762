"""How a query string becomes arguments, and keys become ids."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest
from flask import g
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.http import requests
from services.gateway.http.errors import PreconditionFailed, PreconditionRequired
from services.reports import schemas as reports
from services.resources import schemas as resources
from shared.client.errors import Invalid
from shared.platform.rpc.context import Caller
from tests.support.gateway import application

APP = application()
LISTED = reports.ListReports()


def read(query, schema=LISTED):
    with APP.test_request_context(f"/?{query}"):
        return requests.query_arguments(schema)


@pytest.mark.parametrize(
    ("query", "arguments"),
    [
        ("", {}),
        ("limit=7", {"limit": 7}),
        ("limit=7.5", {"limit": "7.5"}),
        ("limit=-1", {"limit": -1}),
        ("limit=1%D9%A7", {"limit": "1\u0667"}),
        ("limit=" + "9" * 30, {"limit": "9" * 30}),
        ("status=pending&status=closed", {"status": ["pending", "closed"]}),
        ("status=pending,closed", {"status": ["pending", "closed"]}),
        ("bbox=-1,2,3.5,4e1", {"bbox": [-1.0, 2.0, 3.5, 40.0]}),
        ("bbox=nan,inf,1e999,x", {"bbox": ["nan", "inf", "1e999", "x"]}),
        ("near=1,2,3", {"near": {"lon": 1.0, "lat": 2.0, "radius_m": 3.0}}),
        ('within={"type":"Polygon"}', {"within": {"type": "Polygon"}}),
        ("within={", {"within": "{"}),
        ("text=a,b", {"text": "a,b"}),
        ("surprise=1", {"surprise": "1"}),
    ],
)
def test_reading_a_query(query, arguments):
    assert read(query) == arguments


@pytest.mark.parametrize(("text", "value"), [("true", True), ("false", False), ("1", "1"), ("", "")])
def test_truth(text, value):
    assert read(f"include_inactive={text}", resources.ListResourceTypes()) == {"include_inactive": value}


def test_a_body_that_is_not_json_names_the_field_where_it_can():
    with (
        APP.test_request_context(method="POST", data=b'{"title": NaN}', content_type="application/json"),
        pytest.raises(Invalid) as refusal,
    ):
        requests.json_object(["application/json"], may_be_missing=False)
    assert refusal.value.fields == {"title": ["Must be a finite number."]}


@given(st.text(max_size=50))
def test_any_text_is_read(text):
    with APP.test_request_context("/", query_string={"limit": text, "bbox": text, "text": text}):
        if "\x00" in text:
            with pytest.raises(Invalid):
                requests.query_arguments(LISTED)
        else:
            assert requests.query_arguments(LISTED).keys() == {"limit", "bbox", "text"}


@given(st.floats())
def test_numbers_are_finite_or_texts(number):
    found = read(f"bbox={number!r},0,0,0")["bbox"][0]
    assert isinstance(found, str) or abs(found) < float("inf")


@pytest.mark.parametrize(
    ("header", "outcome"),
    [
        ('"7"', 7),
        (None, PreconditionRequired),
        ("*", PreconditionRequired),
        ('W/"7"', PreconditionFailed),
        ('"07"', PreconditionFailed),
        ('"1x"', PreconditionFailed),
    ],
)
def test_versions(header, outcome):
    with APP.test_request_context("/", headers={"If-Match": header} if header else {}):
        if isinstance(outcome, int):
            assert requests.version_seen() == outcome
        else:
            with pytest.raises(outcome):
                requests.version_seen()


def test_a_key_stands_for_one_id_of_one_caller_and_method():
    def made(user_id, method, key):
        with APP.test_request_context("/", headers={"Idempotency-Key": key}):
            g.caller = Caller(user_id, frozenset(), {}, "", "")
            return requests.idempotent_id(method)

    one, other = uuid4(), uuid4()
    first = made(one, "reports.create_report", "k")
    assert UUID(first).version == 5
    assert made(one, "reports.create_report", "k") == first
    assert len({first, made(other, "reports.create_report", "k"), made(one, "x.y", "k")}) == 3
    assert made(one, "reports.create_report", "l") != first
