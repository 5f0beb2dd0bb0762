"""Reports over HTTP: made, read, changed, listed, and every way in which that is refused."""

import csv
import io
import math

import orjson
import pytest

from tests.integration.gateway.conftest import NOWHERE


@pytest.fixture(scope="module")
def admin(system):
    return system.admin


class TestMaking:
    def test_a_report_is_made_and_has_an_address(self, system, admin):
        answer = admin("POST", "/reports", json=system.report_body())
        assert answer.status_code == 201
        made = answer.json()
        assert answer.headers["Location"] == f"/api/v1/reports/{made['id']}"
        assert answer.headers["ETag"] == '"1"'
        assert admin.done("GET", answer.headers["Location"]) == made

    def test_a_key_makes_a_repeat_harmless(self, system, admin):
        key = {"Idempotency-Key": "the same"}
        first = admin.done("POST", "/reports", json=system.report_body(), headers=key)
        again = admin.done("POST", "/reports", json=system.report_body(), headers=key)
        assert again == first
        other = system.report_body(title="Another")
        assert admin.refused(409, "POST", "/reports", json=other, headers=key)["slug"] == "conflict"

    def test_a_key_is_its_callers_own(self, system, admin):
        key = {"Idempotency-Key": "everybody's"}
        mine = admin.done("POST", "/reports", json=system.report_body(), headers=key)
        theirs = system.person("coordinator").done("POST", "/reports", json=system.report_body(), headers=key)
        assert mine["id"] != theirs["id"]

    def test_an_id_of_the_clients_own(self, system, admin):
        body = system.report_body(id="01978f3d-0c00-7d30-8f33-2a3b4c5d6e70")
        assert admin.done("POST", "/reports", json=body)["id"] == body["id"]
        assert admin.done("POST", "/reports", json=body)["id"] == body["id"]

    def test_the_thing_is_left_out_for_who_prefers_that(self, system, admin):
        minimal = {"Prefer": "respond-async, return=minimal"}
        made = admin("POST", "/reports", json=system.report_body(), headers=minimal)
        assert (made.status_code, made.content) == (204, b"")
        assert made.headers["Preference-Applied"] == "return=minimal"
        changed = admin("PATCH", made.headers["Location"], version=1, json={"title": "New"}, headers=minimal)
        assert (changed.status_code, changed.headers["ETag"]) == (204, '"2"')

    @pytest.mark.parametrize("key", ["", "x" * 256])
    def test_a_key_that_is_none(self, system, admin, key):
        problem = admin.refused(
            422, "POST", "/reports", json=system.report_body(), headers={"Idempotency-Key": key}
        )
        assert "Idempotency-Key" in problem["fields"]

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("title", ""),
            ("title", "x" * 256),
            ("title", "a\x00b"),
            ("title", 7),
            ("report_type_id", NOWHERE),
            ("report_type_id", "no id"),
            ("region_id", NOWHERE),
            ("location.coordinates", [181, 0]),
            ("location.coordinates", [0, 91]),
            ("reported_at", "2026-01-31T12:00:00"),
            ("status", "closed"),
            ("user_id", NOWHERE),
            ("version", 3),
            ("surprise", 1),
        ],
    )
    def test_a_field_that_is_wrong_is_named(self, system, admin, field, value):
        body = system.report_body()
        if field.startswith("location."):
            body["location"] = {"type": "Point", "coordinates": value}
        else:
            body[field] = value
        problem = admin.refused(422, "POST", "/reports", json=body)
        assert list(problem["fields"]) == [field]
        assert problem["slug"] == "invalid"

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"{",
            b"[]",
            b'"text"',
            b"null",
            b'{"title": NaN}',
            b'{"title": Infinity}',
            b"\xff\xfe",
            b'{"title": ' + b"[" * 1000 + b"]" * 1000 + b"}",
            b'{"title": ' + b'{"a":' * 25 + b"1" + b"}" * 25 + b"}",
            b'{"location": {"__type__": "datetime", "__value__": "x"}}',
        ],
    )
    def test_a_body_that_is_none(self, admin, body):
        admin.refused(422, "POST", "/reports", data=body, headers={"Content-Type": "application/json"})

    def test_a_body_of_another_type(self, system, admin):
        headers = {"Content-Type": "text/plain"}
        admin.refused(415, "POST", "/reports", data=b"{}", headers=headers)
        admin.refused(415, "POST", "/reports", data=system.report_body())

    def test_a_body_that_is_too_large(self, system, admin):
        body = system.report_body(description="x" * 1024 * 1024)
        assert admin.refused(413, "POST", "/reports", json=body)["slug"] == "too_large"

    def test_a_body_in_chunks(self, system, admin):
        whole = orjson.dumps(system.report_body())
        pieces = (whole[start : start + 50] for start in range(0, len(whole), 50))
        answer = admin("POST", "/reports", data=pieces, headers={"Content-Type": "application/json"})
        assert answer.status_code == 201
        endless = (b" " * 65536 for _ in range(40))
        answer = admin("POST", "/reports", data=endless, headers={"Content-Type": "application/json"})
        assert answer.status_code == 413


