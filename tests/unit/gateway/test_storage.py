"""The file store in a directory and in memory."""

from __future__ import annotations

import datetime as dt
import errno
from types import SimpleNamespace
from uuid import uuid4

import pytest

from services.gateway.files import storage
from services.gateway.files.storage import FileStore
from services.gateway.http.errors import InsufficientStorage
from shared.client.errors import Internal, Unavailable


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
    assert store.size(incoming._name) is None


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
    monkeypatch.setattr(storage, "MAX_LEFT_OVER", 2)
    for _ in range(3):
        arrive(store, b"given up")
    assert [store.remove_leftovers(dt.timedelta(0)) for _ in range(3)] == [2, 1, 0]


def test_what_another_process_removes_meanwhile_is_no_fault(store, monkeypatch):
    for _ in range(3):
        arrive(store, b"given up")
    found = store._leftovers

    def find_and_lose_one(limit):
        names = found(limit)
        store._remove(names[0])
        return names

    monkeypatch.setattr(store, "_leftovers", find_and_lose_one)
    # a memory does not tell that there was nothing to remove, nor does S3
    assert store.remove_leftovers(dt.timedelta(0)) in (2, 3)
    assert found(dt.datetime.now(dt.UTC)) == []


def test_what_was_never_there(store):
    assert store.size("reports/aa/none") is None


def test_a_store_that_is_set_up_wrongly_is_a_fault_that_no_repeat_mends(tmp_path):
    (tmp_path / "taken").write_text("a file where a directory should be")
    with pytest.raises(Internal, match="the log of the gateway"):
        FileStore(str(tmp_path / "taken")).receive()


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (errno.EIO, Unavailable),
        (errno.ESTALE, Unavailable),
        (errno.EMFILE, Unavailable),
        (errno.EACCES, Internal),
        (errno.EROFS, Internal),
        (errno.ENAMETOOLONG, Internal),
    ],
)
def test_only_trouble_that_passes_is_unavailable(store, number, expected):
    incoming = store.receive()

    def write(_):
        raise OSError(number, "no")

    incoming._file = SimpleNamespace(write=write, close=incoming._file.close)
    with pytest.raises(expected):
        incoming.write(b"x")
    incoming.discard()


@pytest.mark.parametrize("root", ["nothing://there", "http://there/files"])
def test_a_store_of_a_kind_that_is_not_offered_is_refused(root):
    with pytest.raises(ValueError, match="must be a path, file:///path or s3://bucket/prefix"):
        FileStore(root)


def test_a_directory_may_be_named_by_an_address(tmp_path):
    arrive(FileStore(f"file://{tmp_path}/files"), b"hello").keep_as("reports/aa/one")
    assert (tmp_path / "files/reports/aa/one").read_bytes() == b"hello"


@pytest.fixture
def disk(monkeypatch):
    """A disk of which the test says how much is free."""
    free = SimpleNamespace(free=1000)
    monkeypatch.setattr(storage.shutil, "disk_usage", lambda _: free)
    return free


def test_space_stays_free_and_what_arrives_is_reserved(tmp_path, disk):
    store = FileStore(str(tmp_path / "files"), free_space=100)
    first = store.receive(600)
    with pytest.raises(InsufficientStorage) as refused:
        store.receive(301)
    assert refused.value.details == {"remaining": 300}
    second = store.receive(300)
    first.write(b"x" * 600)
    disk.free = 400
    first.close()
    first.keep_as("reports/aa/one")
    second.discard()
    store.receive(300).discard()
    assert not list((tmp_path / "files" / storage.INCOMING).iterdir())


def test_a_disk_that_fills_while_a_file_arrives_is_noticed(tmp_path, disk, monkeypatch):
    monkeypatch.setattr(storage, "CHECK_EVERY", 10)
    store = FileStore(str(tmp_path / "files"), free_space=100)
    incoming = store.receive()
    incoming.write(b"x" * 9)
    disk.free = 99
    with pytest.raises(InsufficientStorage):
        incoming.write(b"x")
    incoming.discard()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_disk_that_is_full_is_not_taken_for_weather(store, number):
    incoming = store.receive()

    def write(_):
        raise OSError(number, "full")

    incoming._file = SimpleNamespace(write=write, close=incoming._file.close)
    with pytest.raises(InsufficientStorage, match="the disk is full"):
        incoming.write(b"x")
    incoming.discard()


def test_files_and_directories_are_for_our_account_alone(tmp_path):
    root = tmp_path / "files"
    root.mkdir(mode=0o755)
    store = FileStore(str(root))
    arrive(store, b"hello").keep_as("reports/aa/one")
    modes = {path.relative_to(root).as_posix(): path.stat().st_mode & 0o777 for path in root.rglob("*")}
    assert modes == {"incoming": 0o700, "reports": 0o700, "reports/aa": 0o700, "reports/aa/one": 0o600}
    assert root.stat().st_mode & 0o777 == 0o700
