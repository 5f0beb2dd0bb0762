import signal
import subprocess
import sys
import time
from pathlib import Path

from infra.embedded.postgresql.postmaster import Postmaster

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
        timeout=60,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    pid, data = done.stdout.split()
    deadline = time.monotonic() + 20
    while Postmaster(Path(data), pid=int(pid)).is_alive() or Path(data).exists():
        assert time.monotonic() < deadline, "the server or its data outlived the test process"
        time.sleep(0.05)