class TestReading:
    def test_what_was_seen_is_not_sent_again(self, system, admin):
        report = system.report()
        same = admin("GET", f"/reports/{report['id']}", headers={"If-None-Match": '"1"'})
        assert (same.status_code, same.content, same.headers["ETag"]) == (304, b"", '"1"')
        other = admin("GET", f"/reports/{report['id']}", headers={"If-None-Match": '"2"'})
        assert other.status_code == 200

    def test_head(self, system, admin):
        answer = admin("HEAD", f"/reports/{system.report()['id']}")
        assert (answer.status_code, answer.content) == (200, b"")
        assert int(answer.headers["Content-Length"]) > 100

    def test_a_query_that_means_nothing(self, system, admin):
        problem = admin.refused(422, "GET", f"/reports/{system.report()['id']}?surprise=1")
        assert list(problem["fields"]) == ["surprise"]

    @pytest.mark.parametrize("path", ["/reports/none", "/nothing", "/reports/../x"])
    def test_no_such_address(self, admin, path):
        assert admin.refused(404, "GET", path)["slug"] == "not_found"

    def test_no_such_method(self, admin):
        answer = admin("DELETE", "/reports")
        assert answer.status_code == 405
        assert set(answer.headers["Allow"].split(", ")) >= {"GET", "POST"}
        assert answer.json()["slug"] == "method_not_allowed"


class TestChanging:
    def test_a_change_names_what_was_seen(self, system, admin):
        report = system.report()
        path = f"/reports/{report['id']}"
        assert admin.refused(428, "PATCH", path, json={"title": "New"})["slug"] == "precondition_required"
        changed = admin("PATCH", path, version=1, json={"title": "New"})
        assert (changed.json()["title"], changed.headers["ETag"]) == ("New", '"2"')
        problem = admin.refused(412, "PATCH", path, version=1, json={"title": "Newer"})
        assert problem["version"] == 2

    @pytest.mark.parametrize(
        ("given", "status"),
        [("*", 428), ("", 428), ("1", 412), ('W/"1"', 412), ('"1", "2"', 412), ('"x"', 412), ('"0"', 412)],
    )
    def test_a_version_that_is_none(self, system, admin, given, status):
        path = f"/reports/{system.report()['id']}"
        admin.refused(status, "PATCH", path, json={"title": "New"}, headers={"If-Match": given})

    def test_a_merge_patch(self, system, admin):
        headers = {"Content-Type": "application/merge-patch+json"}
        path = f"/reports/{system.report()['id']}"
        admin.done("PATCH", path, version=1, data=b'{"title": "New"}', headers=headers)

    def test_what_the_address_says_is_not_said_in_the_body(self, system, admin):
        path = f"/reports/{system.report()['id']}"
        for name, value in (("report_id", NOWHERE), ("version", 1)):
            problem = admin.refused(422, "PATCH", path, version=1, json={"title": "New", name: value})
            assert list(problem["fields"]) == [name]

    def test_an_illegal_move_names_the_legal_ones(self, system, admin):
        path = f"/reports/{system.report()['id']}/status"
        problem = admin.refused(409, "PUT", path, version=1, json={"status": "closed"})
        assert problem["legal"] == ["confirmed", "rejected", "duplicate"]
        assert problem["current_status"] == "pending"
        assert admin.done("PUT", path, version=1, json={"status": "confirmed"})["version"] == 2

    def test_a_repeated_change_is_harmless(self, system, admin):
        path = f"/reports/{system.report()['id']}/status"
        first = admin.done("PUT", path, version=1, json={"status": "confirmed"})
        assert admin.done("PUT", path, version=1, json={"status": "confirmed"}) == first


@pytest.fixture(scope="module")
def place(system):
    """A place of its own, with seven reports in it."""
    for number in range(7):
        location = {"type": "Point", "coordinates": [100 + number / 100, 10], "address": "=A1"}
        system.report(title=f"{'=+-@'[number % 4]}cmd {number}", location=location)
    return "bbox=99,9,101,11"


