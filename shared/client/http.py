"""Calls the services over HTTP, through the gateway, where there is no way to the broker.

    with HttpClient("https://impactx.example", email="...", password="...") as client:
        report = client.reports.create_report(title="...", ...)

What every client does is in `calls`. This one may be shared by all threads of a program. It knows the address of each
method from `types.routes`; what the gateway offers as files alone (adding an attachment, the CAP document of an alert)
is not among them.
"""

from __future__ import annotations

import http.client
import io
import json
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Unpack
from urllib.parse import quote, urlsplit

import orjson
import urllib3
from urllib3.exceptions import HTTPError, LocationParseError, NewConnectionError
from urllib3.exceptions import TimeoutError as HttpTimeoutError

from .calls import Client, Options
from .errors import BY_SLUG, ImpactXError, Invalid, NotFound, RpcTimeout, Unavailable, from_wire
from .request import CORRELATION_HEADER, MAX_BODY, TOKEN_HEADER, arguments_json
from .types.routes import ROUTES

if TYPE_CHECKING:
    import socket

    from .methods import HttpRoute

JSON: Final = "application/json"
PROBLEM: Final = "application/problem+json"
BLOCK: Final = 65536
MAX_REPLY: Final = 32 * 1024 * 1024
"""Bytes of a response that is taken in."""

CONNECTIONS: Final = 10
"""Connections that are kept open between calls."""

OWN_HEADERS: Final = frozenset({TOKEN_HEADER, CORRELATION_HEADER})
CIRCLE: Final = ("lon", "lat", "radius_m")

STANDARD: Final = frozenset({"type", "title", "status", "detail", "instance", "slug", "fields"})
"""The members of a problem that are not its details."""

SLUGS: Final = {
    "precondition_failed": "conflict",
    "precondition_required": "invalid",
    "request_timeout": "timeout",
    "insufficient_storage": "unavailable",
    "bad_request": "invalid",
}
"""What the gateway refuses by itself, as the error that a service would have answered."""

STATUSES: Final = {
    401: "unauthenticated",
    403: "forbidden",
    404: "not_found",
    408: "timeout",
    413: "too_large",
    429: "rate_limited",
    500: "internal",
    502: "unavailable",
    503: "unavailable",
    504: "timeout",
}
"""What a response means that is not the gateway's, such as that of a proxy before it."""


class _TimedReads(io.RawIOBase):
    """What arrives on a socket, until a moment: urllib3 limits each read, and a peer that trickles makes many.

    Args:
        reads: The socket as a file.
        connection: The socket.
        until: The moment, by `time.monotonic`.
    """

    def __init__(self, reads: io.RawIOBase, connection: socket.socket, until: float) -> None:
        self._reads = reads
        self._connection = connection
        self._until = until

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError("The response is not complete in time.")
        self._connection.settimeout(left)
        return self._reads.readinto(buffer)

    def close(self) -> None:
        self._reads.close()
        super().close()


class _TimedResponse(http.client.HTTPResponse):
    """A response that is complete, head and body, within the timeout that its socket has when it begins."""

    def __init__(self, sock: socket.socket, *options: Any, **more: Any) -> None:
        super().__init__(sock, *options, **more)
        timeout = sock.gettimeout()
        if timeout is not None:
            reads = _TimedReads(self.fp.detach(), sock, time.monotonic() + timeout)
            self.fp = io.BufferedReader(reads)


class _HttpConnection(urllib3.connection.HTTPConnection):
    response_class = _TimedResponse


class _HttpsConnection(urllib3.connection.HTTPSConnection):
    response_class = _TimedResponse


class _HttpPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _HttpConnection


class _HttpsPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _HttpsConnection


