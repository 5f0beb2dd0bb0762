"""Who calls: the token of a request, verified before anything else is done, and its correlation id."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from flask import g, request

from services.gateway.http.context import caller, correlation_id, gateway
from shared.client.errors import Unauthenticated
from shared.client.request import MAX_CORRELATION_ID_LENGTH
from shared.platform.observability import context, traces
from shared.platform.observability.logs import CORRELATION_ID

if TYPE_CHECKING:
    from flask import Flask, Response

REQUEST_ID: Final = "X-Request-ID"
_PLAIN: Final = re.compile(rf"[\x21-\x7e]{{1,{MAX_CORRELATION_ID_LENGTH}}}")


def install(app: Flask) -> None:
    """Has every request identified before its view is called."""
    app.before_request(_take_request_id)
    app.before_request(_verify)
    app.after_request(_give_request_id)


def require_sign_in() -> None:
    """Refuses a request without a token; the services would as well, but the call can be saved.

    Raises:
        Unauthenticated: There is none.
    """
    if caller() is None:
        raise Unauthenticated


def _take_request_id() -> None:
    given = request.headers.get(REQUEST_ID, "")
    g.correlation_id = given if _PLAIN.fullmatch(given) else str(uuid4())
    context.begin({"service": "gateway", CORRELATION_ID: g.correlation_id, **traces.fact(g.span)})


def _give_request_id(response: Response) -> Response:
    response.headers[REQUEST_ID] = correlation_id()
    return response


def _verify() -> None:
    header = request.headers.get("Authorization")
    if header is None:
        return
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated("Say it like this: Authorization: Bearer <token>.")
    g.caller = gateway().verify(token.strip(), correlation_id())
