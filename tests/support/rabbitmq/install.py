"""Finds the installed RabbitMQ, or installs Debian's where that is allowed."""

import shutil
from pathlib import Path

from tests.support import packages

_PLACES = (
    "/usr/lib/rabbitmq/bin/rabbitmq-server",  # Debian, Ubuntu, Fedora: what their wrappers call
    "/opt/homebrew/sbin/rabbitmq-server",
    "/usr/local/sbin/rabbitmq-server",
)


def find_or_install_server() -> Path | None:
    """The ``rabbitmq-server`` of the installation itself, not a distribution's wrapper around it.

    None where there is none and the distribution's package may not be installed.
    """
    return packages.found_or_installed(find_server, "rabbitmq-server")


def find_server() -> Path | None:
    """The same where it is installed already, with the port mapper of Erlang that it needs."""
    if shutil.which("epmd") is None:
        return None
    for place in _PLACES:
        if Path(place).exists():
            return Path(place)
    found = shutil.which("rabbitmq-server")
    return Path(found).resolve() if found else None
