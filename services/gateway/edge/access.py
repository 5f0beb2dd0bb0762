"""Counts, times and logs each request; the log says who asked for what, and never what was in it."""

from __future__ import annotations

import logging
import time
from functools import partial
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from flask import g, request

from services.gateway.context import caller, correlation_id
from shared.observability import metrics, probes

if TYPE_CHECKING:
    from flask import Flask, Response

logger = logging.getLogger("impactx.access")

LONGEST_AGENT: Final = 200
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER: Final = "other"
NO_ROUTE: Final = "none"
QUIET: Final = frozenset({probes.LIVE, probes.READY, probes.METRICS})
"""Asked for so often and of so little interest that they are logged for debugging alone."""


def install(app: Flask) -> None:
    """Has every request counted and logged; to be called before anything else that looks at requests."""
    app.before_request(_begin)
    app.after_request(_end)


def _begin() -> None:
    g.began = time.monotonic()


def _end(response: Response) -> Response:
    method = request.method if request.method in METHODS else OTHER
    route = request.url_rule.rule if request.url_rule is not None else NO_ROUTE
    metrics.http_requests.labels(method, route, str(response.status_code)).inc()
    metrics.http_seconds.labels(method, route).observe(time.monotonic() - g.began)
    who = caller()
    facts: dict[str, Any] = {
        "request_id": correlation_id(),
        "method": method,
        # The query is left out: what people search for, and tokens that somebody puts there, are no matter of logs.
        "path": quote(request.path),
        "route": route,
        "status": response.status_code,
        "address": request.remote_addr,
        "user_id": str(who.user_id) if who is not None else None,
        "agent": request.headers.get("User-Agent", "")[:LONGEST_AGENT],
    }
    if response.is_streamed:
        response.call_on_close(partial(_log, facts, g.began))
    else:
        _log(facts, g.began)
    return response


def _log(facts: dict[str, Any], began: float) -> None:
    facts["seconds"] = round(time.monotonic() - began, 6)
    logger.log(
        logging.DEBUG if facts["route"] in QUIET else logging.INFO,
        "%s %s %s in %.1f ms",
        facts["method"],
        facts["path"],
        facts["status"],
        facts["seconds"] * 1000,
        extra={"facts": facts},
    )
