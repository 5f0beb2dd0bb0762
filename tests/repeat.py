"""``python -m tests.repeat N``: the suite N times with a load beside it, which `make test-repeat` calls.

A suite that is green once on a quiet machine may still depend on how quick the machine is. Here every processor has
something else to do all the time, and each run has to pass. `tests/support/waiting.py` says why no test may mind.
"""

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

RUNS = 20
TROUBLE = ("FAILED ", "ERROR ", "ERROR:", "= ", "These tests need", "  - ", "Debian and Ubuntu")
"""How the lines of a failed run begin that are shown."""


@contextmanager
def load(processes: int) -> Iterator[None]:
    """Keeps so many processors busy."""
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(processes)]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


def main(arguments: list[str]) -> int:
    """Runs it and prints the outcome of each run.

    Returns:
        0 when every run has passed, else 1.
    """
    parser = argparse.ArgumentParser(prog="python -m tests.repeat", description=__doc__.partition("\n")[0])
    parser.add_argument("runs", nargs="?", type=int, default=RUNS, help=f"how often ({RUNS})")
    parser.add_argument("--load", type=int, default=os.cpu_count() or 1, help="busy processes beside it")
    parser.add_argument("pytest", nargs="*", help="arguments for pytest after --; the whole suite by default")
    given = parser.parse_args(arguments)
    command = ["pytest", *given.pytest] if given.pytest else ["tests"]
    passed = 0
    with load(given.load):
        for number in range(1, given.runs + 1):
            began = time.monotonic()
            done = subprocess.run(
                [sys.executable, "-m", *command],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
            )
            passed += done.returncode == 0
            outcome = "passed" if done.returncode == 0 else f"failed ({done.returncode})"
            sys.stdout.write(
                f"run {number} of {given.runs}: {outcome} after {time.monotonic() - began:.0f} s\n"
            )
            if done.returncode:
                sys.stdout.writelines(
                    f"  {line}\n" for line in done.stdout.splitlines() if line.startswith(TROUBLE)
                )
            sys.stdout.flush()
    sys.stdout.write(f"{passed} of {given.runs} runs passed beside {given.load} busy processes.\n")
    return int(passed < given.runs)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))
    sys.exit(main(sys.argv[1:]))
