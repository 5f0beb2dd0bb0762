"""What a client has to know of RPC methods beyond their arguments and results."""

from __future__ import annotations

from dataclasses import dataclass
from string import Formatter


@dataclass(frozen=True, slots=True)
class MethodContract:
    """One method, as its service declares it; `types.methods` lists them all.

    Attributes:
        summary: What it does, in a sentence.
        permission: The permissions of which one is needed, or ``anyone`` or ``signed in`` alone.
        errors: When it refuses, by the slug of the error; what every method may answer is left out.
        checks_present_state: Whether the permissions of the account at this moment count, and not those of the token.
    """

    summary: str
    permission: tuple[str, ...]
    errors: dict[str, str]
    checks_present_state: bool = False


@dataclass(frozen=True, slots=True)
class HttpRoute:
    """Where the gateway offers a method; `types.routes` lists them all.

    Attributes:
        verb: GET, POST, PUT, PATCH or DELETE.
        path: With the arguments that it names, such as ``/api/v1/reports/{report_id}``.
        has_body: Whether the other arguments go into a body, and not into the query.
        is_versioned: Whether ``version`` goes into If-Match.
        takes_id: Whether it creates a thing whose ``id`` the caller may choose.
    """

    verb: str
    path: str
    has_body: bool = False
    is_versioned: bool = False
    takes_id: bool = False

    @property
    def in_path(self) -> frozenset[str]:
        """The arguments that the path names."""
        return frozenset(name for _, name, _, _ in Formatter().parse(self.path) if name)


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
