"""The gateway as nameko runs it."""

from __future__ import annotations

from services.gateway.server import HttpServer


class GatewayService:
    """Offers the methods of all services over HTTP."""

    name = "gateway"

    stops_first = True
    """Requests in hand are answered by services, so those have to be there until the gateway has stopped."""

    http = HttpServer()
