"""Lets pages of other origins call the gateway (Fetch standard, CORS); of those that the settings name, none else.

Credentials are not allowed with it: nothing here is signed in by a cookie, and a token is sent by the page itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flask import Response, request

if TYPE_CHECKING:
    from flask import Flask

ANY: Final = "*"
METHODS: Final = "GET, HEAD, POST, PUT, PATCH, DELETE"
SENT: Final = (
    "Accept, Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Last-Event-ID, Prefer, Range,"
    " X-Request-ID"
)
SHOWN: Final = (
    "Content-Disposition, Content-Range, ETag, Last-Modified, Link, Location, Retry-After, X-Request-ID"
)
REMEMBERED_SECONDS: Final = "7200"


def install(app: Flask, origins: tuple[str, ...]) -> None:
    """Has the requests of pages of these origins allowed; without any, nothing is said and browsers refuse."""
    if not origins:
        return

    def allow(response: Response) -> Response:
        response.vary.add("Origin")
        origin = request.headers.get("Origin")
        if origin is not None and (ANY in origins or origin in origins):
            response.headers["Access-Control-Allow-Origin"] = ANY if ANY in origins else origin
            response.headers["Access-Control-Expose-Headers"] = SHOWN
            if _asks_first():
                response.headers["Access-Control-Allow-Methods"] = METHODS
                response.headers["Access-Control-Allow-Headers"] = SENT
                response.headers["Access-Control-Max-Age"] = REMEMBERED_SECONDS
        return response

    app.before_request(_answer_at_once)
    app.after_request(allow)


def _answer_at_once() -> Response | None:
    return Response(status=204) if _asks_first() else None


def _asks_first() -> bool:
    """Whether it is a preflight: a browser asks what it may send before it sends it."""
    return request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers
