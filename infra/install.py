"""Makes ``.venv`` and installs pinned packages into it: ``python3 -m infra.install runtime development``.

`make` calls it with whatever Python it finds, so it needs nothing but the standard library. It says how far it has
come: at a terminal in one line that changes, elsewhere in a line every few seconds.
"""

from __future__ import annotations

import platform
import re
import subprocess
import sys
import threading
import time
import venv
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Final, TextIO

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

ROOT: Final = Path(__file__).resolve().parents[1]
ENVIRONMENT: Final = ROOT / ".venv"
OLDEST_PYTHON: Final = (3, 11)

REPORT_SECONDS: Final = 5.0
"""Seconds between two lines where nobody watches a terminal."""

REDRAW_SECONDS: Final = 0.5
LINES_OF_A_FAILURE: Final = 40

_PINNED: Final = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]*(\[[^]]*\])?==")
_FETCHING: Final = re.compile(r"^\s*(Collecting|Processing|Requirement already satisfied)")


class InstallError(Exception):
    """The packages cannot be installed; the message says why."""


class Progress:
    """Says how far the installation has come.

    Args:
        packages: How many there are to be.
        output: Where it is said.
    """

    def __init__(self, packages: int, output: TextIO) -> None:
        self._packages = packages
        self._output = output
        self._is_terminal = output.isatty()
        self._said = ""
        self._began = self._said_at = time.monotonic()
        self.fetched = 0

    def show(self, installed: int, *, at_once: bool = False) -> None:
        """Say it, if it is time to.

        Args:
            installed: How many packages are there now.
            at_once: Whether to say it in any case.
        """
        now = time.monotonic()
        if not at_once and now - self._said_at < (REDRAW_SECONDS if self._is_terminal else REPORT_SECONDS):
            return
        fetched = min(self.fetched, self._packages)
        text = f"  {fetched} of {self._packages} packages fetched, {min(installed, self._packages)} installed"
        self._said_at = now
        if self._is_terminal:
            self._output.write(f"\r{text} ")
        else:
            self._output.write(f"{text} after {now - self._began:.0f} s\n")
        self._output.flush()

    def end(self) -> None:
        """Leave the line of a terminal."""
        if self._is_terminal:
            self._output.write("\n")


def install(sets: Sequence[str], environment: Path = ENVIRONMENT, output: TextIO = sys.stdout) -> None:
    """Make the virtual environment where it is missing, and install sets of packages.

    Args:
        sets: Names of lock files, ``runtime`` and ``development``.
        environment: The directory of the virtual environment.
        output: Where the progress is said.

    Raises:
        InstallError: The lock or the virtual environment cannot be had, or pip failed.
    """
    locks = [ROOT / "requirements" / f"{name}.txt" for name in sets]
    packages = pinned(locks)
    python = environment / "bin" / "python"
    if not (environment / "bin" / "pip").exists():
        output.write(f"Making {environment.name} with Python {platform.python_version()}\n")
        output.flush()
        make_environment(environment)
    output.write(f"Installing {packages} pinned packages into {environment.name} ({', '.join(sets)})\n")
    output.flush()
    requirements = [part for lock in locks for part in ("--requirement", str(lock))]
    # pip compiles every file of every package, one after another. Python compiles those that it loads, and keeps them.
    command = [
        *(str(python), "-m", "pip", "install", "--disable-pip-version-check", "--no-input"),
        *("--no-compile", "--progress-bar", "off", "--require-hashes"),
        *requirements,
    ]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as pip:
        last = _follow(pip, environment, Progress(packages, output))
    if pip.returncode != 0:
        raise InstallError("".join(last).strip() or f"pip ended with {pip.returncode}.")


def pinned(locks: Iterable[Path]) -> int:
    """Return how many packages lock files hold, each counted once.

    Raises:
        InstallError: A file is missing.
    """
    names: set[str] = set()
    for lock in locks:
        try:
            lines = lock.read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            raise InstallError(f"There is no {lock}.") from None
        names.update(line.partition("==")[0] for line in lines if _PINNED.match(line))
    return len(names)


def make_environment(environment: Path) -> None:
    """Make a virtual environment with pip.

    Raises:
        InstallError: This Python cannot make one.
    """
    try:
        import ensurepip  # noqa: F401, PLC0415 - Debian has it in a package of its own

        venv.create(environment, with_pip=True, symlinks=True)
    except (ImportError, subprocess.CalledProcessError):
        raise InstallError(
            f"{sys.executable} cannot make virtual environments (Debian, Ubuntu: apt-get install python3-venv)."
        ) from None


def _follow(pip: subprocess.Popen[str], environment: Path, progress: Progress) -> deque[str]:
    """Show the progress until pip ends; return the last lines of what it said."""
    last: deque[str] = deque(maxlen=LINES_OF_A_FAILURE)

    def read() -> None:
        for line in pip.stdout or ():
            last.append(line)
            progress.fetched += bool(_FETCHING.match(line))

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    while reader.is_alive():
        reader.join(REDRAW_SECONDS)
        progress.show(_installed(environment))
    pip.wait()
    progress.show(_installed(environment), at_once=True)
    progress.end()
    return last


def _installed(environment: Path) -> int:
    return sum(1 for _ in environment.glob("lib/python*/site-packages/*.dist-info/RECORD"))


def main(sets: Sequence[str]) -> int:
    """Install, and say what is wrong as a sentence.

    Returns:
        The exit status.
    """
    if sys.version_info < OLDEST_PYTHON:
        sys.stderr.write(f"ImpactX needs Python 3.11 or newer; this is {platform.python_version()}.\n")
        return 1
    try:
        install(sets)
    except InstallError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
