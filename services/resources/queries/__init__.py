"""The reads of the resources service."""

from services.resources.queries.catalogue import list_resource_types
from services.resources.queries.parts import get_resource_history, list_usage_changes
from services.resources.queries.resources import (
    find_nearest_resources,
    get_resource,
    list_available_resources,
    list_resources,
)

__all__ = [
    "find_nearest_resources",
    "get_resource",
    "get_resource_history",
    "list_available_resources",
    "list_resource_types",
    "list_resources",
    "list_usage_changes",
]
