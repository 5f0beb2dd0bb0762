"""Counts, times, traces and logs each request; the log names caller and address, and never the content."""

from __future__ import annotations

import logging
import time
from functools import partial
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from flask import g, request
from opentelemetry.trace import INVALID_SPAN, SpanKind

from services.gateway.http.context import correlation_id, current_caller
from shared.platform.observability import metrics, probes, traces

if TYPE_CHECKING:
    from flask import Flask, Response
    from opentelemetry.trace import Span


logger = logging.getLogger("impactx.access")

MAX_AGENT_LENGTH: Final = 200
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER: Final = "other"
NO_ROUTE: Final = "none"
SERVER_ERRORS: Final = 500
QUIET: Final = frozenset({probes.LIVE, probes.READY, probes.METRICS})
"""Requests that are so frequent and of so little interest that they are logged at level DEBUG."""


def install(app: Flask) -> None:
    """Count, trace and log every request; to be called before anything else that handles requests."""
    app.before_request(_begin)
    app.after_request(_end)


def _begin() -> None:
    g.began = time.monotonic()
    g.span = INVALID_SPAN if request.path in QUIET else _span()


def _span() -> Span:
    return traces.start(
        request.method if request.method in METHODS else OTHER,
        SpanKind.SERVER,
        {
            "http.request.method": request.method if request.method in METHODS else "_OTHER",
            "url.path": quote(request.path),
            "url.scheme": request.scheme,
        },
        parent=request.headers.get(traces.TRACEPARENT, ""),
        service="gateway",
    )


def _end(response: Response) -> Response:
    method = request.method if request.method in METHODS else OTHER
    route = request.url_rule.rule if request.url_rule is not None else NO_ROUTE
    metrics.http_requests.labels(method, route, str(response.status_code)).inc()
    metrics.http_seconds.labels(method, route).observe(time.monotonic() - g.began)
    if place := traces.place_of(g.span):
        # As W3C proposes it: a client that sent no trace can find ours.
        response.headers["traceresponse"] = place
    caller = current_caller()
    facts: dict[str, Any] = {
        "request_id": correlation_id(),
        "method": method,
        # Without the query, which may contain search terms and tokens.
        "path": quote(request.path),
        "route": route,
        "status": response.status_code,
        "address": request.remote_addr,
        "user_id": str(caller.user_id) if caller is not None else None,
        "agent": request.headers.get("User-Agent", "")[:MAX_AGENT_LENGTH],
    }
    if response.is_streamed:
        response.call_on_close(partial(_finished, facts, g.began, g.span))
    else:
        _finished(facts, g.began, g.span)
    return response


def _finished(facts: dict[str, Any], began: float, span: Span) -> None:
    status = facts["status"]
    traces.end(
        span,
        str(status) if status >= SERVER_ERRORS else "",
        name=f"{facts['method']} {facts['route']}",
        attributes={"http.route": facts["route"], "http.response.status_code": status},
    )
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
