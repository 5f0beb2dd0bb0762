"""An HTTP server inside a process of green threads: sockets, limits of time and size, and an orderly stop."""

from __future__ import annotations

import logging
import os
import socket
import sys
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import eventlet
import eventlet.wsgi

from shared.settings import SettingError

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

logger = logging.getLogger(__name__)

BACKLOG: Final = 1024
HEADER_SECONDS: Final = 10.0
"""For the whole of a request's headers, however they trickle in."""

IDLE_SECONDS: Final = 75
"""A connection on which no request comes for so long is closed."""

SOCKET_SECONDS: Final = 30.0
"""For each read of a body and each write of a response."""

DISCARD_SECONDS: Final = 5.0
MOST_DISCARDED: Final = 64 * 1024 * 1024
DISCARDED_AT_ONCE: Final = 64 * 1024

LONGEST_REQUEST_LINE: Final = 64 * 1024
"""An area of 2,000 positions to look within fits in."""


GONE: Final = (BrokenPipeError, ConnectionResetError, TimeoutError)


class _TimeIsUpError(Exception):
    """What was waited for did not happen in time."""


class WebServer:
    """Serves one application at one address; the port is taken at once, requests are after `serve`.

    Every connection has a green thread of its own, so one that is slow or idle holds up nobody.

    Args:
        host: The address to listen at.
        port: The port there; 0 takes a free one.
        variables: What the settings begin with that say so, such as ``IMPACTX_HTTP``, for the error's text.
        connections: How many are kept at most; the next ones wait to be accepted.

    Raises:
        SettingError: The address cannot be listened at.
    """

    def __init__(self, host: str, port: int, *, variables: str, connections: int) -> None:
        self._socket = _listen(host, port, variables)
        self._connections = eventlet.GreenPool(connections)
        self._server: Any = None

    @property
    def url(self) -> str:
        """Where it listens; with port 0, the one that was free."""
        host, port = self._socket.getsockname()[:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def serve(self, application: WSGIApplication) -> None:
        """Begins to answer; returns at once."""
        self._server = eventlet.spawn(
            eventlet.wsgi.server,
            self._socket,
            application,
            log=_ServerLog(logger),
            log_output=False,
            custom_pool=self._connections,
            protocol=Protocol,
            keepalive=IDLE_SECONDS,
            socket_timeout=SOCKET_SECONDS,
            url_length_limit=LONGEST_REQUEST_LINE,
            debug=False,
        )

    def refuse(self) -> None:
        """Accepts no more and closes idle connections; requests in hand go on."""
        if self._server is not None:
            self._server.kill()
        # eventlet listens on until the last request is done, and whoever connects meanwhile waits for nobody.
        self._socket.close()

    def finish(self, grace: float) -> None:
        """Waits for the requests in hand, cuts off what takes longer than the grace (seconds), and closes."""
        self.refuse()
        try:
            with eventlet.Timeout(grace, _TimeIsUpError):
                self._connections.waitall()
        except _TimeIsUpError:
            logger.warning("%s requests are cut off", self._connections.running())
        for connection in list(self._connections.coroutines_running):
            connection.kill()
        self.close()

    def close(self) -> None:
        """Gives the port back, whatever goes on."""
        self._socket.close()


class Protocol(eventlet.wsgi.HttpProtocol):
    """HTTP/1.1 whose headers have to arrive in time as a whole."""

    def _read_request_line(self) -> Any:
        """Called by eventlet: what is read once a stop has shut the connection could be done, but not answered."""
        line = super()._read_request_line()
        return b"" if self.conn_state[2] == eventlet.wsgi.STATE_CLOSE else line

    def parse_request(self) -> bool:
        """Called by eventlet when the request line is there; false closes the connection."""
        try:
            with eventlet.Timeout(HEADER_SECONDS, _TimeIsUpError):
                parsed: bool = super().parse_request()
                return parsed
        except _TimeIsUpError:
            self.close_connection = True
            return False

    def get_environ(self) -> dict[str, Any]:
        """Called by eventlet: the body ends by itself, also when it comes in chunks."""
        environ: dict[str, Any] = super().get_environ()
        environ["wsgi.input_terminated"] = True
        body = environ["eventlet.input"]
        body.discard = partial(self._discard, body)
        return environ

    def _discard(self, body: Any) -> None:
        """Reads what is left of a body that was refused, so that its sender gets to read why; but not for ever."""
        left = MOST_DISCARDED
        try:
            with eventlet.Timeout(DISCARD_SECONDS, _TimeIsUpError):
                while left > 0:
                    block = body.read(DISCARDED_AT_ONCE)
                    if not block:
                        return
                    left -= len(block)
        except _TimeIsUpError:
            logger.debug("a refused body takes too long")
        self.close_connection = True


class _ServerLog(logging.LoggerAdapter[logging.Logger]):
    """eventlet's log, which tells a response that broke off with its traceback; that a client went is no fault."""

    def info(self, msg: object, *values: object, **options: Any) -> None:
        """Called by eventlet."""
        if not isinstance(sys.exc_info()[1], GONE):
            super().info(msg, *values, **options)


def _listen(host: str, port: int, variables: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise SettingError(
            f"HTTP cannot listen at {host}, port {port} ({os.strerror(error.errno or 0)}):"
            f" set {variables}_HOST and {variables}_PORT."
        ) from error
