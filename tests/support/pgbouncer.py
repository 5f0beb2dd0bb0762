"""A real PgBouncer in transaction mode before a PostgreSQL of the tests, set as ``infra/pgbouncer`` has it."""

from __future__ import annotations

import atexit
import os
import shutil
import socket
import subprocess
import time
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from sqlalchemy import Engine, event

from infra.local.postgresql.account import account_for
from infra.local.postgresql.ports import free_port
from infra.postgres.roles import runtime_role
from shared.domain.topology import SERVICES
from tests.support import reaper
from tests.support.directories import temporary_directory
from tests.support.packages import found_or_installed
from tests.support.processes import ROOT
from tests.support.waiting import patience

if TYPE_CHECKING:
    from pathlib import Path

    from infra.local.postgresql import EmbeddedPostgresql

SHIPPED = ROOT / "infra" / "pgbouncer" / "pgbouncer.ini"
START_TIMEOUT = 20.0
STOP_TIMEOUT = 10.0


_ports: set[int] = set()


class PgBouncerError(AssertionError):
    """There is no PgBouncer, or it did not start; the message says what to do."""


class PgBouncer:
    """One PgBouncer, before all databases of one server.

    Args:
        server: The PostgreSQL behind it.
        pool_size: Connections to the server for each database and role; the shipped number by default.
    """

    def __init__(self, server: EmbeddedPostgresql, pool_size: int | None = None) -> None:
        self._server = server
        self._directory = temporary_directory("pgbouncer")
        self._pool_size = pool_size
        self._process: subprocess.Popen | None = None
        self.port = free_port()
        self.log = self._directory / "console.log"

    def start(self) -> PgBouncer:
        """Starts it and waits until it listens."""
        program = _program()
        account = account_for(self._directory / "data")
        for path, text in (
            (self._directory / "pgbouncer.ini", self._settings()),
            (self._users, self._list()),
        ):
            path.touch(mode=0o600)
            path.write_text(text)
            account.own(path)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [program, self._directory / "pgbouncer.ini"],
                cwd=self._directory,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                **account.identity(),
            )
        _ports.add(self.port)
        reaper.register(self._process)
        atexit.register(self.stop)
        self._wait_until_it_listens()
        return self

    def stop(self) -> None:
        """Ends it at once, with every connection through it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(patience(STOP_TIMEOUT))
            reaper.forget(self._process.pid)
            self._process = None

    def through(self, url: str) -> str:
        """The URL of a database of the server, by way of this one."""
        parts = urlsplit(url)
        return urlunsplit(parts._replace(netloc=f"{parts.netloc.rpartition(':')[0]}:{self.port}"))

    @property
    def _users(self) -> Path:
        return self._directory / "userlist.txt"

    def _settings(self) -> str:
        ours = {"listen_addr": "127.0.0.1", "listen_port": self.port, "auth_file": self._users}
        if self._pool_size is not None:
            ours |= {"default_pool_size": self._pool_size, "reserve_pool_size": 0}
        # Of two lines for one setting the later one holds. A second section of a name would forget the first.
        shipped = SHIPPED.read_text().replace(
            "host=postgresql port=5432", f"host=127.0.0.1 port={self._server.port}"
        )
        return shipped + "".join(f"{name} = {value}\n" for name, value in ours.items())

    def _list(self) -> str:
        roles = [runtime_role(service) for service in SERVICES]
        return "".join(f'"{role}" "{self._server.password(role)}"\n' for role in roles)

    def _wait_until_it_listens(self) -> None:
        deadline = time.monotonic() + patience(START_TIMEOUT)
        while True:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=2):
                return
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise PgBouncerError(
                    f"PgBouncer did not start:\n{self.log.read_text(errors='replace')[-3000:]}"
                )
            time.sleep(0.05)


def found() -> str | None:
    """Return the program, if it is here; Debian's is where an ordinary user does not look."""
    return shutil.which("pgbouncer", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")


def _program() -> str:
    program = found_or_installed(found, "pgbouncer")
    if program is None:
        raise PgBouncerError("The tests need PgBouncer (Debian, Ubuntu: apt-get install pgbouncer).")
    return program


@event.listens_for(Engine, "do_connect")
def _prepare_nothing(_dialect, _record, _arguments, parameters) -> None:
    """IMPACTX_DATABASE_PREPARE_THRESHOLD=off, for the databases that tests open in their own process."""
    if parameters.get("port") in _ports:
        parameters["prepare_threshold"] = None
