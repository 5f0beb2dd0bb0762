"""The events of the services, with their data as JSON has it."""

# Made by `python -m services describe --write`; do not edit.

from __future__ import annotations

from typing import Any, ClassVar, TypedDict

from ..events import Event


class UserCreatedData(TypedDict):
    """The data of a `UserCreated`."""

    user_id: str
    version: int
    is_active: bool
    preferences: dict[str, Any] | None
    roles: list[str]
    created_at: str


class UserCreated(Event[UserCreatedData]):
    """An account was created."""

    source: ClassVar[str] = "identity"
    type: ClassVar[str] = "user_created"


class UserUpdatedData(TypedDict):
    """The data of a `UserUpdated`."""

    user_id: str
    version: int
    is_active: bool
    preferences: dict[str, Any] | None
    roles: list[str]
    changed: list[str]
    changed_at: str


class UserUpdated(Event[UserUpdatedData]):
    """An account was changed; ``changed`` names the columns.

    When an account is reactivated, ``is_active`` has changed. When one of its roles was activated or
    deactivated, ``roles`` has changed.
    """

    source: ClassVar[str] = "identity"
    type: ClassVar[str] = "user_updated"


class UserDeactivatedData(TypedDict):
    """The data of a `UserDeactivated`."""

    user_id: str
    version: int
    is_active: bool
    preferences: dict[str, Any] | None
    roles: list[str]
    changed_at: str


class UserDeactivated(Event[UserDeactivatedData]):
    """An account was deactivated: ``is_active`` is false from now on."""

    source: ClassVar[str] = "identity"
    type: ClassVar[str] = "user_deactivated"


class RoleGrantedData(TypedDict):
    """The data of a `RoleGranted`."""

    user_id: str
    version: int
    is_active: bool
    preferences: dict[str, Any] | None
    roles: list[str]
    role_id: str
    role: str
    assigned_by: str | None
    assigned_at: str


class RoleGranted(Event[RoleGrantedData]):
    """A role was granted to an account. ``role`` is its name; ``roles`` are all active roles of the account
    now.
    """

    source: ClassVar[str] = "identity"
    type: ClassVar[str] = "role_granted"


class RoleRevokedData(TypedDict):
    """The data of a `RoleRevoked`."""

    user_id: str
    version: int
    is_active: bool
    preferences: dict[str, Any] | None
    roles: list[str]
    role_id: str
    role: str
    revoked_at: str


class RoleRevoked(Event[RoleRevokedData]):
    """A role was revoked from an account. ``role`` is its name; ``roles`` are all active roles of the account
    now.
    """

    source: ClassVar[str] = "identity"
    type: ClassVar[str] = "role_revoked"


class RegionCreatedData(TypedDict):
    """The data of a `RegionCreated`."""

    region_id: str
    version: int
    code: str
    name: str
    boundaries: dict[str, Any] | None
    created_at: str


class RegionCreated(Event[RegionCreatedData]):
    """A region was created."""

    source: ClassVar[str] = "identity"
    type: ClassVar[str] = "region_created"


class RegionUpdatedData(TypedDict):
    """The data of a `RegionUpdated`."""

    region_id: str
    version: int
    code: str
    name: str
    boundaries: dict[str, Any] | None
    changed: list[str]
    changed_at: str


class RegionUpdated(Event[RegionUpdatedData]):
    """A region was changed; ``changed`` names the columns. The code of a region never changes."""

    source: ClassVar[str] = "identity"
    type: ClassVar[str] = "region_updated"


class ReportCreatedData(TypedDict):
    """The data of a `ReportCreated`."""

    report_id: str
    version: int
    user_id: str
    region_id: str
    report_type_id: str
    severity_level_id: str
    severity_level: int
    title: str
    status: str
    review_reasons: list[str]
    changed_by: str
    changed_at: str
    notes: str | None


class ReportCreated(Event[ReportCreatedData]):
    """A report was filed."""

    source: ClassVar[str] = "reports"
    type: ClassVar[str] = "report_created"


class ReportStatusChangedData(TypedDict):
    """The data of a `ReportStatusChanged`."""

    report_id: str
    version: int
    user_id: str
    region_id: str
    report_type_id: str
    severity_level_id: str
    severity_level: int
    title: str
    status: str
    review_reasons: list[str]
    previous_status: str
    changed_by: str
    changed_at: str
    notes: str | None


class ReportStatusChanged(Event[ReportStatusChangedData]):
    """A report moved from ``previous_status`` to ``status``; ``notes`` say why, where somebody did."""

    source: ClassVar[str] = "reports"
    type: ClassVar[str] = "report_status_changed"


class ReportUpdatedData(TypedDict):
    """The data of a `ReportUpdated`."""

    report_id: str
    version: int
    user_id: str
    region_id: str
    report_type_id: str
    severity_level_id: str
    severity_level: int
    title: str
    status: str
    review_reasons: list[str]
    changed_by: str
    changed_at: str
    changed: list[str]


class ReportUpdated(Event[ReportUpdatedData]):
    """Something of a report other than its status changed; ``changed`` names the columns."""

    source: ClassVar[str] = "reports"
    type: ClassVar[str] = "report_updated"


