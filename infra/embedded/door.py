"""A door into an embedded system: a Unix socket through which commands of the same user call its services.

The in-process broker cannot be reached from outside. The command line speaks to a running ``make run`` here:
one JSON object a line each way, ``{"method", "arguments", "headers", "timeout"}`` in, a reply as on nameko's wire
out.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
from functools import partial
from typing import TYPE_CHECKING, Any

import orjson

from shared import supervision
from shared.accepting import Acceptor
from shared.errors import ImpactXError, RpcTimeout, Unavailable, from_wire, to_wire
from shared.rpc.client import RpcClient
from shared.rpc.request import CORRELATION_HEADER, TOKEN_HEADER, arguments_json
from shared.supervision import Work

if TYPE_CHECKING:
    from pathlib import Path

logger = logging.getLogger(__name__)

GREATEST_LINE = 64 * 1024 * 1024
TIMEOUT_SLACK = 5.0
CLOSE_SECONDS = 2.0


def is_open(path: Path) -> bool:
    """Whether a running system answers at this socket; a killed one leaves its socket behind."""
    try:
        _connect(path).close()
    except OSError:
        return False
    return True


def _connect(path: Path) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.connect(_address(path))
    except OSError:
        connection.close()
        raise
    return connection


def _address(path: Path) -> str:
    """The shorter of the ways to say it: the name of a socket may have about a hundred bytes."""
    return min(str(path), os.path.relpath(path), key=len)


class Door:
    """The side inside the running system.

    Args:
        path: Of the socket; only its owner may connect.
        client: With which calls are made.
    """

    def __init__(self, path: Path, client: RpcClient) -> None:
        self._path = path
        self._client = client
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._acceptor = Acceptor(self._socket, "control_socket")
        self._work = Work("control socket", partial(self._acceptor.run, self._take))

    def open(self) -> None:
        """Lets callers in."""
        self._path.unlink(missing_ok=True)
        self._socket.bind(_address(self._path))
        self._path.chmod(0o600)
        self._socket.listen()
        self._work.start()

    def close(self) -> None:
        """Lets nobody in any more."""
        self._work.stop()
        if self._work.is_running:
            # The thread must not be left waiting on a socket that is closed: its number is soon somebody else's.
            is_open(self._path)
        self._work.join(CLOSE_SECONDS)
        self._acceptor.close()
        self._path.unlink(missing_ok=True)
        self._socket.close()

    def _take(self, connection: socket.socket, _address: Any) -> None:
        if self._work.stopping.is_set():
            connection.close()
            self._acceptor.close()
            return
        threading.Thread(
            target=supervision.guarded,
            args=("caller of the control socket", self._serve, connection),
            daemon=True,
        ).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as lines:
            try:
                for line in lines:
                    connection.sendall(orjson.dumps(self._answer(line)) + b"\n")
            except OSError as error:
                logger.debug("a caller at the door went away: %s", error)

    def _answer(self, line: bytes) -> dict[str, Any]:
        call = orjson.loads(line)
        headers = call["headers"]
        try:
            result = self._client.call(
                call["method"],
                call["arguments"],
                token=headers.get(TOKEN_HEADER, ""),
                correlation_id=headers.get(CORRELATION_HEADER, ""),
                timeout=call["timeout"],
                # whoever is outside repeats
                attempts=1,
            )
        except ImpactXError as error:
            return {"result": None, "error": to_wire(error)}
        return {"result": result, "error": None}


class DoorClient(RpcClient):
    """An `RpcClient` that goes through the door.

    Args:
        path: Of the socket.
        options: As for `RpcClient`.
    """

    def __init__(self, path: Path, **options: Any) -> None:
        super().__init__("", **options)
        self._path = path
        self._one_at_a_time = threading.Lock()
        self._connection: socket.socket | None = None
        self._lines: Any = None

    def close(self) -> None:
        """Closes the connection."""
        if self._connection is not None:
            # The file over the socket holds it open until it is closed as well.
            self._lines.close()
            self._connection.close()
            self._connection = None

    def _attempt(
        self, method: str, arguments: dict[str, Any], headers: dict[str, str], seconds: float
    ) -> Any:
        given = orjson.Fragment(arguments_json(arguments))
        call = orjson.dumps({"method": method, "arguments": given, "headers": headers, "timeout": seconds})
        with self._one_at_a_time:
            try:
                if self._connection is None:
                    connection = _connect(self._path)
                    self._connection, self._lines = connection, connection.makefile("rb")
                self._connection.settimeout(seconds + TIMEOUT_SLACK)
                self._connection.sendall(call + b"\n")
                line = self._lines.readline(GREATEST_LINE)
            except TimeoutError:
                self.close()
                raise RpcTimeout(f"{method} did not answer in time.") from None
            except OSError as error:
                self.close()
                raise Unavailable(f"The embedded system cannot be reached: {error}.") from error
            if not line:
                self.close()
                raise Unavailable("The embedded system has stopped.")
        reply = orjson.loads(line)
        if reply["error"]:
            raise from_wire(reply["error"])
        return reply["result"]
