"""The programs that tests run and no Python package brings: whether they are here, before the first test needs one."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.support import browser, packages, pgbouncer
from tests.support.rabbitmq import can_be_had as rabbitmq_can_be_had

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class MissingError(Exception):
    """Programs are missing; the message names all of them, and the command that installs them."""


@dataclass(frozen=True)
class Need:
    """A program that tests need.

    Attributes:
        name: What it is called.
        packages: Those of Debian and Ubuntu that bring it.
        is_here: Whether it can be used now.
        otherwise: What does instead of the packages.
    """

    name: str
    packages: tuple[str, ...]
    is_here: Callable[[], bool]
    otherwise: str = ""


RABBITMQ = Need(
    "RabbitMQ with Erlang",
    ("rabbitmq-server",),
    rabbitmq_can_be_had,
    "a Docker engine, or IMPACTX_TEST_AMQP_URI and IMPACTX_TEST_RABBITMQ_API of a broker that runs",
)
PGBOUNCER = Need("PgBouncer", ("pgbouncer",), lambda: pgbouncer.found() is not None)
CHROMIUM = Need(
    "Chromium with its driver",
    browser.PACKAGES,
    lambda: browser.found() is not None,
    "Chrome and chromedriver in the PATH",
)
ALL = (RABBITMQ, PGBOUNCER, CHROMIUM)

_FIXTURES = {"broker": RABBITMQ, "virtual_host": RABBITMQ}
_DIRECTORIES = {
    "tests/e2e": (RABBITMQ, PGBOUNCER),
    "tests/e2e/page": (CHROMIUM,),
    "tests/faults": (RABBITMQ,),
    "tests/integration/benchmarks": (RABBITMQ,),
    "tests/integration/test_pgbouncer.py": (PGBOUNCER,),
}
"""Of tests whose fixtures do not say so."""


def of_test(nodeid: str, fixtures: Iterable[str]) -> set[Need]:
    """Return what one test needs.

    Args:
        nodeid: As pytest names it, from the root of the repository.
        fixtures: The names of all its fixtures.
    """
    path = nodeid.partition("::")[0]
    found = {_FIXTURES[name] for name in fixtures if name in _FIXTURES}
    for place, needs in _DIRECTORIES.items():
        if path == place or path.startswith(f"{place}/"):
            found.update(needs)
    return found


def require(needs: Iterable[Need]) -> None:
    """Return when all of these can be used; install what is missing where we may, all at once.

    Args:
        needs: What the tests to come need.

    Raises:
        MissingError: Something is missing, and we are not root on Debian.
        packages.InstallError: The installation failed.
    """
    wanted = [need for need in ALL if need in set(needs)]
    with packages.alone():
        missing = [need for need in wanted if not need.is_here()]
        if missing and packages.may_install():
            packages.install(*_packages(missing))
            missing = [need for need in missing if not need.is_here()]
    if missing:
        raise MissingError(_sentence(missing))


def _packages(needs: Iterable[Need]) -> list[str]:
    return [package for need in needs for package in need.packages]


def _sentence(missing: list[Need]) -> str:
    names = [need.name + (f" (or {need.otherwise})" if need.otherwise else "") for need in missing]
    command = f"apt-get install --no-install-recommends {' '.join(_packages(missing))}"
    if os.geteuid() != 0 and shutil.which("sudo"):
        command = f"sudo {command}"
    elif os.geteuid() != 0:
        command = f"{command}   (as root)"
    return "\n".join(
        [
            "These tests need programs that are not here:",
            *(f"  - {name}" for name in names),
            f"Debian and Ubuntu install all of it with: {command}",
            'What needs none of it runs with: make test ARGS="tests/unit tests/architecture"',
        ]
    )
