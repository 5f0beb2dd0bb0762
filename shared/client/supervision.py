"""Watches everything that works by itself in this process: handlers, relays, readers, timers, servers.

Each is a `Work`. It is started again when it ends without having been told to, and it says with `begin` and `rest`
what it is doing, so that standing still can be told from having nothing to do. One thread looks at all of them every
second. What has ended or stands still is an error in the log, is counted, and makes the process not ready; what stands
still for `HOPELESS_SECONDS` ends the process, for whoever started it to start another.

It needs no eventlet: the RPC client stands on it in programs of others.
"""

from __future__ import annotations

import logging
import math
import sys
import threading
import time
import traceback
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final

from .amqp.backoff import Backoff
from .errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable

logger = logging.getLogger(__name__)

LOOK_SECONDS: Final = 1.0

SETTLED_SECONDS: Final = 3.0
"""After which one that was started again, and says nothing of what it does, counts as well."""

FROZEN_SECONDS: Final = 2.0
"""By how much a look has to be late to show that the whole process was frozen, and nothing in it to blame."""

HOPELESS_SECONDS: Final = 300.0
"""For how long something may stand still beyond its limit before the process is given up."""

ENDED: Final = "ended"
STUCK: Final = "stuck"
FAILED: Final = "failed"


class _Count:
    failure: Callable[[str, str], None] = staticmethod(lambda _work, _how: None)


def count_failures_with(count: Callable[[str, str], None]) -> None:
    """Have this called with the name of each work that fails and how: `ENDED`, `STUCK` or `FAILED`."""
    _Count.failure = staticmethod(count)


class StandsStillError(Exception):
    """Something in this process has stood still for so long that only a new process helps."""


class Work:
    """Something that works by itself in a thread of its own.

    Args:
        name: What it is, such as ``relay of reports``; for the log, the metric and readiness.
        run: Works until `stop` is called; what it raises, and its return before that, are faults.
        limit: Seconds that one step may take, unless `begin` says otherwise.
        on_stuck: Called once, from another thread, when a step takes longer than its limit. It must not wait.
        on_ended: Called in the thread after `run` ended unexpectedly and before it is called again.
    """

    def __init__(
        self,
        name: str,
        run: Callable[[], None],
        *,
        limit: float = 60.0,
        on_stuck: Callable[[], None] | None = None,
        on_ended: Callable[[], None] | None = None,
    ) -> None:
        self.name = name
        self.stopping = threading.Event()
        self._run = run
        self._limit = limit
        self._on_stuck = on_stuck
        self._on_ended = on_ended
        self._began = math.inf
        self._due = math.inf
        self._started = math.inf
        self._trouble = ""
        self._is_stuck = False
        self._greenlet: Any = None
        self._thread: threading.Thread | None = None

    # --- for its owner ---

    def start(self) -> None:
        """Begin to work; returns at once."""
        self._start_thread()
        _monitor.watch(self)

    def stop(self) -> None:
        """Say that it is to end; `stopping` is set."""
        self.stopping.set()

    def join(self, timeout: float) -> bool:
        """Wait up to ``timeout`` seconds for its end, watch it no longer, and return whether it has ended."""
        self.stopping.set()
        _monitor.forget(self)
        if self._thread is not None and self._thread.is_alive():
            self._thread.join(timeout)
        return not self.is_running

    def abandon(self) -> Any:
        """Watch it no longer and return its greenlet, for its owner to kill; None where there is none.

        For green threads only: nothing else ends one that waits.
        """
        self.stopping.set()
        _monitor.forget(self)
        return self._greenlet if self.is_running else None

    @property
    def is_running(self) -> bool:
        """Whether its thread lives."""
        return self._thread is not None and self._thread.is_alive()

    def check(self) -> None:
        """Return while it works, or rests because there is nothing to do.

        Raises:
            Unavailable: It has ended unexpectedly, or has been busy with one step for longer than its limit.
        """
        if self.stopping.is_set():
            return
        if not self.is_running:
            raise Unavailable(f"The {self.name} does not run.")
        if self._trouble:
            raise Unavailable(self._trouble)
        over = time.monotonic() - self._due
        if over > 0:
            raise Unavailable(
                f"The {self.name} has stood still for {time.monotonic() - self._began:.0f} seconds."
            )

    # --- for the work itself ---

    def begin(self, limit: float | None = None) -> None:
        """Say that a step begins, or goes on: it may take so many seconds from now on."""
        self._began = time.monotonic()
        self._due = self._began + (self._limit if limit is None else limit)
        self._is_stuck = False

    def rest(self) -> None:
        """Say that there is nothing to do for now, however long that is."""
        self._due = self._began = math.inf
        self._is_stuck = False
        self._trouble = ""

    # --- for the monitor ---

    def look(self, now: float) -> None:
        """Find out whether it has ended or stands still, and see to it. Called by the monitor alone.

        Raises:
            StandsStillError: It has stood still for too long.
        """
        if self.stopping.is_set():
            return
        if not self.is_running:
            self._has_ended(None)
            self._start_thread()
        if now - self._started > SETTLED_SECONDS:
            self._trouble = ""
        over = now - self._due
        if over > 0 and not self._is_stuck:
            self._is_stuck = True
            _Count.failure(self.name, STUCK)
            logger.error("%s: it stands still, at\n%s", self.name, self._stack())
            if self._on_stuck is not None:
                self._on_stuck()
        if over > HOPELESS_SECONDS:
            raise StandsStillError(f"The {self.name} has stood still for {now - self._began:.0f} seconds.")

    def allow(self, seconds: float) -> None:
        """Give the step in hand more time, because the whole process was frozen. Called by the monitor alone."""
        self._due += seconds

    def _start_thread(self) -> None:
        self._thread = threading.Thread(target=self._work, name=self.name, daemon=True)
        self._thread.start()

    def _work(self) -> None:
        self._greenlet = _current_greenlet()
        backoff = Backoff()
        while not self.stopping.is_set():
            error: BaseException | None = None
            began = self._started = time.monotonic()
            try:
                self._run()
            except BaseException as raised:  # noqa: BLE001 - whatever ends it, it has to go on
                error = raised
            if self.stopping.is_set():
                if isinstance(error, Exception):
                    logger.error("%s: it failed at its end", self.name, exc_info=error)
                return
            self._has_ended(error)
            if self._on_ended is not None:
                try:
                    self._on_ended()
                except Exception:
                    logger.exception("%s: cleaning up after its end failed", self.name)
            if time.monotonic() - began > HOPELESS_SECONDS:
                backoff.reset()
            self.stopping.wait(backoff.next())

    def _has_ended(self, error: BaseException | None) -> None:
        self._due = self._began = self._started = math.inf
        self._trouble = f"The {self.name} ended unexpectedly and is started again; the log says why."
        _Count.failure(self.name, ENDED)
        logger.error(
            "%s: it ended without being told to and is started again",
            self.name,
            exc_info=None if error is None else (type(error), error, error.__traceback__),
        )

    def _stack(self) -> str:
        frame = getattr(self._greenlet, "gr_frame", None)
        if frame is None and self._thread is not None and self._thread.ident is not None:
            frame = sys._current_frames().get(self._thread.ident)  # noqa: SLF001 - there is no other way to ask
        return "".join(traceback.format_stack(frame)) if frame is not None else "(unknown)"


