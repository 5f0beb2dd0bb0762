"""Finds the installed RabbitMQ, or installs Debian's where that is allowed."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.support.rabbitmq.broker import BrokerError

INSTALL_TIMEOUT = 900.0

_PLACES = (
    "/usr/lib/rabbitmq/bin/rabbitmq-server",  # Debian, Ubuntu, Fedora: what their wrappers call
    "/opt/homebrew/sbin/rabbitmq-server",
    "/usr/local/sbin/rabbitmq-server",
)


def find_server() -> Path | None:
    """The ``rabbitmq-server`` of the installation itself, not a distribution's wrapper around it."""
    for place in _PLACES:
        if Path(place).exists():
            return Path(place)
    found = shutil.which("rabbitmq-server")
    return Path(found).resolve() if found else None


def install_server() -> Path | None:
    """Installs the distribution's package; None where we may not or it has none.

    Raises:
        BrokerError: apt-get failed; the message holds what it said.
    """
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return None
    sys.stderr.write("No RabbitMQ here: installing the package rabbitmq-server\n")
    with _no_service_starts():
        _apt_get("update")
        _apt_get("install", "--yes", "--no-install-recommends", "rabbitmq-server")
    return find_server()


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
        raise BrokerError(f"apt-get {' '.join(arguments)} failed: {(done.stderr or done.stdout)[-2000:]}")


class _no_service_starts:  # noqa: N801 - reads as a statement
    """Keeps the package from starting a broker of its own: Debian asks this file whether it may."""

    _policy = Path("/usr/sbin/policy-rc.d")

    def __enter__(self):
        self._is_ours = not self._policy.exists()
        if self._is_ours:
            self._policy.write_text("#!/bin/sh\nexit 101\n")
            self._policy.chmod(0o755)

    def __exit__(self, *_):
        if self._is_ours:
            self._policy.unlink()
