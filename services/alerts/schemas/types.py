"""What the methods of alerts get as arguments, once loaded, and return, before it is dumped."""

# Made by `python -m services describe --write`; do not edit.

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NotRequired, TypeAlias, TypedDict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from uuid import UUID
    from services.alerts import policy


Action: TypeAlias = Literal["issue", "draft"]
CancelledByStatuses: TypeAlias = Literal["pending", "confirmed", "in_progress", "resolved", "closed", "rejected", "duplicate", "available", "limited", "unavailable", "out_of_service"]
SourceEvent: TypeAlias = Literal["report_status_changed", "resource_status_changed"]
StatusEntered: TypeAlias = Literal["pending", "confirmed", "in_progress", "resolved", "closed", "rejected", "duplicate", "available", "limited", "unavailable", "out_of_service"]
Priority: TypeAlias = Literal["critical", "high", "medium", "low"]
TargetType: TypeAlias = Literal["user", "group", "region"]
Category: TypeAlias = Literal["Geo", "Met", "Safety", "Security", "Rescue", "Fire", "Health", "Env", "Transport", "Infra", "CBRNE", "Other"]
Urgency: TypeAlias = Literal["Immediate", "Expected", "Future", "Past", "Unknown"]
Severity: TypeAlias = Literal["Extreme", "Severe", "Moderate", "Minor", "Unknown"]
Certainty: TypeAlias = Literal["Observed", "Likely", "Possible", "Unlikely", "Unknown"]
CapStatus: TypeAlias = Literal["Actual", "Exercise", "Test"]
Status: TypeAlias = Literal["draft", "active", "superseded", "cancelled", "expired"]
MsgType: TypeAlias = Literal["Alert", "Update", "Cancel"]


class CancelAlert(TypedDict):
    """The alert to cancel, its ``version`` that the caller saw, and the reason."""

    alert_id: UUID
    version: int
    notes: str | None


class Translation(TypedDict):
    """The texts of an alert in another language."""

    language: str
    title: str
    message: str
    event: str
    instruction: str


class Alert(TypedDict):
    """An alert, with the fields of CAP 1.2.

    ``references`` are the ids of the alerts that it replaces or cancels, the oldest first;
    ``superseded_by`` is the id of the alert that replaces it, and ``cancelled_by`` that of the message
    that cancels it. ``source_id`` is the id of the report or resource whose change of status issued it, by
    the rule ``rule_id``. The ``issued_at`` of a draft is the time when it was created, and the CAP fields
    that its author did not set are null. ``cap_status`` is ``Actual``, or ``Exercise`` or ``Test``.
    ``area`` is the part of the region that the alert is about, a ``polygon`` or a ``circle``; null means
    the whole region.
    """

    id: UUID
    title: str
    message: str
    region_id: UUID
    issued_by: UUID
    issued_at: datetime
    expires_at: datetime | None
    priority: str
    status: str
    status_notes: str | None
    category: str | None
    event: str | None
    urgency: str | None
    severity: str | None
    certainty: str | None
    msg_type: str
    references: Sequence[UUID]
    instruction: str | None
    language: str
    translations: Sequence[Translation]
    cap_status: str
    onset_at: datetime | None
    area: Mapping[str, Any] | None
    superseded_by: UUID | None
    cancelled_by: UUID | None
    rule_id: UUID | None
    source_id: UUID | None
    created_at: datetime
    updated_at: datetime
    updated_by: UUID | None
    version: int


class CreateAlertRule(TypedDict):
    """A new rule. With an ``id`` the call can be repeated safely."""

    description: NotRequired[str | None]
    is_active: NotRequired[bool]
    minimum_severity_level: NotRequired[int | None]
    maximum_severity_level: NotRequired[int | None]
    type_id: NotRequired[UUID | None]
    region_id: NotRequired[UUID | None]
    target_id: NotRequired[str | None]
    lifetime_seconds: NotRequired[int | None]
    action: NotRequired[Action]
    cancelled_by_statuses: NotRequired[list[CancelledByStatuses]]
    id: UUID | None
    name: str
    source_event: SourceEvent
    status_entered: StatusEntered
    priority: Priority
    title_template: str
    message_template: str
    target_type: TargetType


class AlertRule(TypedDict):
    """A rule by which changes of status issue alerts."""

    id: UUID
    name: str
    description: str | None
    is_active: bool
    source_event: str
    status_entered: str
    minimum_severity_level: int | None
    maximum_severity_level: int | None
    type_id: UUID | None
    region_id: UUID | None
    priority: str
    title_template: str
    message_template: str
    target_type: str
    target_id: str | None
    lifetime_seconds: int | None
    action: str
    cancelled_by_statuses: Sequence[str]
    created_at: datetime
    updated_at: datetime
    updated_by: UUID | None
    version: int


class TranslationArguments(TypedDict):
    """The texts of an alert in another language."""

    language: str
    title: str
    message: str
    event: NotRequired[str]
    instruction: NotRequired[str]


class CapCircle(TypedDict):
    """A circle: its centre and its radius in kilometres."""

    lon: float
    lat: float
    radius_km: float


