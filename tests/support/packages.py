"""Finds programs that tests need, or installs a distribution's packages where we may."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

T = TypeVar("T")

INSTALL_TIMEOUT = 900.0

_POLICY = Path("/usr/sbin/policy-rc.d")


class InstallError(AssertionError):
    """apt-get failed; the message holds what it said."""


def found_or_installed(find: Callable[[], T | None], *packages: str) -> T | None:
    """Finds a program, and where it is not there installs Debian's or Ubuntu's packages and finds it then.

    The packages start no service of their own. One test process at a time looks and installs: the other must neither
    meet the package manager at work nor find what is half installed.

    Returns:
        What was found; None where there is nothing and we are not root or there is no apt-get.

    Raises:
        InstallError: The installation failed.
    """
    with alone():
        found = find()
        if found is None and may_install():
            install(*packages)
            found = find()
        return found


def may_install() -> bool:
    """Return whether we can install packages of the distribution."""
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def install(*packages: str) -> None:
    """Install packages of the distribution; none of them starts a service.

    Raises:
        InstallError: The installation failed.
    """
    sys.stderr.write(f"Installing what the tests need: {', '.join(packages)}\n")
    with _no_service_starts():
        _apt_get("update")
        _apt_get("install", "--yes", "--no-install-recommends", *packages)


@contextmanager
def alone() -> Iterator[None]:
    """Keep other test processes of this account from looking for programs and installing them meanwhile."""
    with (Path(tempfile.gettempdir()) / f"impactx-tests-{os.geteuid()}.lock").open("w") as lock:
        # The kernel takes it back from whoever dies; who holds it ends within the limits of apt-get.
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _apt_get(*arguments: str) -> None:
    done = subprocess.run(
        ["apt-get", *arguments],
        env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=INSTALL_TIMEOUT,
        check=False,
    )
    if done.returncode != 0:
        raise InstallError(f"apt-get {' '.join(arguments)} failed: {(done.stderr or done.stdout)[-2000:]}")


@contextmanager
def _no_service_starts() -> Iterator[None]:
    """Keeps a package from starting a server: Debian asks this file whether it may."""
    is_ours = not _POLICY.exists()
    if is_ours:
        _POLICY.write_text("#!/bin/sh\nexit 101\n")
        _POLICY.chmod(0o755)
    try:
        yield
    finally:
        if is_ours:
            _POLICY.unlink()
