"""Which environment variables there are, as `shared.platform.settings` asks for them."""

from __future__ import annotations

import re

from shared.domain.topology import SERVICES
from shared.platform.settings import from_environment

BROKER_PASSWORD = re.compile(r"IMPACTX_[A-Z0-9_]+_BROKER_PASSWORD(_FILE)?")
"""Users of the broker have any names, so these are looked for instead of asked for."""


class _Recording(dict):
    def __init__(self) -> None:
        super().__init__()
        self.asked: set[str] = set()

    def get(self, name, default=None):
        self.asked.add(name)
        return super().get(name, default)


def asked_for() -> set[str]:
    """The names of all, ``<VARIABLE>_FILE`` of each secret included."""
    environment = _Recording()
    from_environment(SERVICES, environment)
    return environment.asked


def is_known(name: str) -> bool:
    """Whether ImpactX reads this variable."""
    return name in asked_for() or BROKER_PASSWORD.fullmatch(name) is not None
