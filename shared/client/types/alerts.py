"""What the methods of alerts take and return."""

# Made by `python -m services describe --write`; do not edit.

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NotRequired, Protocol, TypeAlias, TypedDict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from .wire import Identifier, Moment


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

    id: str
    title: str
    message: str
    region_id: str
    issued_by: str
    issued_at: str
    expires_at: str | None
    priority: str
    status: str
    status_notes: str | None
    category: str | None
    event: str | None
    urgency: str | None
    severity: str | None
    certainty: str | None
    msg_type: str
    references: list[str]
    instruction: str | None
    language: str
    translations: list[Translation]
    cap_status: str
    onset_at: str | None
    area: dict[str, Any] | None
    superseded_by: str | None
    cancelled_by: str | None
    rule_id: str | None
    source_id: str | None
    created_at: str
    updated_at: str
    updated_by: str | None
    version: int


class AlertRule(TypedDict):
    """A rule by which changes of status issue alerts."""

    id: str
    name: str
    description: str | None
    is_active: bool
    source_event: str
    status_entered: str
    minimum_severity_level: int | None
    maximum_severity_level: int | None
    type_id: str | None
    region_id: str | None
    priority: str
    title_template: str
    message_template: str
    target_type: str
    target_id: str | None
    lifetime_seconds: int | None
    action: str
    cancelled_by_statuses: list[str]
    created_at: str
    updated_at: str
    updated_by: str | None
    version: int


class TranslationArguments(TypedDict):
    """The texts of an alert in another language."""

    language: str
    title: str
    message: str
    event: NotRequired[str]
    instruction: NotRequired[str]


class TargetArguments(TypedDict):
    """A target of an alert.

    ``target_id`` is the id of an account (``user``), the id of a region (``region``) or the name of a role
    (``group``). ``coordinator`` stands for all coordinators, ``coordinator:HT-OUEST`` for those who follow
    that region or follow no region in particular.
    """

    target_type: TargetType
    target_id: str


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
    polygon: NotRequired[Mapping[str, Any]]
    circle: NotRequired[CapCircle]


class AlertCap(TypedDict):
    """An alert as a message of the Common Alerting Protocol 1.2, in XML."""

    alert_id: str
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
    alert_id: str
    targeted_at: str | None
    by_target: list[TargetReach]


class PageOfAlertRule(TypedDict):
    items: list[AlertRule]
    next_cursor: str | None


class Target(TypedDict):
    """A target of an alert: ``declared`` by its author, or an account that a declared target reached.

    ``is_read`` and ``read_at`` have a meaning for accounts only.
    """

    id: str
    alert_id: str
    target_type: str
    target_id: str
    declared: bool
    is_read: bool
    read_at: str | None


class PageOfTarget(TypedDict):
    items: list[Target]
    next_cursor: str | None


class PageOfAlert(TypedDict):
    items: list[Alert]
    next_cursor: str | None


class MyAlert(TypedDict):
    """An alert that reached the caller, and whether and when the caller read it."""

    id: str
    title: str
    message: str
    region_id: str
    issued_by: str
    issued_at: str
    expires_at: str | None
    priority: str
    status: str
    status_notes: str | None
    category: str | None
    event: str | None
    urgency: str | None
    severity: str | None
    certainty: str | None
    msg_type: str
    references: list[str]
    instruction: str | None
    language: str
    translations: list[Translation]
    cap_status: str
    onset_at: str | None
    area: dict[str, Any] | None
    superseded_by: str | None
    cancelled_by: str | None
    rule_id: str | None
    source_id: str | None
    created_at: str
    updated_at: str
    updated_by: str | None
    version: int
    is_read: bool
    read_at: str | None


class PageOfMyAlert(TypedDict):
    items: list[MyAlert]
    next_cursor: str | None


class PublicAlert(TypedDict):
    """The public part of an alert: what it says, without the accounts and reports behind it."""

    id: str
    title: str
    message: str
    region_id: str
    region_name: str
    issued_at: str
    expires_at: str | None
    priority: str
    category: str | None
    event: str | None
    urgency: str | None
    severity: str | None
    certainty: str | None
    msg_type: str
    references: list[str]
    instruction: str | None
    language: str
    translations: list[Translation]
    cap_status: str
    onset_at: str | None
    area: dict[str, Any] | None
    updated_at: str
    version: int


class PageOfPublicAlert(TypedDict):
    items: list[PublicAlert]
    next_cursor: str | None


