"""The alerts service: alerts to the people of regions, to groups and to accounts, and who has read them.

Owns the schema ``alerts``: alerts and their targets; the regions as they were when alerts were issued; alert rules, the
facts that they read and what they have told; the progress of targeting and the counters of accounts that were reached
and that have read; the paths by which accounts belong to the alerts in force; and the audience, a copy of identity's
accounts and regions.

Emits `alert_issued`, `alert_status_changed`, `alert_targeted` and `alert_read`, by database triggers.

Hears every event of identity, for the audience; what is created, edited and moved to another status among reports and
resources, for the alert rules; and its own `alert_issued`, for targeting.
"""
