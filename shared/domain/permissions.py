"""The permissions of all services, and the default roles.

A permission is ``thing:verb``. A role holds it in every region, or (for things that lie in a region) limited to one
region as ``thing:verb:REGION-CODE``. ``thing:*`` stands for every verb of a thing and ``*`` for every permission.
The identity service rejects roles with a permission that is not listed here, so the permission of a new method is
added here first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

REPORT_CREATE: Final = "report:create"
REPORT_READ: Final = "report:read"
REPORT_READ_OWN: Final = "report:read_own"
REPORT_UPDATE: Final = "report:update"
REPORT_UPDATE_OWN: Final = "report:update_own"
REPORT_CHANGE_STATUS: Final = "report:change_status"
REPORT_COMMENT: Final = "report:comment"
REPORT_ATTACH: Final = "report:attach"
REPORT_IMPORT: Final = "report:import"
CATALOGUE_WRITE: Final = "catalogue:write"
RESOURCE_CREATE: Final = "resource:create"
RESOURCE_READ: Final = "resource:read"
RESOURCE_READ_CONTACTS: Final = "resource:read_contacts"
RESOURCE_UPDATE: Final = "resource:update"
RESOURCE_CHANGE_STATUS: Final = "resource:change_status"
RESOURCE_UPDATE_USAGE: Final = "resource:update_usage"
RESOURCE_IMPORT: Final = "resource:import"
ALERT_DRAFT: Final = "alert:draft"
ALERT_ISSUE: Final = "alert:issue"
ALERT_APPROVE: Final = "alert:approve"
ALERT_CANCEL: Final = "alert:cancel"
ALERT_READ: Final = "alert:read"
ALERT_READ_RESTRICTED: Final = "alert:read_restricted"
ALERT_READ_PRIVATE: Final = "alert:read_private"
ALERT_READ_DRAFT: Final = "alert:read_draft"
ALERT_READ_REACH: Final = "alert:read_reach"
ALERT_REBUILD_AUDIENCE: Final = "alert:rebuild_audience"
ALERT_RULE_READ: Final = "alert_rule:read"
ALERT_RULE_WRITE: Final = "alert_rule:write"
USER_READ: Final = "user:read"
USER_UPDATE: Final = "user:update"
USER_DEACTIVATE: Final = "user:deactivate"
ROLE_READ: Final = "role:read"
ROLE_WRITE: Final = "role:write"
ROLE_GRANT: Final = "role:grant"
REGION_WRITE: Final = "region:write"

EVERYTHING: Final = "*"

REGIONAL_THINGS: Final = frozenset({"report", "resource", "alert", "region"})
"""The things that lie in a region. Only their permissions can be limited to one region."""

PERMISSIONS: Final[dict[str, str]] = {
    REPORT_CREATE: "Create reports.",
    REPORT_READ: "Read all reports of the region, with their comments, attachments and history.",
    REPORT_READ_OWN: "Read your own reports.",
    REPORT_UPDATE: "Edit all reports of the region.",
    REPORT_UPDATE_OWN: "Edit your own reports while they are pending.",
    REPORT_CHANGE_STATUS: "Change the status of reports: confirm, reject, start, resolve and close them.",
    REPORT_COMMENT: "Comment on reports that you may read.",
    REPORT_ATTACH: "Attach files to reports that you may edit.",
    REPORT_IMPORT: "Import reports in bulk, with their original times.",
    CATALOGUE_WRITE: "Manage report types, severity levels and resource types.",
    RESOURCE_CREATE: "Create resources.",
    RESOURCE_READ: "Read resources and their history, without contacts.",
    RESOURCE_READ_CONTACTS: "Read contact persons, phone numbers and email addresses of resources.",
    RESOURCE_UPDATE: "Edit resources.",
    RESOURCE_CHANGE_STATUS: "Change the status of resources.",
    RESOURCE_UPDATE_USAGE: "Change how much of the capacity of a resource is in use.",
    RESOURCE_IMPORT: "Import resources in bulk.",
    ALERT_DRAFT: "Draft alerts and edit drafts.",
    ALERT_ISSUE: "Issue alerts and updates of issued alerts.",
    ALERT_APPROVE: "Approve alerts of others, which issues them, and return them to their authors.",
    ALERT_CANCEL: "Cancel alerts.",
    ALERT_READ: "Read all public alerts. Alerts that you received need no permission.",
    ALERT_READ_RESTRICTED: "Read alerts that were issued for groups, and the names of issuers.",
    ALERT_READ_PRIVATE: "Read alerts that were issued for single accounts. Every use is recorded.",
    ALERT_READ_DRAFT: "Read drafts of alerts and those that wait for approval, and who decided what about alerts.",
    ALERT_READ_REACH: "See which accounts an alert was sent to, and which of them have read it.",
    ALERT_REBUILD_AUDIENCE: "Rebuild the copy of accounts and regions that targets alerts. Needs `user:read` too.",
    ALERT_RULE_READ: "Read the rules that issue alerts automatically.",
    ALERT_RULE_WRITE: "Create, change and delete the rules that issue alerts automatically.",
    USER_READ: "Read all accounts. Your own account needs no permission.",
    USER_UPDATE: "Edit all accounts. Your own name, phone number, email address and preferences need no permission.",
    USER_DEACTIVATE: "Deactivate and reactivate accounts.",
    ROLE_READ: "Read roles and their permissions.",
    ROLE_WRITE: "Create and change roles, with no more permissions than you have.",
    ROLE_GRANT: "Grant and revoke roles that have no more permissions than you have.",
    REGION_WRITE: "Create and change regions.",
}
"""What each permission allows. There are no other permissions than these keys."""


@dataclass(frozen=True, slots=True)
class DefaultRole:
    """A role that every installation has: its description and its permissions."""

    description: str
    permissions: frozenset[str]


ADMINISTRATOR: Final = "administrator"
COORDINATOR: Final = "coordinator"
RESPONDER: Final = "responder"
REPORTER: Final = "reporter"
VIEWER: Final = "viewer"
SYSTEM: Final = "system"

_VIEWER = frozenset({REPORT_READ, RESOURCE_READ, ALERT_READ})
_REPORTER = frozenset(
    {
        REPORT_CREATE,
        REPORT_READ_OWN,
        REPORT_UPDATE_OWN,
        REPORT_COMMENT,
        REPORT_ATTACH,
        RESOURCE_READ,
        ALERT_READ,
    }
)
_RESPONDER = (
    _VIEWER
    | _REPORTER
    | {
        REPORT_UPDATE,
        REPORT_CHANGE_STATUS,
        RESOURCE_READ_CONTACTS,
        RESOURCE_UPDATE,
        RESOURCE_CHANGE_STATUS,
        RESOURCE_UPDATE_USAGE,
        ALERT_READ_RESTRICTED,
    }
)

DEFAULT_ROLES: Final[dict[str, DefaultRole]] = {
    ADMINISTRATOR: DefaultRole("Administers the platform and has every permission.", frozenset({EVERYTHING})),
    COORDINATOR: DefaultRole(
        "Verifies and resolves reports, manages resources and issues alerts.",
        _RESPONDER
        | {
            REPORT_IMPORT,
            CATALOGUE_WRITE,
            RESOURCE_CREATE,
            RESOURCE_IMPORT,
            ALERT_DRAFT,
            ALERT_ISSUE,
            ALERT_APPROVE,
            ALERT_CANCEL,
            ALERT_READ_DRAFT,
            ALERT_READ_REACH,
            ALERT_REBUILD_AUDIENCE,
            ALERT_RULE_READ,
            ALERT_RULE_WRITE,
            USER_READ,
            ROLE_READ,
            REGION_WRITE,
        },
    ),
    RESPONDER: DefaultRole("Works on reports in the field and keeps resources up to date.", _RESPONDER),
    REPORTER: DefaultRole(
        "Creates reports and follows their progress. Everybody who registers gets this role.", _REPORTER
    ),
    VIEWER: DefaultRole("Reads reports, resources and alerts.", _VIEWER),
    SYSTEM: DefaultRole(
        "Another system, or a service that acts for itself.",
        _RESPONDER
        | {
            REPORT_IMPORT,
            RESOURCE_CREATE,
            RESOURCE_IMPORT,
            ALERT_DRAFT,
            ALERT_ISSUE,
            ALERT_CANCEL,
            ALERT_READ_DRAFT,
            USER_READ,
            ROLE_READ,
        },
    ),
}
"""The roles that seeding creates, by name. The permissions of `administrator` cannot be changed."""
