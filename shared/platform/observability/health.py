"""Whether what a process depends on is there."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Any, Final, Protocol, runtime_checkable

from shared.client.errors import ImpactXError
from shared.platform.concurrency import Timeout, call_within, spawn

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Check = Callable[[], None]
    """Returns when what it looks for is there and raises when it is not."""

logger = logging.getLogger(__name__)

LIFETIME: Final = 1.0
"""Seconds for which an answer holds, so that eager probes cost the dependencies nothing."""

PATIENCE: Final = 2.0
"""Seconds that a dependency has to answer."""

PROCESS: Final = "process"
"""What is missing while the process itself starts or stops."""


@runtime_checkable
class Dependent(Protocol):
    """An extension of a service that cannot do its work without something."""

    def readiness_checks(self) -> Mapping[str, Check]:
        """A check for each thing that it needs, by ``<service>.<thing>``; used once the service has started."""


class Readiness:
    """Asks the dependencies of a process, all at the same time.

    Args:
        checks: By the name of the dependency; see `Check`. One that takes longer than `PATIENCE` counts as missing
            and is not asked again before it has ended, which it has to do by itself.
        clock: Seconds, always growing.

    """

    def __init__(self, checks: Mapping[str, Check], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._checks = checks
        self._withheld = ""
        self._clock = clock
        self._asking = threading.Lock()
        self._asked_at = float("-inf")
        self._missing: dict[str, str] = {}
        self._running: dict[str, Any] = {}

    def withhold(self, reason: str) -> None:
        """The process is not ready from now on, whatever is there: it starts or stops."""
        self._withheld = reason

    def rest_on(self, checks: Mapping[str, Check]) -> None:
        """The process is ready from now on as long as these find what they look for."""
        self._checks = checks
        self._withheld = ""

    def missing(self) -> dict[str, str]:
        """What is missing, with the reason; empty when the process is ready. At most `LIFETIME` old."""
        if self._withheld:
            return {PROCESS: self._withheld}
        with self._asking:
            if self._clock() - self._asked_at > LIFETIME:
                self._missing = self._ask()
                self._asked_at = self._clock()
            return self._missing

    @property
    def dependencies(self) -> list[str]:
        """The names of all that are asked."""
        return list(self._checks)

    def _ask(self) -> dict[str, str]:
        for name, check in self._checks.items():
            if name not in self._running or self._running[name].dead:
                self._running[name] = spawn(_reason, check)
        until = time.monotonic() + PATIENCE
        reasons = {name: _outcome(thread, until) for name, thread in self._running.items()}
        return {name: reason for name, reason in reasons.items() if reason}


def _outcome(thread: Any, until: float) -> str:
    late = f"It did not answer within {PATIENCE:g} seconds."
    return str(call_within(max(until - time.monotonic(), 0), thread.wait, late))


def _reason(check: Check) -> str:
    try:
        check()
    except ImpactXError as error:
        return error.message or error.slug
    except (Exception, Timeout):
        logger.exception("a check of readiness failed")
        return "The check itself failed; the log says why."
    return ""
