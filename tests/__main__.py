"""``python -m tests``: the suite in four processes at the same time, which `make test` calls.

About half of the time of the suite is waiting: for processes to start, to be killed and to recover, and for brokers to
answer. The rest is work. Each process has a PostgreSQL and a RabbitMQ of its own. What is marked `trial` takes minutes
and is run by `make trials`.
"""

import signal
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from itertools import chain
from pathlib import Path

from tests.support import needs

TESTS = Path(__file__).parent
SHARES = (
    ("faults", "integration/alerts", "integration/identity"),
    ("e2e",),
    (
        "integration/shared",
        "integration/gateway",
        "integration/benchmarks",
        "integration/docs",
        "integration/observability",
        "integration/rabbitmq",
    ),
)
"""What three of the processes run, so that all four end at about the same time. The first runs everything else."""


def main() -> int:
    """Run all four, and print what the first says at once, and what the others say when all have ended.

    Returns:
        0 when every test has passed, else 1, also where one of the processes was killed or a program is missing.
    """
    try:
        needs.require(needs.ALL)
    except needs.MissingError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    with ExitStack() as exits:
        # everything else, so that a new directory or file is never left out
        processes = [_pytest(TESTS, *(f"--ignore={TESTS / path}" for path in chain(*SHARES)))]
        outputs = []
        for share in SHARES:
            outputs.append(exits.enter_context(tempfile.TemporaryFile("w+", encoding="utf-8")))
            paths = (TESTS / path for path in share)
            processes.append(_pytest(*paths, stdout=outputs[-1], stderr=subprocess.STDOUT))
        try:
            codes = [process.wait() for process in processes]
        finally:
            for process in processes:
                process.terminate()
                process.wait()
        for output in outputs:
            output.seek(0)
            sys.stdout.writelines(output)
    return int(any(codes))


def _pytest(*arguments, **streams) -> subprocess.Popen:
    return subprocess.Popen([sys.executable, "-m", "pytest", "-m", "not trial", *arguments], **streams)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))
    sys.exit(main())
