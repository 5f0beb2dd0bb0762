"""The timer entrypoint: ``@every(20)``."""

from __future__ import annotations

import logging
import time
from functools import wraps
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from nameko.exceptions import ContainerBeingKilled
from nameko.extensions import Entrypoint, register_entrypoint

from shared.client import supervision
from shared.client.errors import Unavailable
from shared.client.supervision import Work
from shared.platform.concurrency import Event, Timeout
from shared.platform.observability import metrics

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from shared.platform.observability.health import Check

Tick = TypeVar("Tick", bound="Callable[..., None]")

logger = logging.getLogger(__name__)

MISSED: Final = 3
"""Intervals without a run that went well, after which the process is not ready."""

MAX_RUN: Final = 600.0
"""Seconds that a run may take, however long the interval is."""


class Timer(Entrypoint):
    """Runs a method at intervals, one run at a time; see `every`.

    nameko's own counts intervals by the time of day, so that a clock that is set back stops it for as long, and waits
    for ever for a run that ends with something else than an exception.
    """

    def __init__(self, interval: float, *, eager: bool) -> None:
        super().__init__()
        self._interval = interval
        self._eager = eager
        self._failures = 0

    def setup(self) -> None:
        """Called by nameko."""
        name = f"timer {self.container.service_name}.{self.method_name}"
        self._work = Work(name, self._run, limit=min(MISSED * self._interval, MAX_RUN))

    def readiness_checks(self) -> Mapping[str, Check]:
        """The timer; see `shared.platform.observability.health.Dependent`."""
        return {f"{self.container.service_name}.{self.method_name}": self._check}

    def start(self) -> None:
        """Called by nameko."""
        self._work.start()

    def stop(self) -> None:
        """Called by nameko: a run in hand is finished."""
        self._work.join(self.container.config["SETTINGS"].stop_grace)

    def _check(self) -> None:
        self._work.check()
        if self._failures >= MISSED:
            raise Unavailable(f"The {self._work.name} has failed {self._failures} times; the log says why.")

    def _run(self) -> None:
        due = time.monotonic() + (0 if self._eager else self._interval)
        while not self._work.stopping.wait(max(due - time.monotonic(), 0)):
            self._work.begin()
            self._tick()
            self._work.rest()
            # What was missed meanwhile is not made up for.
            due = max(due + self._interval, time.monotonic())

    def _tick(self) -> None:
        done = Event()

        def settle(_worker: Any, result: Any, exc_info: Any) -> tuple[Any, Any]:
            done.send(exc_info[1] if exc_info else result)
            return result, exc_info

        try:
            self.container.spawn_worker(self, (), {}, handle_result=settle)
        except ContainerBeingKilled:
            return
        error = done.wait()
        if error is None:
            self._failures = 0
        else:
            self._failures += 1
            metrics.work_failures.labels(self._work.name, supervision.FAILED).inc()
            logger.error("%s failed", self._work.name, exc_info=error)


def every(seconds: float, *, eager: bool = False) -> Callable[[Tick], Tick]:
    """Make a method run at intervals.

    Args:
        seconds: From the beginning of one run to that of the next; a run that takes longer delays it.
        eager: Whether the first run is at once.
    """

    def decorate(method: Tick) -> Tick:
        @wraps(method)
        def tick(service: Any) -> BaseException | None:
            # Returned, not raised: a bare Timeout is no Exception, and would end the worker without a word.
            try:
                method(service)
            except (Exception, Timeout) as error:  # noqa: BLE001 - the timer logs and counts it
                return error
            return None

        register_entrypoint(tick, Timer(seconds, eager=eager))
        return cast("Tick", tick)

    return decorate
