"""Alerts: what people in a region are told, by whom, and who has read it.

Owns the schema ``alerts``: alerts and their targets of the seed, and beside them the areas that alerts were issued
for, the rules by which status changes issue alerts, how far targeting is, counters of who was reached and has read,
and the audience, a projection of identity's accounts and regions.

Emits `alert_issued`, `alert_status_changed`, `alert_targeted` and `alert_read`, by trigger.

Hears everything of identity, for the audience; `report_status_changed` and `resource_status_changed`, for the rules;
and its own `alert_issued`, for the targeting.
"""
