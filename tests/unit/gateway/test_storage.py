"""The file store on a directory and on a file system that is none."""

from __future__ import annotations

import datetime as dt
from uuid import uuid4

import fsspec
import pytest
from fsspec.asyn import AsyncFileSystem

from services.gateway import storage
from services.gateway.storage import FileStore
from shared.errors import Unavailable


@pytest.fixture(params=["directory", "memory"])
def store(request, tmp_path):
    return FileStore(str(tmp_path / "files") if request.param == "directory" else f"memory://{uuid4()}")


def arrive(store, *blocks):
    incoming = store.receive()
    for block in blocks:
        incoming.write(block)
    incoming.close()
    return incoming


def test_what_is_kept_can_be_read(store):
    arrive(store, b"hello ", b"world").keep_as("reports/aa/one")
    assert store.size("reports/aa/one") == 11
    assert b"".join(store.read("reports/aa/one", 0, 11)) == b"hello world"
    assert b"".join(store.read("reports/aa/one", 6, 9)) == b"wor"


def test_what_is_kept_again_takes_the_place(store):
    arrive(store, b"first").keep_as("reports/aa/one")
    arrive(store, b"second").keep_as("reports/aa/one")
    assert b"".join(store.read("reports/aa/one", 0, 6)) == b"second"


def test_what_is_discarded_is_gone(store):
    incoming = arrive(store, b"hello")
    incoming.discard()
    assert store.size(incoming._path.removeprefix(f"{store._root}/")) is None


def test_what_was_given_up_is_removed_and_nothing_else(store):
    assert store.remove_leftovers() == 0, "nothing has ever arrived"
    arrive(store, b"kept").keep_as("reports/aa/one")
    for _ in range(3):
        arrive(store, b"given up")
    assert store.remove_leftovers() == 0, "somebody may still be at it"
    assert store.remove_leftovers(dt.timedelta(0)) == 3
    assert store.remove_leftovers(dt.timedelta(0)) == 0
    assert store.size("reports/aa/one") == 4


def test_no_more_than_so_many_are_removed_at_a_time(store, monkeypatch):
    monkeypatch.setattr(storage, "MOST_LEFT_OVER", 2)
    for _ in range(3):
        arrive(store, b"given up")
    assert [store.remove_leftovers(dt.timedelta(0)) for _ in range(3)] == [2, 1, 0]


def test_what_another_process_removes_meanwhile_is_no_fault(store, monkeypatch):
    paths = [arrive(store, b"given up")._path for _ in range(2)]
    monkeypatch.setattr(store, "_incoming", lambda: ["/nowhere", *paths])
    assert store.remove_leftovers(dt.timedelta(0)) == 2


def test_what_was_never_there(store):
    assert store.size("reports/aa/none") is None


def test_a_store_that_fails_is_unavailable(tmp_path):
    (tmp_path / "taken").write_text("a file where a directory should be")
    with pytest.raises(Unavailable):
        FileStore(str(tmp_path / "taken")).receive()


def test_a_store_of_no_known_kind():
    with pytest.raises(ValueError, match="Protocol not known"):
        FileStore("nothing://there")


def test_a_store_that_needs_asyncio(monkeypatch):
    monkeypatch.setattr(fsspec.core, "url_to_fs", lambda address: (AsyncFileSystem(), address))
    with pytest.raises(ValueError, match="later:// is read with asyncio"):
        FileStore("later://there")
