"""The arguments and results of the methods about alerts."""

from __future__ import annotations

import re
from typing import Any, Final

from marshmallow import ValidationError, fields, validate, validates_schema

from services.alerts import policy
from services.alerts.schemas.targets import RegionId, Targets
from shared.domain.alerts import STATUS
from shared.domain.geo_filters import InRegions, Outline
from shared.platform.schemas import (
    Arguments,
    Changes,
    Choice,
    Identifier,
    Latitude,
    Longitude,
    Number,
    OneOrList,
    Page,
    Result,
    Text,
    Timestamp,
    Version,
    page_of,
)

MAX_TITLE_LENGTH: Final = 255
MAX_MESSAGE_LENGTH: Final = 20_000
MAX_EVENT_LENGTH: Final = 255
MAX_RADIUS: Final = 20_040
MAX_NOTE_LENGTH: Final = 5_000
MAX_TRANSLATIONS: Final = 50
LANGUAGE_TAG: Final = validate.Regexp(
    r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,3}\Z", re.ASCII, error="Must be a language tag such as fr or ht-HT."
)


class Language(Text):
    """A language tag (RFC 3066, as CAP requires), such as ``fr`` or ``ht-HT``."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=35, validate=LANGUAGE_TAG, **options)


class TranslationArguments(Arguments):
    """The texts of an alert in another language."""

    language = Language(required=True)
    title = Text(max_length=MAX_TITLE_LENGTH, required=True)
    message = Text(max_length=MAX_MESSAGE_LENGTH, lines=True, required=True)
    event = Text(max_length=MAX_EVENT_LENGTH)
    instruction = Text(max_length=MAX_MESSAGE_LENGTH, lines=True)


class CapCircle(Arguments):
    """A circle: its centre and its radius in kilometres."""

    lon = Longitude(required=True)
    lat = Latitude(required=True)
    radius_km = Number(min_value=0.001, max_value=MAX_RADIUS, required=True)


class AlertArea(Arguments):
    """The part of its region that an alert is about: a ``polygon`` of up to 2,000 positions, or a ``circle``.

    ``description`` describes the place in words. The area does not change who is alerted, because accounts follow
    regions.
    """

    description = Text(max_length=MAX_TITLE_LENGTH)
    polygon = Outline()
    circle = fields.Nested(CapCircle)

    @validates_schema
    def _one_of_the_two(self, data: dict[str, Any], **_more: Any) -> None:
        if ("polygon" in data) == ("circle" in data):
            raise ValidationError("Give either a polygon or a circle.", "polygon")


class _Content(Arguments):
    """The content of an alert besides its title, message and priority.

    ``category``, ``event``, ``urgency``, ``severity`` and ``certainty`` are fields of CAP. If omitted, they follow from
    the priority and the title. An alert whose ``expires_at`` is null never expires. ``instruction`` tells people what
    to do. ``translations`` are the texts in languages other than ``language``. ``targets`` are the groups, regions and
    accounts to alert; if omitted, the people of the region. ``onset_at`` is when the event that the alert warns of
    begins. ``cap_status`` is ``Actual``, or ``Exercise`` or ``Test``; it cannot be changed once the alert is issued.
    ``area`` is the part of the region that the alert is about.
    """

    expires_at = Timestamp(allow_none=True)
    category = Choice(policy.CATEGORIES, allow_none=True)
    event = Text(max_length=MAX_EVENT_LENGTH, allow_none=True)
    urgency = Choice(policy.URGENCIES, allow_none=True)
    severity = Choice(policy.SEVERITIES, allow_none=True)
    certainty = Choice(policy.CERTAINTIES, allow_none=True)
    instruction = Text(max_length=MAX_MESSAGE_LENGTH, lines=True, allow_none=True)
    language = Language()
    translations = fields.List(
        fields.Nested(TranslationArguments), validate=validate.Length(max=MAX_TRANSLATIONS)
    )
    targets = Targets()
    cap_status = Choice(policy.CAP_STATUSES)
    onset_at = Timestamp(allow_none=True)
    area = fields.Nested(AlertArea, allow_none=True)

    @validates_schema
    def _each_language_once(self, data: dict[str, Any], **_more: Any) -> None:
        listed = [translation["language"].lower() for translation in data.get("translations", ())]
        if len(set(listed)) < len(listed) or data.get("language", "").lower() in listed:
            raise ValidationError(
                "Each language may appear only once, including the language of the alert itself.",
                "translations",
            )


class DraftAlert(_Content):
    """A draft, to be issued later. With an ``id``, preferably a UUIDv7, the call can be repeated safely.

    With ``updates``, the id of an active alert of the same region, it replaces that alert when it is issued. Its
    ``targets`` and ``cap_status`` are then those of that alert if omitted.
    """

    id = Identifier(allow_none=True)
    updates = Identifier(allow_none=True)
    title = Text(max_length=MAX_TITLE_LENGTH, required=True)
    message = Text(max_length=MAX_MESSAGE_LENGTH, lines=True, required=True)
    region_id = RegionId(required=True)
    priority = Choice(policy.PRIORITIES, required=True)


class IssueAlert(_Content):
    """Either ``alert_id`` and ``version`` of a draft, or the content of a new alert.

    A new alert requires ``title``, ``message``, ``region_id`` and ``priority``. With an ``id``, preferably a UUIDv7,
    the call can be repeated safely.
    """

    alert_id = Identifier()
    version = Version()
    id = Identifier(allow_none=True)
    title = Text(max_length=MAX_TITLE_LENGTH)
    message = Text(max_length=MAX_MESSAGE_LENGTH, lines=True)
    region_id = RegionId()
    priority = Choice(policy.PRIORITIES)

    @validates_schema
    def _one_or_the_other(self, data: dict[str, Any], **_more: Any) -> None:
        draft = {"alert_id", "version"}
        # Clients add an id to every create. It has no meaning for a draft.
        given = data.keys() - {"id"}
        if "alert_id" in given:
            problems = {name: ["A draft is issued as it is. Update it first."] for name in given - draft}
            if "version" not in given:
                problems["version"] = ["Missing data for required field."]
        else:
            needed = {"title", "message", "region_id", "priority"}
            problems = {name: ["Missing data for required field."] for name in needed - given}
            if "version" in given:
                problems["version"] = ["Only allowed with alert_id."]
        if problems:
            raise ValidationError(problems)


class UpdateAlert(_Content, Changes):
    """New values of an alert. Omitted fields stay as they are. The region cannot be changed.

    ``notes`` is the reason. It is kept with both alerts where an active one is updated, and is no part of what people
    are told.
    """

    alert_id = Identifier(required=True)
    version = Version(required=True)
    title = Text(max_length=MAX_TITLE_LENGTH)
    message = Text(max_length=MAX_MESSAGE_LENGTH, lines=True)
    priority = Choice(policy.PRIORITIES)
    notes = Text(max_length=MAX_NOTE_LENGTH, lines=True, blank=True, allow_none=True)

    @validates_schema
    def _changes_more_than_the_notes(self, data: dict[str, Any], **_more: Any) -> None:
        if not data.keys() - {"alert_id", "version", "notes"}:
            raise ValidationError("Give at least one field to change.")


class CancelAlert(Arguments):
    """The alert to cancel, its ``version`` that the caller saw, and the reason."""

    alert_id = Identifier(required=True)
    version = Version(required=True)
    notes = Text(max_length=MAX_NOTE_LENGTH, lines=True, blank=True, load_default=None, allow_none=True)


class AlertVersion(Arguments):
    """The id of an alert, and the ``version`` that the caller saw."""

    alert_id = Identifier(required=True)
    version = Version(required=True)


class ReturnAlert(AlertVersion):
    """The alert to return to its author, its ``version`` that the caller saw, and what is wrong with it."""

    notes = Text(max_length=MAX_NOTE_LENGTH, lines=True, blank=True, load_default=None, allow_none=True)


class ListAlertHistory(Page):
    """The alert whose history is wanted."""

    alert_id = Identifier(required=True)


class AlertId(Arguments):
    """The id of an alert."""

    alert_id = Identifier(required=True)


class ListAlerts(InRegions, Page):
    """The filters of a list of alerts. An alert must match all that are given.

    ``region_id`` means a region with all that lies in it; with ``exact``, only the region itself.
    ``issued_from`` and ``changed_since`` are inclusive, ``issued_to`` is exclusive. ``source_id`` is the id of the
    report or resource that the alerts are about; drafts and alerts that wait for approval are among them for callers
    who may read those.
    """

    status = OneOrList(Choice(STATUS.statuses), allow_none=True)
    priority = OneOrList(Choice(policy.PRIORITIES), allow_none=True)
    msg_type = OneOrList(Choice(policy.MESSAGE_TYPES), allow_none=True)
    source_id = Identifier(allow_none=True)
    issued_from = Timestamp(allow_none=True)
    issued_to = Timestamp(allow_none=True)
    changed_since = Timestamp(allow_none=True)


class ListRecentAlerts(InRegions, Page):
    """The filters of a list of the alerts in force, which are active and have not expired.

    ``region_id`` means a region with all that lies in it; with ``exact``, only the region itself.
    """

    priority = OneOrList(Choice(policy.PRIORITIES), allow_none=True)


class Translation(Result):
    """The texts of an alert in another language."""

    language = fields.String()
    title = fields.String()
    message = fields.String()
    event = fields.String()
    instruction = fields.String()


class Alert(Result):
    """An alert, with the fields of CAP 1.2.

    ``references`` are the ids of the alerts that it replaces or cancels, the oldest first; ``superseded_by`` is the id
    of the alert that replaces it, and ``cancelled_by`` that of the message that cancels it. ``source_id`` is the id of
    the report or resource that it is about, by the rule ``rule_id``; ``source_type`` is ``report`` or ``resource``.
    ``approval_requested_by`` is who asked for the approval that it waits for or got, ``approved_by`` who approved it.
    ``issued_by`` is the author of a draft, and of an issued alert the account that issued it or approved it. The
    ``issued_at`` of a draft is the time when it was created, and the CAP fields that its author did not set are null.
    ``cap_status`` is ``Actual``, or ``Exercise`` or ``Test``. ``area`` is the part of the region that the alert is
    about, a ``polygon`` or a ``circle``; null means the whole region. ``audience_class`` says for whom the alert is:
    ``public``, ``restricted`` to groups, or ``private`` to accounts. ``is_quiet`` is true of an update that changes
    words alone: it is shown without notifying anybody again.
    """

    id = Identifier()
    title = fields.String()
    message = fields.String()
    region_id = Identifier()
    issued_by = Identifier()
    issued_at = Timestamp()
    expires_at = Timestamp(allow_none=True)
    priority = fields.String()
    status = fields.String()
    status_notes = fields.String(allow_none=True)
    category = fields.String(allow_none=True)
    event = fields.String(allow_none=True)
    urgency = fields.String(allow_none=True)
    severity = fields.String(allow_none=True)
    certainty = fields.String(allow_none=True)
    msg_type = fields.String()
    references = fields.List(Identifier())
    instruction = fields.String(allow_none=True)
    language = fields.String()
    translations = fields.List(fields.Nested(Translation))
    cap_status = fields.String()
    onset_at = Timestamp(allow_none=True)
    area = fields.Dict(allow_none=True)
    audience_class = fields.String()
    is_quiet = fields.Boolean()
    superseded_by = Identifier(allow_none=True)
    cancelled_by = Identifier(allow_none=True)
    rule_id = Identifier(allow_none=True)
    source_type = fields.String(allow_none=True)
    source_id = Identifier(allow_none=True)
    approval_requested_by = Identifier(allow_none=True)
    approval_requested_at = Timestamp(allow_none=True)
    approved_by = Identifier(allow_none=True)
    approved_at = Timestamp(allow_none=True)
    created_at = Timestamp()
    updated_at = Timestamp()
    updated_by = Identifier(allow_none=True)
    version = fields.Integer()


class AlertHistoryEntry(Result):
    """A status that an alert entered: who changed it, when and why, and the version that the alert had then."""

    id = Identifier()
    alert_id = Identifier()
    status = fields.String()
    changed_by = Identifier()
    notes = fields.String(allow_none=True)
    changed_at = Timestamp()
    version = fields.Integer()


class RecentAlert(Alert):
    """An alert with the names of its region, its sender and its issuer.

    ``sender`` names the organisation, as in CAP. ``issuer_name`` is for staff (``alert:read_restricted``) and null for
    others.
    """

    region_name = fields.String()
    sender = fields.String()
    issuer_name = fields.String(allow_none=True)


class PublicAlert(Result):
    """The public part of an alert: what it says, without the accounts and reports behind it.

    ``sender`` names the organisation, as in CAP.
    """

    id = Identifier()
    sender = fields.String()
    title = fields.String()
    message = fields.String()
    region_id = Identifier()
    region_name = fields.String()
    issued_at = Timestamp()
    expires_at = Timestamp(allow_none=True)
    priority = fields.String()
    category = fields.String(allow_none=True)
    event = fields.String(allow_none=True)
    urgency = fields.String(allow_none=True)
    severity = fields.String(allow_none=True)
    certainty = fields.String(allow_none=True)
    msg_type = fields.String()
    references = fields.List(Identifier())
    instruction = fields.String(allow_none=True)
    language = fields.String()
    translations = fields.List(fields.Nested(Translation))
    cap_status = fields.String()
    onset_at = Timestamp(allow_none=True)
    area = fields.Dict(allow_none=True)
    updated_at = Timestamp()
    version = fields.Integer()


class AlertCap(Result):
    """An alert as a message of the Common Alerting Protocol 1.2, in XML."""

    alert_id = Identifier()
    cap = fields.String()


AlertPage = page_of(Alert)
AlertHistoryPage = page_of(AlertHistoryEntry)
RecentAlertPage = page_of(RecentAlert)
PublicAlertPage = page_of(PublicAlert)
