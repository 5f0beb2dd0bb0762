"""The resources service: shelters, hospitals, vehicles and stock, and the free capacity of each.

Owns the schema ``resources``: resources with their status history and the ledger of their usage, and the
catalogue of resource types.

Offers `create_resource`, `get_resource`, `update_resource`, `change_resource_status`, `update_resource_usage`,
`list_resources`, `list_available_resources`, `find_nearest_resources`, `aggregate_resources`,
`import_resources`, `get_resource_history`, `list_usage_changes`; `create_resource_type`, `update_resource_type`,
`deactivate_resource_type`, `list_resource_types`.

Emits `resource_created`, `resource_status_changed`, `resource_usage_changed`, `resource_updated`.

Hears its own `resource_created` and `resource_status_changed`, from which it writes the status history. Asks
identity for the region of a location.
"""
