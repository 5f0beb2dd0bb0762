"""The schemas of the import of resources."""

from __future__ import annotations

from services.resources.schemas.resources import CreateResource
from services.resources.schemas.status import MAX_NOTE_LENGTH
from shared.domain.import_schemas import ImportedRow, ImportRows
from shared.domain.resources import STATUS
from shared.platform.schemas import Choice, Text


class ResourceRow(ImportedRow, CreateResource):
    """A row of `import_resources`.

    Of an existing resource, an omitted field is not changed, and null clears a field that may be empty. ``status`` is
    `available` for a new resource if omitted; ``status_notes`` give the reason for the status.
    """

    status = Choice(STATUS.statuses, allow_none=True)
    status_notes = Text(max_length=MAX_NOTE_LENGTH, blank=True, allow_none=True)


class ImportResources(ImportRows):
    """Up to 500 rows, each with the fields of `CreateResource` and of `ResourceRow`.

    Each row is checked alone, because a wrong row does not fail the call. ``source`` names the list from which the keys
    of the rows come; keys of different sources are independent.
    """
