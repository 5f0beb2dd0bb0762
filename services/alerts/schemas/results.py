"""What the methods about alerts return."""

from __future__ import annotations

from marshmallow import fields

from shared.platform.schemas import Identifier, Result, Timestamp, page_of


class Translation(Result):
    """The texts of an alert in one more language."""

    language = fields.String()
    title = fields.String()
    message = fields.String()
    event = fields.String()
    instruction = fields.String()


class Alert(Result):
    """An alert, with the fields of CAP 1.2.

    ``references`` are the alerts that it replaces or calls off, ``superseded_by`` the one that replaces it and
    ``cancelled_by`` the message that calls it off. ``source_id`` is the report or resource whose change issued it, by
    the rule ``rule_id``. Of a draft ``issued_at`` is when it was written, and the fields of CAP that its author left
    open are null. ``cap_status`` is ``Actual``, or ``Exercise`` or ``Test`` of what is not meant; ``area`` is the part
    of the region that it is about, a ``polygon`` or a ``circle``, null where that is all of it.
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
    superseded_by = Identifier(allow_none=True)
    cancelled_by = Identifier(allow_none=True)
    rule_id = Identifier(allow_none=True)
    source_id = Identifier(allow_none=True)
    created_at = Timestamp()
    updated_at = Timestamp()
    updated_by = Identifier(allow_none=True)
    version = fields.Integer()


class RecentAlert(Alert):
    """An alert with the names that the seed's view ``recent_alerts`` shows beside it."""

    region_name = fields.String()
    issuer_name = fields.String()


class PublicAlert(Result):
    """An alert as everybody may know of it: what it says, and nothing of the people and reports behind it."""

    id = Identifier()
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


class MyAlert(Alert):
    """An alert as it stands to the one who asks: whether and when it was read."""

    is_read = fields.Boolean()
    read_at = Timestamp(allow_none=True)


class Target(Result):
    """A target of an alert. ``declared`` are those that its author named, the others those that they reached.

    ``is_read`` and ``read_at`` are of people.
    """

    id = Identifier()
    alert_id = Identifier()
    target_type = fields.String()
    target_id = fields.String()
    declared = fields.Boolean()
    is_read = fields.Boolean()
    read_at = Timestamp(allow_none=True)


class Reading(Result):
    """That an alert was read, and when for the first time."""

    alert_id = Identifier()
    is_read = fields.Boolean()
    read_at = Timestamp()


class _Counts(Result):
    """How many people were reached, and how many of them have read."""

    targets = fields.Integer()
    read = fields.Integer()
    unread = fields.Integer()


class TargetReach(_Counts):
    """The people whom one declared group or region reached; somebody may be of several."""

    target_type = fields.String()
    target_id = fields.String()


class Reach(_Counts):
    """Whom an alert reached, everybody counted once, and the same by declared group and region.

    The counts grow until ``targeted_at``, when everybody had it; that is null before.
    """

    alert_id = Identifier()
    targeted_at = Timestamp(allow_none=True)
    by_target = fields.List(fields.Nested(TargetReach))


class AlertCap(Result):
    """An alert as a message of the Common Alerting Protocol 1.2, in XML."""

    alert_id = Identifier()
    cap = fields.String()


class RebuiltAudience(Result):
    """How many regions and accounts were read, and where to go on; null when everything was."""

    regions = fields.Integer()
    members = fields.Integer()
    next_cursor = fields.String(allow_none=True)


AlertPage = page_of(Alert)
RecentAlertPage = page_of(RecentAlert)
PublicAlertPage = page_of(PublicAlert)
MyAlertPage = page_of(MyAlert)
TargetPage = page_of(Target)
