"""What `import_reports` takes."""

from __future__ import annotations

from shared.bulk import ImportRows


class ImportReports(ImportRows):
    """Up to 500 rows, each with the fields of `CreateReport`.

    They are checked one by one later, because a row at fault does not fail the call.
    """
