"""Boundaries that are refused and why; which region a point is given to."""

from uuid import uuid4

import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import ValidationError

from services.identity import geometry
from shared.client.errors import Invalid


def box(west, south, east, north):
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


def many(*polygons):
    return {"type": "MultiPolygon", "coordinates": [polygon["coordinates"] for polygon in polygons]}


SQUARE = box(0, 0, 4, 4)


@pytest.mark.parametrize(
    ("value", "where", "says"),
    [
        ([], "", "GeoJSON Polygon"),
        ({"type": "Point", "coordinates": [0, 0]}, "type", "Polygon"),
        ({**SQUARE, "crs": {}}, "crs", "Unknown field"),
        ({"type": "Polygon"}, "coordinates", "list of at least one ring"),
        ({"type": "Polygon", "coordinates": []}, "coordinates", "list of at least one ring"),
        ({"type": "Polygon", "coordinates": [[]]}, "coordinates.0", "list of at least one position"),
        ({"type": "MultiPolygon", "coordinates": [[]]}, "coordinates.0", "list of at least one ring"),
        ({"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1]]]}, "coordinates.0", "[1, 1]"),
        ({"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [0, 0]]]}, "coordinates.0", "at least 4"),
        ({"type": "Polygon", "coordinates": [[[0, 0], [181, 0]]]}, "coordinates.0.1", "Longitude 181"),
        ({"type": "Polygon", "coordinates": [[[0, -91], [1, 0]]]}, "coordinates.0.0", "Latitude -91"),
        ({"type": "Polygon", "coordinates": [[["0", 0]]]}, "coordinates.0.0", "finite numbers"),
        (
            {"type": "MultiPolygon", "coordinates": [SQUARE["coordinates"], [[[0, 0, 0, 0]]]]},
            "coordinates.1.0.0",
            "longitude",
        ),
        (
            {"type": "Polygon", "coordinates": [[[0.001 * i, 0] for i in range(20_001)]]},
            "coordinates",
            "More than 20,000",
        ),
    ],
)
def test_a_malformed_shape_is_refused_where_it_is_wrong(value, where, says):
    with pytest.raises(ValidationError) as refusal:
        geometry.check_structure(value)
    messages = refusal.value.messages
    if where:
        [(field, messages)] = messages.items()
        assert field == where
    assert says in messages[0]


@pytest.mark.parametrize(
    ("rings", "says"),
    [
        ([[[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]], "crosses itself at longitude 0.500000, latitude 0.5"),
        (
            [SQUARE["coordinates"][0], [[5, 5], [6, 5], [6, 6], [5, 5]]],
            "outside its outer ring at longitude 5",
        ),
        ([[[0, 0], [0, 0], [0, 0], [0, 0]]], "fewer than three different points"),
        ([[[0, 0], [4, 0], [4, 4], [2, 0], [0, 4], [0, 0]]], "touches or crosses itself at longitude 2"),
    ],
)
def test_a_shape_that_crosses_itself_is_refused_saying_where(rings, says):
    value = geometry.check_structure({"type": "Polygon", "coordinates": rings})
    with pytest.raises(Invalid) as refusal:
        geometry.normalise(value)
    assert says in refusal.value.fields["boundaries"][0]


def test_polygons_inside_one_another_are_refused():
    with pytest.raises(Invalid, match="inside another"):
        geometry.normalise(many(SQUARE, box(1, 1, 2, 2)))


def test_rings_are_turned_as_rfc_7946_wants_them():
    hole = [[1, 1], [2, 1], [2, 2], [1, 1]]
    clockwise = [list(reversed(SQUARE["coordinates"][0])), hole]
    outer, inner = geometry.normalise({"type": "Polygon", "coordinates": clockwise})["coordinates"]
    assert shapely.is_ccw(shapely.LinearRing(outer))
    assert not shapely.is_ccw(shapely.LinearRing(inner))


def test_altitudes_and_bounding_boxes_are_dropped():
    high = {
        "type": "Polygon",
        "coordinates": [[[*at, 100] for at in SQUARE["coordinates"][0]]],
        "bbox": [0, 0],
    }
    assert geometry.check_structure(high) == SQUARE


def test_normalising_twice_changes_nothing():
    once = geometry.normalise(many(SQUARE, box(10, 10, 11, 11)))
    assert once["type"] == "MultiPolygon"
    assert geometry.normalise(once) == once


def test_the_smallest_region_wins():
    country, district = uuid4(), uuid4()
    index = geometry.RegionIndex.of([(country, "A", box(0, 0, 10, 10)), (district, "B", box(2, 2, 4, 4))])
    assert index.locate([(3, 3), (8, 8), (20, 20)]) == [district, country, None]


def test_a_border_belongs_to_one_region_always_the_same():
    west, east = uuid4(), uuid4()
    regions = [(west, "WEST", box(0, 0, 2, 2)), (east, "EAST", box(2, 0, 4, 2))]
    assert geometry.RegionIndex.of(regions).locate([(2, 1)]) == [east]
    assert geometry.RegionIndex.of(reversed(regions)).locate([(2, 1)]) == [east]


def test_an_index_without_regions_answers():
    assert geometry.RegionIndex.of([]).locate([(0, 0)]) == [None]
    assert geometry.RegionIndex.of([(uuid4(), "X", {"type": "Nonsense"})]).locate([]) == []


@given(st.lists(st.tuples(st.integers(-5, 15), st.integers(-5, 15)), max_size=20))
def test_the_index_agrees_with_looking_at_every_region(points):
    boxes = {uuid4(): (0, 0, 10, 10), uuid4(): (2, 2, 6, 6), uuid4(): (6, 2, 9, 6), uuid4(): (3, 3, 4, 4)}
    index = geometry.RegionIndex.of(
        (key, str(at), box(*edges)) for at, (key, edges) in enumerate(boxes.items())
    )

    def slow(x, y):
        inside = [
            ((edges[2] - edges[0]) * (edges[3] - edges[1]), at, key)
            for at, (key, edges) in enumerate(boxes.items())
            if edges[0] <= x <= edges[2] and edges[1] <= y <= edges[3]
        ]
        return min(inside)[2] if inside else None

    assert index.locate(points) == [slow(x, y) for x, y in points]
