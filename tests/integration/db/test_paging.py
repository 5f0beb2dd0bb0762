"""Pages on a real table: every row once, in every order, whatever happens in between."""

import itertools
from uuid import UUID

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, Uuid, select, text

from shared.platform.db import paging
from shared.platform.db.engine import Database

things = Table(
    "paged",
    MetaData(),
    Column("id", Uuid, primary_key=True),
    Column("level", Integer),
    Column("age", Integer),
)


@pytest.fixture(scope="module")
def db(module_database):
    database = Database(module_database.admin_url)
    with database.write() as connection:
        things.create(connection)
        connection.execute(
            things.insert(),
            [{"id": UUID(int=i * 7919 % 1009), "level": i % 3, "age": i % 5} for i in range(200)],
        )
        connection.execute(text("CREATE INDEX idx_paged ON paged (level DESC, age, id)"))
    yield database
    database.close()


@pytest.mark.parametrize("directions", list(itertools.product(["asc", "desc"], repeat=3)))
@pytest.mark.parametrize("limit", [1, 7, 200, 500])
def test_pages_make_up_the_list(db, directions, limit):
    order = tuple(zip((things.c.level, things.c.age, things.c.id), directions, strict=True))
    statement = select(things).where(things.c.age < 4)
    found, cursor = [], None
    with db.read() as connection:
        while True:
            rows = connection.execute(paging.keyset(statement, order, cursor, limit)).all()
            result = paging.page(rows, limit, order)
            found += result["items"]
            cursor = result["next_cursor"]
            if cursor is None:
                break
        whole = connection.execute(
            statement.order_by(*(getattr(column, way)() for column, way in order))
        ).mappings()
        assert found == list(whole)


def test_rows_that_come_and_go_neither_repeat_nor_hide_others(db):
    order = ((things.c.level, "desc"), (things.c.id, "desc"))
    with db.transaction() as connection:
        before = set(connection.execute(select(things.c.id)).scalars())
        rows = connection.execute(paging.keyset(select(things), order, None, 50)).all()
        first = paging.page(rows, 50, order)
        connection.execute(things.insert(), [{"id": UUID(int=2000), "level": 9, "age": 0}])
        connection.execute(things.delete().where(things.c.id == first["items"][-1]["id"]))
        rows = connection.execute(paging.keyset(select(things), order, first["next_cursor"], 500)).all()
        rest = paging.page(rows, 500, order)
        seen = [row["id"] for row in first["items"] + rest["items"]]
        assert len(seen) == len(set(seen))
        assert set(seen) == before
        connection.rollback()


def test_mixed_directions_begin_in_the_index(db):
    order = ((things.c.level, "desc"), (things.c.age, "asc"), (things.c.id, "asc"))
    cursor = paging.encode_cursor({"level": 1, "age": 2, "id": UUID(int=5)}, order)
    with db.read() as connection:
        connection.execute(text("SET enable_seqscan = off"))
        statement = paging.keyset(select(things), order, cursor, 50)
        compiled = statement.compile(connection, compile_kwargs={"literal_binds": True})
        plan = "\n".join(connection.execute(text(f"EXPLAIN {compiled}".replace(":", r"\:"))).scalars())
        connection.execute(text("RESET enable_seqscan"))
    assert "Index Cond: (level <= 1)" in plan
    assert "Sort" not in plan
