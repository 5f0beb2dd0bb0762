"""Boundaries around the Earth: cut at the antimeridian, closed through poles, mended without losing area, outlined."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import shapely
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from marshmallow import ValidationError
from shapely.geometry import shape

from shared.domain import boundaries as geojson
from shared.domain.boundaries import GeometryError


def polygon(*rings):
    return {"type": "Polygon", "coordinates": [[list(position) for position in ring] for ring in rings]}


def box(west, south, east, north):
    return [(west, south), (east, south), (east, north), (west, north), (west, south)]


def stored(value):
    """What identity stores of boundaries, checked to be what RFC 7946 asks of them."""
    return sound(geojson.normalise(geojson.check_structure(value)))


def sound(boundaries):
    found = shape(boundaries)
    assert found.is_valid
    assert found.area > 0
    west, south, east, north = found.bounds
    assert -180 <= west <= east <= 180
    assert -90 <= south <= north <= 90
    for part in shapely.get_parts(found):
        assert shapely.is_ccw(part.exterior)
        assert not any(shapely.is_ccw(hole) for hole in part.interiors)
    assert geojson.normalise(geojson.check_structure(boundaries)) == boundaries, (
        "what is stored stays as it is"
    )
    return boundaries


def area(boundaries):
    return shape(boundaries).area


def holds(boundaries, longitude, latitude):
    return shapely.intersects(shape(boundaries), shapely.Point(longitude, latitude))


# --- across the antimeridian ----------------------------------------------------------------------------------------

FIJI = box(177, -19, -179, -16)


@pytest.mark.parametrize(
    ("rings", "degrees", "bbox"),
    [
        ([box(179, -57, -179, -56)], 2, [179, -57, -179, -56]),
        ([box(179, -57, 181, -56)], 2, [179, -57, -179, -56]),
        ([box(-181, -57, -179, -56)], 2, [179, -57, -179, -56]),
        ([list(reversed(FIJI))], 12, [177, -19, -179, -16]),
        ([box(181, 0, 190, 5)], 45, [-179, 0, -170, 5]),
        # Chukotka and the Aleutians
        ([box(172, 51, -130, 71)], 58 * 20, [172, 51, -130, 71]),
        # the crossing is written on both sides of it
        (
            [
                [
                    (170, 0), (180, 0), (-180, 0), (-170, 0), (-170, 10), (-180, 10), (180, 10), (170, 10),
                    (170, 0),
                ]
            ],
            200,
            [170, 0, -170, 10],
        ),
        # a ring that crosses four times
        (
            [[(170, 0), (-170, 0), (-170, 10), (175, 5), (-170, 12), (-170, 20), (170, 20), (170, 0)]],
            385,
            [170, 0, -170, 20],
        ),
        # holes: across, on one side, and written beyond 180
        ([box(170, -10, -170, 10), box(179, -1, -179, 1)], 396, [170, -10, -170, 10]),
        ([box(170, -10, 190, 10), box(-175, -1, -174, 1)], 398, [170, -10, -170, 10]),
        ([box(170, -10, -170, 10), box(181, -1, 182, 1)], 398, [170, -10, -170, 10]),
        # the Ross Dependency: a sector to the pole, in two ways
        ([box(160, -90, -150, -60)], 1500, [160, -90, -150, -60]),
        ([[(160, -60), (-150, -60), (0, -90), (160, -60)]], 1500, [160, -90, -150, -60]),
        # the time zone of the antimeridian
        ([box(172.5, -90, -172.5, 90)], 2700, [172.5, -90, -172.5, 90]),
    ],
)  # fmt: skip
def test_an_area_across_the_antimeridian_is_cut_there(rings, degrees, bbox):
    found = stored(polygon(*rings))
    assert area(found) == pytest.approx(degrees)
    assert geojson.bbox_of(found) == bbox
    if bbox[0] > bbox[2]:
        assert found["type"] == "MultiPolygon"
        for part in found["coordinates"]:
            longitudes = [position[0] for position in part[0]]
            assert max(longitudes) - min(longitudes) < 180, "no band around the Earth"


def test_both_ways_to_write_an_island_across_the_antimeridian_are_the_same_area():
    across, beyond = stored(polygon(box(179, -57, -179, -56))), stored(polygon(box(179, -57, 181, -56)))
    assert shape(across).equals(shape(beyond))
    assert holds(across, 179.5, -56.5)
    assert holds(across, -179.5, -56.5)
    assert not holds(across, 0, -56.5)


@pytest.mark.parametrize(
    "ring",
    [
        box(-180, -10, 180, 10),
        box(-180, 0, 180, 90),
        box(-180, -90, 180, 90),
        box(-180, -90, 180, -60),
        box(-170, 10, -10, 20),
        box(0, 0, 180, 10),
        box(-120, -50, 90, 40),
        box(-100, -10, 139, 10),
    ],
)
def test_what_goes_round_the_earth_or_stays_on_one_side_is_kept_as_it_is(ring):
    assert stored(polygon(ring)) == geojson.check_structure(polygon(ring))


def test_a_step_twice_as_long_as_the_other_way_round_is_the_other_way_round():
    across = stored(polygon(box(120, -10, -120, 10)))
    assert area(across) == 120 * 20
    assert holds(across, 180, 0)
    assert not holds(across, 0, 0)


@pytest.mark.parametrize(
    ("ring", "degrees", "inside"),
    [
        ([(0, 80), (90, 80), (180, 80), (-90, 80), (0, 80)], 3600, (45, 89)),
        ([(0, -80), (120, -80), (-120, -80), (0, -80)], 3600, (-179, -85)),
        ([(0, -80), (-120, -80), (120, -80), (0, -80)], 3600, (-179, -85)),
        # Antarctica as it is cut along the antimeridian, without and with the line along the pole
        ([(-180, -84), (-90, -70), (0, -70), (90, -70), (180, -84), (-180, -84)], None, (180, -89)),
        (
            [(-180, -84), (-90, -70), (0, -70), (90, -70), (180, -84), (180, -90), (-180, -90), (-180, -84)],
            None,
            (180, -89),
        ),
        (
            [(0, -70), (90, -70), (180, -70), (-180, -70), (-90, -70), (0, -70), (0, -90), (0, -70)],
            7200,
            (1, -89),
        ),
    ],
)
def test_a_ring_round_a_pole_holds_the_pole(ring, degrees, inside):
    found = stored(polygon(ring))
    assert holds(found, *inside)
    assert holds(found, 0, math.copysign(90, inside[1]))
    assert not holds(found, 0, 0)
    if degrees:
        assert area(found) == pytest.approx(degrees)


def test_a_ring_round_a_pole_may_have_a_hole_round_it_too():
    ring = polygon([(0, 60), (120, 60), (-120, 60), (0, 60)], [(10, 80), (130, 80), (-110, 80), (10, 80)])
    found = stored(ring)
    assert area(found) == pytest.approx(7200)
    assert not holds(found, 0, 85)


@pytest.mark.parametrize(
    ("rings", "says"),
    [
        ([[(179, 0), (-179, 2), (-179, 0), (179, 2), (179, 0)]], "crosses itself at longitude 180"),
        ([[(179, 0), (-178, 2), (-178, 0), (179, 2), (179, 0)]], "crosses itself at longitude -179.5"),
        ([box(170, 0, -170, 10), box(-160, 1, -159, 2)], "outside its outer ring"),
        ([box(170, 0, -170, 10), box(179, 1, -179, 2), box(-179.5, 1, -178, 2)], "overlaps another hole"),
        (
            [[(0, 80), (120, 80), (-120, 80), (0, 81), (120, 81), (-120, 81), (0, 80)]],
            "more than once",
        ),
    ],
)
def test_what_is_wrong_across_the_antimeridian_is_refused(rings, says):
    with pytest.raises(GeometryError, match=says):
        stored(polygon(*rings))


@pytest.mark.parametrize("longitude", [181, -200.5, 361])
def test_a_longitude_beyond_180_is_wrong_where_the_ring_does_not_cross(longitude):
    with pytest.raises(ValidationError) as refusal:
        geojson.check_structure(polygon([(0, 0), (longitude, 0), (0, 1), (0, 0)]))
    assert f"Longitude {longitude} is out of range" in str(refusal.value.messages)


RADII = st.lists(st.floats(0.2, 1), min_size=3, max_size=12)


@settings(max_examples=300, deadline=None)
@given(st.floats(-180, 180), st.floats(-60, 60), st.floats(0.5, 25), RADII, st.booleans(), st.booleans())
def test_wherever_an_area_is_moved_it_stays_the_same_area(
    longitude, latitude, size, radii, wrapped, with_hole
):
    def ring(part):
        corners = [
            (
                round(part * size * radius * math.cos(2 * math.pi * at / len(radii)), 6),
                round(part * size * radius * math.sin(2 * math.pi * at / len(radii)), 6),
            )
            for at, radius in enumerate(radii)
        ]
        return [*corners, corners[0]]

    def moved(positions):
        for x, y in positions:
            east = x + longitude
            yield ((east + 180) % 360 - 180 if wrapped else east, y + latitude)

    flat = [ring(1), ring(0.3)] if with_hole else [ring(1)]
    here = shapely.Polygon(flat[0], flat[1:])
    assume(here.is_valid and here.area > 1e-3)
    found = stored(polygon(*(list(moved(positions)) for positions in flat)))
    assert area(found) == pytest.approx(here.area, rel=1e-6)
    west, south, east, north = geojson.bbox_of(found)
    width, height = here.bounds[2] - here.bounds[0], here.bounds[3] - here.bounds[1]
    assert (east - west) % 360 == pytest.approx(width, abs=1e-6)
    assert north - south == pytest.approx(height, abs=1e-6)
    # Every place of the area lies in it on whichever side of the antimeridian it is said.
    place = here.representative_point()
    [(x, y)] = moved([(place.x, place.y)])
    assert holds(found, (x + 180) % 360 - 180, y)


# --- repair ---------------------------------------------------------------------------------------------------------


def star(corners, step):
    around = [(round(3 * math.cos(2 * math.pi * at * step / corners), 6),
               round(3 * math.sin(2 * math.pi * at * step / corners), 6)) for at in range(corners)]  # fmt: skip
    return [*around, around[0]]


def antarctica():
    """Antarctica as d3's topology of it has it: the outer ring is a line at the pole, the coast is its hole."""
    pole = [(longitude, -89.999) for longitude in (-180, 90, 0, -90, -180)]
    coast = [(-180, -84.35)] + [
        (longitude, round(-72 + 6 * math.sin(longitude / 20), 6)) for longitude in range(-170, 180, 5)
    ]
    islands = box(-60, -64, -55, -62)
    return {
        "type": "MultiPolygon",
        "coordinates": [[pole, [*coast, (179.6, -84.27), (-180, -84.35)]], [islands]],
    }


