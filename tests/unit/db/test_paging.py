"""Cursors are input: what is not exactly one of this list is refused."""

import datetime as dt
import json
from base64 import urlsafe_b64encode
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Double,
    Integer,
    MetaData,
    SmallInteger,
    String,
    Table,
    Uuid,
    select,
)

from shared.client.errors import Invalid
from shared.platform.db import paging

things = Table(
    "things",
    MetaData(),
    Column("id", Uuid, primary_key=True),
    Column("at", DateTime(timezone=True)),
    Column("level", Integer),
    Column("name", String),
    Column("far", Double),
    Column("small", SmallInteger),
    Column("large", BigInteger),
)
ALL_KINDS = (
    (things.c.at, "desc"),
    (things.c.level, "desc"),
    (things.c.name, "desc"),
    (things.c.far, "desc"),
    (things.c.id, "desc"),
)
RECENT = ((things.c.at, "desc"), (things.c.id, "desc"))
NOW = dt.datetime(2026, 1, 31, 12, tzinfo=dt.UTC)
ID = UUID("01936f7e-0000-7000-8000-000000000001")


def cursor_of(*parts):
    return urlsafe_b64encode(json.dumps(parts).encode()).rstrip(b"=").decode()


@given(
    st.datetimes(timezones=st.just(dt.UTC)),
    st.integers(-(2**31), 2**31 - 1),
    st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\x00"), max_size=100),
    st.floats(allow_nan=False, allow_infinity=False),
    st.uuids(),
)
def test_a_cursor_returns_what_was_put_in(at, level, name, far, identifier):
    row = {"at": at, "level": level, "name": name, "far": far, "id": identifier}
    cursor = paging.encode_cursor(row, ALL_KINDS)
    assert paging.decode_cursor(cursor, ALL_KINDS) == [at, level, name, far, identifier]


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "====",
        "é",
        "a b",
        "W10",
        "bnVsbA",
        "A" * 3000,
        cursor_of(),
        cursor_of("at-,id-"),
        cursor_of("at-,id-", str(NOW)),
        cursor_of("at-,id-", str(NOW), str(ID), 1),
        cursor_of("at+,id-", str(NOW), str(ID)),
        cursor_of("id-,at-", str(ID), str(NOW)),
        cursor_of("at-,id-", "2026-01-31T12:00:00", str(ID)),
        cursor_of("at-,id-", "yesterday", str(ID)),
        cursor_of("at-,id-", 1, str(ID)),
        cursor_of("at-,id-", None, str(ID)),
        cursor_of("at-,id-", str(NOW), "not an id"),
        cursor_of("at-,id-", str(NOW), ID.hex),
        cursor_of("at-,id-", str(NOW), f"urn:uuid:{ID}"),
        cursor_of("at-,id-", "0001-01-01T00:00:00+14:00", str(ID)),
        cursor_of("at-,id-", "9999-12-31T23:59:59-14:00", str(ID)),
        cursor_of("at-,id-", "0000-01-01T00:00:00Z", str(ID)),
        cursor_of("at-,id-", "infinity", str(ID)),
        cursor_of("at-,id-", str(NOW), [str(ID)]),
        cursor_of("at-,id-", str(NOW), {"__type__": "uuid"}),
    ],
)
def test_a_cursor_that_is_broken_or_of_another_list_is_refused(cursor):
    with pytest.raises(Invalid) as refused:
        paging.keyset(select(things), RECENT, cursor, 50)
    assert list(refused.value.fields) == ["cursor"]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        (things.c.level, True),
        (things.c.level, 1.5),
        (things.c.level, 2**63),
        (things.c.level, 2**31),
        (things.c.level, -(2**31) - 1),
        (things.c.small, 2**15),
        (things.c.small, -(2**15) - 1),
        (things.c.large, 2**63),
        (things.c.large, -(2**63) - 1),
        (things.c.far, 10**400),
        (things.c.far, "1"),
        (things.c.far, False),
        (things.c.name, "a\x00b"),
        (things.c.name, 1),
    ],
)
def test_a_sort_value_of_another_type_is_refused(column, value):
    with pytest.raises(Invalid):
        paging.decode_cursor(cursor_of(f"{column.key}-", value), ((column, "desc"),))


@pytest.mark.parametrize(
    ("column", "value"),
    [
        (things.c.level, 2**31 - 1),
        (things.c.level, -(2**31)),
        (things.c.small, 2**15 - 1),
        (things.c.large, 2**63 - 1),
        (things.c.large, -(2**63)),
    ],
)
def test_the_extremes_of_a_column_are_sort_values(column, value):
    order = ((column, "desc"),)
    assert paging.decode_cursor(cursor_of(f"{column.key}-", value), order) == [value]


@given(st.binary(max_size=200))
def test_no_bytes_at_all_do_anything_but_be_refused(raw):
    with pytest.raises(Invalid):
        paging.decode_cursor(urlsafe_b64encode(raw).decode(), RECENT)


@pytest.mark.parametrize("limit", [0, -1, 501])
def test_a_limit_out_of_range_is_refused(limit):
    with pytest.raises(Invalid) as refused:
        paging.keyset(select(things), RECENT, None, limit)
    assert list(refused.value.fields) == ["limit"]


def test_no_page_is_reached_by_counting_rows():
    cursor = paging.encode_cursor({"at": NOW, "id": ID}, RECENT)
    assert "OFFSET" not in str(paging.keyset(select(things), RECENT, cursor, 50)).upper()
