"""Who may call which RPC method: one table, written by hand.

Tests hold against it what the services declare, what their documentation says, and what they do over RPC and HTTP. A
method that is new, or open to others than before, needs a change here.
"""

from shared.domain.permissions import DEFAULT_ROLES, REGIONAL_THINGS
from shared.platform.rpc.operation import ANYONE, SIGNED_IN

ANONYMOUS = "anonymous"
IN_ONE_REGION = "in one region"
"""A caller with the permissions of a coordinator that can be limited to a region, each limited to one region."""

REGIONAL_PERMISSIONS = frozenset(
    permission
    for permission in DEFAULT_ROLES["coordinator"].permissions
    if permission.partition(":")[0] in REGIONAL_THINGS
)
CALLERS = (*DEFAULT_ROLES, IN_ONE_REGION, ANONYMOUS)

EVERYBODY = frozenset(CALLERS)
MEMBERS = EVERYBODY - {ANONYMOUS}
"""Whoever is signed in."""

ADMINISTRATORS = frozenset({"administrator"})
STAFF = frozenset({"administrator", "coordinator"})
SYSTEMS = STAFF | {"system"}
FIELD = SYSTEMS | {"responder"}
REPORTERS = FIELD | {"reporter"}


HELD_IN = {"the region": True, "a region above": True, "a region below": False, "a region beside": False}
"""Where a caller may hold a permission, seen from the region of a thing, and whether it counts there."""


def regional(callers):
    """The callers, and those who have the permission in one region alone."""
    return callers | {IN_ONE_REGION}


MATRIX = {
    "identity.authenticate": EVERYBODY,
    "identity.refresh": EVERYBODY,
    "identity.revoke": EVERYBODY,
    "identity.get_jwks": EVERYBODY,
    "identity.list_revocations": EVERYBODY,
    "identity.get_authority": MEMBERS,
    "identity.register_user": EVERYBODY,
    "identity.get_me": MEMBERS,
    "identity.get_user": MEMBERS,
    "identity.update_user": MEMBERS,
    "identity.change_password": MEMBERS,
    "identity.get_region": MEMBERS,
    "identity.list_regions": MEMBERS,
    "identity.get_region_tree": MEMBERS,
    "identity.list_region_tree": MEMBERS,
    "identity.locate_region": MEMBERS,
    "identity.locate_regions": MEMBERS,
    "identity.list_users": SYSTEMS,
    "identity.get_role": SYSTEMS,
    "identity.list_roles": SYSTEMS,
    "identity.list_permissions": SYSTEMS,
    "identity.create_region": regional(STAFF),
    "identity.update_region": regional(STAFF),
    "identity.reset_password": ADMINISTRATORS,
    "identity.deactivate_user": ADMINISTRATORS,
    "identity.reactivate_user": ADMINISTRATORS,
    "identity.create_role": ADMINISTRATORS,
    "identity.update_role": ADMINISTRATORS,
    "identity.set_role_permissions": ADMINISTRATORS,
    "identity.grant_role": ADMINISTRATORS,
    "identity.revoke_role": ADMINISTRATORS,
    "reports.create_report": regional(REPORTERS),
    "reports.get_report": MEMBERS,
    "reports.update_report": regional(REPORTERS),
    "reports.review_report": regional(FIELD),
    "reports.change_report_status": regional(FIELD),
    "reports.resolve_report": regional(FIELD),
    "reports.list_reports": MEMBERS,
    "reports.list_active_reports": MEMBERS,
    "reports.summarise_reports": MEMBERS,
    "reports.aggregate_reports": MEMBERS,
    "reports.import_reports": regional(SYSTEMS),
    "reports.get_report_history": MEMBERS,
    "reports.add_comment": regional(REPORTERS),
    "reports.edit_comment": regional(REPORTERS),
    "reports.list_comments": MEMBERS,
    "reports.add_attachment": regional(REPORTERS),
    "reports.get_attachment": MEMBERS,
    "reports.get_attachment_allowance": regional(REPORTERS),
    "reports.list_attachments": MEMBERS,
    "reports.create_report_type": STAFF,
    "reports.update_report_type": STAFF,
    "reports.list_report_types": MEMBERS,
    "reports.create_severity_level": STAFF,
    "reports.update_severity_level": STAFF,
    "reports.list_severity_levels": MEMBERS,
    "resources.get_resource": MEMBERS,
    "resources.list_resources": MEMBERS,
    "resources.list_available_resources": MEMBERS,
    "resources.find_nearest_resources": MEMBERS,
    "resources.aggregate_resources": MEMBERS,
    "resources.get_resource_history": MEMBERS,
    "resources.list_usage_changes": MEMBERS,
    "resources.list_resource_types": MEMBERS,
    "resources.create_resource": regional(SYSTEMS),
    "resources.import_resources": regional(SYSTEMS),
    "resources.update_resource": regional(FIELD),
    "resources.change_resource_status": regional(FIELD),
    "resources.update_resource_usage": regional(FIELD),
    "resources.create_resource_type": STAFF,
    "resources.update_resource_type": STAFF,
    "resources.deactivate_resource_type": STAFF,
    "alerts.get_alert_cap": EVERYBODY,
    "alerts.list_public_alerts": EVERYBODY,
    "alerts.get_alert": MEMBERS,
    "alerts.list_alerts": MEMBERS,
    "alerts.list_recent_alerts": MEMBERS,
    "alerts.list_my_alerts": MEMBERS,
    "alerts.mark_alert_read": MEMBERS,
    "alerts.draft_alert": regional(SYSTEMS),
    "alerts.issue_alert": regional(SYSTEMS),
    "alerts.update_alert": regional(SYSTEMS),
    "alerts.preview_alert": regional(SYSTEMS),
    "alerts.preview_change": regional(FIELD),
    "alerts.request_approval": regional(SYSTEMS),
    "alerts.approve_alert": regional(STAFF),
    "alerts.return_alert": regional(SYSTEMS),
    "alerts.get_alert_history": regional(SYSTEMS),
    "alerts.cancel_alert": regional(SYSTEMS),
    "alerts.get_alert_reach": regional(STAFF),
    "alerts.list_alert_targets": regional(STAFF),
    "alerts.rebuild_audience": regional(STAFF),
    "alerts.list_private_alert_reads": ADMINISTRATORS,
    "alerts.create_alert_rule": STAFF,
    "alerts.update_alert_rule": STAFF,
    "alerts.get_alert_rule": STAFF,
    "alerts.list_alert_rules": STAFF,
}
"""The callers that a method does not turn away before it looks at the arguments, by its name."""


def callers_with(permissions):
    """The callers whom one of these permissions lets in, as the default roles say."""
    if ANYONE in permissions:
        return EVERYBODY
    if SIGNED_IN in permissions:
        return MEMBERS
    found = {
        role
        for role, default in DEFAULT_ROLES.items()
        if "*" in default.permissions or default.permissions & set(permissions)
    }
    return frozenset(regional(found) if REGIONAL_PERMISSIONS & set(permissions) else found)
