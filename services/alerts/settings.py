"""The dependencies that provide the settings of the alerts service."""

from __future__ import annotations

from typing import Any, Self

from nameko.extensions import DependencyProvider

from services.alerts.cap.message import SENDER
from services.alerts.policy import PRIORITIES
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


class ApprovalPrioritiesProvider(DependencyProvider):
    """Provides the priorities of alerts that need an approval, a frozen set, in the service class."""

    _priorities: frozenset[str]

    def bind(self, container: Any, attr_name: str) -> Self:
        """Read the priorities from the settings. nameko calls it when it puts the service together.

        Raises:
            SettingError: There is no such priority.
        """
        bound: Self = super().bind(container, attr_name)
        bound._priorities = frozenset(container.config["SETTINGS"].alert_approval_priorities)
        unknown = bound._priorities - frozenset(PRIORITIES)
        if unknown:
            raise SettingError(
                f"IMPACTX_ALERT_APPROVAL_PRIORITIES must be some of {', '.join(PRIORITIES)}, not {min(unknown)!r}."
            )
        return bound

    def get_dependency(self, worker_ctx: Any) -> frozenset[str]:
        """Return the priorities. nameko calls it for each worker."""
        return self._priorities
