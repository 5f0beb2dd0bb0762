"""What a process shows to probes and to Prometheus: whether it lives, whether it can work, and what it counts.

A WSGI application of three addresses without a framework, for a service has no other use for one. They take no
token; nobody but those who watch should reach them.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import orjson

from shared.platform.observability import metrics

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from wsgiref.types import StartResponse, WSGIApplication

    from shared.platform.observability.health import Readiness

LIVE: Final = "/health/live"
READY: Final = "/health/ready"
METRICS: Final = "/metrics"

JSON: Final = "application/json"


@dataclass(frozen=True, slots=True)
class Page:
    """An answer to a probe."""

    body: bytes
    content_type: str = JSON
    status: int = 200

    @property
    def headers(self) -> dict[str, str]:
        """An answer is about now: none is kept."""
        return {"Content-Type": self.content_type, "Cache-Control": "no-store"}


def live() -> Page:
    """The process answers, so its green threads get their turns; whether it is of use is for `ready` to say."""
    return Page(orjson.dumps({"status": "ok"}))


def ready(readiness: Readiness) -> Page:
    """Everything that the work needs is there; else 503, with what is missing and why."""
    missing = readiness.missing()
    present = [name for name in readiness.dependencies if name not in missing]
    content = {"status": "not ready" if missing else "ok", "missing": missing, "present": present}
    return Page(orjson.dumps(content), status=503 if missing else 200)


def figures() -> Page:
    """All metrics of this process."""
    return Page(metrics.exposition(), metrics.MEDIA_TYPE)


def application(readiness: Readiness) -> WSGIApplication:
    """The three addresses for one process."""
    pages: dict[str, Callable[[], Page]] = {LIVE: live, READY: lambda: ready(readiness), METRICS: figures}

    def answer(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        show = pages.get(environ["PATH_INFO"])
        if show is None:
            page = Page(b"There is nothing here.\n", "text/plain", 404)
        elif environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            page = Page(b"Only GET and HEAD.\n", "text/plain", 405)
        else:
            page = show()
        start_response(
            f"{page.status} {HTTPStatus(page.status).phrase}",
            [*page.headers.items(), ("Content-Length", str(len(page.body)))],
        )
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [page.body]

    return answer
