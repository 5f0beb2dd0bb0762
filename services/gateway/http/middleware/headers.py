"""The headers that tell browsers what not to do with a response; a view that has set one of them knows better."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flask import request

if TYPE_CHECKING:
    from flask import Flask, Response

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


def install(app: Flask, documentation: str) -> None:
    """Has every response get them; ``documentation`` is the address of Swagger UI, which needs more."""

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
