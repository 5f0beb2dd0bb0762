"""What browsers are told: which pages of other origins may call the gateway, and how a response must be treated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flask import Response, request

if TYPE_CHECKING:
    from flask import Flask

ALWAYS: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}
FOR_DATA: Final = "default-src 'none'; frame-ancestors 'none'"
FOR_PAGES: Final = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self';"
    " frame-ancestors 'none'"
)
FOR_DOCUMENTATION: Final = (
    # Swagger UI's page has its settings in a script of its own, and writes style elements.
    FOR_PAGES + "; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'"
)
ONLY_TLS: Final = "max-age=31536000"

ANY_ORIGIN: Final = "*"
ALLOWED_METHODS: Final = "GET, HEAD, POST, PUT, PATCH, DELETE"
ALLOWED_HEADERS: Final = (
    "Accept, Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Last-Event-ID, Prefer, Range,"
    " X-Request-ID"
)
EXPOSED_HEADERS: Final = (
    "Content-Disposition, Content-Range, ETag, Last-Modified, Link, Location, Retry-After, X-Request-ID"
)
PREFLIGHT_SECONDS: Final = "7200"


def add_security_headers(app: Flask, documentation: str) -> None:
    """Add security headers to every response; a view that has set one of them knows better.

    Args:
        app: The application.
        documentation: The address of Swagger UI, which needs a wider Content-Security-Policy.
    """

    def add(response: Response) -> Response:
        for name, value in ALWAYS.items():
            response.headers.setdefault(name, value)
        response.headers.setdefault("Content-Security-Policy", _policy(response, documentation))
        if request.is_secure:
            response.headers.setdefault("Strict-Transport-Security", ONLY_TLS)
        return response

    app.after_request(add)


def _policy(response: Response, documentation: str) -> str:
    if response.mimetype != "text/html":
        return FOR_DATA
    return FOR_DOCUMENTATION if request.path.startswith(documentation) else FOR_PAGES


def allow_origins(app: Flask, origins: tuple[str, ...]) -> None:
    """Let pages of these origins call the gateway (Fetch standard, CORS); without any, browsers refuse.

    Credentials are not allowed with it: nothing here is signed in by a cookie, and a page sends the token itself.
    """
    if not origins:
        return

    def allow(response: Response) -> Response:
        response.vary.add("Origin")
        origin = request.headers.get("Origin")
        if origin is not None and (ANY_ORIGIN in origins or origin in origins):
            response.headers["Access-Control-Allow-Origin"] = ANY_ORIGIN if ANY_ORIGIN in origins else origin
            response.headers["Access-Control-Expose-Headers"] = EXPOSED_HEADERS
            if _is_preflight():
                response.headers["Access-Control-Allow-Methods"] = ALLOWED_METHODS
                response.headers["Access-Control-Allow-Headers"] = ALLOWED_HEADERS
                response.headers["Access-Control-Max-Age"] = PREFLIGHT_SECONDS
        return response

    app.before_request(_answer_preflight)
    app.after_request(allow)


def _answer_preflight() -> Response | None:
    return Response(status=204) if _is_preflight() else None


def _is_preflight() -> bool:
    """Return whether a browser asks what it may send before it sends it."""
    return request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers
