"""What a resource, and a change of its usage, show of themselves."""

from __future__ import annotations

from typing import Final

from sqlalchemy import func

from services.resources.models import resource_usage_changes, resources

USAGE: Final = func.coalesce(resources.c.current_usage, 0, type_=resources.c.current_usage.type)
"""The specification lets it be NULL, which is nobody and nothing."""

FREE: Final = resources.c.capacity - USAGE
"""What is left; NULL without a limit."""

COLUMNS: Final = (
    resources.c.id,
    resources.c.name,
    resources.c.description,
    resources.c.region_id,
    resources.c.resource_type_id,
    resources.c.contact_person,
    resources.c.contact_phone,
    resources.c.contact_email,
    resources.c.location,
    resources.c.capacity,
    USAGE.label("current_usage"),
    FREE.label("available_capacity"),
    resources.c.status,
    resources.c.status_notes,
    resources.c.created_at,
    resources.c.updated_at,
    resources.c.updated_by,
    resources.c.version,
    resources.c.import_source,
    resources.c.import_key,
)

USAGE_CHANGE_COLUMNS: Final = (
    *resource_usage_changes.c,
    (resource_usage_changes.c.capacity - resource_usage_changes.c.current_usage).label("remaining"),
)
