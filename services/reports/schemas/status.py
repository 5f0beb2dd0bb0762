"""What the methods about the status of a report take and return."""

from __future__ import annotations

from typing import Final

from marshmallow import fields

from shared.domain.reports import STATUS
from shared.platform.schemas import (
    Arguments,
    Choice,
    Identifier,
    Result,
    Text,
    Timestamp,
    Version,
    page_of,
)

MAX_NOTE_LENGTH: Final = 5_000


def _notes() -> Text:
    return Text(max_length=MAX_NOTE_LENGTH, lines=True, blank=True, load_default=None, allow_none=True)


class ChangeReportStatus(Arguments):
    """A new status of a report; ``duplicate_of`` is required for the status `duplicate`, and only allowed there."""

    report_id = Identifier(required=True)
    version = Version(required=True)
    status = Choice(STATUS.statuses, required=True)
    notes = _notes()
    duplicate_of = Identifier(load_default=None, allow_none=True)


class ResolveReport(Arguments):
    """The change to `resolved`, under the names of the seed's procedure."""

    report_id = Identifier(required=True)
    version = Version(required=True)
    resolution_notes = _notes()


class ReportHistoryEntry(Result):
    """A status that a report entered; ``version`` is the version of the report which that made."""

    id = Identifier()
    report_id = Identifier()
    status = fields.String()
    changed_by = Identifier()
    notes = fields.String(allow_none=True)
    changed_at = Timestamp()
    version = fields.Integer()


HistoryPage = page_of(ReportHistoryEntry)
