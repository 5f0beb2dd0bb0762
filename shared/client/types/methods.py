"""Every method with its permission and its refusals, by ``service.method``."""

# Made by `python -m services describe --write`; do not edit.

from __future__ import annotations

from typing import Final

from shared.client.methods import MethodContract

METHODS: Final[dict[str, MethodContract]] = {
    "identity.authenticate": MethodContract(
        'Signs in with e-mail address and password.',
        ('anyone',),
        {'unauthenticated': 'Wrong, unknown or closed.', 'rate_limited': 'Too many failures lately, or too many sign-ins at once; ``retry_after`` says for how many seconds.'},
    ),
    "identity.change_password": MethodContract(
        "Changes the caller's own password and closes all their sessions.",
        ('signed in',),
        {'unauthenticated': 'The account is closed.', 'invalid': 'The current password is wrong, or the new one is the e-mail address or the old one.', 'conflict': 'The password was changed meanwhile.', 'rate_limited': 'Too many failed attempts lately, or too many changes at once.'},
    ),
    "identity.create_region": MethodContract(
        'Makes a region.',
        ('region:write',),
        {'invalid': 'The boundaries cross themselves; it says where.', 'conflict': 'The code or the id is taken.', 'forbidden': 'The caller holds ``region:write`` in some regions only.'},
    ),
    "identity.create_role": MethodContract(
        'Makes a role.',
        ('role:write',),
        {'invalid': 'A permission or the region it is narrowed to does not exist.', 'forbidden': "A permission is not the caller's to give.", 'conflict': 'The name or the id is taken.'},
    ),
    "identity.deactivate_user": MethodContract(
        'Closes an account and its sessions.',
        ('user:deactivate',),
        {'not_found': 'There is no such account.', 'forbidden': 'The account may more than the caller.', 'conflict': 'It is the last administrator.'},
    ),
    "identity.get_jwks": MethodContract(
        'Returns the public keys that access tokens are checked with.',
        ('anyone',),
        {},
    ),
    "identity.get_me": MethodContract(
        "Returns the caller's own account and what it may.",
        ('signed in',),
        {},
    ),
    "identity.get_region": MethodContract(
        'Returns a region with its boundaries.',
        ('signed in',),
        {'invalid': 'Not exactly one of the two is given.', 'not_found': 'There is none.'},
    ),
    "identity.get_role": MethodContract(
        'Returns one role with its permissions.',
        ('role:read',),
        {'not_found': 'There is none.'},
    ),
    "identity.get_user": MethodContract(
        'Returns one account.',
        ('signed in',),
        {'not_found': 'There is none, or the caller may not see it.'},
    ),
    "identity.grant_role": MethodContract(
        'Gives an account a role.',
        ('role:grant',),
        {'not_found': 'There is no such account.', 'invalid': 'There is no such role, or it is not active (``role``).', 'forbidden': 'The role or the account may more than the caller.'},
    ),
    "identity.list_permissions": MethodContract(
        'Returns every permission that exists, and what it allows.',
        ('role:read',),
        {},
    ),
    "identity.list_regions": MethodContract(
        'Returns a page of regions by code.',
        ('signed in',),
        {},
    ),
    "identity.list_roles": MethodContract(
        'Returns a page of roles by name.',
        ('role:read',),
        {},
    ),
    "identity.list_users": MethodContract(
        'Returns a page of accounts, the newest first.',
        ('user:read',),
        {},
    ),
    "identity.locate_region": MethodContract(
        'Returns the smallest region that contains a point.',
        ('signed in',),
        {'not_found': 'No region contains it.'},
    ),
    "identity.locate_regions": MethodContract(
        'Returns the id of the smallest region that contains each point, or null.',
        ('signed in',),
        {},
    ),
    "identity.reactivate_user": MethodContract(
        'Opens a closed account again.',
        ('user:deactivate',),
        {'not_found': 'There is no such account.', 'forbidden': 'The account may more than the caller.'},
    ),
    "identity.refresh": MethodContract(
        'Exchanges a refresh token for new tokens.',
        ('anyone',),
        {'unauthenticated': 'Unknown, expired, revoked or used up; the account is closed.', 'conflict': 'The id is that of another call.'},
    ),
    "identity.register_user": MethodContract(
        'Makes an account.',
        ('anyone',),
        {'invalid': 'The password is the e-mail address; a preferred region or a role does not exist, or a role is not active.', 'conflict': 'The e-mail address is taken (``email``), or the id.', 'forbidden': "The roles are not the caller's to give.", 'unauthenticated': 'The caller names roles, and their account is closed.', 'rate_limited': 'Too many registrations lately or at once; ``retry_after`` says for how many seconds.'},
    ),
    "identity.reset_password": MethodContract(
        "Sets somebody else's password and closes all their sessions.",
        ('user:update',),
        {'not_found': 'There is no such account.', 'forbidden': "The account has permissions that the caller lacks, or is the caller's own.", 'unauthenticated': "The caller's account is closed.", 'invalid': 'The password is the e-mail address.', 'rate_limited': 'Too many passwords are being changed at once.'},
    ),
    "identity.revoke": MethodContract(
        'Closes the session of a refresh token.',
        ('anyone',),
        {},
    ),
    "identity.revoke_role": MethodContract(
        'Takes a role from an account.',
        ('role:grant',),
        {'not_found': 'There is no such account.', 'invalid': 'There is no such role (``role``).', 'forbidden': 'The role or the account may more than the caller.', 'conflict': 'It would take the last administrator away.'},
    ),
    "identity.set_role_permissions": MethodContract(
        'Gives a role exactly these permissions.',
        ('role:write',),
        {'not_found': 'There is no such role.', 'invalid': 'A permission or the region it is narrowed to does not exist.', 'forbidden': "A permission that is added or taken is not the caller's.", 'conflict': 'The version is not the present one; ``administrator`` allows everything, always.'},
    ),
    "identity.update_region": MethodContract(
        'Changes name, description or boundaries of a region.',
        ('region:write',),
        {'not_found': 'There is no such region.', 'forbidden': 'The caller does not hold ``region:write`` in this region.', 'invalid': 'The boundaries cross themselves; it says where. Or they are for the reserved region, which has none.', 'conflict': 'The version is not the present one.'},
    ),
    "identity.update_role": MethodContract(
        'Describes a role, or switches it on or off.',
        ('role:write',),
        {'not_found': 'There is no such role.', 'forbidden': 'The role allows more than the caller may.', 'conflict': 'The version is not the present one; ``administrator`` is always active.'},
    ),
    "identity.update_user": MethodContract(
        'Changes name, phone, e-mail address or preferences of an account.',
        ('signed in',),
        {'not_found': 'There is no such account, or the caller may not see it.', 'forbidden': 'The caller may see the account but not change it, or it has permissions that the caller lacks.', 'unauthenticated': "The caller's account is closed.", 'invalid': 'A preferred region does not exist; ``current_password`` is missing or wrong.', 'conflict': 'The version is not the present one; the e-mail address is taken.', 'rate_limited': 'Too many wrong passwords, or too many questions for addresses that are taken.'},
    ),
    "reports.add_attachment": MethodContract(
        'Records a file of a report and answers with the path for its bytes.',
        ('report:attach',),
        {'not_found': 'There is no such report, or the caller may not see it.', 'forbidden': 'The caller may not attach to it.', 'too_large': 'It would pass a quota: ``scope``, ``quota`` and ``remaining`` say which.', 'conflict': "The id belongs to another attachment, or the report is the caller's own but not pending."},
    ),
    "reports.add_comment": MethodContract(
        'Comments on a report.',
        ('report:comment',),
        {'not_found': 'There is no such report, or the caller may not see it.', 'forbidden': 'The caller may not comment.', 'conflict': 'The id belongs to another comment.'},
    ),
    "reports.aggregate_reports": MethodContract(
        'Counts the reports of a box by cells of a grid, with the greatest severity of each.',
        ('report:read', 'report:read_own'),
        {},
    ),
    "reports.change_report_status": MethodContract(
        'Moves a report to another status.',
        ('report:change_status',),
        {'not_found': 'There is no such report, or the caller may not see it.', 'forbidden': 'The caller may not change its status.', 'conflict': 'The move is not legal (``legal`` lists those that are), or somebody changed the report.', 'invalid': '``duplicate_of`` is missing, out of place, unknown, or leads back to this report.'},
    ),
    "reports.create_report": MethodContract(
        'Files a report, in the region that contains its location unless it names one; marks what is in doubt.',
        ('report:create',),
        {'forbidden': 'The caller may not report in this region.', 'invalid': 'There is no such region, type or severity level, or the moment lies more than a day in the future.', 'conflict': 'The id belongs to another report.'},
    ),
    "reports.create_report_type": MethodContract(
        'Adds a report type.',
        ('catalogue:write',),
        {'conflict': 'The name or the id is taken.'},
    ),
    "reports.create_severity_level": MethodContract(
        'Adds a severity level.',
        ('catalogue:write',),
        {'conflict': 'The name or the id is taken.'},
    ),
    "reports.edit_comment": MethodContract(
        "Replaces the text of one's own comment.",
        ('report:comment',),
        {'not_found': 'There is no such comment, or the caller may not see its report.', 'forbidden': "It is somebody else's.", 'conflict': 'It was edited meanwhile.'},
    ),
    "reports.get_attachment": MethodContract(
        'Returns what is known of one attached file.',
        ('report:read', 'report:read_own'),
        {'not_found': 'There is none, or the caller may not see its report.'},
    ),
    "reports.get_attachment_allowance": MethodContract(
        'Returns how many bytes the caller may still attach to a report.',
        ('report:attach',),
        {'not_found': 'There is no such report, or the caller may not see it.', 'forbidden': 'The caller may not attach to it.'},
    ),
    "reports.get_report": MethodContract(
        'Returns one report.',
        ('report:read', 'report:read_own'),
        {'not_found': 'There is none.'},
    ),
    "reports.get_report_history": MethodContract(
        'Returns a page of the statuses that a report entered, the first one first.',
        ('report:read', 'report:read_own'),
        {'not_found': 'There is no such report, or the caller may not see it.'},
    ),
    "reports.import_reports": MethodContract(
        'Stores or updates up to 500 reports and says what became of each.',
        ('report:import',),
        {},
    ),
    "reports.list_active_reports": MethodContract(
        'Returns a page of the pending, confirmed and in-progress reports with their names, newest first.',
        ('report:read', 'report:read_own'),
        {},
    ),
    "reports.list_attachments": MethodContract(
        'Returns a page of the attachments of a report, the oldest first.',
        ('report:read', 'report:read_own'),
        {'not_found': 'There is no such report, or the caller may not see it.'},
    ),
    "reports.list_comments": MethodContract(
        'Returns a page of the comments on a report, the oldest first.',
        ('report:read', 'report:read_own'),
        {'not_found': 'There is no such report, or the caller may not see it.'},
    ),
    "reports.list_report_types": MethodContract(
        'Returns a page of the report types by name.',
        ('signed in',),
        {},
    ),
    "reports.list_reports": MethodContract(
        'Returns a page of reports, the newest first.',
        ('report:read', 'report:read_own'),
        {},
    ),
    "reports.list_severity_levels": MethodContract(
        'Returns a page of the severity levels, the lowest first.',
        ('signed in',),
        {},
    ),
    "reports.resolve_report": MethodContract(
        'Moves a report to resolved.',
        ('report:change_status',),
        {'not_found': 'There is no such report, or the caller may not see it.', 'forbidden': 'The caller may not change its status.', 'conflict': 'The move is not legal (``legal`` lists those that are), or somebody changed the report.'},
    ),
    "reports.review_report": MethodContract(
        'Takes the mark for review from a report.',
        ('report:update',),
        {'not_found': 'There is no such report, or the caller may not see it.', 'forbidden': 'The caller may see but not edit it.', 'conflict': 'Somebody changed it meanwhile.'},
    ),
    "reports.summarise_reports": MethodContract(
        'Counts reports by status, type, severity and region.',
        ('report:read', 'report:read_own'),
        {},
    ),
    "reports.update_report": MethodContract(
        'Edits a report; what is omitted stays, and the status has methods of its own.',
        ('report:update', 'report:update_own'),
        {'not_found': 'There is no such report, or the caller may not see it.', 'forbidden': 'The caller may see but not edit it, or may not move it to the region.', 'conflict': "Somebody changed it meanwhile, or it is the caller's own and not pending any more.", 'invalid': 'A new region, type or severity level does not exist, or the type is inactive; or the moment lies more than a day in the future.'},
    ),
    "reports.update_report_type": MethodContract(
        'Changes a report type, or takes it out of use.',
        ('catalogue:write',),
        {'not_found': 'There is no such type.', 'conflict': 'The name is taken.'},
    ),
    "reports.update_severity_level": MethodContract(
        'Changes a severity level.',
        ('catalogue:write',),
        {'not_found': 'There is no such level.', 'conflict': 'The name is taken.'},
    ),
    "resources.change_resource_status": MethodContract(
        'Moves a resource to another status.',
        ('resource:change_status',),
        {'not_found': 'There is no such resource, or the caller may not see it.', 'forbidden': 'The caller may not change its status.', 'conflict': 'The move is not legal (``legal`` lists those that are), or somebody changed the resource.'},
    ),
    "resources.create_resource": MethodContract(
        'Adds a resource, in the region that contains its location unless it names one.',
        ('resource:create',),
        {'forbidden': 'The caller may not add resources in this region.', 'invalid': 'There is no such region or type, or the type is not in use any more.', 'conflict': 'The id belongs to another resource.'},
    ),
    "resources.create_resource_type": MethodContract(
        'Adds a resource type.',
        ('catalogue:write',),
        {'conflict': 'The name or the id is taken.'},
    ),
    "resources.deactivate_resource_type": MethodContract(
        'Takes a resource type out of use; the resources that have it keep it.',
        ('catalogue:write',),
        {'not_found': 'There is no such type.'},
    ),
    "resources.find_nearest_resources": MethodContract(
        'Returns the resources nearest to a place that can take what is needed, with their distance.',
        ('resource:read',),
        {},
    ),
    "resources.get_resource": MethodContract(
        'Returns one resource.',
        ('resource:read',),
        {'not_found': 'There is none.'},
    ),
    "resources.get_resource_history": MethodContract(
        'Returns a page of the statuses that a resource entered, the first one first.',
        ('resource:read',),
        {'not_found': 'There is no such resource, or the caller may not see it.'},
    ),
    "resources.import_resources": MethodContract(
        'Stores or updates up to 500 resources and says what became of each.',
        ('resource:import',),
        {},
    ),
    "resources.list_available_resources": MethodContract(
        'Returns a page of the available resources that are not full, with their names, the newest first.',
        ('resource:read',),
        {},
    ),
    "resources.list_resource_types": MethodContract(
        'Returns a page of the resource types by name.',
        ('signed in',),
        {},
    ),
    "resources.list_resources": MethodContract(
        'Returns a page of resources, the newest first.',
        ('resource:read',),
        {},
    ),
    "resources.list_usage_changes": MethodContract(
        'Returns a page of what was taken and given back, the newest first.',
        ('resource:read',),
        {'not_found': 'There is no such resource, or the caller may not see it.'},
    ),
    "resources.update_resource": MethodContract(
        'Edits a resource; what is omitted stays, and status and usage have methods of their own.',
        ('resource:update',),
        {'not_found': 'There is no such resource, or the caller may not see it.', 'forbidden': 'The caller may see but not edit it, or may not move it to the region.', 'conflict': 'Somebody changed it meanwhile, or more is in use than the new capacity.', 'invalid': 'A new region or type does not exist, or the type is not in use any more.'},
    ),
    "resources.update_resource_type": MethodContract(
        'Changes a resource type, or takes it into use again.',
        ('catalogue:write',),
        {'not_found': 'There is no such type.', 'conflict': 'The name is taken.'},
    ),
    "resources.update_resource_usage": MethodContract(
        'Takes or gives back some of a resource, all of it or nothing.',
        ('resource:update_usage',),
        {'not_found': 'There is no such resource, or the caller may not see it.', 'forbidden': 'The caller may not change its usage.', 'conflict': 'The usage would leave 0 to capacity (``remaining``, ``capacity`` and ``current_usage`` say what is left), or the id belongs to another change.'},
    ),
    "alerts.cancel_alert": MethodContract(
        'Calls an alert off.',
        ('alert:cancel',),
        {'not_found': 'There is no such alert, or the caller may not see it.', 'forbidden': 'The caller may not cancel it.', 'conflict': 'It is over already, or was changed meanwhile.'},
    ),
    "alerts.create_alert_rule": MethodContract(
        'Adds a rule by which a change of a status issues an alert.',
        ('alert_rule:write',),
        {'invalid': 'Something does not fit together, such as a placeholder or status that the event does not have.', 'conflict': 'The name or the id is taken.'},
    ),
    "alerts.draft_alert": MethodContract(
        'Writes an alert that nobody is told yet.',
        ('alert:draft',),
        {'forbidden': 'The caller may not draft alerts there.', 'invalid': 'There is no such region, or one of the targets is not there.', 'conflict': 'The id belongs to another alert.'},
    ),
    "alerts.get_alert": MethodContract(
        'Returns one alert that one may read, or that reached oneself.',
        ('signed in',),
        {'not_found': 'There is none.'},
    ),
    "alerts.get_alert_cap": MethodContract(
        'Returns an issued alert as a CAP 1.2 message.',
        ('anyone',),
        {'not_found': 'There is no such alert, or the caller may not see it.', 'conflict': 'It was never issued.'},
    ),
    "alerts.get_alert_reach": MethodContract(
        'Counts whom an alert reached and who has read it, in total and by group and region.',
        ('alert:read_reach',),
        {'not_found': 'There is no such alert, or the caller may not see whom it reached.'},
    ),
    "alerts.get_alert_rule": MethodContract(
        'Returns one rule.',
        ('alert_rule:read',),
        {'not_found': 'There is none.'},
    ),
    "alerts.issue_alert": MethodContract(
        'Issues an alert, a draft or a whole new one.',
        ('alert:issue',),
        {'not_found': 'There is no such draft, or the caller may not see it.', 'forbidden': 'The caller may not issue alerts there.', 'invalid': 'There is no such region, one of the targets is not there, or it would be over already.', 'conflict': 'It is no draft any more or was changed meanwhile, or the id belongs to another alert.', 'unavailable': 'The region was made this very moment; try again.'},
    ),
    "alerts.list_alert_rules": MethodContract(
        'Returns a page of the rules by name.',
        ('alert_rule:read',),
        {},
    ),
    "alerts.list_alert_targets": MethodContract(
        'Returns a page of the targets of an alert, declared and reached.',
        ('alert:read_reach',),
        {'not_found': 'There is no such alert, or the caller may not see whom it reached.'},
    ),
    "alerts.list_alerts": MethodContract(
        'Returns a page of alerts, the newest first.',
        ('alert:read', 'alert:read_draft'),
        {},
    ),
    "alerts.list_my_alerts": MethodContract(
        'Returns a page of the alerts to oneself, unread ones first, then the newest.',
        ('signed in',),
        {},
    ),
    "alerts.list_public_alerts": MethodContract(
        'Returns a page of the alerts that hold now and are for everybody, and of their Cancels, the newest first.',
        ('anyone',),
        {},
    ),
    "alerts.list_recent_alerts": MethodContract(
        'Returns a page of the alerts that hold now, with their names, the newest first.',
        ('alert:read',),
        {},
    ),
    "alerts.mark_alert_read": MethodContract(
        'Notes that one has read an alert.',
        ('signed in',),
        {'not_found': 'There is no such alert, or it has not reached the caller.'},
    ),
    "alerts.rebuild_audience": MethodContract(
        'Reads accounts and regions anew from identity, for some seconds; the cursor says where to go on.',
        ('alert:rebuild_audience',),
        {'invalid': 'The cursor is broken; it names ``cursor``.', 'forbidden': 'The caller may not read accounts and roles (``user:read``, ``role:read``).'},
    ),
    "alerts.update_alert": MethodContract(
        'Changes a draft, or issues an update that takes the place of an active alert.',
        ('alert:draft', 'alert:issue'),
        {'not_found': 'There is no such alert, or the caller may not see it.', 'forbidden': 'The caller may not change it, or not for these targets.', 'invalid': 'One of the targets is not there, or it would be over already.', 'conflict': 'The alert is over, or was changed meanwhile.'},
    ),
    "alerts.update_alert_rule": MethodContract(
        'Changes a rule, or takes it out of use.',
        ('alert_rule:write',),
        {'not_found': 'There is no such rule.', 'invalid': 'Something does not fit together any more.', 'conflict': 'The name is taken, or somebody changed the rule meanwhile.'},
    ),
}
