"""Whatever bytes a message holds, it arrives, and what is made of it can be printed, logged and sent on."""

import datetime as dt
import json
import struct
from decimal import Decimal

import orjson
import pytest
from amqp import spec
from amqp.serialization import dumps, loads
from hypothesis import given
from hypothesis import strategies as st

from shared.client.amqp.received import (
    MAX_DEPTH,
    as_text,
    bytes_of,
    frames_to_messages,
    properties_of,
    readable_names,
)
from shared.client.errors import TooLarge
from tests.support.raw_amqp import field, long, properties, random_properties, short

ESCAPED = "\\xff\\xfe"
BINARY = b"\xff\xfe"


def header(raw, size=0):
    return struct.pack(">HHQ", 60, 0, size) + raw


@pytest.mark.parametrize(
    "name",
    [
        "content_type",
        "content_encoding",
        "correlation_id",
        "reply_to",
        "message_id",
        "type",
        "app_id",
        "user_id",
    ],
)
def test_a_property_that_is_not_utf8_is_its_bytes_and_the_others_stay(name):
    raw = properties(field(b"a", b"S", long(b"b")), **{name: BINARY, "cluster_id": b"c"})
    assert properties_of(raw) == {"application_headers": {"a": "b"}, name: BINARY, "cluster_id": "c"}


def test_names_and_values_of_headers_that_are_not_utf8_are_their_bytes():
    raw = properties(field(BINARY, b"S", long(b"x")) + field(b"y", b"S", long(BINARY)))
    assert properties_of(raw)["application_headers"] == {BINARY: "x", "y": BINARY}


@pytest.mark.parametrize(
    ("kind", "raw", "value"),
    [
        (b"T", b"\xff" * 8, str(2**64 - 1)),
        (b"T", struct.pack(">Q", 0), dt.datetime(1970, 1, 1, tzinfo=dt.UTC).replace(tzinfo=None)),
        (b"D", b"\x02" + struct.pack(">i", -12345), Decimal("-123.45")),
        (b"D", b"\xff" + struct.pack(">i", 2**31 - 1), Decimal(2**31 - 1).scaleb(-255)),
        (b"V", b"", None),
        (b"t", b"\x07", True),
        (b"x", long(b"\x00\xff"), b"\x00\xff"),
        (b"F", long(field(b"in", b"A", long(b"I" + struct.pack(">i", -1)))), {"in": [-1]}),
    ],
)
def test_every_type_of_a_field_is_read(kind, raw, value):
    table = field(b"odd", kind, raw) + field(b"after", b"S", long(b"it"))
    # The binary name has the whole message read by the lenient way.
    for more in (b"", field(BINARY, b"V")):
        found = properties_of(properties(table + more))["application_headers"]
        assert (found["odd"], found["after"]) == (value, "it")


def test_what_follows_a_field_of_an_unknown_type_is_found_outside_of_its_table():
    inner = field(b"deep", b"F", long(field(b"odd", b"Z", b"??") + field(b"lost", b"V")))
    raw = properties(inner + field(b"after", b"S", long(b"it")), message_id=b"m")
    assert properties_of(raw) == {"application_headers": {"deep": {}, "after": "it"}, "message_id": "m"}


def test_what_is_cut_off_is_left_out():
    raw = properties(field(b"a", b"S", long(b"b")), correlation_id=b"c", message_id=b"m")
    for length in range(len(raw)):
        found = properties_of(raw[:length])
        assert found.keys() <= {"application_headers", "correlation_id", "message_id"}
    assert properties_of(raw[:-2])["correlation_id"] == "c"


@pytest.mark.parametrize("kind", [b"F", b"A"])
def test_what_is_nested_deeper_than_is_read_is_left_out(kind):
    nested = b""
    for _ in range(5000):
        nested = field(b"", b"F", long(nested)) if kind == b"F" else b"A" + long(nested)
    table = nested if kind == b"F" else field(b"a", *(nested[:1], nested[1:]))
    found = properties_of(properties(table + field(b"after", b"V"), message_id=b"m"))
    assert found["message_id"] == "m"
    assert "after" in found["application_headers"]
    assert repr(found).count("{") + repr(found).count("[") <= MAX_DEPTH + 3


