"""Attached files on S3: the store itself, and a whole system that keeps them there."""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import re
import threading

import pytest

from services.gateway.files.storage import FileStore
from shared.client.errors import Internal
from shared.client.local import LocalClient
from tests.integration.gateway.conftest import EMAIL, JPEG, PASSWORD, System
from tests.support.directories import temporary_directory
from tests.support.processes import ServiceProcess
from tests.support.regions import create_regions
from tests.support.s3 import BUCKET, s3_server

MIB = 1024 * 1024
LIMIT = 20 * MIB


@pytest.fixture(scope="module")
def s3():
    with s3_server() as server, pytest.MonkeyPatch.context() as patch:
        for name, value in server.environment.items():
            patch.setenv(name, value)
        yield server


@pytest.fixture(scope="module")
def store(s3):
    return FileStore(f"s3://{BUCKET}/unit")


def arrive(store, *blocks):
    incoming = store.receive()
    for block in blocks:
        incoming.write(block)
    incoming.close()
    return incoming


@pytest.mark.parametrize("size", [1, 5 * MIB, 12 * MIB + 1], ids=["one piece", "one part", "parts"])
def test_what_is_kept_can_be_read(s3, store, size):
    content = os.urandom(size)
    arrive(store, *(content[start : start + MIB] for start in range(0, size, MIB))).keep_as("aa/one")
    assert store.size("aa/one") == size
    assert b"".join(store.read("aa/one", 0, size)) == content
    assert b"".join(store.read("aa/one", size // 2, size - 1)) == content[size // 2 : size - 1]
    assert s3.objects() == ["unit/aa/one"]


def test_what_is_discarded_or_given_up_is_gone(s3, store):
    arrive(store, b"no").discard()
    incoming = store.receive()
    incoming.write(b"x" * 6 * MIB)
    incoming.discard()
    arrive(store, b"given up")
    assert store.remove_leftovers() == 0
    assert store.remove_leftovers(dt.timedelta(0)) == 1
    assert not [key for key in s3.objects() if "incoming" in key]
    assert store.size("aa/none") is None


def test_a_bucket_that_is_not_there_is_a_fault_of_the_setting(s3):
    store = FileStore("s3://nowhere/files")
    with pytest.raises(Internal):
        arrive(store, b"x")


@pytest.fixture(scope="module")
def on_s3(s3):
    """A whole system whose files are there."""
    home = temporary_directory("on-s3")
    environment = s3.environment | {
        "IMPACTX_HOME": str(home),
        "IMPACTX_HTTP_PORT": "0",
        "IMPACTX_ADMIN_EMAIL": EMAIL,
        "IMPACTX_ADMIN_PASSWORD": PASSWORD,
        "IMPACTX_BCRYPT_COST": "4",
        "IMPACTX_ATTACHMENTS": f"s3://{BUCKET}/attachments",
        "IMPACTX_ATTACHMENT_LIMIT": str(LIMIT),
    }
    log = home / "run.log"
    with ServiceProcess(["run"], environment=environment, log=log, ready="Ready after") as process:
        with LocalClient(home / "rpc.sock", email=EMAIL, password=PASSWORD) as client:
            create_regions(client)
        yield System(re.search(r"HTTP +(http://\S+)/api/v1,", process.output()).group(1), process, home)
        process.terminate()


def test_files_go_there_and_come_back_while_others_are_answered(on_s3, s3):
    report = on_s3.report()
    path = f"/reports/{report['id']}"
    content = JPEG + os.urandom(12 * MIB)
    made = []
    uploads = [
        threading.Thread(target=lambda: made.append(on_s3.attachment(report, content=content)))
        for _ in range(4)
    ]
    for upload in uploads:
        upload.start()
    answered_meanwhile = 0
    while any(upload.is_alive() for upload in uploads):
        on_s3.admin.done("GET", path)
        answered_meanwhile += any(upload.is_alive() for upload in uploads)
    assert answered_meanwhile >= 2
    assert len(made) == len(uploads)
    assert {one["sha256"] for one in made} == {hashlib.sha256(content).hexdigest()}
    got = on_s3.admin("GET", f"/attachments/{made[0]['id']}/content")
    assert got.content == content
    part = on_s3.admin("GET", f"/attachments/{made[0]['id']}/content", headers={"Range": "bytes=-7"})
    assert (part.status_code, part.content) == (206, content[-7:])


def test_what_is_refused_leaves_nothing_there(on_s3, s3):
    owner = on_s3.person()
    report = on_s3.report(owner)
    on_s3.admin.done("PUT", f"/reports/{report['id']}/status", version=1, json={"status": "confirmed"})
    before = s3.objects()
    path = f"/reports/{report['id']}/attachments"
    owner.refused(409, "POST", path, files={"file": ("a.jpg", JPEG * 6000)})
    too_large = JPEG + b"x" * LIMIT
    on_s3.admin.refused(413, "POST", path, files={"file": ("a.jpg", too_large)})
    assert s3.objects() == before


def test_a_store_that_is_away_is_said(on_s3, s3):
    report = on_s3.report()
    s3.process.kill()
    answer = on_s3.admin("POST", f"/reports/{report['id']}/attachments", files={"file": ("a.jpg", JPEG)})
    assert (answer.status_code, answer.json()["slug"]) == (503, "unavailable")
    assert on_s3.admin.done("GET", f"/reports/{report['id']}")["version"] == 1
