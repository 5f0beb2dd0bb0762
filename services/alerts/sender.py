"""Gives the service the name that it signs CAP messages with."""

from __future__ import annotations

from typing import Any

from nameko.extensions import DependencyProvider

from services.alerts.cap import SENDER
from shared.settings import SettingError


class SenderProvider(DependencyProvider):
    """``sender = SenderProvider()`` in the service class gives its methods the sender, a string."""

    def setup(self) -> None:
        """Called by nameko; a name that CAP forbids stops the start and not the first alert."""
        self._sender: str = self.container.config["SETTINGS"].alert_sender
        if not SENDER.fullmatch(self._sender):
            raise SettingError("IMPACTX_ALERT_SENDER must not hold blanks, commas, < or &.")

    def get_dependency(self, worker_ctx: Any) -> str:
        """Called by nameko for each worker."""
        return self._sender
