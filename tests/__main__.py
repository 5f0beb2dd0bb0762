"""``python -m tests``: the whole suite in two processes at the same time, which `make test` calls.

Half of the time of the suite is waiting: for processes to start, to be killed and to recover. The other half is work.
Each process has a PostgreSQL and a RabbitMQ of its own.
"""

import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.support import needs

TESTS = Path(__file__).parent
WAITING = tuple(TESTS / name for name in ("faults", "e2e", "migrations", "property"))


def main() -> int:
    """Runs both; what the second one says comes when the first one has ended.

    Returns:
        0 when every test has passed, else 1, also where one of the processes was killed or a program is missing.
    """
    try:
        needs.require(needs.ALL)
    except needs.MissingError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    with tempfile.TemporaryFile("w+", encoding="utf-8") as said:
        waiting = _pytest(*WAITING, stdout=said, stderr=subprocess.STDOUT)
        # everything else, so that a new directory or file is never left out
        working = _pytest(TESTS, *(f"--ignore={path}" for path in WAITING))
        try:
            codes = [working.wait(), waiting.wait()]
        finally:
            for process in (working, waiting):
                process.terminate()
                process.wait()
        said.seek(0)
        sys.stdout.writelines(said)
    return int(any(codes))


def _pytest(*arguments, **streams) -> subprocess.Popen:
    return subprocess.Popen([sys.executable, "-m", "pytest", *arguments], **streams)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))
    sys.exit(main())