class AlertArea(TypedDict):
    """The part of its region that an alert is about: a ``polygon`` of up to 2,000 positions, or a ``circle``.

    ``description`` describes the place in words. The area does not change who is alerted, because accounts
    follow regions.
    """

    description: NotRequired[str]
    polygon: NotRequired[dict[str, Any]]
    circle: NotRequired[CapCircle]


class DraftAlert(TypedDict):
    """A draft, to be issued later. With an ``id``, preferably a UUIDv7, the call can be repeated safely."""

    expires_at: NotRequired[datetime | None]
    category: NotRequired[Category | None]
    event: NotRequired[str | None]
    urgency: NotRequired[Urgency | None]
    severity: NotRequired[Severity | None]
    certainty: NotRequired[Certainty | None]
    instruction: NotRequired[str | None]
    language: NotRequired[str]
    translations: NotRequired[list[TranslationArguments]]
    targets: NotRequired[list[policy.Target]]
    cap_status: NotRequired[CapStatus]
    onset_at: NotRequired[datetime | None]
    area: NotRequired[AlertArea | None]
    id: NotRequired[UUID | None]
    title: str
    message: str
    region_id: UUID
    priority: Priority


class AlertId(TypedDict):
    """The id of an alert."""

    alert_id: UUID


class AlertCap(TypedDict):
    """An alert as a message of the Common Alerting Protocol 1.2, in XML."""

    alert_id: UUID
    cap: str


class TargetReach(TypedDict):
    """The accounts that one declared group or region reached. An account can be counted in several."""

    targets: int
    read: int
    unread: int
    target_type: str
    target_id: str


class Reach(TypedDict):
    """The numbers of accounts that an alert reached, each counted once, and the same by declared group and
    region.

    The numbers grow until ``targeted_at``, when all accounts were reached. It is null before.
    """

    targets: int
    read: int
    unread: int
    alert_id: UUID
    targeted_at: datetime | None
    by_target: Sequence[TargetReach]


class RuleId(TypedDict):
    """The id of a rule."""

    rule_id: UUID


class IssueAlert(TypedDict):
    """Either ``alert_id`` and ``version`` of a draft, or the content of a new alert.

    A new alert requires ``title``, ``message``, ``region_id`` and ``priority``. With an ``id``, preferably
    a UUIDv7, the call can be repeated safely.
    """

    expires_at: NotRequired[datetime | None]
    category: NotRequired[Category | None]
    event: NotRequired[str | None]
    urgency: NotRequired[Urgency | None]
    severity: NotRequired[Severity | None]
    certainty: NotRequired[Certainty | None]
    instruction: NotRequired[str | None]
    language: NotRequired[str]
    translations: NotRequired[list[TranslationArguments]]
    targets: NotRequired[list[policy.Target]]
    cap_status: NotRequired[CapStatus]
    onset_at: NotRequired[datetime | None]
    area: NotRequired[AlertArea | None]
    alert_id: NotRequired[UUID]
    version: NotRequired[int]
    id: NotRequired[UUID | None]
    title: NotRequired[str]
    message: NotRequired[str]
    region_id: NotRequired[UUID]
    priority: NotRequired[Priority]


class ListAlertRules(TypedDict):
    """The filters of a list of rules; both active and inactive ones if omitted."""

    cursor: str | None
    limit: int
    is_active: bool | None
    source_event: SourceEvent | None


class PageOfAlertRule(TypedDict):
    items: Sequence[AlertRule]
    next_cursor: str | None


class ListAlertTargets(TypedDict):
    """The filters of the targets of an alert."""

    cursor: str | None
    limit: int
    alert_id: UUID
    target_type: NotRequired[TargetType | None]


class Target(TypedDict):
    """A target of an alert: ``declared`` by its author, or an account that a declared target reached.

    ``is_read`` and ``read_at`` have a meaning for accounts only.
    """

    id: UUID
    alert_id: UUID
    target_type: str
    target_id: str
    declared: bool
    is_read: bool
    read_at: datetime | None


class PageOfTarget(TypedDict):
    items: Sequence[Target]
    next_cursor: str | None


class ListAlerts(TypedDict):
    """The filters of a list of alerts. An alert must match all that are given.

    ``issued_from`` and ``changed_since`` are inclusive, ``issued_to`` is exclusive. ``source_id`` is the
    id of the report or resource whose change of status issued the alert.
    """

    cursor: str | None
    limit: int
    status: NotRequired[list[Status] | None]
    priority: NotRequired[list[Priority] | None]
    msg_type: NotRequired[list[MsgType] | None]
    region_id: NotRequired[list[UUID] | None]
    source_id: NotRequired[UUID | None]
    issued_from: NotRequired[datetime | None]
    issued_to: NotRequired[datetime | None]
    changed_since: NotRequired[datetime | None]


class PageOfAlert(TypedDict):
    items: Sequence[Alert]
    next_cursor: str | None


class ListMyAlerts(TypedDict):
    """The filters of the alerts that reached the caller."""

    cursor: str | None
    limit: int
    unread_only: bool