def as_lists(value):
    return [as_lists(inner) for inner in value] if isinstance(value, list | tuple) else value


def test_antarctica_is_kept_whole_with_the_pole():
    given_area = {**antarctica(), "coordinates": as_lists(antarctica()["coordinates"])}
    with pytest.raises(GeometryError, match="outside its outer ring"):
        geojson.normalise(geojson.check_structure(given_area))
    found = geojson.repair(given_area)
    sound(found.boundaries)
    assert geojson.repair(found.boundaries).boundaries == found.boundaries
    # What the rings enclose when they are drawn flat, which mending by structure reduces to the islands' 10.
    flat = shapely.make_valid(shape(given_area))
    assert flat.area > 3000
    assert shape(found.boundaries).intersection(flat).area == pytest.approx(flat.area, rel=1e-4)
    assert found.after == pytest.approx(found.before)
    assert holds(found.boundaries, 0, -89.9)
    assert holds(found.boundaries, 179.9, -86)
    assert holds(found.boundaries, -57, -63)
    assert not holds(found.boundaries, 0, -60)
    assert "South Pole" in found.notes[0]


@pytest.mark.parametrize(
    ("rings", "degrees"),
    [
        ([[(0, 0), (1, 1), (1, 0), (0, 1), (0, 0)]], 0.5),
        ([[(0, 0), (4, 0), (4, 4), (0, 4)]], 16),
        ([[(179, 0), (-179, 2), (-179, 0), (179, 2)]], 2),
        # a ring drawn twice, and one that winds round its middle twice
        ([box(0, 0, 1, 1) + box(0, 0, 1, 1)[1:]], 1),
        ([star(5, 2)], None),
        # an island that is written as a hole, a hole within a hole, a hole that holds its outer ring
        ([box(0, 0, 4, 4), box(10, 10, 12, 12)], 20),
        ([box(0, 0, 9, 9), box(1, 1, 8, 8), box(2, 2, 4, 4)], 81 - 49 + 4),
        ([box(2, 2, 4, 4), box(0, 0, 9, 9)], 81 - 4),
        # a part without area
        ([box(0, 0, 4, 4), [(1, 1), (2, 2), (1, 1), (1, 1)]], 16),
    ],
)
def test_a_repair_keeps_the_area(rings, degrees):
    found = geojson.repair(polygon(*rings))
    sound(found.boundaries)
    assert found.after == pytest.approx(area(found.boundaries))
    assert found.after >= found.before * (1 - geojson.TOLERANCE)
    if degrees is not None:
        assert found.after == pytest.approx(degrees)


