"""What a request stands on: the gateway's parts, its caller and correlation id, and calls on the caller's behalf."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, cast
from uuid import uuid4

from flask import current_app, g, request

from services.gateway.http.page_cache import PageCache
from services.gateway.live.broadcast import Broadcast
from shared.client.errors import Unauthenticated
from shared.client.request import MAX_CORRELATION_ID_LENGTH
from shared.platform.observability import context, traces
from shared.platform.observability.logs import CORRELATION_ID
from shared.platform.rpc.revocations import Revocations

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask import Flask, Response

    from services.gateway.files.storage import FileStore
    from shared.client.rpc import RpcClient
    from shared.client.types import Services
    from shared.platform.rpc.context import Caller
    from shared.platform.settings import Settings

EXTENSION: Final = "impactx"
REQUEST_ID: Final = "X-Request-ID"
_PLAIN: Final = re.compile(rf"[\x21-\x7e]{{1,{MAX_CORRELATION_ID_LENGTH}}}")


@dataclass(frozen=True, slots=True)
class Gateway:
    """The parts of the application.

    Attributes:
        rpc: Calls the services.
        verify: Turns a token and a correlation id into the caller that the token vouches for.
        files: Keeps attached files.
        settings: The settings of the process.
        live: The listeners of the live stream.
        accepts: Raises while no new connections are accepted.
        pages: The pages of lists that were rendered last.
        revocations: Which tokens are refused before they expire.
    """

    rpc: RpcClient
    verify: Callable[[str, str], Caller]
    files: FileStore
    settings: Settings
    live: Broadcast = field(default_factory=Broadcast)
    accepts: Callable[[], None] = lambda: None
    pages: PageCache = field(default_factory=PageCache)
    revocations: Revocations = field(default_factory=Revocations)


def install(app: Flask, parts: Gateway) -> None:
    """Give the application its parts, and identify the caller of every request before its view is called."""
    app.extensions[EXTENSION] = parts
    app.before_request(_read_request_id)
    app.before_request(_verify_token)
    app.after_request(_add_request_id)


def gateway() -> Gateway:
    """Return the parts of the application that serves this request."""
    return cast("Gateway", current_app.extensions[EXTENSION])


def current_caller() -> Caller | None:
    """Return the caller of this request; None for a request without a token."""
    return cast("Caller | None", g.get("caller"))


def signed_in_caller() -> Caller:
    """Return the caller of this request.

    The services refuse a request without a token as well, but the call to them can be saved.

    Raises:
        Unauthenticated: The request has no token.
    """
    caller = current_caller()
    if caller is None:
        raise Unauthenticated
    return caller


def services() -> Services:
    """Return the services, called on behalf of the caller, with the types of their arguments and results.

    Raises:
        Unauthenticated: The request has no token.
    """
    return gateway().rpc.on_behalf_of(signed_in_caller())


def correlation_id() -> str:
    """Return the id under which this request is logged here and in every service."""
    return cast("str", g.correlation_id)


def call(method: str, arguments: dict[str, Any]) -> Any:
    """Call ``service.method`` with the caller's token, if there is one, and correlation id.

    Returns:
        The result as JSON, which only the name of the method has a type for.

    Raises:
        ImpactXError: The service refused the call or did not answer.
    """
    return bound_call()(method, arguments)


def bound_call() -> Callable[[str, dict[str, Any]], Any]:
    """Return `call` for work that outlives the request's context, such as a streamed response."""
    rpc, caller, correlation = gateway().rpc, current_caller(), correlation_id()
    token = caller.token if caller is not None else ""
    return lambda method, arguments: rpc.call(method, arguments, token=token, correlation_id=correlation)


def _read_request_id() -> None:
    given = request.headers.get(REQUEST_ID, "")
    g.correlation_id = given if _PLAIN.fullmatch(given) else str(uuid4())
    context.begin({"service": "gateway", CORRELATION_ID: g.correlation_id, **traces.fact(g.span)})


def _add_request_id(response: Response) -> Response:
    response.headers[REQUEST_ID] = correlation_id()
    return response


def _verify_token() -> None:
    header = request.headers.get("Authorization")
    if header is None:
        return
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated("The Authorization header must have the form: Bearer <token>.")
    g.caller = gateway().verify(token.strip(), correlation_id())
