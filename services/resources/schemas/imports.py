"""What `import_resources` takes."""

from __future__ import annotations

from services.resources.schemas.resources import CreateResource
from services.resources.schemas.status import MAX_NOTE_LENGTH
from shared.domain.geo_filters import Choice
from shared.domain.import_schemas import ImportedRow, ImportRows
from shared.domain.resources import STATUS
from shared.platform.schemas import Text


class ResourceRow(ImportedRow, CreateResource):
    """A row of `import_resources`.

    Of a resource that is there, a field that is left out stays as it is, and null clears what may be empty.
    ``status`` is `available` for a new one when omitted; ``status_notes`` say why it has that status.
    """

    status = Choice(STATUS.statuses, allow_none=True)
    status_notes = Text(max_length=MAX_NOTE_LENGTH, blank=True, allow_none=True)


class ImportResources(ImportRows):
    """Up to 500 rows, each with the fields of `CreateResource` and of `ResourceRow`.

    They are checked one by one later, because a row at fault does not fail the call. ``source`` names the list that
    the keys of the rows are from; keys of different sources never meet.
    """
