"""The dependency that provides the sender of CAP messages."""

from __future__ import annotations

from typing import Any, Self

from nameko.extensions import DependencyProvider

from services.alerts.cap.message import SENDER
from shared.platform.settings import SettingError


class SenderProvider(DependencyProvider):
    """Provides the configured sender, a text: ``sender = SenderProvider()`` in the service class."""

    _sender: str

    def bind(self, container: Any, attr_name: str) -> Self:
        """Read the sender from the settings. nameko calls it when it puts the service together.

        Raises:
            SettingError: CAP does not allow the name.
        """
        bound: Self = super().bind(container, attr_name)
        bound._sender = container.config["SETTINGS"].alert_sender
        if not SENDER.fullmatch(bound._sender):
            raise SettingError("IMPACTX_ALERT_SENDER must not contain spaces, commas, < or &.")
        return bound

    def get_dependency(self, worker_ctx: Any) -> str:
        """Return the sender. nameko calls it for each worker."""
        return self._sender
