"""What no method should have to look at is refused at the door, with the field named."""

from contextlib import suppress

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.client.errors import Invalid, TooLarge
from shared.client.request import (
    CORRELATION_HEADER,
    MAX_BODY,
    MAX_CORRELATION_ID_LENGTH,
    MAX_DEPTH,
    TOKEN_HEADER,
    arguments_json,
    request_of,
)

TEXT = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=20)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)


def body(**arguments):
    return orjson.dumps({"args": [], "kwargs": arguments})


def nested(depth):
    """An argument whose value is itself ``depth`` containers deep."""
    value = "the bottom"
    for _ in range(depth):
        value = [value]
    return value


def refused(raw, headers=None):
    with pytest.raises(Invalid) as refusal:
        request_of(raw, headers or {})
    return refusal.value


def test_arguments_token_and_correlation_id_are_read():
    request = request_of(body(title="Flood"), {TOKEN_HEADER: "a.b.c", CORRELATION_HEADER: "case-7"})
    assert request.arguments == {"title": "Flood"}
    assert (request.token, request.correlation_id) == ("a.b.c", "case-7")


@given(st.dictionaries(st.text("abc", min_size=1), JSON))
def test_plain_json_passes_unchanged(arguments):
    assert request_of(body(**arguments), {}).arguments == arguments


@pytest.mark.parametrize("escaped", [r"\u0000", r"before\u0000after"])
def test_nul_in_a_text_names_the_field(escaped):
    error = refused(b'{"args": [], "kwargs": {"location": {"address": "' + escaped.encode() + b'"}}}')
    assert error.fields == {"location.address": ["Must not contain the NUL character."]}


def test_nul_in_a_list_names_the_element():
    assert list(refused(body(tags=["fine", "\x00"])).fields) == ["tags.1"]


def test_nul_in_a_name_names_where_it_stands():
    assert list(refused(body(location={"a\x00b": 1})).fields) == ["location"]
    assert list(refused(body(**{"a\x00b": 1})).fields) == ["arguments"]


def test_an_escaped_backslash_before_u0000_is_no_nul():
    text = r"C:\u0000"
    assert request_of(body(path=text), {}).arguments == {"path": text}


def test_nesting_is_allowed_up_to_the_limit_and_refused_beyond():
    deepest = MAX_DEPTH - 1  # the arguments themselves are the first level
    assert request_of(body(location=nested(deepest)), {}).arguments["location"] == nested(deepest)
    assert list(refused(body(location=nested(deepest + 1))).fields) == ["location"]


def test_nesting_too_deep_for_the_parser_is_refused_too():
    error = refused(b'{"args": [], "kwargs": {"x": ' + b"[" * 5000 + b"]" * 5000 + b"}}")
    assert error.fields == {"arguments": ["Nested more than 20 levels deep."]}


def test_wide_is_not_deep():
    wide = [{"point": [number, number]} for number in range(500)]
    assert request_of(body(rows=wide), {}).arguments["rows"] == wide


def test_many_brackets_in_a_text_are_not_depth():
    text = "[" * 1000
    assert request_of(body(title=text), {}).arguments == {"title": text}


@pytest.mark.parametrize("where", ["location", "location.inner", "rows.0"])
def test_an_imitated_type_marker_is_refused(where):
    marker = {"__type__": "datetime", "__value__": "2026-01-01"}
    arguments = {
        "location": {"location": marker},
        "location.inner": {"location": {"inner": marker}},
        "rows.0": {"rows": [marker]},
    }[where]
    assert list(refused(body(**arguments)).fields) == [where]


def test_the_arguments_themselves_may_not_be_a_type_marker():
    assert list(refused(body(__type__="datetime", __value__="x")).fields) == ["arguments"]


def test_a_type_marker_written_with_escapes_is_refused():
    raw = b'{"args": [], "kwargs": {"location": {"\\u005f_type__": "x", "__value__": "y"}}}'
    assert list(refused(raw).fields) == ["location"]


