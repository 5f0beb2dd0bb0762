"""Lists that say their version: they are asked for, rendered and sent again only when something has changed."""

from __future__ import annotations

from uuid import UUID

import pytest

from services.gateway.http.page_cache import PageCache
from shared.client.errors import Forbidden, Unauthenticated
from shared.platform.rpc.context import Caller
from tests.support.gateway import application

GEOJSON = {"Accept": "application/geo+json"}
SIGNED_IN = {"Authorization": "Bearer good"}
SQUARE = {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]}


class Identity:
    """Stands in for the service: says its version, and nothing else where that is known."""

    def __init__(self):
        self.version = "1.5.7.0"
        self.calls = []
        self.failure = None

    def call(self, method, arguments=None, *, token=None, **_):
        assert method == "identity.list_regions"
        self.calls.append((dict(arguments), token))
        if self.failure is not None:
            raise self.failure
        if arguments.get("known_version") == self.version:
            return {"items": [], "next_cursor": None, "version": self.version, "unchanged": True}
        item = {"id": str(UUID(int=1)), "code": "A", "name": self.version, "boundaries": SQUARE}
        more = None if arguments.get("cursor") else "next"
        return {"items": [item], "next_cursor": more, "version": self.version, "unchanged": False}


@pytest.fixture
def identity():
    return Identity()


@pytest.fixture
def http(identity):
    def verify(token, correlation_id):
        if token != "good":
            raise Unauthenticated
        return Caller(UUID(int=1), frozenset(), {}, token, correlation_id)

    return application(identity, verify).test_client()


def get(http, path="/api/v1/regions", **headers):
    return http.get(path, headers=GEOJSON | SIGNED_IN | headers)


def test_a_client_that_has_the_page_is_told_so_without_anything_being_read(http, identity):
    first = get(http)
    assert first.status_code == 200
    assert first.json["features"][0]["geometry"] == SQUARE
    assert first.headers["Cache-Control"] == "private, no-cache"
    again = get(http, **{"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]
    assert identity.calls[-1][0]["known_version"] == identity.version


def test_a_page_that_was_rendered_is_not_rendered_again_while_its_version_holds(http, identity):
    first, second = get(http), get(http)
    assert second.data == first.data
    assert second.headers["ETag"] == first.headers["ETag"]
    assert [call[0].get("known_version") for call in identity.calls] == [None, identity.version]
    assert {token for _, token in identity.calls} == {"good"}, "who asks is checked each time"


def test_a_change_is_seen_at_once(http, identity):
    first = get(http)
    identity.version = "1.5.8.0"
    for tag in ({}, {"If-None-Match": first.headers["ETag"]}):
        changed = get(http, **tag)
        assert changed.status_code == 200
        assert changed.headers["ETag"] != first.headers["ETag"]
        assert changed.json["features"][0]["properties"]["name"] == "1.5.8.0"


def test_each_question_has_a_page_of_its_own(http, identity):
    paths = [f"/api/v1/regions{query}" for query in ("", "?detail=full", "?limit=5", "?cursor=next")]
    tags = {get(http, path).headers["ETag"] for path in paths}
    tags.add(http.get(paths[0], headers=SIGNED_IN).headers["ETag"])
    assert len(tags) == len(paths) + 1
    for tag in tags - {get(http).headers["ETag"]}:
        assert get(http, **{"If-None-Match": tag}).status_code == 200
    assert 'rel="next"' in get(http).headers["Link"]
    assert "Link" not in get(http, paths[-1]).headers


def test_what_was_kept_is_not_shown_to_who_may_not_see_it(http, identity):
    tag = get(http).headers["ETag"]
    assert http.get("/api/v1/regions", headers=GEOJSON).status_code == 401
    identity.failure = Forbidden("No.")
    for headers in ({}, {"If-None-Match": tag}):
        assert get(http, **headers).status_code == 403


@pytest.mark.parametrize("tag", ["*", '"x"', 'W/"-"', 'W/"1.5.7.0-other"', "nonsense"])
def test_other_tags_are_nothing_that_is_known(http, identity, tag):
    assert get(http, **{"If-None-Match": tag}).status_code == 200
    assert identity.calls == [({"include_boundaries": True}, "good")]


def test_a_caller_does_not_say_the_known_version_itself(http):
    assert get(http, "/api/v1/regions?known_version=1").status_code == 422


def test_the_cache_keeps_no_more_than_its_bytes(identity):
    made = application(identity, None)
    cache = PageCache(max_bytes=100)

    def render(page):
        return made.response_class(page["body"])

    def call(_method, arguments):
        return {"version": "1", "unchanged": "known_version" in arguments, "body": b"x" * 40}

    with made.test_request_context("/"):
        for limit in (1, 2, 3):
            cache.get("m", {"limit": limit}, "t", call, render)
        assert cache._bytes == 80
        assert len(cache._pages) == 2
        cache.get(
            "m",
            {"limit": 4},
            "t",
            lambda *_: {"version": "1", "unchanged": False, "body": b"x" * 500},
            render,
        )
        assert cache._bytes == 0
