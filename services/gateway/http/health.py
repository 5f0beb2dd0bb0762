"""Serves probes and metrics on the gateway's own port: the addresses of `shared.platform.observability.probes`.

Their rate is not limited. A proxy that faces the public should forward none of them.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from flask import Blueprint, Response, current_app

from shared.client import supervision
from shared.client.errors import ImpactXError, Internal, RpcTimeout, Unavailable
from shared.client.types.methods import METHODS
from shared.domain.topology import SERVICES
from shared.platform.observability import context, probes, traces
from shared.platform.observability.health import Readiness
from shared.platform.rpc.operation import ANYONE

if TYPE_CHECKING:
    from flask import Flask

    from services.gateway.http.context import Gateway
    from shared.client.rpc import RpcClient
    from shared.platform.observability.health import Check

PROBE_SECONDS: Final = 1.0
BROKER: Final = "broker"
CONNECTIONS: Final = "connections"
WORK: Final = "work"
READINESS: Final = "impactx-readiness"

health = Blueprint("health", __name__)


def install(app: Flask, gateway: Gateway) -> None:
    """Add the addresses to the application."""
    app.extensions[READINESS] = Readiness(checks(gateway.rpc, gateway.accepts))
    app.register_blueprint(health)


def checks(rpc: RpcClient, accepts: Check) -> dict[str, Check]:
    """Return the checks of what requests need: a free connection, this process, the broker, and every service."""
    services = {service: partial(_answers, rpc, service) for service in SERVICES}
    return {
        CONNECTIONS: accepts,
        WORK: supervision.check,
        BROKER: partial(_is_connected, rpc),
        **services,
    }


@health.get(probes.LIVE)
def live() -> Response:
    """Answer that the process is alive."""
    return _response(probes.live())


@health.get(probes.READY)
def ready() -> Response:
    """Answer whether everything that requests need is there; else 503, with what is missing and why."""
    return _response(probes.ready(current_app.extensions[READINESS]))


@health.get(probes.METRICS)
def show_metrics() -> Response:
    """Return all metrics of this process."""
    return _response(probes.figures())


def _is_connected(rpc: RpcClient) -> None:
    if not rpc.wait_until_connected(PROBE_SECONDS):
        raise Unavailable("The message broker cannot be reached.")


def _answers(rpc: RpcClient, service: str) -> None:
    """Call a method that needs a token without one: the service can refuse that without its database."""
    _is_connected(rpc)
    try:
        with context.about(traceparent=traces.UNSAMPLED):
            rpc.call(_PROBES[service], timeout=PROBE_SECONDS, token="", attempts=1)
    except (Unavailable, RpcTimeout, Internal):
        raise
    except ImpactXError:
        return


def _response(page: probes.Page) -> Response:
    return Response(page.body, status=page.status, headers=page.headers)


_PROBES: Final = {
    service: next(
        name
        for name, method in METHODS.items()
        if name.startswith(f"{service}.") and ANYONE not in method.permission
    )
    for service in SERVICES
}
