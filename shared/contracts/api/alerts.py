"""What the methods of alerts take and return."""

# Made by `python -m services describe --write`; do not edit.

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias, TypedDict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.contracts.wire import Identifier, Moment


Status: TypeAlias = Literal["draft", "active", "superseded", "cancelled", "expired"]
Priority: TypeAlias = Literal["critical", "high", "medium", "low"]


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
        status: Status | Sequence[Status] | None = ...,
        priority: Priority | Sequence[Priority] | None = ...,
        region_id: Identifier | Sequence[Identifier] | None = ...,
        issued_from: Moment | None = ...,
        issued_to: Moment | None = ...,
        changed_since: Moment | None = ...,
    ) -> PageOfAlert:
        """Returns a page of alerts, the newest first.

        Needs: alert:read or alert:read_draft.
        """
