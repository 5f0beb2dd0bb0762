"""The two ways in which ImpactX runs, each from its command line, and how one talks to it there."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from infra.local.instance_dir import private_key_pem
from shared.client.local import LocalClient
from shared.client.rpc import RpcClient
from tests.support.directories import temporary_directory
from tests.support.postgresql import fresh_database
from tests.support.processes import ROOT, ServiceProcess
from tests.support.rabbitmq import users_of
from tests.support.regions import add_regions, create_regions
from tests.support.waiting import patience

EMAIL, PASSWORD = "admin@impactx.example", "a long enough password"
SERVICES = ("identity", "reports", "resources", "alerts")
ADDRESS = re.compile(r"http://[^/\s]+")


@dataclass(frozen=True)
class Running:
    """A system that runs.

    Attributes:
        environment: What a command that calls the services is told.
        operator_environment: What a command that looks after the broker is told.
        processes: What it consists of.
        client_class: How its callers reach it.
        address: Where.
        gateways: Those of the processes that serve HTTP.
        spare: Those without which the others do all the same.
    """

    environment: Mapping[str, str]
    operator_environment: Mapping[str, str]
    processes: tuple[ServiceProcess, ...]
    client_class: type[RpcClient]
    address: object
    gateways: tuple[ServiceProcess, ...]
    spare: tuple[ServiceProcess, ...] = ()

    @property
    def urls(self) -> list[str]:
        """Where the gateways are that run now."""
        return [ADDRESS.search(gateway.output()).group() for gateway in self.gateways if gateway.is_running]

    @contextmanager
    def without_spare(self) -> Iterator[None]:
        """Kills what can be spared, as a power cut would, until the block ends."""
        for process in self.spare:
            process.kill()
        try:
            yield
        finally:
            start(self.spare)

    def client(self, **credentials: str) -> RpcClient:
        """A caller; the administrator unless told otherwise."""
        return self.client_class(
            self.address, **(credentials or {"email": EMAIL, "password": PASSWORD}), timeout=10.0
        )

    def nobody(self) -> RpcClient:
        """A caller who is not signed in."""
        return self.client_class(self.address, timeout=10.0)

    def command(self, *arguments: str | Path, check: bool = True) -> subprocess.CompletedProcess:
        """Runs ``python -m services …`` to its end."""
        done = run_command(self.environment, *arguments)
        assert not check or done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
        return done

    def dead_letters(self) -> str:
        """What the operator is told of messages that could not be handled."""
        done = run_command(self.operator_environment, "dead-letters", "list")
        # An embedded system keeps them in its memory, and the command says so.
        assert done.returncode == 0 or "AMQP_URI" not in self.operator_environment, done.stderr
        return done.stdout


def start(processes: tuple[ServiceProcess, ...]) -> None:
    """Starts them side by side."""
    for process in processes:
        process.start(wait=False)
    for process in processes:
        process.wait_ready()


def run_command(environment: Mapping[str, str], *arguments: str | Path) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "services", *arguments],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=patience(120),
        check=False,
    )


def secrets() -> dict[str, str]:
    """What every system is told."""
    return {
        "IMPACTX_ADMIN_EMAIL": EMAIL,
        "IMPACTX_ADMIN_PASSWORD": PASSWORD,
        "IMPACTX_BCRYPT_COST": "4",
        "IMPACTX_HTTP_PORT": "0",
    }


@contextmanager
def embedded(_request) -> Iterator[Running]:
    """What ``make run`` starts: one process, its own PostgreSQL, the broker in memory."""
    home = temporary_directory("home")
    environment = secrets() | {"IMPACTX_HOME": str(home)}
    process = ServiceProcess(["run"], environment=environment, log=home / "run.log", ready="Ready after")
    with process:
        with LocalClient(home / "rpc.sock", email=EMAIL, password=PASSWORD) as client:
            create_regions(client)
        yield Running(
            environment, environment, (process,), LocalClient, home / "rpc.sock", gateways=(process,)
        )
        process.terminate()


@contextmanager
def separate(request) -> Iterator[Running]:
    """Each service as a process of its own, once more all in one, and two gateways.

    On a RabbitMQ, where each has a user with the least rights, and on a PostgreSQL behind a PgBouncer.
    """
    broker = request.getfixturevalue("broker")
    database, virtual_host = fresh_database(pooled=True), broker.fresh_virtual_host()
    users = users_of(virtual_host, clients=["caller"])
    logs = temporary_directory("separate")
    common = (
        secrets()
        | database.environment()
        | {"IMPACTX_JWT_PRIVATE_KEY": private_key_pem(), "IMPACTX_ATTACHMENTS": str(logs / "attachments")}
    )
    environments = {user: common | {"AMQP_URI": uri} for user, uri in users.items()}
    for command in ("topology", "seed"):
        done = run_command(environments["operator"], command)
        assert done.returncode == 0, done.stderr
    add_regions(database.admin_url)
    with ExitStack() as running:
        alone = [
            ServiceProcess(["serve", service], environment=environments[service], log=logs / f"{service}.log")
            for service in SERVICES
        ]
        # A process has one connection string, so this one's user has to have the rights of all.
        together = ServiceProcess(
            ["serve", *SERVICES],
            environment=common | {"AMQP_URI": virtual_host.uri},
            log=logs / "together.log",
        )
        gateways = tuple(
            ServiceProcess(
                ["serve", "gateway"], environment=environments["gateway"], log=logs / f"gateway-{name}.log"
            )
            for name in ("a", "b")
        )
        processes = (*alone, together, *gateways)
        for process in processes:
            running.callback(process.kill)
        start(processes)
        spare = (together, gateways[0])
        yield Running(
            environments["caller"],
            environments["operator"],
            processes,
            RpcClient,
            users["caller"],
            gateways=gateways,
            spare=spare,
        )
    virtual_host.drop()
    database.drop()
