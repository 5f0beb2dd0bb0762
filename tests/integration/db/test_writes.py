"""Creates and changes that are repeated, late, or made twice at once."""

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
from sqlalchemy import Column, Integer, LargeBinary, MetaData, String, Table, Uuid, select, text
from sqlalchemy.dialects.postgresql import JSONB

from shared.client.errors import Conflict
from shared.platform.db.engine import Database
from shared.platform.db.writes import (
    change_if_version,
    check_version,
    content_digest,
    create_once,
    created_before,
)
from shared.platform.rpc.context import Caller

notes = Table(
    "notes",
    MetaData(),
    Column("id", Uuid, primary_key=True),
    Column("author", Uuid),
    Column("words", String(100)),
    Column("more", JSONB),
    Column("version", Integer, server_default="1", onupdate=text("version + 1")),
    Column("updated_by", Uuid),
    Column("content_digest", LargeBinary),
)
SAME = ("author", "content_digest")


@pytest.fixture(scope="module")
def db(module_database):
    database = Database(module_database.admin_url)
    with database.write() as connection:
        notes.create(connection)
    yield database
    database.close()


@pytest.fixture
def connection(db):
    with db.autocommit() as connection:
        yield connection


def somebody():
    return Caller(uuid4(), frozenset(), {}, token="", correlation_id="c")


def create(connection, caller, note_id, words):
    said = {"id": note_id, "words": words, "more": None}
    values = {**said, "author": caller.user_id, "content_digest": content_digest(said)}
    return create_once(connection, caller, notes, values, thing="note", same=SAME)


def change(connection, caller, note_id, version, words):
    """As a service does it: the row, or the one that the same change left behind before."""
    values = {"words": words}
    row = change_if_version(connection, caller, notes, note_id, version, values)
    if row is not None:
        return row
    row = connection.execute(select(notes).where(notes.c.id == note_id)).mappings().one()
    assert check_version(caller, row, version, values, thing="note")
    return row


def test_a_repeated_create_returns_the_first_row(connection):
    caller, note_id = somebody(), uuid4()
    first, second = (create(connection, caller, note_id, "Water") for _ in range(2))
    assert (first.is_new, second.is_new) == (True, False)
    assert second.row.items() <= first.row.items()


@pytest.mark.parametrize("differs", ["words", "caller"])
def test_another_create_with_the_id_is_refused(connection, differs):
    caller, note_id = somebody(), uuid4()
    create(connection, caller, note_id, "Water")
    other = (caller, "Fire") if differs == "words" else (somebody(), "Water")
    with pytest.raises(Conflict, match="There is another note with this id") as caught:
        create(connection, other[0], note_id, other[1])
    assert set(caught.value.fields) == {"id"}


def test_a_create_made_many_times_at_once_is_one(db):
    caller, note_id = somebody(), uuid4()

    def attempt(_):
        with db.autocommit() as connection:
            return create(connection, caller, note_id, "Water").is_new

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(attempt, range(4))) == [False, False, False, True]


def test_what_was_never_created_was_not_created_before(connection):
    values = {"id": uuid4(), "author": uuid4(), "content_digest": b""}
    assert created_before(connection, notes, values, thing="note", same=SAME) is None


def test_none_is_stored_as_null_in_a_json_column(connection):
    note_id = uuid4()
    create(connection, somebody(), note_id, "Water")
    stored = select(notes.c.id).where(notes.c.id == note_id, notes.c.more.is_(None))
    assert connection.execute(stored).one_or_none() is not None


def test_a_repeated_change_returns_what_the_first_left(connection):
    caller, note_id = somebody(), uuid4()
    create(connection, caller, note_id, "Water")
    for _ in range(2):
        row = change(connection, caller, note_id, 1, "Fire")
        assert (row["words"], row["version"], row["updated_by"]) == ("Fire", 2, caller.user_id)


@pytest.mark.parametrize("differs", ["words", "caller", "version"])
def test_another_change_of_an_old_version_is_refused(connection, differs):
    caller, note_id = somebody(), uuid4()
    create(connection, caller, note_id, "Water")
    change(connection, caller, note_id, 1, "Fire")
    if differs == "version":
        change(connection, caller, note_id, 2, "Fire")
    late = somebody() if differs == "caller" else caller
    with pytest.raises(Conflict, match="The note was changed meanwhile") as caught:
        change(connection, late, note_id, 1, "Earth" if differs == "words" else "Fire")
    assert caught.value.details == {"version": 3 if differs == "version" else 2}
