"""Figures that cost a question to another system, asked for when somebody looks, and not for each who looks."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from shared.platform.concurrency import call_within, spawn

if TYPE_CHECKING:
    from collections.abc import Callable

logger = logging.getLogger(__name__)

LIFETIME: Final = 5.0
"""Seconds for which an answer holds."""

PATIENCE: Final = 1.0
"""Seconds that somebody who looks waits for an answer."""

Answer = TypeVar("Answer")


class Sample(Generic[Answer]):
    """The last answer to a question.

    Args:
        what: It is about, for the log.
        ask: Asks; it has to end by itself, however late, and is not called again before it has.
        clock: Seconds, always growing.
    """

    def __init__(
        self, what: str, ask: Callable[[], Answer], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._what = what
        self._ask = ask
        self._clock = clock
        self._asked_at = float("-inf")
        self._asking: Any = None
        self._answer: Answer | None = None

    def latest(self) -> Answer | None:
        """The answer, at most `LIFETIME` old; None when there is none within `PATIENCE`."""
        if self._asking is None and self._clock() - self._asked_at >= LIFETIME:
            self._asked_at = self._clock()
            self._answer = None
            self._asking = spawn(self._refresh)
        left = PATIENCE - (self._clock() - self._asked_at)
        if self._asking is not None and left > 0:
            call_within(left, self._asking.wait, None)
        return self._answer

    def _refresh(self) -> None:
        try:
            self._answer = self._ask()
        except Exception as error:  # noqa: BLE001 - a figure that cannot be had must not take the others along
            logger.warning("%s cannot be measured: %s", self._what, error)
        finally:
            self._asking = None
