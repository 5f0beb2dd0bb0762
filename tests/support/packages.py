"""Installs a distribution's packages, where we may."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

INSTALL_TIMEOUT = 900.0

_POLICY = Path("/usr/sbin/policy-rc.d")


class InstallError(AssertionError):
    """apt-get failed; the message holds what it said."""


def install(*packages: str) -> bool:
    """Installs Debian's or Ubuntu's packages, without letting them start a service of their own.

    Returns:
        Whether that was tried: False where we are not root or there is no apt-get.

    Raises:
        InstallError: It was tried and failed.
    """
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return False
    sys.stderr.write(f"Installing what the tests need: {', '.join(packages)}\n")
    with _no_service_starts():
        _apt_get("update")
        _apt_get("install", "--yes", "--no-install-recommends", *packages)
    return True


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
