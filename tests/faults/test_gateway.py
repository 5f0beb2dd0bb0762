"""A gateway that is stopped or killed: what it had in hand, and what it leaves behind."""

import os
import socket
import threading
import time
from contextlib import ExitStack
from urllib.parse import urlsplit

import pytest
import requests

from tests.support.directories import temporary_directory
from tests.support.http import Client
from tests.support.processes import ServiceProcess
from tests.support.waiting import eventually, patience

TWO_DAYS = 2 * 86400
HEAD = b'--edge\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\n\xff\xd8\xff\xe0'


class Gateway:
    """A gateway of its own, with the files that it keeps."""

    def __init__(self, system, reports) -> None:
        self.reports = reports
        directory = temporary_directory("gateway")
        self.files = directory / "attachments"
        self._token = system.token
        environment = {
            "AMQP_URI": system.uri,
            "IMPACTX_HTTP_PORT": "0",
            "IMPACTX_ATTACHMENTS": str(self.files),
        }
        self.process = ServiceProcess(
            ["serve", "gateway"], environment=environment, log=directory / "gateway.log"
        )

    def client(self) -> Client:
        """An administrator."""
        return Client(self.process.output().rpartition(" at ")[2].split()[0], self._token)

    def missing(self) -> set:
        """What it lacks, as it says itself."""
        answer = requests.get(f"{self.client().url}/health/ready", timeout=patience(10))
        found = answer.json()
        assert answer.status_code == (503 if found["missing"] else 200)
        assert not set(found["present"]) & found["missing"].keys()
        return set(found["missing"])

    def arriving(self) -> set:
        """The files that are on their way."""
        return set((self.files / "incoming").glob("*"))


@pytest.fixture(scope="module")
def gateway(system):
    with system.replica() as reports:
        made = Gateway(system, reports)
        with made.process:
            yield made


def test_what_a_killed_gateway_leaves_of_an_upload_is_removed_in_the_end(system, gateway):
    report = system.file(system.new_report())
    client = gateway.client()
    with ExitStack() as open_connections:
        for _ in range(2):
            open_connections.enter_context(begin_upload(client, report))
        eventually(lambda: len(gateway.arriving()) == 2, "two files arrive")
        gateway.process.kill()
    old, young = gateway.arriving()
    long_ago = time.time() - TWO_DAYS
    os.utime(old, (long_ago, long_ago))
    gateway.process.start()
    eventually(lambda: gateway.arriving() == {young}, "the old one is removed, the other may be another's")
    kept = gateway.client().done(
        "POST", f"/reports/{report['id']}/attachments", files={"file": ("a.jpg", b"\xff\xd8\xff\xe0")}
    )
    assert gateway.client()("GET", f"/attachments/{kept['id']}/content").content == b"\xff\xd8\xff\xe0"


def begin_upload(client, report):
    """A connection on which half of a file has been sent."""
    where = urlsplit(client.url)
    connection = socket.create_connection((where.hostname, where.port), timeout=patience(20))
    lines = (
        f"POST /api/v1/reports/{report['id']}/attachments HTTP/1.1",
        "Host: gateway",
        f"Authorization: Bearer {client.token}",
        "Content-Type: multipart/form-data; boundary=edge",
        "Content-Length: 10000000",
    )
    connection.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + HEAD + b"x" * 500_000)
    return connection


def test_readiness_names_the_services_that_are_really_missing(gateway):
    """identity and reports are all that runs here."""
    assert gateway.missing() == {"resources", "alerts"}
    gateway.reports.kill()
    eventually(lambda: gateway.missing() == {"reports", "resources", "alerts"}, "it names what was killed")
    gateway.reports.restart()
    eventually(lambda: gateway.missing() == {"resources", "alerts"}, "it is there again")


def test_a_gateway_that_is_stopped_answers_what_it_has_taken(system, gateway):
    answers, stopping = [], threading.Event()

    def work():
        client = gateway.client()
        while not stopping.is_set():
            report = system.new_report()
            try:
                status = client("POST", "/reports", json=report).status_code
            except OSError:  # it has stopped, and accepts no more
                return
            answers.append((report["id"], status))

    workers = [threading.Thread(target=work) for _ in range(8)]
    for worker in workers:
        worker.start()
    eventually(lambda: len(answers) > 50, "it is at work")
    assert gateway.process.terminate() == 0
    stopping.set()
    for worker in workers:
        worker.join()
    gateway.process.start()
    assert {status for _, status in answers} == {201}
    stored = system.value(
        "SELECT count(*) FROM reports.reports WHERE id = ANY(%s)", [report_id for report_id, _ in answers]
    )
    assert stored == len(answers)
