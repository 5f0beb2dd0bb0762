"""The HTTP server inside the container: sockets, limits of time and size, and an orderly stop."""

from __future__ import annotations

import logging
import os
import socket
import sys
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Self

import eventlet
import eventlet.wsgi
from nameko.extensions import DependencyProvider

from services.gateway.app import create_app
from services.gateway.context import Gateway
from services.gateway.storage import FileStore
from services.gateway.stream.source import LiveEvents
from shared.rpc.provider import RpcClients
from shared.rpc.verification import Verification
from shared.settings import SettingError

if TYPE_CHECKING:
    from shared.settings import Settings

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


class _ServerLog(logging.LoggerAdapter[logging.Logger]):
    """eventlet's log, which tells a response that broke off with its traceback; that a client went is no fault."""

    def info(self, msg: object, *values: object, **options: Any) -> None:
        """Called by eventlet."""
        if not isinstance(sys.exc_info()[1], GONE):
            super().info(msg, *values, **options)


class _TimeIsUpError(Exception):
    """What was waited for did not happen in time."""


class HttpServer(DependencyProvider):
    """Serves the application on ``settings.http_host`` and ``settings.http_port``.

    Every connection has a green thread of its own, so one that is slow or idle holds up nobody; how many there may
    be is ``settings.http_connections``, and the next ones wait to be accepted.
    """

    clients = RpcClients()
    verification = Verification()
    live = LiveEvents()

    def bind(self, container: Any, attr_name: str) -> Self:
        """Called by nameko when the service is put together: takes the port, before anything starts.

        Raises:
            SettingError: The address cannot be listened at.
        """
        bound: Self = super().bind(container, attr_name)
        settings = bound._settings = container.config["SETTINGS"]
        bound._socket = _listen(settings.http_host, settings.http_port)
        bound._connections = eventlet.GreenPool(settings.http_connections)
        bound._files = _file_store(settings)
        return bound

    @property
    def url(self) -> str:
        """Where it listens; with port 0, the one that was free."""
        host, port = self._socket.getsockname()[:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def start(self) -> None:
        """Called by nameko."""
        settings = self._settings
        files = FileStore(settings.attachments or str(settings.home.absolute() / "attachments"))
        app = create_app(
            Gateway(self.clients.client, self.verification.verify, files, settings, self.live.broadcast)
        )
        self._server = eventlet.spawn(
            eventlet.wsgi.server,
            self._socket,
            app,
            log=_ServerLog(logger),
            log_output=False,
            custom_pool=self._connections,
            protocol=Protocol,
            keepalive=IDLE_SECONDS,
            socket_timeout=SOCKET_SECONDS,
            url_length_limit=LONGEST_REQUEST_LINE,
            debug=False,
        )

    def stop(self) -> None:
        """Called by nameko: accepts no more, closes idle connections, and finishes the requests in hand.

        What is not finished within ``settings.stop_grace`` is cut off.
        """
        self._server.kill()
        self.live.broadcast.end()
        try:
            with eventlet.Timeout(self._settings.stop_grace, _TimeIsUpError):
                self._connections.waitall()
        except _TimeIsUpError:
            logger.warning("%s requests are cut off", self._connections.running())
        for connection in list(self._connections.coroutines_running):
            connection.kill()
        self._socket.close()

    def kill(self) -> None:
        """Called by nameko when there is no time."""
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


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise SettingError(
            f"HTTP cannot listen at {host}, port {port} ({os.strerror(error.errno or 0)}):"
            " set IMPACTX_HTTP_HOST and IMPACTX_HTTP_PORT."
        ) from error


def _file_store(settings: Settings) -> FileStore:
    try:
        return FileStore(settings.attachments or str(settings.home.absolute() / "attachments"))
    except (ImportError, ValueError) as error:
        raise SettingError(f"IMPACTX_ATTACHMENTS cannot be used: {error}") from error
