"""Attached files: streamed in and out, counted, recognised by their content, and nowhere when something fails."""

import hashlib
import socket
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import psutil
import pytest

from tests.integration.gateway.conftest import ATTACHMENT_LIMIT, JPEG
from tests.support.photos import exif, field, jpeg
from tests.support.waiting import eventually, patience

MIB = 1024 * 1024


@pytest.fixture(scope="module")
def report(system):
    return system.report()


def attach(client, report, content=JPEG, name="a.jpg", **options):
    return client("POST", f"/reports/{report['id']}/attachments", files={"file": (name, content)}, **options)


def test_what_is_stored_is_what_was_sent(system, report):
    answer = attach(system.admin, report, name="Foto d'été “1”.jpg")
    assert answer.status_code == 201
    made = answer.json()
    assert made["mime_type"] == "image/jpeg"
    assert made["file_size"] == len(JPEG)
    assert made["sha256"] == hashlib.sha256(JPEG).hexdigest()
    assert answer.headers["Location"] == f"/api/v1/attachments/{made['id']}"
    got = system.admin("GET", f"/attachments/{made['id']}/content")
    assert got.content == JPEG
    assert got.headers["Content-Type"] == "image/jpeg"
    assert got.headers["X-Content-Type-Options"] == "nosniff"
    assert got.headers["Content-Disposition"] == (
        "attachment; filename*=UTF-8''Foto%20d%27%C3%A9t%C3%A9%20%E2%80%9C1%E2%80%9D.jpg"
    )


@pytest.mark.parametrize(
    ("asked", "status", "start", "stop"),
    [
        ("bytes=0-9", 206, 0, 10),
        ("bytes=10-", 206, 10, None),
        ("bytes=-7", 206, -7, None),
        ("bytes=0-99999", 206, 0, None),
        ("bytes=0-1,5-6", 200, 0, None),
        ("lines=1-2", 200, 0, None),
    ],
)
def test_ranges(system, report, asked, status, start, stop):
    made = system.attachment(report)
    got = system.admin("GET", f"/attachments/{made['id']}/content", headers={"Range": asked})
    assert got.content == JPEG[start:stop]
    assert got.status_code == (200 if asked == "bytes=0-99999" else status)


def test_a_range_behind_the_end(system, report):
    path = f"/attachments/{system.attachment(report)['id']}/content"
    answer = system.admin("GET", path, headers={"Range": "bytes=99999-"})
    assert answer.status_code == 416
    assert answer.headers["Content-Range"] == f"bytes */{len(JPEG)}"


def test_what_was_got_is_not_sent_again(system, report):
    path = f"/attachments/{system.attachment(report)['id']}/content"
    etag = system.admin("HEAD", path).headers["ETag"]
    assert system.admin("GET", path, headers={"If-None-Match": etag}).status_code == 304
    ranged = {"Range": "bytes=0-1", "If-Range": '"other"'}
    assert system.admin("GET", path, headers=ranged).content == JPEG


@pytest.mark.parametrize(
    "content",
    [
        b"<html><script>alert(1)</script>",
        b"MZ\x90\x00" + b"\0" * 500,
        b"plain",
        b"<svg/>",
        b"PK\x03\x04" * 99,
    ],
)
def test_content_decides_and_not_the_name(system, report, content):
    before = system.stored_files()
    answer = attach(system.admin, report, content, name="holiday.jpg")
    assert answer.status_code == 415
    assert "image/jpeg" in answer.json()["accepted"]
    assert system.stored_files() == before


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ({"files": {"file": ("a.jpg", b"")}}, 422),
        ({"files": {"other": ("a.jpg", JPEG)}}, 422),
        ({"files": [("file", ("a.jpg", JPEG)), ("file", ("b.jpg", JPEG))]}, 422),
        ({"files": {"file": ("../a.jpg", JPEG)}}, 422),
        ({"files": {"file": ("a.jpg", JPEG)}, "data": {"surprise": "1"}}, 422),
        ({"files": {"file": ("a.jpg", JPEG)}, "data": {"id": "none"}}, 422),
        ({"data": {"file": "text"}}, 415),
        ({"data": JPEG, "headers": {"Content-Type": "image/jpeg"}}, 415),
        ({"data": b"--x", "headers": {"Content-Type": "multipart/form-data"}}, 422),
        ({"data": b"--x\r\nnothing", "headers": {"Content-Type": "multipart/form-data; boundary=x"}}, 422),
    ],
)
def test_what_is_refused_leaves_nothing(system, report, options, status):
    before = system.stored_files()
    system.admin.refused(status, "POST", f"/reports/{report['id']}/attachments", **options)
    assert system.stored_files() == before


