"""The writes of the resources service: one function is one use case and one transaction."""

from services.resources.operations.catalogue import (
    create_resource_type,
    deactivate_resource_type,
    seed,
    update_resource_type,
)
from services.resources.operations.history import record_history
from services.resources.operations.imports import check_rows, import_resources
from services.resources.operations.resources import create_resource, update_resource
from services.resources.operations.status import change_resource_status
from services.resources.operations.usage import update_resource_usage

__all__ = [
    "change_resource_status",
    "check_rows",
    "create_resource",
    "create_resource_type",
    "deactivate_resource_type",
    "import_resources",
    "record_history",
    "seed",
    "update_resource",
    "update_resource_type",
    "update_resource_usage",
]