class TestListing:
    def test_links_lead_through_all_pages(self, admin, place):
        seen, path = [], f"/reports?{place}&limit=3&status=pending&status=confirmed"
        while path:
            answer = admin("GET", path)
            seen += [item["id"] for item in answer.json()["items"]]
            path = answer.links.get("next", {}).get("url")
            assert bool(path) == bool(answer.json()["next_cursor"])
        assert len(seen) == len(set(seen)) == 7

    @pytest.mark.parametrize(
        ("query", "count"),
        [
            ("near=100,10,1500", 2),
            ("status=pending,confirmed", 7),
            ("status=confirmed", 0),
            ("min_severity=1", 7),
            ('within={"type":"Polygon","coordinates":[[[99,9],[100.015,9],[100.015,11],[99,11],[99,9]]]}', 2),
            ("reported_from=2020-01-01T00:00:00Z&reported_to=2021-01-01T00:00:00Z", 0),
        ],
    )
    def test_filters(self, admin, place, query, count):
        assert len(admin.done("GET", f"/reports?{place}&{query}")["items"]) == count

    @pytest.mark.parametrize(
        ("query", "field"),
        [
            ("limit=0", "limit"),
            ("limit=501", "limit"),
            ("limit=ten", "limit"),
            ("limit=1&limit=2", "limit"),
            ("limit=99999999999999999999", "limit"),
            ("cursor=broken", "cursor"),
            ("status=gone", "status"),
            ("bbox=1,2,3", "bbox"),
            ("bbox=nan,0,1,1", "bbox"),
            ("bbox=1e999,0,1,1", "bbox"),
            ("near=1,2", "near"),
            ("near=1,2,x", "near.radius_m"),
            ("within=nothing", "within"),
            ("reported_from=2020-01-01", "reported_from"),
            ("region_id=none", "region_id"),
            ("text=%00", "text"),
            ("surprise=1", "surprise"),
        ],
    )
    def test_a_filter_that_is_wrong_is_named(self, admin, query, field):
        assert list(admin.refused(422, "GET", f"/reports?{query}")["fields"]) == [field]

    def test_geojson(self, admin, place):
        answer = admin("GET", f"/reports?{place}&limit=2", headers={"Accept": "application/geo+json"})
        assert answer.headers["Content-Type"] == "application/geo+json"
        found = answer.json()
        assert found["type"] == "FeatureCollection"
        feature = found["features"][0]
        assert feature["geometry"].keys() == {"type", "coordinates"}
        assert feature["properties"]["address"] == "=A1"
        assert "location" not in feature["properties"]
        assert "next" in answer.links

    def test_csv_has_every_row_and_no_formula(self, admin, place):
        answer = admin("GET", f"/reports?{place}&limit=2", headers={"Accept": "text/csv"})
        assert answer.headers["Content-Type"].startswith("text/csv")
        assert answer.headers["Transfer-Encoding"] == "chunked"
        rows = list(csv.DictReader(io.StringIO(answer.text)))
        assert len(rows) == 7
        assert all(row["title"][:2] in ("'=", "'+", "'-", "'@") for row in rows)
        assert {row["address"] for row in rows} == {"'=A1"}
        assert math.isclose(float(rows[0]["latitude"]), 10)

    def test_csv_has_names_beside_ids_and_times_in_the_zone_that_is_asked_for(self, admin, place):
        address = f"/reports?{place}&bom=true&time_zone=America/Port-au-Prince"
        text = admin("GET", address, headers={"Accept": "text/csv"}).content.decode()
        assert text.startswith("\ufeff")
        row = next(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))
        region = admin("GET", f"/regions/{row['region_id']}").json()
        assert (row["region"], row["region_name"]) == (region["code"], region["name"])
        assert all((row["report_type"], row["severity_level"]))
        assert row["created_at"][-6:] in ("-05:00", "-04:00")
        assert admin("GET", address).json()["items"], "they mean nothing for JSON"

    @pytest.mark.parametrize(
        "wrong", ["limit=x", "bom=perhaps", "time_zone=Mars/Olympus", "time_zone=../etc/passwd"]
    )
    def test_a_csv_of_what_is_wrong_is_a_problem(self, admin, wrong):
        admin.refused(422, "GET", f"/reports?{wrong}", headers={"Accept": "text/csv"})

    def test_nothing_else_is_on_offer(self, admin):
        problem = admin.refused(406, "GET", "/reports", headers={"Accept": "image/png"})
        assert problem["offered"] == ["application/json", "application/geo+json", "text/csv"]


class TestRequestIds:
    def test_one_is_taken_over_and_given_back(self, system, admin):
        answer = admin("GET", "/reports/none", headers={"X-Request-ID": "mine-1"})
        assert answer.headers["X-Request-ID"] == answer.json()["correlation_id"] == "mine-1"

    @pytest.mark.parametrize("given", ["", "with blank", "x" * 129, "é"])
    def test_one_that_is_none_is_replaced(self, admin, given):
        answer = admin("GET", "/reports", headers={"X-Request-ID": given.encode()})
        assert len(answer.headers["X-Request-ID"]) == 36