def test_a_nul_beside_an_escape_in_upper_case_is_refused():
    # JSON has one way to write NUL, but the hexadecimal digits of others may be upper case
    assert list(refused(b'{"args": [], "kwargs": {"a": "\\u00C9\\u0000"}}').fields) == ["a"]


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"-Infinity", b"1e999"])
def test_numbers_that_json_does_not_have_are_refused_by_the_field(number):
    raw = b'{"args": [], "kwargs": {"title": "Flood", "location": {"coordinates": [' + number + b", 1]}}}"
    assert refused(raw).fields == {"location.coordinates.0": ["Must be a finite number."]}


def test_half_of_a_surrogate_pair_is_refused_by_the_field():
    error = refused(b'{"args": [], "kwargs": {"title": "\\ud83c"}}')
    assert error.fields == {"title": ["Must not contain half of a surrogate pair."]}
    assert list(refused(b'{"args": [], "kwargs": {"\\ud83c": "\\ud83c"}}').fields) == ["arguments"]


def test_a_nul_that_is_not_escaped_names_the_field_too():
    error = refused(b'{"args": [], "kwargs": {"title": "a\x00b"}}')
    assert error.fields == {"title": ["Must not contain the NUL character."]}


@pytest.mark.parametrize(
    "raw",
    [b"", b"null", b"[]", b'"text"', b'{"args": []}', b'{"kwargs": []}', b"{", b"\xff\xfe", b"\x80\x04\x95."],
)
def test_what_is_no_request_is_refused(raw):
    refused(raw)


def test_positional_arguments_are_refused():
    assert "by name" in refused(orjson.dumps({"args": [1], "kwargs": {}})).message


@pytest.mark.parametrize("args", [[], None])
def test_empty_or_missing_positional_arguments_are_none(args):
    assert request_of(orjson.dumps({"args": args, "kwargs": {"a": 1}}), {}).arguments == {"a": 1}


def test_the_greatest_body_is_accepted_and_one_byte_more_is_not():
    frame = len(body(text=""))
    assert request_of(body(text="x" * (MAX_BODY - frame)), {}).arguments
    with pytest.raises(TooLarge) as refusal:
        request_of(body(text="x" * (MAX_BODY - frame + 1)), {})
    assert refusal.value.details == {"limit": MAX_BODY}


@pytest.mark.parametrize(
    "given", [None, 7, "", "two\nlines", "\x1b[2J", "x" * (MAX_CORRELATION_ID_LENGTH + 1)]
)
def test_a_correlation_id_that_could_forge_a_log_line_is_replaced(given):
    correlation_id = request_of(body(), {CORRELATION_HEADER: given}).correlation_id
    assert correlation_id != given
    assert len(correlation_id) == 36


@pytest.mark.parametrize("given", [None, 7, {"a": 1}, b"bytes"])
def test_a_token_that_is_no_text_is_no_token(given):
    assert request_of(body(), {TOKEN_HEADER: given}).token == ""


@given(st.dictionaries(st.text("abc", min_size=1), JSON))
def test_arguments_are_sent_as_they_are(arguments):
    assert orjson.loads(arguments_json(arguments)) == arguments


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_a_number_that_json_does_not_have_is_not_sent_as_null(number):
    with pytest.raises(Invalid) as refusal:
        arguments_json({"near": {"lon": number, "lat": 18.5}})
    assert refusal.value.fields == {"near.lon": ["Must be a finite number."]}


@pytest.mark.parametrize("value", [2**64, "\ud83c", {1: 2}, object()])
def test_what_json_cannot_say_is_refused_before_it_is_sent(value):
    with pytest.raises(Invalid, match="cannot be sent"):
        arguments_json({"title": value})


@given(st.binary(max_size=200))
def test_any_bytes_are_either_a_request_or_refused(raw):
    with suppress(Invalid):
        assert request_of(raw, {}).arguments is not None