def test_polygons_that_lie_over_one_another_become_one():
    found = geojson.repair(
        {"type": "MultiPolygon", "coordinates": as_lists([[box(0, 0, 2, 2)], [box(1, 1, 3, 3)]])}
    )
    assert found.after == pytest.approx(7)
    assert found.boundaries["type"] == "Polygon"


def test_what_is_valid_is_not_touched_by_a_repair():
    given_area = polygon(box(0.123456789012, 0, 4, 4), list(reversed(box(1, 1, 2, 2))))
    assert geojson.repair(given_area).boundaries == stored(given_area)


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (polygon(box(0, 0, 4, 4), box(0, 0, 4, 4)), "keep 0 of 16 square degrees"),
        (polygon([(0, 0), (4, 0), (0, 0), (0, 0)]), "keep 0 of 0 square degrees"),
        ({"type": "Point", "coordinates": [0, 0]}, "Must be a GeoJSON Polygon"),
        ({"type": "Polygon", "coordinates": [[["a", 0]]]}, "Must be a GeoJSON Polygon"),
        ({"type": "Polygon"}, "Must be a GeoJSON Polygon"),
        ("nonsense", "Must be a GeoJSON Polygon"),
        (polygon([(0, 0), (1, 95), (1, 0), (0, 0)]), "is out of range"),
    ],
)
def test_what_cannot_be_mended_is_refused_with_the_areas(value, says):
    with pytest.raises(GeometryError, match=says):
        geojson.repair(value)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.tuples(st.integers(-6, 6), st.integers(-6, 6)), min_size=3, max_size=12),
    st.sampled_from([0, 90, 178, -179]),
)
def test_no_repair_loses_area_without_saying_so(corners, shift):
    flat = shapely.Polygon([*corners, corners[0]])
    enclosed = shapely.make_valid(flat).area if len(set(corners)) > 2 else 0
    ring = [((x + shift + 180) % 360 - 180, y) for x, y in corners]
    if not enclosed:
        with pytest.raises(GeometryError, match="square degrees"):
            geojson.repair(polygon(ring))
        return
    found = geojson.repair(polygon(ring))
    sound(found.boundaries)
    assert found.after >= enclosed * (1 - geojson.TOLERANCE)