class ReportCommentAddedData(TypedDict):
    """The data of a `ReportCommentAdded`."""

    report_id: str
    version: int
    region_id: str
    comment_id: str
    user_id: str
    content: str
    created_at: str


class ReportCommentAdded(Event[ReportCommentAddedData]):
    """Somebody commented on a report."""

    source: ClassVar[str] = "reports"
    type: ClassVar[str] = "report_comment_added"


class ReportAttachmentAddedData(TypedDict):
    """The data of a `ReportAttachmentAdded`."""

    report_id: str
    version: int
    region_id: str
    attachment_id: str
    uploaded_by: str
    file_name: str
    mime_type: str
    file_size: int
    uploaded_at: str


class ReportAttachmentAdded(Event[ReportAttachmentAddedData]):
    """A file was attached to a report."""

    source: ClassVar[str] = "reports"
    type: ClassVar[str] = "report_attachment_added"


class ResourceCreatedData(TypedDict):
    """The data of a `ResourceCreated`."""

    resource_id: str
    version: int
    region_id: str
    resource_type_id: str
    name: str
    status: str
    capacity: int | None
    current_usage: int
    changed_by: str
    changed_at: str
    notes: str | None


class ResourceCreated(Event[ResourceCreatedData]):
    """A resource was added."""

    source: ClassVar[str] = "resources"
    type: ClassVar[str] = "resource_created"


class ResourceStatusChangedData(TypedDict):
    """The data of a `ResourceStatusChanged`."""

    resource_id: str
    version: int
    region_id: str
    resource_type_id: str
    name: str
    status: str
    capacity: int | None
    current_usage: int
    changed_by: str
    changed_at: str
    previous_status: str
    notes: str | None


class ResourceStatusChanged(Event[ResourceStatusChangedData]):
    """A resource moved from ``previous_status`` to ``status``; ``notes`` say why, where somebody did."""

    source: ClassVar[str] = "resources"
    type: ClassVar[str] = "resource_status_changed"


class ResourceUsageChangedData(TypedDict):
    """The data of a `ResourceUsageChanged`."""

    resource_id: str
    version: int
    region_id: str
    resource_type_id: str
    name: str
    status: str
    capacity: int | None
    current_usage: int
    changed_by: str
    changed_at: str
    usage_change: int


class ResourceUsageChanged(Event[ResourceUsageChangedData]):
    """So much was taken (``usage_change`` above zero) or given back; ``current_usage`` is what followed."""

    source: ClassVar[str] = "resources"
    type: ClassVar[str] = "resource_usage_changed"


class ResourceUpdatedData(TypedDict):
    """The data of a `ResourceUpdated`."""

    resource_id: str
    version: int
    region_id: str
    resource_type_id: str
    name: str
    status: str
    capacity: int | None
    current_usage: int
    changed_by: str
    changed_at: str
    changed: list[str]


class ResourceUpdated(Event[ResourceUpdatedData]):
    """Something of a resource other than its status and usage changed; ``changed`` names the columns."""

    source: ClassVar[str] = "resources"
    type: ClassVar[str] = "resource_updated"


class AlertIssuedData(TypedDict):
    """The data of a `AlertIssued`."""

    alert_id: str
    version: int
    title: str
    region_id: str
    priority: str
    status: str
    msg_type: str
    references: list[str]
    issued_by: str
    issued_at: str
    expires_at: str | None
    cap_status: str


class AlertIssued(Event[AlertIssuedData]):
    """An alert became active, whether it was a draft before or not."""

    source: ClassVar[str] = "alerts"
    type: ClassVar[str] = "alert_issued"


class AlertStatusChangedData(TypedDict):
    """The data of a `AlertStatusChanged`."""

    alert_id: str
    version: int
    title: str
    region_id: str
    priority: str
    status: str
    msg_type: str
    references: list[str]
    issued_by: str
    issued_at: str
    expires_at: str | None
    cap_status: str
    previous_status: str
    superseded_by: str | None
    cancelled_by: str | None
    notes: str | None
    changed_by: str
    changed_at: str


class AlertStatusChanged(Event[AlertStatusChangedData]):
    """The status of an alert changed from ``previous_status`` to ``status``.

    ``superseded_by`` is the id of the alert that replaces it, ``cancelled_by`` that of the message that
    cancels it. ``notes`` is the reason that was given.
    """

    source: ClassVar[str] = "alerts"
    type: ClassVar[str] = "alert_status_changed"


class AlertTargetedData(TypedDict):
    """The data of a `AlertTargeted`."""

    alert_id: str
    version: int
    region_id: str
    targets: int
    issued_at: str
    targeted_at: str


class AlertTargeted(Event[AlertTargetedData]):
    """An alert has reached every account that it is for; ``targets`` is their number."""

    source: ClassVar[str] = "alerts"
    type: ClassVar[str] = "alert_targeted"


class AlertReadData(TypedDict):
    """The data of a `AlertRead`."""

    alert_id: str
    version: int
    region_id: str
    user_id: str
    read_at: str


class AlertRead(Event[AlertReadData]):
    """An account read an alert for the first time; ``version`` is the version that the alert had then."""

    source: ClassVar[str] = "alerts"
    type: ClassVar[str] = "alert_read"
