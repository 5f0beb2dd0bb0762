"""``python -m tests``: the whole suite in two processes at the same time, which `make test` calls.

Half of the time of the suite is waiting: for processes to start, to be killed and to recover. The other half is work.
Each process has a PostgreSQL and a RabbitMQ of its own.
"""

import signal
import subprocess
import sys
import tempfile
from pathlib import Path

TESTS = Path(__file__).parent
WAITING = ("faults", "e2e", "migrations", "property")
NOT_TESTS = ("support",)


def main() -> int:
    """Runs both; what the second one says comes when the first one has ended.

    Returns:
        0 when every test has passed.
    """
    others = sorted(
        path.name
        for path in TESTS.iterdir()
        if path.is_dir() and path.name not in (*WAITING, *NOT_TESTS) and any(path.rglob("test_*.py"))
    )
    with tempfile.TemporaryFile("w+", encoding="utf-8") as said:
        waiting = _pytest(WAITING, stdout=said, stderr=subprocess.STDOUT)
        working = _pytest(others)
        try:
            codes = [working.wait(), waiting.wait()]
        finally:
            for process in (working, waiting):
                process.terminate()
                process.wait()
        said.seek(0)
        sys.stdout.writelines(said)
    return max(codes)


def _pytest(names, **streams) -> subprocess.Popen:
    return subprocess.Popen([sys.executable, "-m", "pytest", *(TESTS / name for name in names)], **streams)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))
    sys.exit(main())