# --- outlines -------------------------------------------------------------------------------------------------------


def coast(positions, roughness=0.02, *, longitude=0.0, latitude=0.0):
    """A coast with this many positions."""
    ring = [
        (
            longitude + (1 + roughness * math.sin(97 * angle)) * math.cos(angle),
            latitude + (1 + roughness * math.sin(97 * angle)) * math.sin(angle),
        )
        for angle in (2 * math.pi * at / (positions - 1) for at in range(positions - 1))
    ]
    return [*ring, ring[0]]


def squares(count):
    return [box(x, y, x + 0.5, y + 0.5) for x in range(1, count + 1) for y in range(1, count + 1)]


@pytest.mark.parametrize(
    "boundaries",
    [
        polygon(coast(20_000)),
        {"type": "MultiPolygon", "coordinates": as_lists([[square] for square in squares(60)])},
        polygon(box(0, 0, 70, 70), *(list(reversed(square)) for square in squares(59))),
        polygon(coast(5000, longitude=179.9)),
        polygon(box(0, 0, 1e-7, 1e-7)),
    ],
)
@pytest.mark.parametrize(("tolerance", "limit"), [(0.05, 400), (0.001, 6000)])
def test_an_outline_is_small_valid_and_never_empty(boundaries, tolerance, limit):
    whole = stored(boundaries)
    outline = geojson.simplified(whole, tolerance, limit)
    assert geojson.positions_of(outline) <= limit
    found = shape(outline)
    assert found.is_valid
    assert found.area > 0
    assert -180 <= found.bounds[0] <= found.bounds[2] <= 180


