"""The gateway as nameko runs it."""

from __future__ import annotations

import logging
from typing import Final

from services.gateway.http.server import HttpServer
from shared.platform.timer import every

logger = logging.getLogger(__name__)

CLEAN_UP_SECONDS: Final = 3600


class GatewayService:
    """Offers the methods of all services over HTTP."""

    name = "gateway"

    stops_first = True
    """Requests in hand are answered by services, so those have to be there until the gateway has stopped."""

    http = HttpServer()

    @every(CLEAN_UP_SECONDS, eager=True)
    def remove_leftovers(self) -> None:
        """Removes what killed gateways have left of uploads; every replica does."""
        removed = self.http.files.remove_leftovers()
        if removed:
            logger.info("removed %s files that had been given up while they arrived", removed)
