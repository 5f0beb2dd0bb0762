"""The nameko service of the gateway."""

from __future__ import annotations

import logging
from typing import Final

from services.gateway.http.server import HttpServer
from shared.platform.runtime import StopsFirst
from shared.platform.timer import every

logger = logging.getLogger(__name__)

CLEAN_UP_SECONDS: Final = 3600


class GatewayService(StopsFirst):
    """Offers the methods of all services over HTTP."""

    name = "gateway"

    http = HttpServer()

    @every(CLEAN_UP_SECONDS, eager=True)
    def remove_leftovers(self) -> None:
        """Remove what killed gateways have left of uploads; every replica does so."""
        removed = self.http.files.remove_leftovers()
        if removed:
            logger.info("removed %s files whose upload was never finished", removed)
