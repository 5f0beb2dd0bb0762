"""What several services must agree on about reports: their statuses and their events."""

from __future__ import annotations

from typing import Final

from marshmallow import fields

from shared.domain.status import StatusMachine
from shared.platform.outbox.contract import Contract, EventData
from shared.platform.schemas import Identifier, Timestamp

SOURCE: Final = "reports"

PENDING: Final = "pending"
CONFIRMED: Final = "confirmed"
IN_PROGRESS: Final = "in_progress"
RESOLVED: Final = "resolved"
CLOSED: Final = "closed"
REJECTED: Final = "rejected"
DUPLICATE: Final = "duplicate"

STATUS: Final = StatusMachine(
    "report",
    {
        PENDING: (CONFIRMED, REJECTED, DUPLICATE),
        CONFIRMED: (IN_PROGRESS, RESOLVED, REJECTED, DUPLICATE),
        IN_PROGRESS: (RESOLVED, CONFIRMED),
        RESOLVED: (CLOSED, IN_PROGRESS),
        CLOSED: (),
        REJECTED: (PENDING,),
        DUPLICATE: (PENDING,),
    },
)

ACTIVE_STATUSES: Final = (PENDING, CONFIRMED, IN_PROGRESS)
"""Those of the seed's view ``active_reports``."""


class _Report(EventData):
    """What every event about a report says, so that a listener can decide without asking back.

    ``version`` is the version of the report which the event made or found; ``severity_level`` is the number
    1 to 5 behind ``severity_level_id``. ``review_reasons`` say why a coordinator has to look at the report; events of
    earlier versions are without.
    """

    report_id = Identifier(required=True)
    version = fields.Integer(required=True, strict=True)
    user_id = Identifier(required=True)
    region_id = Identifier(required=True)
    report_type_id = Identifier(required=True)
    severity_level_id = Identifier(required=True)
    severity_level = fields.Integer(required=True, strict=True)
    title = fields.String(required=True)
    status = fields.String(required=True)
    review_reasons = fields.List(fields.String())


class ReportCreated(_Report):
    """A report was filed."""

    changed_by = Identifier(required=True)
    changed_at = Timestamp(required=True)
    notes = fields.String(required=True, allow_none=True)


class ReportStatusChanged(_Report):
    """A report moved from ``previous_status`` to ``status``; ``notes`` say why, if that is known."""

    previous_status = fields.String(required=True)
    changed_by = Identifier(required=True)
    changed_at = Timestamp(required=True)
    notes = fields.String(required=True, allow_none=True)


class ReportUpdated(_Report):
    """Something of a report other than its status changed; ``changed`` names the columns."""

    changed_by = Identifier(required=True)
    changed_at = Timestamp(required=True)
    changed = fields.List(fields.String(), required=True)


class _Part(EventData):
    """What every event about a part of a report says; ``version`` is the report's at that time."""

    report_id = Identifier(required=True)
    version = fields.Integer(required=True, strict=True)
    region_id = Identifier(required=True)


class ReportCommentAdded(_Part):
    """Somebody commented on a report."""

    comment_id = Identifier(required=True)
    user_id = Identifier(required=True)
    content = fields.String(required=True)
    created_at = Timestamp(required=True)


class ReportAttachmentAdded(_Part):
    """A file was attached to a report."""

    attachment_id = Identifier(required=True)
    uploaded_by = Identifier(required=True)
    file_name = fields.String(required=True)
    mime_type = fields.String(required=True)
    file_size = fields.Integer(required=True, strict=True)
    uploaded_at = Timestamp(required=True)


EVENTS: Final = (
    Contract(SOURCE, "report_created", ReportCreated),
    Contract(SOURCE, "report_status_changed", ReportStatusChanged),
    Contract(SOURCE, "report_updated", ReportUpdated),
    Contract(SOURCE, "report_comment_added", ReportCommentAdded),
    Contract(SOURCE, "report_attachment_added", ReportAttachmentAdded),
)
