"""The schemas of the arguments and results of the resources service."""

from services.resources.schemas.catalogue import (
    CreateResourceType,
    DeactivateResourceType,
    ListResourceTypes,
    ResourceType,
    ResourceTypePage,
    UpdateResourceType,
)
from services.resources.schemas.imports import (
    ImportResources,
    ResourceRow,
)
from services.resources.schemas.resources import (
    AvailableResourcePage,
    CreateResource,
    FindNearestResources,
    GetResource,
    ListAvailableResources,
    ListResources,
    NearestResources,
    OfResource,
    Resource,
    ResourcePage,
    UpdateResource,
)
from services.resources.schemas.statistics import (
    AggregateResources,
    ResourceCells,
)
from services.resources.schemas.status import (
    ChangeResourceStatus,
    HistoryPage,
)
from services.resources.schemas.usage import (
    UpdateResourceUsage,
    UsageChange,
    UsageChangePage,
)
from shared.domain.import_schemas import ImportResult

__all__ = [
    "AggregateResources",
    "AvailableResourcePage",
    "ChangeResourceStatus",
    "CreateResource",
    "CreateResourceType",
    "DeactivateResourceType",
    "FindNearestResources",
    "GetResource",
    "HistoryPage",
    "ImportResources",
    "ImportResult",
    "ListAvailableResources",
    "ListResourceTypes",
    "ListResources",
    "NearestResources",
    "OfResource",
    "Resource",
    "ResourceCells",
    "ResourcePage",
    "ResourceRow",
    "ResourceType",
    "ResourceTypePage",
    "UpdateResource",
    "UpdateResourceType",
    "UpdateResourceUsage",
    "UsageChange",
    "UsageChangePage",
]
