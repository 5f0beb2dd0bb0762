"""Every permission that a service asks for, and the roles that ship with some of them.

A permission is ``thing:verb``. A role holds it everywhere, or (for the things that lie in a region) narrowed
to one region as ``thing:verb:REGION-CODE``; ``thing:*`` and ``*`` stand for every verb and for everything.
identity refuses a role that names a permission which is not listed here, so a new method's permission is
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
RESOURCE_UPDATE: Final = "resource:update"
RESOURCE_CHANGE_STATUS: Final = "resource:change_status"
RESOURCE_UPDATE_USAGE: Final = "resource:update_usage"
RESOURCE_IMPORT: Final = "resource:import"
ALERT_DRAFT: Final = "alert:draft"
ALERT_ISSUE: Final = "alert:issue"
ALERT_CANCEL: Final = "alert:cancel"
ALERT_READ: Final = "alert:read"
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
"""The things that lie in a region: only permissions for these can be narrowed to one."""

PERMISSIONS: Final[dict[str, str]] = {
    REPORT_CREATE: "File a report.",
    REPORT_READ: "Read every report of the region, with its comments, attachments and history.",
    REPORT_READ_OWN: "Read the reports that one filed oneself.",
    REPORT_UPDATE: "Edit any report of the region.",
    REPORT_UPDATE_OWN: "Edit one's own reports while they are pending.",
    REPORT_CHANGE_STATUS: "Confirm, reject, progress, resolve and close reports.",
    REPORT_COMMENT: "Comment on the reports that one may read.",
    REPORT_ATTACH: "Attach files to the reports that one may edit.",
    REPORT_IMPORT: "Import reports in bulk, with the time they had elsewhere.",
    CATALOGUE_WRITE: "Manage report types, severity levels and resource types.",
    RESOURCE_CREATE: "Add a resource.",
    RESOURCE_READ: "Read resources and their history.",
    RESOURCE_UPDATE: "Edit a resource.",
    RESOURCE_CHANGE_STATUS: "Change the status of a resource.",
    RESOURCE_UPDATE_USAGE: "Take up and free the capacity of a resource.",
    RESOURCE_IMPORT: "Import resources in bulk.",
    ALERT_DRAFT: "Write and edit alerts that are not yet issued.",
    ALERT_ISSUE: "Issue an alert to the public, and supersede it.",
    ALERT_CANCEL: "Cancel an alert.",
    ALERT_READ: "Read issued alerts; the alerts to oneself need only a sign-in.",
    ALERT_READ_DRAFT: "Read alerts that are not yet issued.",
    ALERT_READ_REACH: "See whom an alert reached and who has read it.",
    ALERT_REBUILD_AUDIENCE: "Read accounts and regions anew for the targeting of alerts; needs `user:read` too.",
    ALERT_RULE_READ: "Read the rules that issue alerts by themselves.",
    ALERT_RULE_WRITE: "Manage the rules that issue alerts by themselves.",
    USER_READ: "Read every account; one's own needs only a sign-in.",
    USER_UPDATE: "Edit any account; one's own name, phone and preferences need only a sign-in.",
    USER_DEACTIVATE: "Close and reopen accounts.",
    ROLE_READ: "Read roles, their permissions and who holds them.",
    ROLE_WRITE: "Create roles and set their permissions, within one's own.",
    ROLE_GRANT: "Give and take roles, within one's own permissions.",
    REGION_WRITE: "Create regions and change their boundaries.",
}
"""What each permission allows, in one sentence; the keys are all there are."""


@dataclass(frozen=True, slots=True)
class DefaultRole:
    """A role that ships with ImpactX: what it is for, and what it may."""

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
    | {REPORT_UPDATE, REPORT_CHANGE_STATUS, RESOURCE_UPDATE, RESOURCE_CHANGE_STATUS, RESOURCE_UPDATE_USAGE}
)

DEFAULT_ROLES: Final[dict[str, DefaultRole]] = {
    ADMINISTRATOR: DefaultRole("Runs the platform; may do everything.", frozenset({EVERYTHING})),
    COORDINATOR: DefaultRole(
        "Verifies and resolves reports, moves resources and issues alerts.",
        _RESPONDER
        | {
            REPORT_IMPORT,
            CATALOGUE_WRITE,
            RESOURCE_CREATE,
            RESOURCE_IMPORT,
            ALERT_DRAFT,
            ALERT_ISSUE,
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
    REPORTER: DefaultRole("Files reports and follows its own; what everybody gets who registers.", _REPORTER),
    VIEWER: DefaultRole("Reads reports, resources and alerts.", _VIEWER),
    SYSTEM: DefaultRole(
        "Another system, or one of our own services acting for itself.",
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
"""The roles that seeding makes, by name. `administrator` cannot be changed."""
