"""Whether what a process depends on is there."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Final

import eventlet

from shared.errors import ImpactXError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

logger = logging.getLogger(__name__)

LIFETIME: Final = 1.0
"""Seconds for which an answer holds, so that eager probes cost the dependencies nothing."""


class Readiness:
    """Asks the dependencies of a process, all at the same time.

    Args:
        checks: By the name of the dependency: returns when it is there and raises when it is not. Each has to be
            bounded in time.
        clock: Seconds, always growing.
    """

    def __init__(
        self, checks: Mapping[str, Callable[[], None]], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._checks = checks
        self._clock = clock
        self._asking = threading.Lock()
        self._asked_at = float("-inf")
        self._missing: dict[str, str] = {}

    def missing(self) -> dict[str, str]:
        """What is missing, with the reason; empty when the process is ready. At most `LIFETIME` old."""
        with self._asking:
            if self._clock() - self._asked_at > LIFETIME:
                asked = {name: eventlet.spawn(_reason, check) for name, check in self._checks.items()}
                reasons = {name: thread.wait() for name, thread in asked.items()}
                self._missing = {name: reason for name, reason in reasons.items() if reason}
                self._asked_at = self._clock()
            return self._missing

    @property
    def dependencies(self) -> list[str]:
        """The names of all that are asked."""
        return list(self._checks)


def _reason(check: Callable[[], None]) -> str:
    try:
        check()
    except ImpactXError as error:
        return error.message or error.slug
    except Exception:
        logger.exception("a check of readiness failed")
        return "The check itself failed; the log says why."
    return ""