class MyAlert(TypedDict):
    """An alert that reached the caller, and whether and when the caller read it."""

    id: UUID
    title: str
    message: str
    region_id: UUID
    issued_by: UUID
    issued_at: datetime
    expires_at: datetime | None
    priority: str
    status: str
    status_notes: str | None
    category: str | None
    event: str | None
    urgency: str | None
    severity: str | None
    certainty: str | None
    msg_type: str
    references: Sequence[UUID]
    instruction: str | None
    language: str
    translations: Sequence[Translation]
    cap_status: str
    onset_at: datetime | None
    area: Mapping[str, Any] | None
    superseded_by: UUID | None
    cancelled_by: UUID | None
    rule_id: UUID | None
    source_id: UUID | None
    created_at: datetime
    updated_at: datetime
    updated_by: UUID | None
    version: int
    is_read: bool
    read_at: datetime | None


class PageOfMyAlert(TypedDict):
    items: Sequence[MyAlert]
    next_cursor: str | None


class ListRecentAlerts(TypedDict):
    """The filters of a list of the alerts in force, which are active and have not expired."""

    cursor: str | None
    limit: int
    priority: NotRequired[list[Priority] | None]
    region_id: NotRequired[list[UUID] | None]


class PublicAlert(TypedDict):
    """The public part of an alert: what it says, without the accounts and reports behind it."""

    id: UUID
    title: str
    message: str
    region_id: UUID
    region_name: str
    issued_at: datetime
    expires_at: datetime | None
    priority: str
    category: str | None
    event: str | None
    urgency: str | None
    severity: str | None
    certainty: str | None
    msg_type: str
    references: Sequence[UUID]
    instruction: str | None
    language: str
    translations: Sequence[Translation]
    cap_status: str
    onset_at: datetime | None
    area: Mapping[str, Any] | None
    updated_at: datetime
    version: int


class PageOfPublicAlert(TypedDict):
    items: Sequence[PublicAlert]
    next_cursor: str | None


class RecentAlert(TypedDict):
    """An alert with the names of its region and its issuer."""

    id: UUID
    title: str
    message: str
    region_id: UUID
    issued_by: UUID
    issued_at: datetime
    expires_at: datetime | None
    priority: str
    status: str
    status_notes: str | None
    category: str | None
    event: str | None
    urgency: str | None
    severity: str | None
    certainty: str | None
    msg_type: str
    references: Sequence[UUID]
    instruction: str | None
    language: str
    translations: Sequence[Translation]
    cap_status: str
    onset_at: datetime | None
    area: Mapping[str, Any] | None
    superseded_by: UUID | None
    cancelled_by: UUID | None
    rule_id: UUID | None
    source_id: UUID | None
    created_at: datetime
    updated_at: datetime
    updated_by: UUID | None
    version: int
    region_name: str
    issuer_name: str


class PageOfRecentAlert(TypedDict):
    items: Sequence[RecentAlert]
    next_cursor: str | None


class Reading(TypedDict):
    """Whether an alert was read, and when for the first time."""

    alert_id: UUID
    is_read: bool
    read_at: datetime


class RebuildAudience(TypedDict):
    """The ``next_cursor`` of the previous call; null to begin."""

    cursor: str | None


class RebuiltAudience(TypedDict):
    """The numbers of regions and accounts that this call read, and the cursor of the next call; null at the
    end.
    """

    regions: int
    members: int
    next_cursor: str | None


class UpdateAlert(TypedDict):
    """New values of an alert. Omitted fields stay as they are. The region cannot be changed."""

    expires_at: NotRequired[datetime | None]
    category: NotRequired[Category | None]
    event: NotRequired[str | None]
    urgency: NotRequired[Urgency | None]
    severity: NotRequired[Severity | None]
    certainty: NotRequired[Certainty | None]
    instruction: NotRequired[str | None]
    language: NotRequired[str]
    translations: NotRequired[list[TranslationArguments]]
    targets: NotRequired[list[policy.Target]]
    cap_status: NotRequired[CapStatus]
    onset_at: NotRequired[datetime | None]
    area: NotRequired[AlertArea | None]
    alert_id: UUID
    version: int
    title: NotRequired[str]
    message: NotRequired[str]
    priority: NotRequired[Priority]


class UpdateAlertRule(TypedDict):
    """New values of a rule. Omitted fields stay as they are. They apply to changes of status from now on."""

    description: NotRequired[str | None]
    is_active: NotRequired[bool]
    minimum_severity_level: NotRequired[int | None]
    maximum_severity_level: NotRequired[int | None]
    type_id: NotRequired[UUID | None]
    region_id: NotRequired[UUID | None]
    target_id: NotRequired[str | None]
    lifetime_seconds: NotRequired[int | None]
    action: NotRequired[Action]
    cancelled_by_statuses: NotRequired[list[CancelledByStatuses]]
    rule_id: UUID
    version: int
    name: NotRequired[str]
    source_event: NotRequired[SourceEvent]
    status_entered: NotRequired[StatusEntered]
    priority: NotRequired[Priority]
    title_template: NotRequired[str]
    message_template: NotRequired[str]
    target_type: NotRequired[TargetType]
