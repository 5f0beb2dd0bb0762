"""What `import_reports` takes."""

from __future__ import annotations

from typing import Final

from services.reports.schemas.arguments import MAX_NOTE_LENGTH, CreateReport
from shared.domain.geo_filters import Choice
from shared.domain.import_schemas import ImportedRow, ImportRows
from shared.domain.reports import DUPLICATE, STATUS
from shared.platform.schemas import Text

STATUSES: Final = tuple(status for status in STATUS.statuses if status != DUPLICATE)
"""Those that a row can say: a duplicate needs to name another report."""


class ReportRow(ImportedRow, CreateReport):
    """A row of `import_reports`.

    Of a report that is there, a field that is left out stays as it is. ``status`` is `pending` for a new one when
    omitted; ``status_notes`` say why it has that status.
    """

    status = Choice(STATUSES, allow_none=True)
    status_notes = Text(max_length=MAX_NOTE_LENGTH, blank=True, allow_none=True)


class ImportReports(ImportRows):
    """Up to 500 rows, each with the fields of `CreateReport` and of `ReportRow`.

    They are checked one by one later, because a row at fault does not fail the call. ``source`` names the list that
    the keys of the rows are from; keys of different sources never meet.
    """
