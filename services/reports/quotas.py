"""Gives the service the quotas of attached files."""

from __future__ import annotations

from typing import Any

from nameko.extensions import DependencyProvider

from services.reports.rules import AttachmentQuotas


class QuotasProvider(DependencyProvider):
    """``quotas = QuotasProvider()`` in the service class gives its methods the `AttachmentQuotas` of the settings."""

    def setup(self) -> None:
        """Called by nameko."""
        settings = self.container.config["SETTINGS"]
        self._quotas = AttachmentQuotas(
            reporter=settings.attachment_quota_reporter,
            staff=settings.attachment_quota_staff,
            report=settings.attachment_quota_report,
            total=settings.attachment_quota_total,
        )

    def get_dependency(self, worker_ctx: Any) -> AttachmentQuotas:
        """Called by nameko for each worker."""
        return self._quotas
