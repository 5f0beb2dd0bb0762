"""An HTTP server inside a process of green threads: sockets, limits of time and size, and an orderly stop."""

from __future__ import annotations

import logging
import os
import socket
import sys
import time
import urllib.parse
from collections import Counter
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import eventlet
import eventlet.wsgi

from shared.client.errors import Unavailable
from shared.client.supervision import Work
from shared.platform import concurrency
from shared.platform.http.accepting import Acceptor, turn_away
from shared.platform.http.addresses import client_network
from shared.platform.http.parser import Limits, RequestError, Wire, problem, read_head
from shared.platform.observability import metrics
from shared.platform.settings import SettingError

if TYPE_CHECKING:
    from collections.abc import Callable
    from wsgiref.types import WSGIApplication

    from shared.platform.http.parser import Body, Head

logger = logging.getLogger(__name__)

BACKLOG: Final = 1024
FULL_SECONDS: Final = 0.02
"""Between two looks for a place when all are taken."""

LINGER_SECONDS: Final = 1.0
"""For which a refused client may go on sending, so that it gets to read why before the connection is reset."""

TOO_MANY: Final = problem(
    HTTPStatus.TOO_MANY_REQUESTS,
    "There are too many connections from your address. Close some of them first.",
)
NO_ROOM: Final = problem(
    HTTPStatus.SERVICE_UNAVAILABLE,
    "The server has no free connection at present. Try again in a moment.",
)

GONE: Final = (BrokenPipeError, ConnectionResetError, TimeoutError)


class _TimeIsUpError(Exception):
    """What was waited for did not happen in time."""


