"""What a request stands on: the gateway's parts, its caller, and calls to the services on the caller's behalf."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from flask import current_app, g

from services.gateway.http.page_cache import PageCache
from services.gateway.live.broadcast import Broadcast

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.gateway.files.storage import FileStore
    from shared.client.rpc import RpcClient
    from shared.platform.rpc.context import Caller
    from shared.platform.settings import Settings

EXTENSION = "impactx"


@dataclass(frozen=True, slots=True)
class Gateway:
    """What the application is given.

    Attributes:
        rpc: Calls the services.
        verify: Turns a token and a correlation id into the caller that the token vouches for.
        files: Keeps attached files.
        settings: Of the process.
        live: The listeners of the live stream.
        accepts: Raises where no new connections are accepted.
        pages: The pages of lists that were rendered last.
    """

    rpc: RpcClient
    verify: Callable[[str, str], Caller]
    files: FileStore
    settings: Settings
    live: Broadcast = field(default_factory=Broadcast)
    accepts: Callable[[], None] = lambda: None
    pages: PageCache = field(default_factory=PageCache)


def gateway() -> Gateway:
    """The parts of the application that serves this request."""
    return cast("Gateway", current_app.extensions[EXTENSION])


def caller() -> Caller | None:
    """Who makes this request; None without a token."""
    return cast("Caller | None", g.get("caller"))


def correlation_id() -> str:
    """Under which this request is logged here and in every service."""
    return cast("str", g.correlation_id)


def call(method: str, arguments: dict[str, Any]) -> Any:
    """Calls ``service.method`` with the caller's token and correlation id.

    Raises:
        ImpactXError: What the service answered, or that no answer came.
    """
    return bound_call()(method, arguments)


def bound_call() -> Callable[[str, dict[str, Any]], Any]:
    """As `call`, for work that goes on when the request's context has gone, such as a streamed response."""
    rpc, who, correlation = gateway().rpc, caller(), correlation_id()
    token = who.token if who is not None else ""
    return lambda method, arguments: rpc.call(method, arguments, token=token, correlation_id=correlation)