class RecentAlert(TypedDict):
    """An alert with the names of its region and its issuer."""

    id: str
    title: str
    message: str
    region_id: str
    issued_by: str
    issued_at: str
    expires_at: str | None
    priority: str
    status: str
    status_notes: str | None
    category: str | None
    event: str | None
    urgency: str | None
    severity: str | None
    certainty: str | None
    msg_type: str
    references: list[str]
    instruction: str | None
    language: str
    translations: list[Translation]
    cap_status: str
    onset_at: str | None
    area: dict[str, Any] | None
    superseded_by: str | None
    cancelled_by: str | None
    rule_id: str | None
    source_id: str | None
    created_at: str
    updated_at: str
    updated_by: str | None
    version: int
    region_name: str
    issuer_name: str


class PageOfRecentAlert(TypedDict):
    items: list[RecentAlert]
    next_cursor: str | None


class Reading(TypedDict):
    """Whether an alert was read, and when for the first time."""

    alert_id: str
    is_read: bool
    read_at: str


class RebuiltAudience(TypedDict):
    """The numbers of regions and accounts that this call read, and the cursor of the next call; null at the
    end.
    """

    regions: int
    members: int
    next_cursor: str | None


class AlertsMethods(Protocol):
    """The methods of alerts."""

    def cancel_alert(
        self,
        *,
        alert_id: Identifier,
        version: int,
        notes: str | None = ...,
    ) -> Alert:
        """Cancel an alert.

        Needs: alert:cancel.
        """

    def create_alert_rule(
        self,
        *,
        name: str,
        source_event: SourceEvent,
        status_entered: StatusEntered,
        priority: Priority,
        title_template: str,
        message_template: str,
        description: str | None = ...,
        is_active: bool = ...,
        minimum_severity_level: int | None = ...,
        maximum_severity_level: int | None = ...,
        type_id: Identifier | None = ...,
        region_id: Identifier | None = ...,
        target_id: str | None = ...,
        lifetime_seconds: int | None = ...,
        action: Action = ...,
        cancelled_by_statuses: Sequence[CancelledByStatuses] = ...,
        id: Identifier | None = ...,
        target_type: TargetType = ...,
    ) -> AlertRule:
        """Create a rule by which changes of status issue alerts.

        Needs: alert_rule:write.
        """

    def draft_alert(
        self,
        *,
        title: str,
        message: str,
        region_id: Identifier,
        priority: Priority,
        expires_at: Moment | None = ...,
        category: Category | None = ...,
        event: str | None = ...,
        urgency: Urgency | None = ...,
        severity: Severity | None = ...,
        certainty: Certainty | None = ...,
        instruction: str | None = ...,
        language: str = ...,
        translations: Sequence[TranslationArguments] = ...,
        targets: Sequence[TargetArguments] = ...,
        cap_status: CapStatus = ...,
        onset_at: Moment | None = ...,
        area: AlertArea | None = ...,
        id: Identifier | None = ...,
    ) -> Alert:
        """Create a draft, which reaches nobody before it is issued.

        Needs: alert:draft.
        """

    def get_alert(
        self,
        *,
        alert_id: Identifier,
    ) -> Alert:
        """Return an alert that the caller may read, or that reached the caller.

        Needs: signed in.
        """

    def get_alert_cap(
        self,
        *,
        alert_id: Identifier,
    ) -> AlertCap:
        """Return an issued alert as a CAP 1.2 message.

        Needs: anyone.
        """

    def get_alert_reach(
        self,
        *,
        alert_id: Identifier,
    ) -> Reach:
        """Return how many accounts an alert reached and how many have read it, in total and by target.

        Needs: alert:read_reach.
        """

    def get_alert_rule(
        self,
        *,
        rule_id: Identifier,
    ) -> AlertRule:
        """Return a rule.

        Needs: alert_rule:read.
        """

    def issue_alert(
        self,
        *,
        expires_at: Moment | None = ...,
        category: Category | None = ...,
        event: str | None = ...,
        urgency: Urgency | None = ...,
        severity: Severity | None = ...,
        certainty: Certainty | None = ...,
        instruction: str | None = ...,
        language: str = ...,
        translations: Sequence[TranslationArguments] = ...,
        targets: Sequence[TargetArguments] = ...,
        cap_status: CapStatus = ...,
        onset_at: Moment | None = ...,
        area: AlertArea | None = ...,
        alert_id: Identifier = ...,
        version: int = ...,
        id: Identifier | None = ...,
        title: str = ...,
        message: str = ...,
        region_id: Identifier = ...,
        priority: Priority = ...,
    ) -> Alert:
        """Issue an alert, either a draft as it is or a new one.

        Needs: alert:issue.
        """

    def list_alert_rules(
        self,
        *,
        cursor: str | None = ...,
        limit: int = ...,
        is_active: bool | None = ...,
        source_event: SourceEvent | None = ...,
    ) -> PageOfAlertRule:
        """Return a page of the rules, ordered by name.

        Needs: alert_rule:read.
        """

    def list_alert_targets(
        self,
        *,
        alert_id: Identifier,
        cursor: str | None = ...,
        limit: int = ...,
        target_type: TargetType | None = ...,
    ) -> PageOfTarget:
        """Return a page of the targets of an alert, both declared and reached.

        Needs: alert:read_reach.
        """

    def list_alerts(
        self,
        *,
        cursor: str | None = ...,
        limit: int = ...,
        status: Status | Sequence[Status] | None = ...,
        priority: Priority | Sequence[Priority] | None = ...,
        msg_type: MsgType | Sequence[MsgType] | None = ...,
        region_id: Identifier | Sequence[Identifier] | None = ...,
        source_id: Identifier | None = ...,
        issued_from: Moment | None = ...,
        issued_to: Moment | None = ...,
        changed_since: Moment | None = ...,
    ) -> PageOfAlert:
        """Return a page of alerts, the newest first.

        Needs: alert:read or alert:read_draft.
        """

    def list_my_alerts(
        self,
        *,
        cursor: str | None = ...,
        limit: int = ...,
        unread_only: bool = ...,
    ) -> PageOfMyAlert:
        """Return a page of the alerts that reached the caller, unread ones first, then the newest.

        Needs: signed in.
        """

    def list_public_alerts(
        self,
        *,
        cursor: str | None = ...,
        limit: int = ...,
        priority: Priority | Sequence[Priority] | None = ...,
        region_id: Identifier | Sequence[Identifier] | None = ...,
    ) -> PageOfPublicAlert:
        """Return a page of the public alerts in force and of recent Cancel messages, the newest first.

        Needs: anyone.
        """

    def list_recent_alerts(
        self,
        *,
        cursor: str | None = ...,
        limit: int = ...,
        priority: Priority | Sequence[Priority] | None = ...,
        region_id: Identifier | Sequence[Identifier] | None = ...,
    ) -> PageOfRecentAlert:
        """Return a page of the alerts in force, with the names of regions and issuers, the newest first.

        Needs: alert:read.
        """

    def mark_alert_read(
        self,
        *,
        alert_id: Identifier,
    ) -> Reading:
        """Record that the caller has read an alert.

        Needs: signed in.
        """

    def rebuild_audience(
        self,
        *,
        cursor: str | None = ...,
    ) -> RebuiltAudience:
        """Read regions and accounts from identity again, for some seconds; call it again with the cursor.

        Needs: alert:rebuild_audience.
        """

    def update_alert(
        self,
        *,
        alert_id: Identifier,
        version: int,
        expires_at: Moment | None = ...,
        category: Category | None = ...,
        event: str | None = ...,
        urgency: Urgency | None = ...,
        severity: Severity | None = ...,
        certainty: Certainty | None = ...,
        instruction: str | None = ...,
        language: str = ...,
        translations: Sequence[TranslationArguments] = ...,
        targets: Sequence[TargetArguments] = ...,
        cap_status: CapStatus = ...,
        onset_at: Moment | None = ...,
        area: AlertArea | None = ...,
        title: str = ...,
        message: str = ...,
        priority: Priority = ...,
    ) -> Alert:
        """Change a draft, or issue an update that replaces an active alert.

        Needs: alert:draft or alert:issue.
        """

    def update_alert_rule(
        self,
        *,
        rule_id: Identifier,
        version: int,
        description: str | None = ...,
        is_active: bool = ...,
        minimum_severity_level: int | None = ...,
        maximum_severity_level: int | None = ...,
        type_id: Identifier | None = ...,
        region_id: Identifier | None = ...,
        target_id: str | None = ...,
        lifetime_seconds: int | None = ...,
        action: Action = ...,
        cancelled_by_statuses: Sequence[CancelledByStatuses] = ...,
        name: str = ...,
        source_event: SourceEvent = ...,
        status_entered: StatusEntered = ...,
        priority: Priority = ...,
        title_template: str = ...,
        message_template: str = ...,
        target_type: TargetType = ...,
    ) -> AlertRule:
        """Change a rule, or take it out of use.

        Needs: alert_rule:write.
        """
