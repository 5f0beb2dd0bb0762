"""Alerts: what people in a region are told, by whom, and who has read it.

Owns the schema ``alerts``: alerts and their targets of the seed, and beside them the rules by which status
changes issue alerts, and the audience, a projection of identity's accounts and regions.

Emits `alert_issued` and `alert_status_changed`, by trigger.
"""
