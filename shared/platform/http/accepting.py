"""Accepts connections for as long as a process lives, also when descriptors run out; and sees that there are enough."""

from __future__ import annotations

import errno
import logging
import os
import resource
from typing import TYPE_CHECKING, Any, Final

from shared.client.errors import Unavailable
from shared.platform.concurrency import Timeout, sleep
from shared.platform.observability import metrics
from shared.platform.settings import SettingError

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

logger = logging.getLogger(__name__)

EXHAUSTED: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
"""Nothing is wrong with the socket: the process, or the machine, has nothing left for another connection."""

CLOSED: Final = frozenset({errno.EBADF, errno.EINVAL, errno.ENOTSOCK})
"""Nobody listens any more."""

PAUSE_SECONDS: Final = 0.1
TURN_AWAY_SECONDS: Final = 0.05


class Acceptor:
    """Accepts the connections of one listening socket.

    Where no descriptor is left it pauses and tries again. One descriptor is kept in reserve for that time: with it, one
    of those who wait is told at each try.

    Args:
        listener: Listens already.
        name: Of what is offered there, for the log and the metric.
        refusal: Sent to those who are turned away.
    """

    def __init__(self, listener: socket.socket, name: str, *, refusal: bytes = b"") -> None:
        self._listener = listener
        self._name = name
        self._refusal = refusal
        self._reserve = _reserve()
        self._is_closed = False
        self._reason = ""

    def run(self, take: Callable[[socket.socket, Any], None]) -> None:
        """Accepts until `close` is called; returns then.

        Args:
            take: Called with each connection and the address of its other side. What it raises is logged.
        """
        while not self._is_closed:
            try:
                connection, address = self._listener.accept()
            except OSError as error:
                if error.errno in CLOSED:
                    return
                if error.errno in EXHAUSTED:
                    self._pause(error)
                else:  # the network's, about this one connection (accept(2))
                    logger.debug("a connection to %s broke off while it was accepted: %s", self._name, error)
                    sleep(0)
                continue
            self._resume()
            try:
                take(connection, address)
            except Exception:
                logger.exception("a connection to %s could not be served", self._name)
                connection.close()
            except BaseException:  # a stop
                connection.close()
                raise

    def check(self) -> None:
        """Returns while connections are accepted.

        Raises:
            Unavailable: There are no descriptors for them.
        """
        if self._reason:
            raise Unavailable(f"No connections are accepted: {self._reason}.")

    def close(self) -> None:
        """Accepts no more; the socket is its owner's to close."""
        self._is_closed = True
        self._release()

    def _pause(self, error: OSError) -> None:
        metrics.accept_pauses.labels(self._name).inc()
        if not self._reason:
            self._reason = os.strerror(error.errno or 0)
            logger.error("%s accepts no connections for now: %s", self._name, self._reason)
        self._turn_away()
        sleep(PAUSE_SECONDS)

    def _resume(self) -> None:
        if self._reason:
            logger.warning("%s accepts connections again", self._name)
            self._reason = ""
        if self._reserve is None:
            self._reserve = _reserve()

    def _turn_away(self) -> None:
        """Tells one of those who wait, with the descriptor that is kept for this."""
        self._release()
        try:
            with Timeout(TURN_AWAY_SECONDS, TimeoutError):
                connection, _ = self._listener.accept()
        except OSError:  # somebody else took the descriptor, or nobody waits
            pass
        else:
            turn_away(connection, self._refusal)
        self._reserve = _reserve()

    def _release(self) -> None:
        if self._reserve is not None:
            os.close(self._reserve)
            self._reserve = None


def turn_away(connection: socket.socket, refusal: bytes) -> None:
    """Sends a few words to a client that is not served and closes, without waiting for anything."""
    try:
        connection.settimeout(0)
        connection.send(refusal)
        # What the client has sent already must be taken, or it is told of a reset in place of the refusal.
        connection.recv(64 * 1024)
    except OSError as error:
        logger.debug("a client that was turned away was not told: %s", error)
    finally:
        connection.close()


def ensure_descriptors(needed: int, *, because: str) -> None:
    """Sees that this process may open so many descriptors, and raises its soft limit where that is lower.

    Args:
        needed: How many it may need at the same time.
        because: The setting that promises it, with its value, for the error's text.

    Raises:
        SettingError: The hard limit is lower.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise SettingError(
            f"{because} needs {needed} open files, but the system allows this process {hard}: raise the limit"
            " (ulimit -n, LimitNOFILE in systemd, ulimits in compose) or lower the setting."
        )
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
    except (OSError, ValueError) as error:
        raise SettingError(
            f"{because} needs {needed} open files; the limit of {soft} could not be raised ({error})."
        ) from error


def _reserve() -> int | None:
    try:
        return os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