def test_an_outline_is_off_by_no_more_than_its_tolerance():
    whole = stored(polygon(coast(20_000)))
    outline = shape(geojson.simplified(whole, 0.01, 2000))
    assert shapely.hausdorff_distance(shape(whole), outline) < 0.015


def test_a_box_that_ends_at_the_antimeridian_touches_both_sides_of_it():
    assert geojson.spans_of(170, -170) == [(170, 180), (-180, -170)]
    assert geojson.spans_of(170, 180) == [(170, 180), (-180, -180)]
    assert geojson.spans_of(-180, -170) == [(-180, -170), (180, 180)]
    assert geojson.spans_of(-180, 180) == [(-180, 180)]
    assert geojson.spans_of(-10, 10) == [(-10, 10)]


def test_rings_are_closed():
    for part in stored(polygon(FIJI))["coordinates"]:
        assert part[0][0] == part[0][-1]
        assert all(here != there for here, there in pairwise(part[0]))


def test_areas_are_those_on_a_sphere():
    assert geojson.area_of(shapely.box(-180, -90, 180, 90)) == pytest.approx(4 * math.pi)
    assert geojson.area_of(shapely.box(10, 0, 20, 30)) == pytest.approx(math.radians(10) * 0.5)
    ring, hole = shapely.box(0, 0, 10, 60).exterior, shapely.box(1, 1, 2, 2).exterior
    part = geojson.area_of(shapely.box(1, 1, 2, 2))
    for inside in (hole, hole.reverse()):
        with_hole = geojson.area_of(shapely.Polygon(ring, [inside]))
        assert with_hole == pytest.approx(geojson.area_of(shapely.Polygon(ring)) - part)
    both = shapely.MultiPolygon([shapely.box(1, 1, 2, 2), shapely.box(3, 1, 4, 2)])
    assert geojson.area_of(both) == pytest.approx(2 * part)


@pytest.mark.parametrize(
    "shape", [shapely.LineString([(0, 0), (1, 1)]), shapely.Polygon(), shapely.MultiPolygon()]
)
def test_what_has_no_area_has_the_area_0(shape):
    assert geojson.area_of(shape) == 0
