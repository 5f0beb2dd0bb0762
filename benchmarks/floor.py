"""The floors: the same work without services, by pgbench with prepared statements, on a database like theirs."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

from infra.local.postgresql.programs import binaries, environment
from tests.support.directories import temporary_directory

if TYPE_CHECKING:
    from tests.support.postgresql import TemporaryDatabase

CLIENTS = 20
THREADS = 2


def pgbench(database: TemporaryDatabase, script: str, transactions: int, clients: int = CLIENTS) -> float:
    """Runs a script of pgbench's so many times.

    Returns:
        How often per second.
    """
    path = temporary_directory("pgbench") / "script.sql"
    path.write_text(script, encoding="utf-8")
    done = subprocess.run(
        [
            binaries() / "pgbench",
            "--no-vacuum",
            "--protocol=prepared",
            f"--client={clients}",
            f"--jobs={min(clients, THREADS)}",
            f"--transactions={max(transactions // clients, 1)}",
            f"--file={path}",
            database.admin_url,
        ],
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    found = re.search(r"tps = ([0-9.]+)", done.stdout)
    if done.returncode != 0 or found is None:
        raise RuntimeError(f"pgbench failed:\n{done.stdout}{done.stderr}")
    return float(found[1])
