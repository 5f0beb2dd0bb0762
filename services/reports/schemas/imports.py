"""What `import_reports` takes."""

from __future__ import annotations

from typing import Final

from services.reports.schemas.reports import CreateReport
from services.reports.schemas.status import MAX_NOTE_LENGTH
from shared.domain.import_schemas import ImportedRow, ImportRows
from shared.domain.reports import DUPLICATE, STATUS
from shared.platform.schemas import Choice, Text

STATUSES: Final = tuple(status for status in STATUS.statuses if status != DUPLICATE)
"""The statuses that a row can have: a duplicate needs to name another report."""


class ReportRow(ImportedRow, CreateReport):
    """A row of `import_reports`.

    Where the report exists already, omitted fields stay as they are. ``status`` is `pending` for a new report when
    omitted; ``status_notes`` say why it has that status.
    """

    status = Choice(STATUSES, allow_none=True)
    status_notes = Text(max_length=MAX_NOTE_LENGTH, blank=True, allow_none=True)


class ImportReports(ImportRows):
    """Up to 500 rows, each with the fields of `CreateReport` and of `ReportRow`.

    Each row is checked by itself, so that a wrong row does not fail the call. ``source`` names the list that the keys
    of the rows are from; equal keys of different sources name different reports.
    """