class HttpClient(Client):
    """A client of all services through the gateway.

    Args:
        url: The gateway, such as ``https://impactx.example``; what is behind the host is put before ``/api/v1``.
        ca_certs: A file with the certificates that sign the gateway's; the system's own by default.
        options: As for `Client`.

    Raises:
        ValueError: The URL is none of http or https.
    """

    def __init__(self, url: str, *, ca_certs: str | None = None, **options: Unpack[Options]) -> None:
        super().__init__(**options)
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise ValueError("The URL must be that of a gateway, such as https://impactx.example.")
        self._url = url.rstrip("/")
        self._pool = urllib3.PoolManager(maxsize=CONNECTIONS, retries=False, ca_certs=ca_certs)
        self._pool.pool_classes_by_scheme = {"http": _HttpPool, "https": _HttpsPool}

    def close(self) -> None:
        """Close the connections."""
        self._pool.clear()

    def _attempt(
        self, method: str, arguments: dict[str, Any], headers: dict[str, str], seconds: float
    ) -> Any:
        route = _route_of(method, arguments)
        sent = {name: value for name, value in arguments.items() if name not in route.in_path}
        own = {"Accept": JSON, "X-Request-ID": headers[CORRELATION_HEADER]}
        own |= {name: value for name, value in headers.items() if name not in OWN_HEADERS}
        if headers.get(TOKEN_HEADER):
            own["Authorization"] = f"Bearer {headers[TOKEN_HEADER]}"
        if route.is_versioned:
            version = sent.pop("version", None)
            if version is not None:
                own["If-Match"] = f'"{version}"'
        if not route.takes_id:  # made by `Client.call`, for a route that creates nothing
            sent.pop("id", None)
        fields = body = None
        if route.verb == "GET":
            fields = _query(sent)
        elif route.has_body:
            own["Content-Type"] = JSON
            body = arguments_json(sent)
            if len(body) > MAX_BODY:
                raise BY_SLUG["too_large"](
                    f"The request has {len(body)} bytes; at most {MAX_BODY} are accepted."
                )
        status, content_type, answer = self._exchange(
            method, route.verb, self._url + _path(route, arguments), fields, body, own, seconds
        )
        if status in (200, 201):
            return _json(answer)
        if status == 204:  # noqa: PLR2004 - no content
            return None
        raise _error(status, content_type, answer)

    def _exchange(
        self,
        method: str,
        verb: str,
        url: str,
        fields: list[tuple[str, str]] | None,
        body: bytes | None,
        headers: dict[str, str],
        seconds: float,
    ) -> tuple[int, str, bytes]:
        """Send a request and return the status, the content type and the body of its response."""
        try:
            response = self._pool.request(
                verb,
                url,
                fields=fields,
                body=body,
                headers=headers,
                timeout=urllib3.Timeout(total=seconds),
                redirect=False,
                preload_content=False,
            )
            try:
                answer = bytearray()
                while block := response.read(BLOCK):
                    answer += block
                    if len(answer) > MAX_REPLY:
                        raise Unavailable(f"The answer has over {MAX_REPLY} bytes.")
            finally:
                if response.length_remaining == 0:
                    response.release_conn()
                else:
                    response.close()
        except NewConnectionError as error:  # before its base, which is that of timeouts
            raise Unavailable(f"The gateway at {self._url} cannot be reached: {error}") from error
        except HttpTimeoutError:
            raise RpcTimeout(f"{method} did not answer within {seconds:g} seconds.") from None
        except (HTTPError, LocationParseError, OSError) as error:
            raise Unavailable(f"The gateway at {self._url} cannot be reached: {error}") from error
        return response.status, response.headers.get("Content-Type", ""), bytes(answer)


def _route_of(method: str, arguments: Mapping[str, Any]) -> HttpRoute:
    """Return the route that names most of the arguments in its path."""
    routes = ROUTES.get(method)
    if routes is None:
        raise NotFound(f"The gateway does not offer {method} as a call.")
    for route in routes:
        if route.in_path <= arguments.keys():
            return route
    missing = sorted(routes[-1].in_path - arguments.keys())
    raise Invalid(fields={name: ["Missing data for required field."] for name in missing})


def _path(route: HttpRoute, arguments: Mapping[str, Any]) -> str:
    return route.path.format_map({name: quote(str(arguments[name]), safe="") for name in route.in_path})


def _query(arguments: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the arguments as the query of a GET; see `docs/http.md`."""
    found: list[tuple[str, str]] = []
    for name, value in arguments.items():
        if value is None:
            continue
        if isinstance(value, Sequence) and not isinstance(value, str):
            parts = [_text(name, part) for part in value]
            # A box is one value, with commas; other lists may be said either way.
            is_numbers = all(isinstance(part, int | float) for part in value)
            found += [(name, ",".join(parts))] if is_numbers else [(name, part) for part in parts]
        else:
            found.append((name, _text(name, value)))
    return found


def _text(name: str, value: Any) -> str:
    if isinstance(value, Mapping) and value.keys() == set(CIRCLE):
        return ",".join(_text(f"{name}.{part}", value[part]) for part in CIRCLE)
    # Refuses what no service takes, and writes ids and times as it does.
    plain = orjson.loads(arguments_json({name: value}))[name]
    return plain if isinstance(plain, str) else json.dumps(plain)


def _json(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Unavailable("The answer cannot be read: it is not JSON.") from error


def _error(status: int, content_type: str, body: bytes) -> ImpactXError:
    """Return the error that a response says."""
    if content_type.partition(";")[0].strip() == PROBLEM:
        problem = _json(body)
        if isinstance(problem, dict) and isinstance(problem.get("slug"), str):
            slug = SLUGS.get(problem["slug"], problem["slug"])
            details = {name: value for name, value in problem.items() if name not in STANDARD}
            if "current_status" in details:
                details["status"] = details.pop("current_status")
            if slug in BY_SLUG:
                said = {
                    "slug": slug,
                    "message": problem.get("detail", ""),
                    "fields": problem.get("fields"),
                    "details": details,
                }
                try:
                    return from_wire(said)
                except (TypeError, ValueError, AttributeError) as malformed:
                    raise Unavailable("The gateway answered an error that cannot be read.") from malformed
    kind = BY_SLUG[STATUSES.get(status, "internal")]
    return kind(f"The gateway answered with the status {status}.")
