"""CAP messages are what the standard's schema lets pass, and say what the alert says.

The rules below are those of the CAP 1.2 schema (section 3.4 of the standard), written down as a table: which elements
there are, in which order, how often, and what they may hold.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from uuid import UUID

import orjson
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from services.alerts.cap.message import SENDER, Message, Reference, Region, write
from services.alerts.cap.polygons import polygons_of
from services.alerts.policy import Target, class_of

NAMESPACE = "{urn:oasis:names:tc:emergency:cap:1.2}"
ONE, MAYBE, ANY, SOME = (1, 1), (0, 1), (0, None), (1, None)
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[-+]\d\d:\d\d"
NAME = r"[^\s,<&]+"
TEXT = r"(?s).*"
POINT = r"-?\d+(\.\d+)?,-?\d+(\.\d+)?"

SCHEMA = {
    "alert": [
        ("identifier", ONE, NAME),
        ("sender", ONE, NAME),
        ("sent", ONE, TIME),
        ("status", ONE, "Actual|Exercise|System|Test|Draft"),
        ("msgType", ONE, "Alert|Update|Cancel|Ack|Error"),
        ("source", MAYBE, TEXT),
        ("scope", ONE, "Public|Restricted|Private"),
        ("restriction", MAYBE, TEXT),
        ("addresses", MAYBE, TEXT),
        ("code", ANY, TEXT),
        ("note", MAYBE, TEXT),
        ("references", MAYBE, rf"{NAME},{NAME},{TIME}( {NAME},{NAME},{TIME})*"),
        ("incidents", MAYBE, TEXT),
        ("info", ANY, None),
    ],
    "info": [
        ("language", MAYBE, r"[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*"),
        (
            "category",
            SOME,
            "Geo|Met|Safety|Security|Rescue|Fire|Health|Env|Transport|Infra|CBRNE|Other",
        ),
        ("event", ONE, TEXT),
        ("responseType", ANY, "Shelter|Evacuate|Prepare|Execute|Avoid|Monitor|Assess|AllClear|None"),
        ("urgency", ONE, "Immediate|Expected|Future|Past|Unknown"),
        ("severity", ONE, "Extreme|Severe|Moderate|Minor|Unknown"),
        ("certainty", ONE, "Observed|Likely|Possible|Unlikely|Unknown"),
        ("audience", MAYBE, TEXT),
        ("eventCode", ANY, None),
        ("effective", MAYBE, TIME),
        ("onset", MAYBE, TIME),
        ("expires", MAYBE, TIME),
        ("senderName", MAYBE, TEXT),
        ("headline", MAYBE, TEXT),
        ("description", MAYBE, TEXT),
        ("instruction", MAYBE, TEXT),
        ("web", MAYBE, TEXT),
        ("contact", MAYBE, TEXT),
        ("parameter", ANY, None),
        ("resource", ANY, None),
        ("area", ANY, None),
    ],
    "area": [
        ("areaDesc", ONE, TEXT),
        ("polygon", ANY, rf"{POINT}( {POINT}){{3,}}"),
        ("circle", ANY, rf"{POINT} \d+(\.\d+)?"),
        ("geocode", ANY, None),
        ("altitude", MAYBE, TEXT),
        ("ceiling", MAYBE, TEXT),
    ],
    "geocode": [("valueName", ONE, TEXT), ("value", ONE, TEXT)],
    "parameter": [("valueName", ONE, TEXT), ("value", ONE, TEXT)],
}

SENT = dt.datetime(2026, 3, 14, 9, 30, 12, 345678, tzinfo=dt.UTC)
SQUARE = {"type": "Polygon", "coordinates": [[[10, 50], [12, 50], [12, 51], [10, 51], [10, 50]]]}
REGION = Target("region", str(UUID(int=3)))
ALERT = {
    "id": UUID(int=1),
    "issued_at": SENT,
    "expires_at": SENT + dt.timedelta(days=1),
    "msg_type": "Alert",
    "title": "Leave the river banks",
    "message": "The dam may break.",
    "instruction": "Go to the hills.",
    "language": "en-US",
    "translations": [],
    "category": "Safety",
    "event": "Flood",
    "urgency": "Immediate",
    "severity": "Extreme",
    "certainty": "Observed",
    "cap_status": "Actual",
    "onset_at": None,
    "area": None,
}


def check(element):
    """Whether the element is what the schema says; every element below it too."""
    name = etree.QName(element).localname
    allowed = SCHEMA[name]
    order = [child for child, _, _ in allowed]
    found = [etree.QName(child).localname for child in element]
    assert set(found) <= set(order), name
    assert found == sorted(found, key=order.index), f"the order within {name}"
    for child, (least, most), pattern in allowed:
        parts = element.findall(NAMESPACE + child)
        assert len(parts) >= least, f"{name} needs {child}"
        assert most is None or len(parts) <= most, f"{name} has {child} more than once"
        for part in parts:
            if pattern is None:
                check(part)
            else:
                assert len(part) == 0
                assert re.fullmatch(pattern, part.text or ""), f"{child}: {part.text!r}"


def written(*, boundaries=SQUARE, targets=(REGION,), references=(), name="Ouest", **changed):
    region = Region(name, "HT-OUEST", boundaries)
    classified = ALERT | {"audience_class": class_of(targets)} | changed
    text = write(Message(classified, "alerts@impactx.example", region, targets, references))
    assert text.startswith("<?xml version='1.0' encoding='UTF-8'?>")
    root = etree.fromstring(text.encode())
    check(root)
    return root


def texts(root, path):
    return [found.text for found in root.iterfind("/".join(NAMESPACE + part for part in path.split("/")))]


def test_a_message_says_what_the_alert_says():
    root = written()
    assert texts(root, "identifier") == ["urn:uuid:00000000-0000-0000-0000-000000000001"]
    assert texts(root, "sender") == ["alerts@impactx.example"]
    assert texts(root, "sent") == ["2026-03-14T09:30:12-00:00"]
    assert texts(root, "scope") == ["Public"]
    assert texts(root, "info/expires") == ["2026-03-15T09:30:12-00:00"]
    assert texts(root, "info/headline") == ["Leave the river banks"]
    assert texts(root, "info/area/areaDesc") == ["Ouest"]
    assert texts(root, "info/area/geocode/valueName") == ["impactx:region"]
    assert texts(root, "info/area/geocode/value") == ["HT-OUEST"]
    assert texts(root, "info/area/polygon") == ["50,10 50,12 51,12 51,10 50,10"]


def test_times_of_other_offsets_are_told_in_utc_and_never_with_a_letter():
    local = SENT.astimezone(dt.timezone(dt.timedelta(hours=-5)))
    root = written(issued_at=local, expires_at=None)
    assert texts(root, "sent") == ["2026-03-14T09:30:12-00:00"]
    assert texts(root, "info/expires") == []


def test_there_is_one_block_for_each_language():
    french = {"language": "fr", "title": "Quittez les rives", "message": "Le barrage peut céder."}
    creole = french | {"language": "ht-HT", "event": "Inondasyon", "instruction": "Ale sou mòn yo."}
    root = written(translations=[french, creole])
    assert texts(root, "info/language") == ["en-US", "fr", "ht-HT"]
    assert texts(root, "info/event") == ["Flood", "Quittez les rives", "Inondasyon"]
    assert texts(root, "info/instruction") == ["Go to the hills.", "Ale sou mòn yo."]
    assert len(texts(root, "info/area/polygon")) == 3


def test_references_name_every_earlier_message():
    earlier = [Reference("old@impactx.example", UUID(int=number), SENT) for number in (7, 8)]
    root = written(msg_type="Update", references=earlier)
    [text] = texts(root, "references")
    assert text.split(" ") == [
        f"old@impactx.example,urn:uuid:{UUID(int=number)},2026-03-14T09:30:12-00:00" for number in (7, 8)
    ]


def test_a_cancel_says_why():
    root = written(msg_type="Cancel", message="False alarm.", references=[Reference("s", UUID(int=7), SENT)])
    assert texts(root, "note") == ["False alarm."]


@pytest.mark.parametrize(
    ("targets", "scope", "element", "text"),
    [
        ([REGION, Target("group", "medic")], "Public", None, None),
        ([Target("group", "medic")], "Restricted", "restriction", "For: medic"),
        ([Target("user", "a"), Target("user", "b")], "Private", "addresses", "a b"),
    ],
)
def test_the_scope_follows_from_whom_it_is_for(targets, scope, element, text):
    root = written(targets=targets)
    assert texts(root, "scope") == [scope]
    if element:
        assert texts(root, element) == [text]


@settings(max_examples=200, deadline=None)
@given(st.text(), st.text())
def test_whatever_people_write_it_is_xml(title, message):
    [headline] = texts(written(title=title, message=message), "info/headline")
    assert len(headline or "") == len(title.replace("\r\n", "\n").replace("\r", "\n")) or "\r" in title


def test_markup_in_a_text_is_text():
    root = written(title="</info><sender>&amp;", name="A & B")
    assert texts(root, "info/headline") == ["</info><sender>&amp;"]
    assert texts(root, "info/area/areaDesc") == ["A & B"]


@pytest.mark.parametrize("name", ["", "a b", "a,b", "a<b", "a&b"])
def test_names_that_cap_forbids_are_no_senders(name):
    assert SENDER.fullmatch(name) is None


@pytest.mark.parametrize("milliseconds", [1, 400, 654, 655, 999, 1000, 1500])
def test_an_alert_is_over_after_it_was_sent_however_short_it_holds(milliseconds):
    root = written(expires_at=SENT + dt.timedelta(milliseconds=milliseconds))
    [sent], [expires] = texts(root, "sent"), texts(root, "info/expires")
    assert dt.datetime.fromisoformat(expires) > dt.datetime.fromisoformat(sent)


def test_a_clock_that_was_behind_does_not_end_an_alert_before_it_was_sent():
    root = written(expires_at=SENT - dt.timedelta(milliseconds=700))
    [sent], [expires] = texts(root, "sent"), texts(root, "info/expires")
    assert dt.datetime.fromisoformat(expires) > dt.datetime.fromisoformat(sent)


@pytest.mark.parametrize("status", ["Exercise", "Test"])
def test_what_is_not_meant_says_so_with_its_name(status):
    root = written(cap_status=status)
    assert texts(root, "status") == [status]
    assert texts(root, "note") == [f"{status}: Leave the river banks"]
    assert texts(written(), "status") == ["Actual"]
    assert texts(written(), "note") == []


def test_the_onset_is_told_between_its_beginning_and_its_end():
    root = written(onset_at=SENT + dt.timedelta(hours=3))
    assert texts(root, "info/onset") == ["2026-03-14T12:30:12-00:00"]
    assert texts(written(), "info/onset") == []


def test_a_narrower_area_takes_the_place_of_the_region_and_of_its_code():
    inner = {"type": "Polygon", "coordinates": [[[10, 50], [11, 50], [11, 51], [10, 50]]]}
    root = written(area={"polygon": inner, "description": "Below the dam"})
    assert texts(root, "info/area/areaDesc") == ["Below the dam"]
    assert texts(root, "info/area/polygon") == ["50,10 50,11 51,11 50,10"]
    assert texts(root, "info/area/geocode/value") == [], "it would widen the area to the region again"
    assert texts(root, "info/parameter/value") == ["HT-OUEST"]
    root = written(area={"circle": {"lon": -72.25, "lat": 18.5, "radius_km": 2.5}})
    assert texts(root, "info/area/areaDesc") == ["Ouest"]
    assert texts(root, "info/area/circle") == ["18.5,-72.25 2.5"]
    assert texts(root, "info/area/polygon") == []


# --- areas --------------------------------------------------------------------------------------------------------


def area_of(texts_of_polygons):
    """The ground that CAP polygons cover together, and each of them."""
    shapes = []
    for text in texts_of_polygons:
        pairs = [tuple(map(float, pair.split(","))) for pair in text.split(" ")]
        assert pairs[0] == pairs[-1], "closed"
        assert len(pairs) >= 4
        shapes.append(shapely.Polygon([(longitude, latitude) for latitude, longitude in pairs]))
    return shapely.union_all(shapes), shapes


def square(west, south, side):
    return [
        [west, south],
        [west + side, south],
        [west + side, south + side],
        [west, south + side],
        [west, south],
    ]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), unique=True, max_size=12))
def test_a_polygon_with_holes_is_cut_so_that_the_holes_stay_out(places):
    holes = [square(x + 0.25, y + 0.25, 0.5) for x, y in places]
    boundaries = {"type": "Polygon", "coordinates": [square(0, 0, 9), *holes]}
    covered, pieces = area_of(polygons_of(boundaries))
    wanted = shapely.Polygon(square(0, 0, 9), holes)
    assert shapely.symmetric_difference(covered, wanted).area < 1e-4
    assert abs(sum(piece.area for piece in pieces) - wanted.area) < 1e-4, "no ground is covered twice"


def test_an_area_across_the_antimeridian_stays_in_its_two_parts():
    boundaries = {"type": "MultiPolygon", "coordinates": [[square(178, -18, 2)], [square(-180, -18, 2)]]}
    assert polygons_of(boundaries) == [
        "-18,178 -18,180 -16,180 -16,178 -18,178",
        "-18,-180 -18,-178 -16,-178 -16,-180 -18,-180",
    ]


def test_an_area_too_small_to_be_told_or_unreadable_leaves_the_code():
    for boundaries in (
        None,
        {"type": "Polygon", "coordinates": [square(1, 1, 1e-9)]},
        {"type": "Polygon"},
        {"type": "Polygon", "coordinates": []},
        {"type": "Polygon", "coordinates": [["x"]]},
    ):
        root = written(boundaries=boundaries)
        assert texts(root, "info/area/polygon") == []
        assert texts(root, "info/area/geocode/value") == ["HT-OUEST"]


def test_no_number_is_told_in_powers_of_ten():
    [text] = polygons_of({"type": "Polygon", "coordinates": [square(-0.0000001, 0.00001, 1)]})
    assert text == "0.00001,0 0.00001,1 1.00001,1 1.00001,0 0.00001,0"


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 60), st.integers(0, 60), st.integers(-6, 6), st.integers(-6, 6)),
        min_size=4,
        max_size=12,
    )
)
def test_places_that_become_one_when_they_are_rounded_leave_a_valid_polygon(places):
    """On a grid that is a little finer than what is told."""
    ring = [(x * 0.7e-6 + dx * 1e-8, y * 0.7e-6 + dy * 1e-8) for x, y, dx, dy in places]
    wanted = shapely.make_valid(shapely.Polygon([*ring, ring[0]]))
    pieces = [part for part in shapely.get_parts(wanted) if part.geom_type == "Polygon"]
    for piece in pieces:
        told = polygons_of({"type": "Polygon", "coordinates": [list(map(list, piece.exterior.coords))]})
        _, shapes = area_of(told)
        assert all(shape.is_valid and shape.area for shape in shapes)
        assert told or piece.area < 1e-13, "only what is smaller than a decimetre may be left out"


def test_a_spike_that_vanishes_when_it_is_rounded_is_no_part_of_the_polygon():
    spike = [[0, 0], [1, 0], [1, 0.0000001], [2, 0.0000001], [1, 0.0000002], [1, 1], [0, 0]]
    [text] = polygons_of({"type": "Polygon", "coordinates": [spike]})
    _, [found] = area_of([text])
    assert found.is_valid
    assert found.area == pytest.approx(0.5)


def test_an_area_of_a_few_decimetres_is_told_with_more_decimals():
    [text] = polygons_of({"type": "Polygon", "coordinates": [square(10, 50, 3e-7)]})
    _, [found] = area_of([text])
    assert found.area == pytest.approx(9e-14, rel=0.2)


def test_a_message_in_many_languages_does_not_repeat_a_long_border_for_each():
    ring = [[math.cos(math.radians(at / 50)), math.sin(math.radians(at / 50))] for at in range(18_000)]
    boundaries = {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}
    assert (
        sum(len(text.split()) for text in texts(written(boundaries=boundaries), "info/area/polygon")) > 17_000
    )
    other = [{"language": f"aa-{number:04}", "title": "T", "message": "M"} for number in range(40)]
    told = texts(written(boundaries=boundaries, translations=other), "info/area/polygon")
    assert len(told) == 41
    assert sum(len(text.split()) for text in told) <= 20_000
    covered, _ = area_of(told[:1])
    assert covered.area == pytest.approx(math.pi, rel=0.01)


def test_boundaries_as_text_are_told_as_well():
    assert polygons_of(orjson.dumps(SQUARE).decode()) == polygons_of(SQUARE)
    assert polygons_of("nonsense") == []
