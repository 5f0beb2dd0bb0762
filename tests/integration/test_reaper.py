import signal
import subprocess
import sys
from pathlib import Path

from infra.local.postgresql.postmaster import Postmaster
from tests.support.waiting import eventually, patience

ROOT = Path(__file__).resolve().parents[2]


def test_a_killed_test_process_leaves_nothing_behind():
    code = """
import os
from tests.support.directories import temporary_directory
from tests.support.postgresql import WatchedPostgresql
server = WatchedPostgresql(temporary_directory("reaper") / "postgresql", durable=False).start()
print(server.pid, server.data, flush=True)
os.kill(os.getpid(), 9)
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        timeout=patience(60),
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    pid, data = done.stdout.split()
    eventually(
        lambda: not (Postmaster(Path(data), pid=int(pid)).is_alive() or Path(data).exists()),
        "the end of the server and of its data",
        20,
    )
