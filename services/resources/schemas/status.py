"""The schemas of the status of resources: a change, and the history."""

from __future__ import annotations

from typing import Final

from marshmallow import fields

from shared.domain.resources import STATUS
from shared.platform.schemas import Arguments, Choice, Identifier, Result, Text, Timestamp, Version, page_of

MAX_NOTE_LENGTH: Final = 5_000


class ChangeResourceStatus(Arguments):
    """A change to another status; ``version`` is the version that the caller saw.

    A resource of which something is in use (a shelter with people inside) is closed only with ``despite_usage``.
    """

    resource_id = Identifier(required=True)
    version = Version(required=True)
    status = Choice(STATUS.statuses, required=True)
    notes = Text(max_length=MAX_NOTE_LENGTH, lines=True, blank=True, load_default=None, allow_none=True)
    despite_usage = fields.Boolean(truthy={True}, falsy={False}, load_default=False)


class ResourceHistoryEntry(Result):
    """A status that a resource entered; ``version`` is the version that the resource got with it."""

    id = Identifier()
    resource_id = Identifier()
    status = fields.String()
    changed_by = Identifier()
    notes = fields.String(allow_none=True)
    changed_at = Timestamp()
    version = fields.Integer()


HistoryPage = page_of(ResourceHistoryEntry)
