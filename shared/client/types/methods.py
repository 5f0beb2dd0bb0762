"""Every method with its permission and its refusals, by ``service.method``."""

# Made by `python -m services describe --write`; do not edit.

from __future__ import annotations

from typing import Final

from ..methods import MethodContract

METHODS: Final[dict[str, MethodContract]] = {
    "identity.authenticate": MethodContract(
        'Sign in with email address and password.',
        ('anyone',),
        {'unauthenticated': 'The email address is unknown, the password is wrong, or the account is deactivated.', 'rate_limited': 'There are too many failures or sign-ins at the moment; wait `retry_after` seconds.'},
    ),
    "identity.change_password": MethodContract(
        "Change the caller's password and close all their sessions.",
        ('signed in',),
        {'unauthenticated': 'The account is deactivated.', 'invalid': 'The current password is wrong, or the new one is the email address or the current password.', 'conflict': 'Somebody has changed the password in the meantime.', 'rate_limited': 'There are too many failed attempts or password changes at the moment.'},
    ),
    "identity.create_region": MethodContract(
        'Create a region.',
        ('region:write',),
        {'invalid': 'The boundaries intersect themselves; the message says where.', 'conflict': 'The code or the id is taken.', 'forbidden': 'The caller has `region:write` only for some regions.'},
    ),
    "identity.create_role": MethodContract(
        'Create a role.',
        ('role:write',),
        {'invalid': 'A permission or its region does not exist.', 'forbidden': 'The caller does not have one of the permissions.', 'conflict': 'The name or the id is taken.'},
    ),
    "identity.deactivate_user": MethodContract(
        'Deactivate an account and close its sessions.',
        ('user:deactivate',),
        {'not_found': 'There is no such thing, or you may not see it.', 'forbidden': 'The account has permissions that the caller does not have.', 'conflict': 'The account is the last administrator.'},
    ),
    "identity.get_jwks": MethodContract(
        'Return the public keys that access tokens are verified with.',
        ('anyone',),
        {},
    ),
    "identity.get_me": MethodContract(
        "Return the caller's account with its permissions.",
        ('signed in',),
        {},
    ),
    "identity.get_region": MethodContract(
        'Return a region with its boundaries.',
        ('signed in',),
        {'invalid': 'Both or neither of `region_id` and `code` are given.', 'not_found': 'There is no such thing, or you may not see it.'},
    ),
    "identity.get_role": MethodContract(
        'Return a role with its permissions.',
        ('role:read',),
        {'not_found': 'There is no such thing, or you may not see it.'},
    ),
    "identity.get_user": MethodContract(
        'Return an account.',
        ('signed in',),
        {'not_found': 'There is no such thing, or you may not see it.'},
    ),
    "identity.grant_role": MethodContract(
        'Grant a role to an account.',
        ('role:grant',),
        {'not_found': 'There is no such thing, or you may not see it.', 'invalid': 'The role does not exist or is not active; `fields` names `role`.', 'forbidden': 'The role or the account has permissions that the caller does not have.'},
    ),
    "identity.list_permissions": MethodContract(
        'Return all permissions with their meanings.',
        ('role:read',),
        {},
    ),
    "identity.list_regions": MethodContract(
        'Return a page of regions by code.',
        ('signed in',),
        {},
    ),
    "identity.list_roles": MethodContract(
        'Return a page of roles by name.',
        ('role:read',),
        {},
    ),
    "identity.list_users": MethodContract(
        'Return a page of accounts, the newest first.',
        ('user:read',),
        {},
    ),
    "identity.locate_region": MethodContract(
        'Return the smallest region that contains a point.',
        ('signed in',),
        {'not_found': 'No region contains the point.'},
    ),
    "identity.locate_regions": MethodContract(
        'Return for each point the id of the smallest region that contains it, or null.',
        ('signed in',),
        {},
    ),
    "identity.reactivate_user": MethodContract(
        'Reactivate an account.',
        ('user:deactivate',),
        {'not_found': 'There is no such thing, or you may not see it.', 'forbidden': 'The account has permissions that the caller does not have.'},
    ),
    "identity.refresh": MethodContract(
        'Exchange a refresh token for new tokens.',
        ('anyone',),
        {'unauthenticated': 'The token is unknown, expired, revoked or already used, or the account is deactivated.', 'conflict': 'The id belongs to another call.'},
    ),
    "identity.register_user": MethodContract(
        'Create an account.',
        ('anyone',),
        {'invalid': 'The password is the email address, or a preferred region or an active role does not exist.', 'conflict': 'The email address or the id is taken; `fields` names which.', 'forbidden': 'The caller may not grant the roles.', 'unauthenticated': 'The arguments name roles, and the account of the caller is deactivated.', 'rate_limited': 'There are too many registrations at the moment; wait `retry_after` seconds.'},
    ),
    "identity.reset_password": MethodContract(
        'Set the password of another account and close all its sessions.',
        ('user:update',),
        {'not_found': 'There is no such thing, or you may not see it.', 'forbidden': "The account is the caller's own, or has permissions that the caller does not have.", 'unauthenticated': 'The account of the caller is deactivated.', 'invalid': 'The password equals the email address.', 'rate_limited': 'There are too many password changes at once.'},
    ),
    "identity.revoke": MethodContract(
        'Close the session of a refresh token.',
        ('anyone',),
        {},
    ),
    "identity.revoke_role": MethodContract(
        'Revoke a role from an account.',
        ('role:grant',),
        {'not_found': 'There is no such thing, or you may not see it.', 'invalid': 'The role does not exist; `fields` names `role`.', 'forbidden': 'The role or the account has permissions that the caller does not have.', 'conflict': 'The account is the last administrator.'},
    ),
    "identity.set_role_permissions": MethodContract(
        'Replace the permissions of a role.',
        ('role:write',),
        {'not_found': 'There is no such thing, or you may not see it.', 'invalid': 'A permission or its region does not exist.', 'forbidden': 'The caller does not have a permission that would be added or removed.', 'conflict': 'The version is out of date, or the role is `administrator`, which always has every permission.'},
    ),
    "identity.update_region": MethodContract(
        'Change the name, description or boundaries of a region.',
        ('region:write',),
        {'not_found': 'There is no such thing, or you may not see it.', 'forbidden': 'The caller does not have `region:write` for this region.', 'invalid': 'The boundaries intersect themselves, or the region is the reserved one, which has none.', 'conflict': 'The version is out of date.'},
    ),
    "identity.update_role": MethodContract(
        'Change the description of a role, activate it or deactivate it.',
        ('role:write',),
        {'not_found': 'There is no such thing, or you may not see it.', 'forbidden': 'The role has permissions that the caller does not have.', 'conflict': 'The version is out of date, or the role is `administrator`, which is always active.'},
    ),
    "identity.update_user": MethodContract(
        'Change the name, phone number, email address or preferences of an account.',
        ('signed in',),
        {'not_found': 'There is no such thing, or you may not see it.', 'forbidden': 'The caller may not change the account, or it has permissions that the caller does not have.', 'unauthenticated': 'The account of the caller is deactivated.', 'invalid': 'A preferred region does not exist, or `current_password` is missing or wrong.', 'conflict': 'The version is out of date, or the email address is taken.', 'rate_limited': 'There were too many wrong passwords, or too many attempts with taken email addresses.'},
    ),
    "reports.add_attachment": MethodContract(
        'Record a file that belongs to a report, and return the path for its bytes.',
        ('report:attach',),
        {'not_found': 'There is no such thing, or you may not see it.', 'forbidden': 'The caller may not attach files to the report.', 'too_large': 'The file would exceed a quota; `scope`, `quota` and `remaining` say which.', 'conflict': "The id belongs to another attachment, or the report is the caller's own and no longer pending."},
    ),
    "reports.add_comment": MethodContract(
        'Comment on a report.',
        ('report:comment',),
        {'not_found': 'There is no such thing, or you may not see it.', 'forbidden': 'The caller may not comment on the report.', 'conflict': 'The id belongs to another comment.'},
    ),
    "reports.aggregate_reports": MethodContract(
        'Count the reports in a box by cells of a grid, with the greatest severity in each.',
        ('report:read', 'report:read_own'),
        {},
    ),
    "reports.change_report_status": MethodContract(
        'Change the status of a report.',
        ('report:change_status',),
        {'not_found': 'There is no such thing, or you may not see it.', 'forbidden': 'The caller may not change the status of the report.', 'conflict': 'The status cannot follow the present one (`legal` lists those that can), or the report was changed.', 'invalid': '`duplicate_of` is missing, unknown, not allowed with this status, or leads back to this report.'},
    ),
    "reports.create_report": MethodContract(
        'File a report, in the region that contains its location unless it names one.',
        ('report:create',),
        {'forbidden': 'The caller may not create reports in this region.', 'invalid': 'The region, type or severity level does not exist, or `reported_at` is over a day ahead.', 'conflict': 'The id belongs to another report.'},
    ),
    "reports.create_report_type": MethodContract(
        'Add a report type.',
        ('catalogue:write',),
        {'conflict': 'The name or the id is taken.'},
    ),
    "reports.create_severity_level": MethodContract(
        'Add a severity level.',
        ('catalogue:write',),
        {'conflict': 'The name or the id is taken.'},
    ),
    "reports.edit_comment": MethodContract(
        "Replace the text of the caller's own comment.",
        ('report:comment',),
        {'not_found': 'There is no such comment, or the caller may not see its report.', 'forbidden': "The comment is somebody else's.", 'conflict': 'Somebody has edited the comment in the meantime.'},
    ),
    "reports.get_attachment": MethodContract(
        'Return what is known of one attached file.',
        ('report:read', 'report:read_own'),
        {'not_found': 'There is no such attachment, or the caller may not see its report.'},
    ),
    "reports.get_attachment_allowance": MethodContract(
        'Return how many bytes the caller may still attach to a report.',
        ('report:attach',),
        {'not_found': 'There is no such thing, or you may not see it.', 'forbidden': 'The caller may not attach files to the report.'},
    ),
    "reports.get_report": MethodContract(
        'Return the report.',
        ('report:read', 'report:read_own'),
        {'not_found': 'There is no such thing, or you may not see it.'},
    ),
    "reports.get_report_history": MethodContract(
        'Return a page of the statuses that a report entered, the first one first.',
        ('report:read', 'report:read_own'),
        {'not_found': 'There is no such thing, or you may not see it.'},
    ),
    "reports.import_reports": MethodContract(
        'Store or update up to 500 reports, and return the outcome of each.',
        ('report:import',),
        {},
    ),
    "reports.list_active_reports": MethodContract(
        'Return a page of the pending, confirmed and in-progress reports with their names, the newest first.',
        ('report:read', 'report:read_own'),
        {},
    ),
    "reports.list_attachments": MethodContract(
        'Return a page of the attachments of a report, the oldest first.',
        ('report:read', 'report:read_own'),
        {'not_found': 'There is no such thing, or you may not see it.'},
    ),
    "reports.list_comments": MethodContract(
        'Return a page of the comments on a report, the oldest first.',
        ('report:read', 'report:read_own'),
        {'not_found': 'There is no such thing, or you may not see it.'},
    ),
    "reports.list_report_types": MethodContract(
        'Return a page of the report types, ordered by name.',
        ('signed in',),
        {},
    ),
    "reports.list_reports": MethodContract(
        'Return a page of reports, the newest first.',
        ('report:read', 'report:read_own'),
        {},
    ),
    "reports.list_severity_levels": MethodContract(
        'Return a page of the severity levels, the lowest first.',
        ('signed in',),
        {},
    ),
    "reports.resolve_report": MethodContract(
        'Change the status of a report to resolved.',
        ('report:change_status',),
        {'not_found': 'There is no such thing, or you may not see it.', 'forbidden': 'The caller may not change the status of the report.', 'conflict': 'The status cannot follow the present one (`legal` lists those that can), or the report was changed.'},
    ),
    "reports.review_report": MethodContract(
        'Remove the mark for review from a report.',
        ('report:update',),
        {'not_found': 'There is no such thing, or you may not see it.', 'forbidden': 'The caller may not edit the report.', 'conflict': 'Somebody has changed the report in the meantime.'},
    ),
    "reports.summarise_reports": MethodContract(
        'Count reports by status, type, severity and region.',
        ('report:read', 'report:read_own'),
        {},
    ),
    "reports.update_report": MethodContract(
        'Edit a report; omitted fields stay as they are, and the status has methods of its own.',
        ('report:update', 'report:update_own'),
        {'not_found': 'There is no such thing, or you may not see it.', 'forbidden': 'The caller may not edit the report, or may not move it to the region.', 'conflict': "The report was changed in the meantime, or it is the caller's own and no longer pending.", 'invalid': 'A region, active type or severity level does not exist, or `reported_at` is over a day ahead.'},
    ),
    "reports.update_report_type": MethodContract(
        'Change a report type, or take it out of use.',
        ('catalogue:write',),
        {'not_found': 'There is no such thing, or you may not see it.', 'conflict': 'The name is taken.'},
    ),
    "reports.update_severity_level": MethodContract(
        'Change a severity level.',
        ('catalogue:write',),
        {'not_found': 'There is no such thing, or you may not see it.', 'conflict': 'The name is taken.'},
    ),
    "resources.change_resource_status": MethodContract(
        'Change the status of a resource.',
        ('resource:change_status',),
        {'not_found': 'There is no such thing, or you may not see it.', 'forbidden': 'The caller may not change the status of the resource.', 'conflict': 'The status cannot follow the present one (`legal` lists those that can), or the resource was changed.'},
    ),
    "resources.create_resource": MethodContract(
        'Add a resource, in the region that contains its location unless `region_id` is given.',
        ('resource:create',),
        {'forbidden': 'The caller may not create resources in this region.', 'invalid': 'The region or type does not exist, or the type is inactive.', 'conflict': 'The id belongs to another resource.'},
    ),
    "resources.create_resource_type": MethodContract(
        'Add a resource type.',
        ('catalogue:write',),
        {'conflict': 'The name or the id is taken.'},
    ),
    "resources.deactivate_resource_type": MethodContract(
        'Take a resource type out of use; the resources that have it keep it.',
        ('catalogue:write',),
        {'not_found': 'There is no such thing, or you may not see it.'},
    ),
    "resources.find_nearest_resources": MethodContract(
        'Return the resources nearest to a location that have the needed capacity, with their distance.',
        ('resource:read',),
        {},
    ),
    "resources.get_resource": MethodContract(
        'Return the resource.',
        ('resource:read',),
        {'not_found': 'There is no such thing, or you may not see it.'},
    ),
    "resources.get_resource_history": MethodContract(
        'Return a page of the statuses that a resource entered, the first one first.',
        ('resource:read',),
        {'not_found': 'There is no such thing, or you may not see it.'},
    ),
    "resources.import_resources": MethodContract(
        'Store or update up to 500 resources, and return the outcome of each row.',
        ('resource:import',),
        {},
    ),
    "resources.list_available_resources": MethodContract(
        'Return a page of the available resources that are not full, with the names of type and region.',
        ('resource:read',),
        {},
    ),
    "resources.list_resource_types": MethodContract(
        'Return a page of the resource types by name.',
        ('signed in',),
        {},
    ),
    "resources.list_resources": MethodContract(
        'Return a page of resources, the newest first.',
        ('resource:read',),
        {},
    ),
    "resources.list_usage_changes": MethodContract(
        'Return a page of the changes of the usage of a resource, the newest first.',
        ('resource:read',),
        {'not_found': 'There is no such thing, or you may not see it.'},
    ),
    "resources.update_resource": MethodContract(
        'Edit a resource; omitted fields are not changed. Status and usage have methods of their own.',
        ('resource:update',),
        {'not_found': 'There is no such thing, or you may not see it.', 'forbidden': 'The caller may not edit the resource, or may not move it to the region.', 'conflict': 'The resource was changed in the meantime, or more of it is in use than the new capacity.', 'invalid': 'A new region or type does not exist, or the type is inactive.'},
    ),
    "resources.update_resource_type": MethodContract(
        'Change a resource type, or bring it back into use.',
        ('catalogue:write',),
        {'not_found': 'There is no such thing, or you may not see it.', 'conflict': 'The name is taken.'},
    ),
    "resources.update_resource_usage": MethodContract(
        'Take some of the capacity of a resource, or give it back: the whole amount or nothing.',
        ('resource:update_usage',),
        {'not_found': 'There is no such thing, or you may not see it.', 'forbidden': 'The caller may not change the usage of the resource.', 'conflict': 'The usage would leave 0 to `capacity` (see `remaining`), or the id belongs to another change.'},
    ),
    "alerts.cancel_alert": MethodContract(
        'Cancel an alert.',
        ('alert:cancel',),
        {'not_found': 'There is no such thing, or you may not see it.', 'forbidden': 'The caller may not cancel the alert.', 'conflict': 'The alert has already ended, or somebody has changed it in the meantime.'},
    ),
    "alerts.create_alert_rule": MethodContract(
        'Create a rule by which changes of status issue alerts.',
        ('alert_rule:write',),
        {'invalid': 'Fields of the rule contradict each other, such as a status that the event does not have.', 'conflict': 'The name or the id is taken.'},
    ),
    "alerts.draft_alert": MethodContract(
        'Create a draft, which reaches nobody before it is issued.',
        ('alert:draft',),
        {'forbidden': 'The caller may not draft alerts for this region.', 'invalid': 'The region or one of the targets does not exist.', 'conflict': 'The id belongs to another alert.'},
    ),
    "alerts.get_alert": MethodContract(
        'Return an alert that the caller may read, or that reached the caller.',
        ('signed in',),
        {'not_found': 'There is no such thing, or you may not see it.'},
    ),
    "alerts.get_alert_cap": MethodContract(
        'Return an issued alert as a CAP 1.2 message.',
        ('anyone',),
        {'not_found': 'There is no such thing, or you may not see it.', 'conflict': 'The alert was never issued.'},
    ),
    "alerts.get_alert_reach": MethodContract(
        'Return how many accounts an alert reached and how many have read it, in total and by target.',
        ('alert:read_reach',),
        {'not_found': 'The alert does not exist, or the caller may not see its reach.'},
    ),
    "alerts.get_alert_rule": MethodContract(
        'Return a rule.',
        ('alert_rule:read',),
        {'not_found': 'There is no such thing, or you may not see it.'},
    ),
    "alerts.issue_alert": MethodContract(
        'Issue an alert, either a draft as it is or a new one.',
        ('alert:issue',),
        {'not_found': 'There is no such thing, or you may not see it.', 'forbidden': 'The caller may not issue alerts for this region.', 'invalid': 'The region or a target does not exist, or the alert would already have expired.', 'conflict': 'The draft was issued, cancelled or changed in the meantime, or the id belongs to another alert.', 'unavailable': 'The region was created a moment ago; try again.'},
    ),
    "alerts.list_alert_rules": MethodContract(
        'Return a page of the rules, ordered by name.',
        ('alert_rule:read',),
        {},
    ),
    "alerts.list_alert_targets": MethodContract(
        'Return a page of the targets of an alert, both declared and reached.',
        ('alert:read_reach',),
        {'not_found': 'The alert does not exist, or the caller may not see its reach.'},
    ),
    "alerts.list_alerts": MethodContract(
        'Return a page of alerts, the newest first.',
        ('alert:read', 'alert:read_draft'),
        {},
    ),
    "alerts.list_my_alerts": MethodContract(
        'Return a page of the alerts that reached the caller, unread ones first, then the newest.',
        ('signed in',),
        {},
    ),
    "alerts.list_public_alerts": MethodContract(
        'Return a page of the public alerts in force and of recent Cancel messages, the newest first.',
        ('anyone',),
        {},
    ),
    "alerts.list_recent_alerts": MethodContract(
        'Return a page of the alerts in force, with the names of regions and issuers, the newest first.',
        ('alert:read',),
        {},
    ),
    "alerts.mark_alert_read": MethodContract(
        'Record that the caller has read an alert.',
        ('signed in',),
        {'not_found': 'The alert does not exist, or has not reached the caller.'},
    ),
    "alerts.rebuild_audience": MethodContract(
        'Read regions and accounts from identity again, for some seconds; call it again with the cursor.',
        ('alert:rebuild_audience',),
        {'invalid': 'The cursor is not valid; `fields` names `cursor`.', 'forbidden': 'The caller may not read accounts and roles (`user:read`, `role:read`).'},
    ),
    "alerts.update_alert": MethodContract(
        'Change a draft, or issue an update that replaces an active alert.',
        ('alert:draft', 'alert:issue'),
        {'not_found': 'There is no such thing, or you may not see it.', 'forbidden': 'The caller may not change the alert, or not for these targets.', 'invalid': 'One of the targets does not exist, or the alert would already have expired.', 'conflict': 'The alert has ended, or somebody has changed it in the meantime.'},
    ),
    "alerts.update_alert_rule": MethodContract(
        'Change a rule, or take it out of use.',
        ('alert_rule:write',),
        {'not_found': 'There is no such thing, or you may not see it.', 'invalid': 'Fields of the rule would contradict each other.', 'conflict': 'The name is taken, or somebody has changed the rule in the meantime.'},
    ),
}
