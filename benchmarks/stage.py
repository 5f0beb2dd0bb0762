"""What the benchmarks run on: a durable PostgreSQL, a RabbitMQ, and each service as a process of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.rows import tuple_row
from sqlalchemy import create_engine

from benchmarks.caller import Caller
from benchmarks.stock.models import SCHEMA, Base
from infra.local.instance_dir import private_key_pem
from shared.platform.db.engine import database_url
from tests.support.directories import temporary_directory
from tests.support.postgresql import fresh_database, new_server
from tests.support.processes import ROOT, ServiceProcess
from tests.support.rabbitmq import fresh_virtual_host, shared_broker
from tests.support.regions import add_regions

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Self

    from infra.local.postgresql import EmbeddedPostgresql
    from tests.support.postgresql import TemporaryDatabase

EMAIL, PASSWORD = "administrator@impactx.example", "a password of the benchmarks"
WORKERS = 20
"""Calls that a service works on at once, ours and the stock one."""

SETTLE_SECONDS = 300.0


class Stage:
    """Everything, started once and used by every contest.

    Attributes:
        database: Of the services.
        floor: Another one like it, which no service touches.
        uri: The broker.
    """

    def __init__(self) -> None:
        self._exits = ExitStack()
        self._processes: list[ServiceProcess] = []

    def __enter__(self) -> Self:
        with ExitStack() as exits:
            self._directory = temporary_directory("benchmarks")
            server = new_server("benchmarks", durable=True)
            exits.callback(server.stop, "immediate")
            _remembering_commits(server)
            self.database, self.floor = fresh_database(server), fresh_database(server)
            self.uri = fresh_virtual_host().uri
            self._serve(exits)
            self.administrator = exits.enter_context(self._signed_in())
            self.anybody = exits.enter_context(Caller(self.uri))
            self._exits = exits.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            for process in self._processes:
                sys.stderr.write(f"{process} wrote last:\n{process.output()[-2000:]}\n")
        self._exits.close()

    @cached_property
    def versions(self) -> dict[str, str]:
        """Of what was measured and of what it ran on."""
        broker = shared_broker().api("GET", "overview")
        return {
            "python": ".".join(map(str, sys.version_info[:3])),
            "postgresql": self.value(self.database, "SHOW server_version"),
            "rabbitmq": str(broker["rabbitmq_version"]) if isinstance(broker, dict) else "",
        }

    @cached_property
    def ids(self) -> dict[str, str]:
        """What a report has to name, in the services' database."""
        return self.ids_in(self.database)

    def ids_in(self, database: TemporaryDatabase) -> dict[str, str]:
        """The administrator, and a region, a type and a severity level."""
        return {
            "user_id": self.value(database, f"SELECT id::text FROM identity.users WHERE email = '{EMAIL}'"),
            "region_id": self.value(database, "SELECT min(id::text) FROM identity.regions"),
            "report_type_id": self.value(database, "SELECT min(id::text) FROM reports.report_types"),
            "severity_level_id": self.value(database, "SELECT min(id::text) FROM reports.severity_levels"),
        }

    def resource_ids_in(self, database: TemporaryDatabase) -> dict[str, str]:
        """What a resource has to name: a region and a type."""
        return {
            "region_id": self.value(database, "SELECT min(id::text) FROM identity.regions"),
            "resource_type_id": self.value(database, "SELECT min(id::text) FROM resources.resource_types"),
        }

    @contextmanager
    def connect(self, database: TemporaryDatabase) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
        """A connection as the superuser, in autocommit."""
        with psycopg.connect(database.admin_url, autocommit=True, row_factory=tuple_row) as connection:
            yield connection

    def value(self, database: TemporaryDatabase, query: str) -> Any:
        """What a query of one value gives."""
        with self.connect(database) as connection:
            row = connection.execute(query).fetchone()
        return None if row is None else row[0]

    def wait_for_rows(self, table: str, expected: int) -> None:
        """Waits until a table of the services' database has so many rows.

        Raises:
            TimeoutError: It does not.
        """
        deadline = time.monotonic() + SETTLE_SECONDS
        with self.connect(self.database) as connection:
            while True:
                began = time.monotonic()
                row = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
                if row is not None and row[0] >= expected:
                    return
                if time.monotonic() > deadline:
                    raise TimeoutError(f"{table} has {row} rows and not {expected}.")
                # Looking must not become a load of its own.
                time.sleep(max(0.01, 5 * (time.monotonic() - began)))

    @contextmanager
    def serving(self, service: str) -> Iterator[None]:
        """One more service as a process, until the block ends."""
        with ExitStack() as exits:
            self._start(exits, ["serve", service], self._environment(self.database)).wait_ready()
            yield

    @contextmanager
    def gateway(self) -> Iterator[str]:
        """The gateway as one more process, which limits nobody, until the block ends; gives its address."""
        unlimited = {"IMPACTX_HTTP_PORT": "0", "IMPACTX_HTTP_RATE": "0", "IMPACTX_HTTP_STREAMS": "100000"}
        files = {"IMPACTX_ATTACHMENTS": str(self._directory / "attachments")}
        with ExitStack() as exits:
            environment = self._environment(self.database) | unlimited | files
            yield _address(self._start(exits, ["serve", "gateway"], environment))

    @contextmanager
    def bare(self) -> Iterator[str]:
        """The bare Flask application as one more process, until the block ends; gives its address."""
        with ExitStack() as exits:
            yield _address(self._start(exits, [self.database.admin_url], {}, module="benchmarks.bare"))

    def command(self, *arguments: str) -> str:
        """What ``python -m services …`` prints, with what an operator would set."""
        return self._run(self._environment(self.database), *arguments)

    def _serve(self, exits: ExitStack) -> None:
        for database in (self.database, self.floor):
            self._run(self._environment(database), "seed")
            add_regions(database.admin_url)
        engine = create_engine(database_url(self.database.admin_url))
        with engine.begin() as connection:
            connection.exec_driver_sql(f"CREATE SCHEMA {SCHEMA}")
            Base.metadata.create_all(
                connection, [table for table in Base.metadata.sorted_tables if table.schema == SCHEMA]
            )
        engine.dispose()
        environment = self._environment(self.database)
        self._run(environment, "topology")
        for service in ("identity", "reports"):
            self._start(exits, ["serve", service], environment)
        self._start(exits, [], environment, module="benchmarks.echo_service")
        self._start(exits, [self.uri, self.database.admin_url, str(WORKERS)], {}, module="benchmarks.stock")
        for process in self._processes:
            process.wait_ready()

    def _start(
        self, exits: ExitStack, arguments: list[str], environment: Mapping[str, str], module: str = "services"
    ) -> ServiceProcess:
        log = self._directory / f"{module}-{'-'.join(arguments[:2]).replace('/', '.')[:40]}.log"
        process = ServiceProcess(arguments, environment=environment, log=log, module=module)
        exits.callback(process.kill)
        self._processes.append(process)
        return process.start(wait=False)

    @cached_property
    def _private_key(self) -> str:
        return private_key_pem()

    def _environment(self, database: TemporaryDatabase) -> dict[str, str]:
        return {
            "AMQP_URI": self.uri,
            **database.environment(),
            "IMPACTX_JWT_PRIVATE_KEY": self._private_key,
            "IMPACTX_ACCESS_TOKEN_LIFETIME": "86400",
            "IMPACTX_BCRYPT_COST": "4",
            "IMPACTX_ADMIN_EMAIL": EMAIL,
            "IMPACTX_ADMIN_PASSWORD": PASSWORD,
            "IMPACTX_MAX_WORKERS": str(WORKERS),
        }

    def _run(self, environment: Mapping[str, str], *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "services", *arguments],
            cwd=ROOT,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise RuntimeError(f"services {' '.join(arguments)} failed:\n{done.stdout}{done.stderr}")
        return done.stdout

    @cached_property
    def _token(self) -> str:
        with Caller(self.uri) as nobody:
            tokens = nobody.call("identity.authenticate", email=EMAIL, password=PASSWORD)
        return str(tokens["access_token"])

    @property
    def bearer(self) -> dict[str, str]:
        """The header that makes an HTTP request the administrator's."""
        return {"Authorization": f"Bearer {self._token}"}

    def _signed_in(self) -> Caller:
        return Caller(self.uri, headers={"nameko.auth_token": self._token})


def _remembering_commits(server: EmbeddedPostgresql) -> None:
    """Starts a server that remembers when each transaction was committed."""
    server.start()
    with psycopg.connect(server.url(database="postgres"), autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET track_commit_timestamp = on")
    server.stop()
    server.start()


def _address(process: ServiceProcess) -> str:
    process.wait_ready()
    found = re.search(r"http://[0-9.:]+", process.output())
    if found is None:
        raise RuntimeError(f"{process} did not say where it listens:\n{process.output()[-2000:]}")
    return found[0]
