"""What the methods of alerts take and return."""

# Made by `python -m services describe --write`; do not edit.

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypedDict

if TYPE_CHECKING:
    from shared.contracts.wire import Moment


class Alert(TypedDict):
    """An alert, with the fields of CAP 1.2. ``references`` are the alerts that it replaces."""

    id: str
    title: str
    message: str
    region_id: str
    issued_by: str
    issued_at: str
    expires_at: str | None
    priority: str
    status: str
    status_notes: str | None
    category: str | None
    event: str | None
    urgency: str | None
    severity: str | None
    certainty: str | None
    msg_type: str
    references: list[str]
    instruction: str | None
    language: str
    superseded_by: str | None
    rule_id: str | None
    created_at: str
    updated_at: str
    updated_by: str | None
    version: int


class PageOfAlert(TypedDict):
    items: list[Alert]
    next_cursor: str | None


class AlertsMethods(Protocol):
    """The methods of alerts."""

    def list_alerts(
        self,
        *,
        cursor: str | None = ...,
        limit: int = ...,
        status: Any = ...,
        priority: Any = ...,
        region_id: Any = ...,
        issued_from: Moment | None = ...,
        issued_to: Moment | None = ...,
        changed_since: Moment | None = ...,
    ) -> PageOfAlert:
        """Returns a page of alerts, the newest first.

        Needs: alert:read or alert:read_draft.
        """