def guarded(name: str, work: Callable[..., object], *arguments: Any) -> None:
    """Do something once, in a thread that somebody has made for it; what it raises is logged and counted.

    Args:
        name: What it is, for the log and the metric.
        work: To be done.
        arguments: For it.
    """
    try:
        work(*arguments)
    except BaseException:
        _Count.failure(name, FAILED)
        logger.exception("%s failed", name)


_progress: ContextVar[Callable[[], None]] = ContextVar("progress", default=lambda: None)


def report_progress_to(begin: Callable[[], None]) -> None:
    """Have `progress` in this thread tell a work that runs in another one."""
    _progress.set(begin)


def progress() -> None:
    """Say, in the middle of long work, that a part of it is done: its limit begins anew."""
    _progress.get()()


def check() -> None:
    """Return while everything in this process works.

    Raises:
        Unavailable: Something has ended or stands still; it says what.
    """
    _monitor.check()


def on_hopeless(end: Callable[[Exception], None] | None) -> None:
    """Have this called with the reason when only a new process helps."""
    _monitor.end = end


class _Monitor:
    def __init__(self) -> None:
        self.end: Callable[[Exception], None] | None = None
        self._works: dict[Work, None] = {}
        self._thread: threading.Thread | None = None
        self._looked_at = math.inf
        self._starting = threading.Lock()

    def watch(self, work: Work) -> None:
        with self._starting:
            self._works[work] = None
            if self._thread is None or not self._thread.is_alive():
                self._looked_at = time.monotonic()
                self._thread = threading.Thread(target=self._run, name="supervision", daemon=True)
                self._thread.start()

    def forget(self, work: Work) -> None:
        self._works.pop(work, None)

    def check(self) -> None:
        if self._works and (self._thread is None or not self._thread.is_alive()):
            raise Unavailable("Nothing watches over this process.")
        for work in list(self._works):
            work.check()

    def _run(self) -> None:
        while True:
            time.sleep(LOOK_SECONDS)
            try:
                self.look(time.monotonic())
            except Exception:
                logger.exception("looking after the work of this process failed")

    def look(self, now: float) -> None:
        late = now - self._looked_at - LOOK_SECONDS
        self._looked_at = now
        for work in list(self._works):
            if late > FROZEN_SECONDS:
                work.allow(late)
            try:
                work.look(now)
            except StandsStillError as hopeless:
                logger.critical("%s", hopeless)
                if self.end is not None:
                    self.end(hopeless)
            except Exception:
                logger.exception("%s cannot be looked after", work.name)


_monitor: Final = _Monitor()


def _current_greenlet() -> Any:
    """Return the greenlet that runs, where there are greenlets; a native thread has a frame of its own."""
    greenlet = sys.modules.get("greenlet")
    return greenlet.getcurrent() if greenlet is not None else None
