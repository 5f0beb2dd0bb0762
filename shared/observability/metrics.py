"""What a process counts and times, for Prometheus.

Labels have few values: the template of a route and not the address, the name of an RPC method, a slug. Everything
in one process counts together, so an embedded system shows all its services at once.
"""

from __future__ import annotations

from typing import Final

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)

MEDIA_TYPE: Final = CONTENT_TYPE_LATEST

# The time at which each series began doubles their number, and nobody asks for it.
disable_created_metrics()  # type: ignore[no-untyped-call]

SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""The bounds of the histograms: from a quick read to the time limit of a call."""

http_requests: Final = Counter(
    "impactx_http_requests",
    "HTTP requests answered, by method, template of the route and status.",
    ("method", "route", "status"),
)
http_seconds: Final = Histogram(
    "impactx_http_request_seconds",
    "Seconds from a request's headers to the beginning of its response.",
    ("method", "route"),
    buckets=SECONDS,
)
http_refused: Final = Counter(
    "impactx_http_rate_limited", "HTTP requests refused because their client had sent too many."
)
rpc_calls: Final = Counter(
    "impactx_rpc_client_calls",
    "RPC calls made, by method and outcome: `ok`, or the slug of the error.",
    ("method", "outcome"),
)
rpc_seconds: Final = Histogram(
    "impactx_rpc_client_call_seconds",
    "Seconds that RPC calls took, their repeats included.",
    ("method",),
    buckets=SECONDS,
)
stream_listeners: Final = Gauge("impactx_stream_listeners", "Listeners of the live stream now.")
stream_events: Final = Counter(
    "impactx_stream_events", "Events that came in for the live stream, by type.", ("type",)
)
stream_sent: Final = Counter("impactx_stream_events_sent", "Events sent to listeners of the live stream.")
stream_resets: Final = Counter(
    "impactx_stream_resets", "Resets sent to listeners of the live stream, by reason.", ("reason",)
)


def observe_rpc_call(method: str, outcome: str, seconds: float) -> None:
    """Counts and times one call; for `shared.rpc.client.RpcClient`."""
    rpc_calls.labels(method, outcome).inc()
    rpc_seconds.labels(method).observe(seconds)


def exposition() -> bytes:
    """All metrics of this process, in the text format of Prometheus."""
    return generate_latest()
