"""How the work of one process shares its thread: the only module that knows eventlet.

nameko runs on eventlet: sockets, locks and threads of the standard library must be patched before any other module
takes a reference to them, and psycopg chooses how it waits when it is first imported. Every process of ours therefore
begins with `patch`. Importing this module patches nothing, and everything here also works in a process that is not
patched.

Code that needs no more than locks, events and threads takes those of `threading`, which `patch` has replaced.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import eventlet
from eventlet import Timeout, sleep, tpool
from eventlet.event import Event
from eventlet.patcher import is_monkey_patched
from eventlet.semaphore import Semaphore
from eventlet.support.greenlets import GreenletExit

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.client.supervision import Work

__all__ = [
    "Event",
    "GreenletExit",
    "Semaphore",
    "Timeout",
    "call_within",
    "is_patched",
    "kill",
    "patch",
    "run_blocking",
    "sleep",
    "spawn",
]

P = ParamSpec("P")
T = TypeVar("T")
D = TypeVar("D")


def patch() -> None:
    """Make this process cooperative. Call it before anything but the standard library is imported.

    Raises:
        ImportError: psycopg was imported before. Each query would stop the whole process.
    """
    if "psycopg" in sys.modules:
        raise ImportError(
            "psycopg was imported before concurrency.patch(): each query would stop the whole process"
        )
    eventlet.monkey_patch()
    os.environ["PSYCOPG_WAIT_FUNC"] = "wait_selector"
    # Imported after the patching, as it takes references to sockets.
    from shared.platform.amqp import green_transport  # noqa: PLC0415

    green_transport.install()


def is_patched() -> bool:
    """Return whether `patch` has been called in this process."""
    return bool(is_monkey_patched("socket"))


def run_blocking(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Do work that holds its thread, such as hashing or geometry, in a native thread while the others go on.

    Args:
        work: What to do. It must not use what belongs to the green threads: connections, locks, events.
        args: The positional arguments of the work.
        kwargs: The keyword arguments of the work.

    Returns:
        What the work returns.
    """
    result: T = tpool.execute(work, *args, **kwargs)
    return result


def spawn(work: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> Any:
    """Do work in a green thread of its own, which begins when the caller waits next.

    Returns:
        The green thread, with ``wait()`` for the result and ``kill()``.
    """
    return eventlet.spawn(work, *args, **kwargs)


def kill(work: Work) -> None:
    """End something that works by itself at once, wherever it waits; it is watched no longer."""
    greenlet = work.abandon()
    if greenlet is not None:
        eventlet.kill(greenlet)


def call_within(seconds: float, work: Callable[[], T], late: D) -> T | D:
    """Call something that waits, for a limited time.

    Args:
        seconds: The limit.
        work: What to call.
        late: What to return when the limit is over before the work is done, which is then left.
    """
    result: T | D = eventlet.with_timeout(seconds, work, timeout_value=late)
    return result
