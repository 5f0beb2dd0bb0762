"""Finds the installed RabbitMQ, or installs Debian's where that is allowed."""

import shutil
from pathlib import Path

from tests.support import packages

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
    """Installs the distribution's package; None where we may not or it has none."""
    return find_server() if packages.install("rabbitmq-server") else None
