"""Where the gateway offers each method; of several routes, the one with most names in its path first."""

# Made by `python -m services describe --write`; do not edit.

from __future__ import annotations

from typing import Final

from ..methods import HttpRoute

ROUTES: Final[dict[str, tuple[HttpRoute, ...]]] = {
    "alerts.cancel_alert": (
        HttpRoute("PUT", "/api/v1/alerts/{alert_id}/cancellation", has_body=True, is_versioned=True),
    ),
    "alerts.create_alert_rule": (
        HttpRoute("POST", "/api/v1/alert-rules", has_body=True, takes_id=True),
    ),
    "alerts.draft_alert": (
        HttpRoute("POST", "/api/v1/alert-drafts", has_body=True, takes_id=True),
    ),
    "alerts.get_alert": (
        HttpRoute("GET", "/api/v1/alerts/{alert_id}"),
    ),
    "alerts.get_alert_reach": (
        HttpRoute("GET", "/api/v1/alerts/{alert_id}/reach"),
    ),
    "alerts.get_alert_rule": (
        HttpRoute("GET", "/api/v1/alert-rules/{rule_id}"),
    ),
    "alerts.issue_alert": (
        HttpRoute("PUT", "/api/v1/alerts/{alert_id}/issue", is_versioned=True),
        HttpRoute("POST", "/api/v1/alerts", has_body=True, takes_id=True),
    ),
    "alerts.list_alert_rules": (
        HttpRoute("GET", "/api/v1/alert-rules"),
    ),
    "alerts.list_alert_targets": (
        HttpRoute("GET", "/api/v1/alerts/{alert_id}/targets"),
    ),
    "alerts.list_alerts": (
        HttpRoute("GET", "/api/v1/alerts"),
    ),
    "alerts.list_my_alerts": (
        HttpRoute("GET", "/api/v1/my-alerts"),
    ),
    "alerts.list_public_alerts": (
        HttpRoute("GET", "/api/v1/public-alerts"),
    ),
    "alerts.list_recent_alerts": (
        HttpRoute("GET", "/api/v1/recent-alerts"),
    ),
    "alerts.mark_alert_read": (
        HttpRoute("PUT", "/api/v1/alerts/{alert_id}/reading"),
    ),
    "alerts.update_alert": (
        HttpRoute("PATCH", "/api/v1/alerts/{alert_id}", has_body=True, is_versioned=True),
    ),
    "alerts.update_alert_rule": (
        HttpRoute("PATCH", "/api/v1/alert-rules/{rule_id}", has_body=True, is_versioned=True),
    ),
    "identity.authenticate": (
        HttpRoute("POST", "/api/v1/auth/login", has_body=True),
    ),
    "identity.change_password": (
        HttpRoute("PUT", "/api/v1/auth/password", has_body=True),
    ),
    "identity.create_region": (
        HttpRoute("POST", "/api/v1/regions", has_body=True, takes_id=True),
    ),
    "identity.create_role": (
        HttpRoute("POST", "/api/v1/roles", has_body=True, takes_id=True),
    ),
    "identity.deactivate_user": (
        HttpRoute("PUT", "/api/v1/users/{user_id}/deactivation"),
    ),
    "identity.get_jwks": (
        HttpRoute("GET", "/api/v1/auth/keys"),
    ),
    "identity.get_me": (
        HttpRoute("GET", "/api/v1/auth/me"),
    ),
    "identity.get_region": (
        HttpRoute("GET", "/api/v1/regions/{region_id}"),
    ),
    "identity.get_role": (
        HttpRoute("GET", "/api/v1/roles/{role}"),
    ),
    "identity.get_user": (
        HttpRoute("GET", "/api/v1/users/{user_id}"),
    ),
    "identity.grant_role": (
        HttpRoute("PUT", "/api/v1/users/{user_id}/roles/{role}", has_body=True),
    ),
    "identity.list_permissions": (
        HttpRoute("GET", "/api/v1/permissions"),
    ),
    "identity.list_regions": (
        HttpRoute("GET", "/api/v1/regions"),
    ),
    "identity.list_roles": (
        HttpRoute("GET", "/api/v1/roles"),
    ),
    "identity.list_users": (
        HttpRoute("GET", "/api/v1/users"),
    ),
    "identity.locate_region": (
        HttpRoute("GET", "/api/v1/located-region"),
    ),
    "identity.locate_regions": (
        HttpRoute("POST", "/api/v1/located-regions", has_body=True),
    ),
    "identity.reactivate_user": (
        HttpRoute("DELETE", "/api/v1/users/{user_id}/deactivation"),
    ),
    "identity.refresh": (
        HttpRoute("POST", "/api/v1/auth/refresh", has_body=True, takes_id=True),
    ),
    "identity.register_user": (
        HttpRoute("POST", "/api/v1/users", has_body=True, takes_id=True),
    ),
    "identity.reset_password": (
        HttpRoute("PUT", "/api/v1/users/{user_id}/password", has_body=True),
    ),
    "identity.revoke": (
        HttpRoute("POST", "/api/v1/auth/logout", has_body=True),
    ),
    "identity.revoke_role": (
        HttpRoute("DELETE", "/api/v1/users/{user_id}/roles/{role}"),
    ),
    "identity.set_role_permissions": (
        HttpRoute("PUT", "/api/v1/roles/{role}/permissions", has_body=True, is_versioned=True),
    ),
    "identity.update_region": (
        HttpRoute("PATCH", "/api/v1/regions/{region_id}", has_body=True, is_versioned=True),
    ),
    "identity.update_role": (
        HttpRoute("PATCH", "/api/v1/roles/{role}", has_body=True, is_versioned=True),
    ),
    "identity.update_user": (
        HttpRoute("PATCH", "/api/v1/users/{user_id}", has_body=True, is_versioned=True),
    ),
    "reports.add_comment": (
        HttpRoute("POST", "/api/v1/reports/{report_id}/comments", has_body=True, takes_id=True),
    ),
    "reports.aggregate_reports": (
        HttpRoute("GET", "/api/v1/statistics/report-cells"),
    ),
    "reports.change_report_status": (
        HttpRoute("PUT", "/api/v1/reports/{report_id}/status", has_body=True, is_versioned=True),
    ),
    "reports.create_report": (
        HttpRoute("POST", "/api/v1/reports", has_body=True, takes_id=True),
    ),
    "reports.create_report_type": (
        HttpRoute("POST", "/api/v1/report-types", has_body=True, takes_id=True),
    ),
    "reports.create_severity_level": (
        HttpRoute("POST", "/api/v1/severity-levels", has_body=True, takes_id=True),
    ),
    "reports.edit_comment": (
        HttpRoute("PATCH", "/api/v1/comments/{comment_id}", has_body=True, is_versioned=True),
    ),
    "reports.get_attachment": (
        HttpRoute("GET", "/api/v1/attachments/{attachment_id}"),
    ),
    "reports.get_attachment_allowance": (
        HttpRoute("GET", "/api/v1/reports/{report_id}/attachment-allowance"),
    ),
    "reports.get_report": (
        HttpRoute("GET", "/api/v1/reports/{report_id}"),
    ),
    "reports.get_report_history": (
        HttpRoute("GET", "/api/v1/reports/{report_id}/history"),
    ),
    "reports.import_reports": (
        HttpRoute("POST", "/api/v1/report-imports", has_body=True),
    ),
    "reports.list_active_reports": (
        HttpRoute("GET", "/api/v1/active-reports"),
    ),
    "reports.list_attachments": (
        HttpRoute("GET", "/api/v1/reports/{report_id}/attachments"),
    ),
    "reports.list_comments": (
        HttpRoute("GET", "/api/v1/reports/{report_id}/comments"),
    ),
    "reports.list_report_types": (
        HttpRoute("GET", "/api/v1/report-types"),
    ),
    "reports.list_reports": (
        HttpRoute("GET", "/api/v1/reports"),
    ),
    "reports.list_severity_levels": (
        HttpRoute("GET", "/api/v1/severity-levels"),
    ),
    "reports.resolve_report": (
        HttpRoute("PUT", "/api/v1/reports/{report_id}/resolution", has_body=True, is_versioned=True),
    ),
    "reports.review_report": (
        HttpRoute("PUT", "/api/v1/reports/{report_id}/review", is_versioned=True),
    ),
    "reports.summarise_reports": (
        HttpRoute("GET", "/api/v1/statistics/reports"),
    ),
    "reports.update_report": (
        HttpRoute("PATCH", "/api/v1/reports/{report_id}", has_body=True, is_versioned=True),
    ),
    "reports.update_report_type": (
        HttpRoute("PATCH", "/api/v1/report-types/{report_type_id}", has_body=True),
    ),
    "reports.update_severity_level": (
        HttpRoute("PATCH", "/api/v1/severity-levels/{severity_level_id}", has_body=True),
    ),
    "resources.change_resource_status": (
        HttpRoute("PUT", "/api/v1/resources/{resource_id}/status", has_body=True, is_versioned=True),
    ),
    "resources.create_resource": (
        HttpRoute("POST", "/api/v1/resources", has_body=True, takes_id=True),
    ),
    "resources.create_resource_type": (
        HttpRoute("POST", "/api/v1/resource-types", has_body=True, takes_id=True),
    ),
    "resources.deactivate_resource_type": (
        HttpRoute("PUT", "/api/v1/resource-types/{resource_type_id}/deactivation"),
    ),
    "resources.find_nearest_resources": (
        HttpRoute("GET", "/api/v1/nearest-resources"),
    ),
    "resources.get_resource": (
        HttpRoute("GET", "/api/v1/resources/{resource_id}"),
    ),
    "resources.get_resource_history": (
        HttpRoute("GET", "/api/v1/resources/{resource_id}/history"),
    ),
    "resources.import_resources": (
        HttpRoute("POST", "/api/v1/resource-imports", has_body=True),
    ),
    "resources.list_available_resources": (
        HttpRoute("GET", "/api/v1/available-resources"),
    ),
    "resources.list_resource_types": (
        HttpRoute("GET", "/api/v1/resource-types"),
    ),
    "resources.list_resources": (
        HttpRoute("GET", "/api/v1/resources"),
    ),
    "resources.list_usage_changes": (
        HttpRoute("GET", "/api/v1/resources/{resource_id}/usage-changes"),
    ),
    "resources.update_resource": (
        HttpRoute("PATCH", "/api/v1/resources/{resource_id}", has_body=True, is_versioned=True),
    ),
    "resources.update_resource_type": (
        HttpRoute("PATCH", "/api/v1/resource-types/{resource_type_id}", has_body=True),
    ),
    "resources.update_resource_usage": (
        HttpRoute("POST", "/api/v1/resources/{resource_id}/usage-changes", has_body=True, takes_id=True),
    ),
}
