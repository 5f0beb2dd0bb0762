"""The server: slow clients, limits, stopping, replicas on a real broker."""

import os
import re
import socket
import subprocess
import sys
import threading
import time
from urllib.parse import urlsplit

import pytest

from infra.embedded.home import private_key_pem
from tests.integration.gateway.conftest import EMAIL, PASSWORD, System
from tests.support.directories import temporary_directory
from tests.support.http import Client
from tests.support.postgresql import fresh_database
from tests.support.processes import ROOT, ServiceProcess


def connect(system):
    where = urlsplit(system.url)
    return socket.create_connection((where.hostname, where.port), timeout=20)


def test_headers_that_trickle_in_are_cut_off(system):
    with connect(system) as connection:
        connection.sendall(b"GET /api/v1/reports HTTP/1.1\r\n")
        began = time.monotonic()
        with pytest.raises(ConnectionError):  # noqa: PT012 - it closes at one of these steps
            while True:
                connection.sendall(b"X-Slow: 1\r\n")
                connection.settimeout(0.5)
                try:
                    if connection.recv(100) == b"":
                        raise ConnectionResetError("closed")
                except TimeoutError:
                    continue
        assert time.monotonic() - began < 15


def test_slow_clients_hold_up_nobody(system):
    slow = [connect(system) for _ in range(200)]
    for connection in slow:
        connection.sendall(b"POST /api/v1/auth/login HTTP/1.1\r\nContent-Length: 100\r\n")
    began = time.monotonic()
    system.admin.done("GET", "/reports")
    assert time.monotonic() - began < 2
    for connection in slow:
        connection.close()


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET /" + b"x" * 70_000 + b" HTTP/1.1\r\n\r\n", b"414"),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * 9_000 + b"\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 20_000 + b"\r\n", b"4"),
        (b"nonsense\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", b"400"),
    ],
)
def test_what_is_no_proper_http(system, sent, status):
    with connect(system) as connection:
        connection.sendall(sent)
        answer = connection.recv(4096)
        assert b" " + status in answer.partition(b"\r\n")[0]
        assert b"Traceback" not in answer


def test_the_documentation_needs_nothing_from_elsewhere(system):
    page = system.anonymous("GET", "/docs/")
    assert page.status_code == 200
    addresses = re.findall(r"https?://[^/\"]+", page.text)
    assert set(addresses) <= {system.url}
    assert system.anonymous("GET", "/docs/swagger-ui-bundle.js").status_code == 200


def test_a_taken_port_is_said(system):
    port = str(urlsplit(system.url).port)
    environment = os.environ | {"IMPACTX_HTTP_PORT": port, "AMQP_URI": "amqp://guest:guest@127.0.0.1:1//"}
    done = subprocess.run(
        [sys.executable, "-m", "services", "serve", "gateway"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "IMPACTX_HTTP_PORT" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.fixture
def cluster(postgresql, broker):
    """All services on a real broker, and two gateways; gives a system for each gateway."""
    database, virtual_host = fresh_database(postgresql), broker.fresh_virtual_host()
    home = temporary_directory("gateways")
    environment = database.environment() | {
        "AMQP_URI": virtual_host.uri,
        "IMPACTX_ADMIN_EMAIL": EMAIL,
        "IMPACTX_ADMIN_PASSWORD": PASSWORD,
        "IMPACTX_BCRYPT_COST": "4",
        "IMPACTX_JWT_PRIVATE_KEY": private_key_pem(),
    }
    for command in ("topology", "seed"):
        subprocess.run(
            [sys.executable, "-m", "services", command], cwd=ROOT, env=os.environ | environment, check=True
        )
    of_a_gateway = {
        "AMQP_URI": virtual_host.uri,
        "IMPACTX_HTTP_PORT": "0",
        "IMPACTX_ATTACHMENTS": str(home / "attachments"),
    }
    services = ServiceProcess(
        ["serve", "identity", "reports", "resources", "alerts"],
        environment=environment,
        log=home / "services.log",
    )
    gateways = [
        ServiceProcess(["serve", "gateway"], environment=of_a_gateway, log=home / f"gateway-{number}.log")
        for number in range(2)
    ]
    with services, gateways[0], gateways[1]:
        urls = [process.output().rpartition(" at ")[2].strip() for process in gateways]
        yield [System(url, process, home) for url, process in zip(urls, gateways, strict=True)]
    virtual_host.drop()
    database.drop()


def test_gateways_are_replicas_of_one_another(cluster):
    """What one made, the other gives, without a database of their own; and one stops without losing a request."""
    first, second = cluster
    report = first.report()
    attachment = first.attachment(report)
    elsewhere = Client(second.url, first.admin.token)
    assert elsewhere.done("GET", f"/reports/{report['id']}") == report
    assert elsewhere("GET", f"/attachments/{attachment['id']}/content").ok

    statuses, stopping = [], threading.Event()

    def work():
        client = Client(second.url, first.admin.token)
        while not stopping.is_set():
            try:
                statuses.append(client("POST", "/reports", json=first.report_body()).status_code)
            except OSError:  # it has stopped, and accepts no more
                return

    workers = [threading.Thread(target=work) for _ in range(8)]
    for worker in workers:
        worker.start()
    time.sleep(1)
    assert second.process.terminate() == 0
    stopping.set()
    for worker in workers:
        worker.join()
    assert len(statuses) > 20
    assert set(statuses) == {201}
    assert len(first.admin.done("GET", "/reports?limit=500")["items"]) == len(statuses) + 1