def test_a_report_that_takes_no_files_is_not_uploaded_to(system):
    """The service refuses only once the bytes are there; they go away again."""
    owner = system.person()
    report = system.report(owner)
    system.admin.done("PUT", f"/reports/{report['id']}/status", version=1, json={"status": "confirmed"})
    before = system.stored_files()
    answer = attach(owner, report)
    assert answer.status_code == 409
    assert system.stored_files() == before


@pytest.mark.parametrize(
    ("name", "expected"),
    [("run.bat", "run.gif"), ("report.hta", "report.gif"), ("photo.jpg.js", "photo.jpg.gif")],
)
def test_the_name_follows_the_content(system, report, name, expected):
    made = attach(system.admin, report, b"GIF89a=1;@echo off", name=name).json()
    assert (made["file_name"], made["mime_type"]) == (expected, "image/gif")
    got = system.admin("GET", f"/attachments/{made['id']}/content")
    assert got.headers["Content-Disposition"] == f"attachment; filename*=UTF-8''{expected}"


def test_a_photo_is_kept_without_its_position_which_the_answer_offers(system, report):
    photo = jpeg(field(0xE1, b"Exif\0\0" + exif(orientation=1)))
    headers = {"Idempotency-Key": "photo"}
    made, again = (attach(system.admin, report, photo, headers=headers).json() for _ in range(2))
    assert made == again
    assert made["position"] == {"type": "Point", "coordinates": [-72.333333, 18.5]}
    got = system.admin("GET", f"/attachments/{made['id']}/content").content
    assert got == jpeg()
    assert made["file_size"] == len(got)
    assert made["sha256"] == hashlib.sha256(got).hexdigest()
    assert "position" not in system.admin.done("GET", f"/attachments/{made['id']}")
    assert "position" not in attach(system.admin, report).json()


def test_files_are_for_the_account_of_the_gateway_alone(system, report):
    system.attachment(report)
    root = system.home / "attachments"
    found = {path: path.stat().st_mode & 0o777 for path in (root, *root.rglob("*"))}
    assert {mode for path, mode in found.items() if path.is_file()} == {0o600}
    assert {mode for path, mode in found.items() if path.is_dir()} == {0o700}


def test_a_stranger_does_not_fill_the_disk(system):
    """Twelve files of 8 MiB, several at a time: as many as the quota of a day are kept, and no others."""
    owner = system.person()
    report = system.report(owner)
    content = JPEG + b"x" * (8 * MIB - len(JPEG))
    before = system.stored_files()
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: attach(owner, report, content), range(12)))
    assert sorted(answer.status_code for answer in answers) == [201] * 8 + [413] * 4
    problem = next(answer.json() for answer in answers if answer.status_code == 413)
    assert (problem["slug"], problem["scope"], problem["quota"]) == ("too_large", "account", 64 * MIB)
    assert len(system.stored_files() - before) == 8
    left = owner.done("GET", f"/reports/{report['id']}/attachment-allowance")
    assert left == {"remaining": 0, "quota": 64 * MIB, "scope": "account"}
    # refused by what it says of itself, before any of it is sent
    headers = {"Content-Type": "multipart/form-data; boundary=x", "Content-Length": str(8 * MIB)}
    assert b" 413 " in _raw(system, f"/reports/{report['id']}/attachments", headers, owner)
    assert attach(system.admin, report).status_code == 201


