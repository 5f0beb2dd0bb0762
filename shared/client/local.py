"""Calls the services of a ``make run`` on this machine, which has no broker that another process could reach.

    with LocalClient(email="...", password="...") as client:
        report = client.reports.create_report(title="...", ...)

It is a client like `rpc.RpcClient` in all but the way that a request takes: through the control socket of the running
system, which only the user who runs it may open.
"""

from __future__ import annotations

import os
import socket
import threading
from pathlib import Path
from typing import Any, Unpack

import orjson

from .calls import Client, Options
from .errors import RpcTimeout, Unavailable, from_wire
from .request import arguments_json

DEFAULT_HOME = ".impactx"
"""Where ``make run`` keeps its data unless ``IMPACTX_HOME`` names another directory."""

SOCKET = "rpc.sock"
MAX_LINE = 64 * 1024 * 1024
TIMEOUT_SLACK = 5.0


def default_path() -> Path:
    """Return where the control socket of the ``make run`` of this directory is."""
    return Path(os.environ.get("IMPACTX_HOME") or DEFAULT_HOME) / SOCKET


def is_open(path: Path) -> bool:
    """Return whether a running system answers at this socket; a killed one leaves its socket behind."""
    try:
        _connect(path).close()
    except OSError:
        return False
    return True


def _connect(path: Path) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.connect(address_of(path))
    except OSError:
        connection.close()
        raise
    return connection


def address_of(path: Path) -> str:
    """Return the shorter of the names of a socket, absolute or relative: it may have about a hundred bytes."""
    return min(str(path), os.path.relpath(path), key=len)


class LocalClient(Client):
    """A client of the ``make run`` on this machine, through its control socket.

    Args:
        path: Of the socket; that of the ``make run`` of this directory by default (``IMPACTX_HOME``, ``.impactx``).
        options: As for `Client`.
    """

    def __init__(self, path: Path | str | None = None, **options: Unpack[Options]) -> None:
        super().__init__(**options)
        self._path = Path(path) if path is not None else default_path()
        self._one_at_a_time = threading.Lock()
        self._connection: socket.socket | None = None
        self._lines: Any = None

    def close(self) -> None:
        """Close the connection."""
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
                line = self._lines.readline(MAX_LINE)
            except TimeoutError:
                self.close()
                raise RpcTimeout(f"{method} did not answer in time.") from None
            except OSError as error:
                self.close()
                raise Unavailable(
                    f"No ImpactX runs at {self._path} ({error.strerror or error}): start `make run` there."
                ) from error
            if not line:
                self.close()
                raise Unavailable(f"The ImpactX at {self._path} has stopped.")
        reply = orjson.loads(line)
        if reply["error"]:
            raise from_wire(reply["error"])
        return reply["result"]