@given(st.binary(max_size=300))
def test_any_bytes_make_properties(raw):
    assert isinstance(properties_of(raw), dict)


@given(st.randoms(use_true_random=False))
def test_whatever_a_sender_makes_can_be_written_again_and_be_shown(random):
    found = properties_of(random_properties(random))
    headers = found.get("application_headers", {})
    again, _end = loads("F", dumps("F", [headers]), 0) if headers else ([{}], 0)
    assert len(again[0]) == len(headers)
    for value in (*found.values(), *headers, *headers.values()):
        shown = as_text(value)
        assert shown.isprintable()
        assert json.loads(orjson.dumps(shown)) == shown


@pytest.mark.parametrize(
    ("method", "before", "after"),
    [
        (spec.Basic.Deliver, short(b"tag") + b"\xff" * 8 + b"\x00", b""),
        (spec.Basic.GetOk, b"\xff" * 8 + b"\x01", b"\x00\x00\x00\x07"),
        (spec.Basic.Return, b"\x01\x38" + short(b"NO_ROUTE"), b""),
    ],
)
@pytest.mark.parametrize(
    "key", [b"plain", BINARY, b"\xed\xa0\x80", b"\xff" * 255, b"k" * 255, "ä".encode() * 127]
)
def test_a_routing_key_of_any_bytes_is_text_afterwards(method, before, after, key):
    forms = {spec.Basic.Deliver: "sLbss", spec.Basic.GetOk: "Lbssl", spec.Basic.Return: "Bsss"}
    raw = struct.pack(">HH", *method) + before + short(b"exchange") + short(key) + after
    values, end = loads(forms[method], payload := readable_names(method, raw), 4)
    texts = [value for value in values if isinstance(value, str)]
    assert end == len(payload)
    assert "exchange" in texts
    assert any(text == key.decode(errors="backslashreplace")[: len(text)] and text for text in texts)
    for text in texts:
        text.encode()


class Frames:
    """What a connection hands on, frame by frame."""

    def __init__(self, **options):
        self.bytes_recv = 0
        self.got = []
        self.take = frames_to_messages(self, lambda *found: self.got.append(found), **options)

    def message(self, body, size=None):
        deliver = (
            struct.pack(">HH", 60, 60) + short(b"tag") + b"\x00" * 8 + b"\x00" + short(b"") + short(b"key")
        )
        self.take((1, 1, deliver))
        self.take((2, 1, header(properties(message_id=BINARY), len(body) if size is None else size)))
        for start in range(0, len(body), 1000):
            self.take((3, 1, body[start : start + 1000]))
        return self.got[-1][3]


def test_a_message_is_put_together_from_its_frames():
    frames = Frames()
    assert frames.message(b"").body == ""
    assert frames.message(b"x" * 2500).body == b"x" * 2500
    assert [found[3].properties for found in frames.got] == [{"message_id": BINARY}] * 2


def test_a_body_that_is_too_large_is_passed_by_and_the_next_message_arrives():
    frames = Frames(max_body=1999)
    large = frames.message(b"x" * 2000)
    assert (large.body, large.body_size) == (b"", 2000)
    assert frames.message(b"x" * 1999).body == b"x" * 1999

    class Message:
        body, size = large.body, large.body_size

    with pytest.raises(TooLarge, match="2000 bytes"):
        bytes_of(Message())


def test_text_for_the_log_has_no_control_characters():
    assert as_text(BINARY) == ESCAPED
    assert as_text("a\nb\x1b[31m") == "a\\nb\\x1b[31m"
    assert as_text({"a": [1]}) == "{'a': [1]}"
