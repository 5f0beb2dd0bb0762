"""What a client has to know of RPC methods beyond their arguments and results."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MethodContract:
    """One method, as its service declares it; `types.methods` lists them all.

    Attributes:
        summary: What it does, in a sentence.
        permission: The permissions of which one is needed, or ``anyone`` or ``signed in`` alone.
        errors: When it refuses, by the slug of the error; what every method may answer is left out.
    """

    summary: str
    permission: tuple[str, ...]
    errors: dict[str, str]


CREATES = frozenset(
    {
        "identity.register_user",
        "identity.refresh",
        "identity.create_role",
        "identity.create_region",
        "reports.create_report",
        "reports.create_report_type",
        "reports.create_severity_level",
        "reports.add_comment",
        "reports.add_attachment",
        "resources.create_resource",
        "resources.create_resource_type",
        "resources.update_resource_usage",
        "alerts.draft_alert",
        "alerts.issue_alert",
        "alerts.create_alert_rule",
    }
)
"""Methods that make a thing whose ``id`` the caller may choose. With the same id a repeat returns the first."""
