"""CAP messages are what the standard's schema lets pass, and say what the alert says.

The rules below are those of the CAP 1.2 schema (section 3.4 of the standard), written down as a table: which elements
there are, in which order, how often, and what they may hold.
"""

from __future__ import annotations

import datetime as dt
import re
from uuid import UUID

import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from services.alerts.cap import SENDER, Message, Reference, polygons_of, write
from services.alerts.rules import Target

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
        ("circle", ANY, TEXT),
        ("geocode", ANY, None),
        ("altitude", MAYBE, TEXT),
        ("ceiling", MAYBE, TEXT),
    ],
    "geocode": [("valueName", ONE, TEXT), ("value", ONE, TEXT)],
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
    region = {"name": name, "code": "HT-OUEST", "boundaries": boundaries}
    text = write(Message(ALERT | changed, "alerts@impactx.example", region, targets, references))
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
    assert texts(root, "info/event") == ["Flood", "Flood", "Inondasyon"]
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