class WebServer:
    """Serves one application at one address; the port is taken at once, requests are after `serve`.

    Every connection has a green thread of its own, so one that is slow or idle holds up nobody. When all places are
    taken, the connection that has been idle longest makes room.

    Args:
        host: The address to listen at.
        port: The port there; 0 takes a free one.
        variables: What the settings begin with that say so, such as ``IMPACTX_HTTP``, for the error's text.
        connections: How many are kept at most; the next ones wait to be accepted.
        per_client: How many of them one client (`client_network`) may have; 0 sets no limit.
        limits: Of each request in time and size.

    Raises:
        SettingError: The address cannot be listened at.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        variables: str,
        connections: int,
        per_client: int = 0,
        limits: Limits | None = None,
    ) -> None:
        self._socket = _listen(host, port, variables)
        self._name = variables.lower()
        self._acceptor = Acceptor(self._socket, self._name, refusal=NO_ROOM)
        self._threads = eventlet.GreenPool(connections)
        self._connections = connections
        self._per_client = per_client
        self._limits = limits or Limits()
        self._open: dict[int, list[Any]] = {}
        self._clients: Counter[str] = Counter()
        self._limited: set[str] = set()
        self._accepting: Work | None = None
        self._shared: Any = None

    @property
    def url(self) -> str:
        """Where it listens; with port 0, the one that was free."""
        host, port = self._socket.getsockname()[:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def serve(self, application: WSGIApplication) -> None:
        """Begins to answer; returns at once."""
        self._shared = eventlet.wsgi.Server(
            self._socket,
            self._socket.getsockname(),
            application,
            log=_ServerLog(logger),
            keepalive=self._limits.idle_seconds,
            debug=False,
        )
        # After `Server` has made use of its own.
        self._shared.log, self._shared.log_output = _ServerLog(logger), False
        self._accepting = Work(f"{self._name} server", partial(self._acceptor.run, self._take))
        self._accepting.start()

    def check(self) -> None:
        """Returns while new connections are accepted.

        Raises:
            Unavailable: There are no descriptors or no places for them.
        """
        self._acceptor.check()
        if self._accepting is not None:
            self._accepting.check()
        if not self._threads.free() and self._longest_idle() is None:
            raise Unavailable(f"All {self._connections} connections are in use.")

    def refuse(self) -> None:
        """Accepts no more and closes idle connections; requests in hand go on."""
        self._acceptor.close()
        if self._accepting is not None:
            concurrency.kill(self._accepting)
        self._socket.close()
        for connection in self._open.values():
            was, connection[STATE] = connection[STATE], eventlet.wsgi.STATE_CLOSE
            if was == eventlet.wsgi.STATE_IDLE:
                _shut(connection[SOCKET])

    def finish(self, grace: float) -> None:
        """Waits for the requests in hand, cuts off what takes longer than the grace (seconds), and closes."""
        self.refuse()
        try:
            with eventlet.Timeout(grace, _TimeIsUpError):
                self._threads.waitall()
        except _TimeIsUpError:
            logger.warning("%s requests are cut off", self._threads.running())
        for thread in list(self._threads.coroutines_running):
            thread.kill()
        self.close()

    def close(self) -> None:
        """Gives the port back, whatever goes on."""
        self._acceptor.close()
        self._socket.close()

    def _take(self, sock: socket.socket, address: Any) -> None:
        """Called for each connection that is accepted."""
        client = client_network(address[0])
        if self._per_client and self._clients[client] >= self._per_client:
            metrics.http_connections_refused.inc()
            if client not in self._limited:
                self._limited.add(client)
                logger.warning("%s has %s connections and gets no more", client, self._per_client)
            turn_away(sock, TOO_MANY)
            return
        while not self._threads.free():
            idle = self._longest_idle()
            if idle is not None:
                idle[STATE] = eventlet.wsgi.STATE_CLOSE
                _shut(idle[SOCKET])
            eventlet.sleep(FULL_SECONDS)
        connection = [address, sock, eventlet.wsgi.STATE_IDLE, time.monotonic()]
        self._open[id(connection)] = connection
        self._clients[client] += 1
        metrics.http_connections.labels(self._name).inc()
        self._threads.spawn(self._serve, connection, client)

    def _serve(self, connection: list[Any], client: str) -> None:
        try:
            Connection(connection, self._shared, self._limits)
        except GONE as error:
            logger.debug("a client at %s went away: %r", connection[ADDRESS], error)
        except OSError as error:
            logger.debug("the connection of %s broke: %s", connection[ADDRESS], error)
        except Exception:
            logger.exception("the connection of %s failed", connection[ADDRESS])
        finally:
            metrics.http_connections.labels(self._name).dec()
            del self._open[id(connection)]
            self._clients[client] -= 1
            if not self._clients[client]:
                del self._clients[client]
                self._limited.discard(client)
            connection[SOCKET].close()

    def _longest_idle(self) -> list[Any] | None:
        """The connection on which no request has come for the longest time."""
        idle = [found for found in self._open.values() if found[STATE] == eventlet.wsgi.STATE_IDLE]
        return min(idle, key=lambda connection: connection[SINCE], default=None)


ADDRESS, SOCKET, STATE, SINCE = range(4)
"""Places in what eventlet knows of a connection; the last one is ours: since when it is idle."""


class Connection(eventlet.wsgi.HttpProtocol):
    """One connection: requests are read by `shared.platform.http.parser`, responses are written by eventlet.

    Args:
        connection: Address, socket, state, and since when it is idle.
        server: What eventlet shares between connections.
        limits: Of each request.
    """

    def __init__(self, connection: list[Any], server: Any, limits: Limits) -> None:
        self._limits = limits
        super().__init__(connection, server)

    def setup(self) -> None:
        """Called by eventlet."""
        self.connection = self.request
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.rfile = self.wfile = self._wire = Wire(self.connection, self._limits)

    def handle(self) -> None:
        """Called by eventlet: answers one request after the other."""
        self.close_connection = False
        while not self.close_connection:
            self.handle_one_request()
            if self.conn_state[STATE] == eventlet.wsgi.STATE_CLOSE:
                return
            self.conn_state[SINCE] = time.monotonic()
            self.conn_state[STATE] = eventlet.wsgi.STATE_IDLE

    def finish(self) -> None:
        """Called by eventlet."""
        _shut(self.connection)

    def handle_one_request(self) -> None:
        """Reads and answers one request."""
        try:
            head = read_head(self._wire, self._begin)
        except RequestError as error:
            self._refuse(error)
            return
        if head is None:
            self.close_connection = True
            return
        self._wire.begin_response()
        self.command = head.method
        self.request_version = f"HTTP/{head.version}"
        self.requestline = f"{head.method} {head.target} {self.request_version}"
        asked = "keep-alive" if head.version == "1.0" and head.keeps else ""
        self.headers = {"Connection": asked}
        self.close_connection = not head.keeps or head.body.has_more
        head.body.on_broken = self._close_afterwards
        self.environ = _environ(head, self)
        self.application = self._application(head.body)
        try:
            self.handle_one_response()
        except GONE as error:
            self.close_connection = True
            logger.debug("a client at %s went away: %r", self.client_address, error)
        if self.close_connection:
            self._linger()

    def _application(self, body: Body) -> Callable[..., Any]:
        """Return the application; a response that begins before a body in chunks is whole announces the close.

        A client that kept the connection could send its next request together with the last chunks, and whoever
        reads those cannot give back what follows them.
        """

        def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
            def start(*arguments: Any) -> Any:
                self.close_connection = self.close_connection or body.may_take_what_follows
                return start_response(*arguments)

            return self.server.app(environ, start)

        return answer

    def _begin(self) -> bool:
        """A request has begun: it is not cut off by a stop any more, unless that came first."""
        if self.conn_state[STATE] == eventlet.wsgi.STATE_CLOSE:
            return False
        self.conn_state[STATE] = eventlet.wsgi.STATE_REQUEST
        return True

    def _close_afterwards(self) -> None:
        self.close_connection = True

    def _refuse(self, error: RequestError) -> None:
        self.close_connection = True
        metrics.http_malformed.labels(str(error.status.value)).inc()
        logger.info(
            "a request from %s is refused with %s: %s", self.client_address, error.status.value, error
        )
        try:
            self._wire.begin_response()
            self._wire.write(problem(error.status, error.detail))
            self._linger()
        except OSError as gone:
            logger.debug("a client at %s went away: %r", self.client_address, gone)

    def _linger(self) -> None:
        """Takes what the client still sends for a moment, so that it reads the answer and not of a reset."""
        try:
            self.connection.shutdown(socket.SHUT_WR)
            with eventlet.Timeout(LINGER_SECONDS, _TimeIsUpError):
                while self._wire.receive(LINGER_SECONDS):
                    pass
        except (OSError, _TimeIsUpError):
            return


def _environ(head: Head, connection: Any) -> dict[str, Any]:
    """The request as PEP 3333 has it."""
    path, _, query = head.target.partition("?")
    here = connection.connection.getsockname()
    environ: dict[str, Any] = connection.server.get_environ()
    environ |= {
        "REQUEST_METHOD": head.method,
        "SCRIPT_NAME": "",
        "RAW_PATH_INFO": path,
        "PATH_INFO": urllib.parse.unquote(path, encoding="latin-1"),
        "QUERY_STRING": query,
        "SERVER_PROTOCOL": f"HTTP/{head.version}",
        "SERVER_NAME": here[0],
        "SERVER_PORT": str(here[1]),
        "REMOTE_ADDR": connection.client_address[0],
        "REMOTE_PORT": str(connection.client_address[1]),
        "GATEWAY_INTERFACE": "CGI/1.1",
        "wsgi.input": head.body,
        "wsgi.input_terminated": True,
        "eventlet.input": head.body,
        "eventlet.posthooks": [],
    }
    for name, value in head.fields:
        if "_" in name:  # would pass for the field of that name with a hyphen
            continue
        key = name.replace("-", "_").upper()
        if key not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            key = f"HTTP_{key}"
        separator = "; " if name == "cookie" else ","
        environ[key] = f"{environ[key]}{separator}{value}" if key in environ else value
    if head.host:
        environ["HTTP_HOST"] = head.host
    return environ


class _ServerLog(logging.LoggerAdapter[logging.Logger]):
    """eventlet's log, which tells a response that broke off with its traceback; that a client went is no fault."""

    def info(self, msg: object, *values: object, **options: Any) -> None:
        """Called by eventlet."""
        if not isinstance(sys.exc_info()[1], GONE):
            super().info(msg, *values, **options)


def _shut(sock: Any) -> None:
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # it is shut


def _listen(host: str, port: int, variables: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise SettingError(
            f"HTTP cannot listen at {host}, port {port} ({os.strerror(error.errno or 0)}):"
            f" set {variables}_HOST and {variables}_PORT."
        ) from error
