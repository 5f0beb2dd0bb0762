"""For probes and for Prometheus: whether the process lives, whether it can do its work, and what it counts.

They take no token and are not limited in rate. A proxy that faces the public should pass on none of them.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

import orjson
from flask import Blueprint, Response, current_app

from shared.contracts.api.methods import METHODS
from shared.contracts.topology import SERVICES
from shared.errors import ImpactXError, RpcTimeout, Unavailable
from shared.observability import metrics
from shared.observability.health import Readiness
from shared.rpc.operation import ANYONE

if TYPE_CHECKING:
    from flask import Flask

    from services.gateway.context import Gateway
    from shared.rpc.client import RpcClient

PROBE_SECONDS: Final = 1.0
BROKER: Final = "broker"
READINESS: Final = "impactx-readiness"

health = Blueprint("health", __name__)


def install(app: Flask, gateway: Gateway) -> None:
    """Adds the addresses to the application."""
    checks = {service: partial(_answers, gateway.rpc, service) for service in SERVICES}
    app.extensions[READINESS] = Readiness({BROKER: partial(_is_connected, gateway.rpc), **checks})
    app.register_blueprint(health)


@health.get("/health/live")
def live() -> Response:
    """The process answers; whether it is of use is for readiness to say."""
    return _answer({"status": "ok"}, 200)


@health.get("/health/ready")
def ready() -> Response:
    """Everything that requests need is there; else 503, with what is missing and why."""
    readiness: Readiness = current_app.extensions[READINESS]
    missing = readiness.missing()
    present = [name for name in readiness.dependencies if name not in missing]
    if missing:
        return _answer({"status": "not ready", "missing": missing, "present": present}, 503)
    return _answer({"status": "ok", "missing": {}, "present": present}, 200)


@health.get("/metrics")
def show_metrics() -> Response:
    """All metrics of this process."""
    return Response(metrics.exposition(), content_type=metrics.MEDIA_TYPE)


def _is_connected(rpc: RpcClient) -> None:
    if not rpc.wait_until_connected(PROBE_SECONDS):
        raise Unavailable("The message broker cannot be reached.")


def _answers(rpc: RpcClient, service: str) -> None:
    """Asks for a method that needs a token, without one: a refusal costs the service no look at its database."""
    _is_connected(rpc)
    try:
        rpc.call(_PROBES[service], timeout=PROBE_SECONDS, token="", attempts=1)
    except (Unavailable, RpcTimeout):
        raise
    except ImpactXError:
        return


def _answer(content: dict[str, object], status: int) -> Response:
    response = Response(orjson.dumps(content), status=status, content_type="application/json")
    response.headers["Cache-Control"] = "no-store"
    return response


_PROBES: Final = {
    service: next(
        name
        for name, method in METHODS.items()
        if name.startswith(f"{service}.") and ANYONE not in method.permission
    )
    for service in SERVICES
}
