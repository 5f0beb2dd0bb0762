"""Gives the service the name that it signs CAP messages with."""

from __future__ import annotations

from typing import Any, Self

from nameko.extensions import DependencyProvider

from services.alerts.cap.message import SENDER
from shared.platform.settings import SettingError


class SenderProvider(DependencyProvider):
    """``sender = SenderProvider()`` in the service class gives its methods the sender, a string."""

    _sender: str

    def bind(self, container: Any, attr_name: str) -> Self:
        """Called by nameko when the service is put together, before anything starts.

        Raises:
            SettingError: CAP forbids the name.
        """
        bound: Self = super().bind(container, attr_name)
        bound._sender = container.config["SETTINGS"].alert_sender
        if not SENDER.fullmatch(bound._sender):
            raise SettingError("IMPACTX_ALERT_SENDER must not hold blanks, commas, < or &.")
        return bound

    def get_dependency(self, worker_ctx: Any) -> str:
        """Called by nameko for each worker."""
        return self._sender