def test_a_key_makes_a_repeat_harmless(system, report):
    key = {"Idempotency-Key": "file"}
    first, again = (attach(system.admin, report, headers=key).json() for _ in range(2))
    assert first == again
    assert attach(system.admin, report, JPEG + b"more", headers=key).status_code == 409
    assert system.admin("GET", f"/attachments/{first['id']}/content").content == JPEG


@pytest.mark.parametrize("filling", [b"\r", b"\n", b"\r\n", b"\r\n--", b"x"])
def test_content_that_looks_like_the_end_of_a_part(system, report, filling):
    """A boundary begins with a line end, at which the parser holds back what it has."""
    content = JPEG + filling * (MIB // len(filling))
    made = system.attachment(report, content=content)
    assert made["sha256"] == hashlib.sha256(content).hexdigest()


def test_a_large_file_does_not_fill_the_process(system, report):
    size = 200 * MIB
    process = psutil.Process(system.process.pid)
    before = process.memory_info().rss
    highest = before
    boundary = "edge"
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="big.jpg"\r\n\r\n'.encode()
    tail = f"\r\n--{boundary}--\r\n".encode()
    digest = hashlib.sha256()

    def body():
        nonlocal highest
        yield head
        block = (b"\xff\xd8\xff\xe0" + b"x" * MIB)[:MIB]
        for _ in range(size // MIB):
            digest.update(block)
            yield block
            highest = max(highest, process.memory_info().rss)
        yield tail

    answer = system.admin(
        "POST",
        f"/reports/{report['id']}/attachments",
        data=body(),
        headers={"Content-Type": f"multipart/form-data; boundary={boundary}"},
    )
    assert answer.status_code == 201, answer.text
    assert answer.json()["sha256"] == digest.hexdigest()
    got, count = hashlib.sha256(), 0
    path = f"/attachments/{answer.json()['id']}/content"
    with system.admin("GET", path, stream=True) as download:
        for block in download.iter_content(MIB):
            got.update(block)
            count += len(block)
            highest = max(highest, process.memory_info().rss)
    assert (count, got.hexdigest()) == (size, digest.hexdigest())
    assert highest - before < 40 * MIB, f"grew by {(highest - before) / MIB:.0f} MiB"


def test_a_file_that_is_too_large(system, report):
    before = system.stored_files()

    def body():
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="big.jpg"\r\n\r\n\xff\xd8\xff\xe0'
        for _ in range(ATTACHMENT_LIMIT // MIB + 2):
            yield b"x" * MIB

    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    path = f"/reports/{report['id']}/attachments"
    answer = system.admin("POST", path, data=body(), headers=headers)
    assert answer.status_code == 413
    assert system.stored_files() == before
    # one that says so itself is refused before anything is read
    headers |= {"Content-Length": str(ATTACHMENT_LIMIT * 2)}
    answer = _raw(system, path, headers)
    assert b" 413 " in answer


def test_a_client_that_goes_away_leaves_nothing(system, report):
    before = system.stored_files()
    headers = {"Content-Type": "multipart/form-data; boundary=x", "Content-Length": "10000000"}
    part = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\n' + JPEG * 200
    connection = _connect(system, f"/reports/{report['id']}/attachments", headers, part)
    eventually(lambda: system.stored_files() - before, "the file begins to arrive")
    connection.close()
    eventually(lambda: system.stored_files() == before, "what had arrived goes away")


def _connect(system, path, headers, body=b"", client=None):
    where = urlsplit(system.url)
    connection = socket.create_connection((where.hostname, where.port), timeout=patience(20))
    lines = [
        f"POST /api/v1{path} HTTP/1.1",
        "Host: x",
        f"Authorization: Bearer {(client or system.admin).token}",
    ]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    connection.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
    return connection


def _raw(system, path, headers, client=None):
    with _connect(system, path, headers, client=client) as connection:
        return connection.recv(4096)
