"""A door into an embedded system: a Unix socket through which commands of the same user call its services.

The in-process broker cannot be reached from outside. The command line speaks to a running ``make run`` here:
one JSON object a line each way, ``{"method", "arguments", "headers", "timeout"}`` in, a reply as on nameko's wire
out. `shared.client.local.LocalClient` is the other side.
"""

from __future__ import annotations

import logging
import socket
import threading
from functools import partial
from typing import TYPE_CHECKING, Any

import orjson

from shared.client import supervision
from shared.client.errors import ImpactXError, to_wire
from shared.client.local import address_of, is_open
from shared.client.request import CORRELATION_HEADER, TOKEN_HEADER
from shared.client.supervision import Work
from shared.platform.http.accepting import Acceptor

if TYPE_CHECKING:
    from pathlib import Path

    from shared.client.calls import Client

logger = logging.getLogger(__name__)

CLOSE_SECONDS = 2.0


class ControlSocket:
    """The side inside the running system.

    Args:
        path: Of the socket; only its owner may connect.
        client: With which calls are made.
    """

    def __init__(self, path: Path, client: Client) -> None:
        self._path = path
        self._client = client
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._acceptor = Acceptor(self._socket, "control_socket")
        self._work = Work("control socket", partial(self._acceptor.run, self._take))

    def open(self) -> None:
        """Lets callers in."""
        self._path.unlink(missing_ok=True)
        self._socket.bind(address_of(self._path))
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
