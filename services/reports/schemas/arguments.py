"""What the methods about one report take."""

from __future__ import annotations

import re
from typing import Any, Final

from marshmallow import ValidationError, fields, post_load, validate, validates_schema

from shared.domain.geo_filters import Choice
from shared.domain.reports import STATUS
from shared.platform.schemas import Arguments, BoundedInteger, Identifier, Location, Page, Text, Timestamp

MAX_TITLE_LENGTH: Final = 255
MAX_DESCRIPTION_LENGTH: Final = 50_000
MAX_NOTE_LENGTH: Final = 5_000
MAX_COMMENT_LENGTH: Final = 10_000
MAX_FILE_NAME_LENGTH: Final = 255
MAX_MIME_TYPE_LENGTH: Final = 100
MAX_INTEGER: Final = 2**31 - 1
MIME_TYPE: Final = validate.Regexp(
    r"[a-z0-9][a-z0-9!#$&^_.+-]*/[a-z0-9][a-z0-9!#$&^_.+-]*\Z",
    re.ASCII,
    error="Must be a MIME type in lower case such as image/jpeg.",
)
SHA256: Final = validate.Regexp(
    r"[0-9a-f]{64}\Z", re.ASCII, error="Must be 64 lower-case hexadecimal digits."
)


class CreateReport(Arguments):
    """A new report.

    ``id`` (UUIDv7 by preference) makes a repeat harmless; without ``region_id`` the report is put into the
    region that contains its location; ``reported_at`` is now when omitted.

    What the reporter cannot mend is taken and marked for review, with ``review_reasons``: a report type that is not
    in use any more, a ``reported_at`` of a clock that is up to a day ahead or lost its setting, a location outside of
    every region, and a location that is an ``address`` without coordinates. Where no region is known, ``region_id`` is
    that of the reserved region.
    """

    id = Identifier(allow_none=True)
    region_id = Identifier(allow_none=True)
    report_type_id = Identifier(required=True)
    severity_level_id = Identifier(required=True)
    title = Text(max_length=MAX_TITLE_LENGTH, required=True)
    description = Text(max_length=MAX_DESCRIPTION_LENGTH, lines=True, required=True)
    location = Location(required=True, address_suffices=True)
    reported_at = Timestamp(allow_none=True)

    @post_load
    def _leaves_out_null(self, data: dict[str, Any], **_more: Any) -> dict[str, Any]:
        return {name: value for name, value in data.items() if value is not None}


class GetReport(Arguments):
    """One report."""

    report_id = Identifier(required=True)


class UpdateReport(Arguments):
    """Changes to a report of which ``version`` was seen; what is omitted stays.

    A change that settles a reason for a review takes the reason away: another region, coordinates, another
    ``reported_at``, another report type.
    """

    report_id = Identifier(required=True)
    version = BoundedInteger(min_value=1, max_value=MAX_INTEGER, required=True)
    region_id = Identifier()
    report_type_id = Identifier()
    severity_level_id = Identifier()
    title = Text(max_length=MAX_TITLE_LENGTH)
    description = Text(max_length=MAX_DESCRIPTION_LENGTH, lines=True)
    location = Location(address_suffices=True)
    reported_at = Timestamp()

    @validates_schema
    def _changes_something(self, data: dict[str, Any], **_more: Any) -> None:
        if data.keys() <= {"report_id", "version"}:
            raise ValidationError("Name at least one field to change.")


class ChangeReportStatus(Arguments):
    """A move of the status machine; ``duplicate_of`` is needed for, and only for, the status `duplicate`."""

    report_id = Identifier(required=True)
    version = BoundedInteger(min_value=1, max_value=MAX_INTEGER, required=True)
    status = Choice(STATUS.statuses, required=True)
    notes = Text(max_length=MAX_NOTE_LENGTH, lines=True, blank=True, load_default=None, allow_none=True)
    duplicate_of = Identifier(load_default=None, allow_none=True)


class ResolveReport(Arguments):
    """The move to `resolved`, under the names of the seed's procedure."""

    report_id = Identifier(required=True)
    version = BoundedInteger(min_value=1, max_value=MAX_INTEGER, required=True)
    resolution_notes = Text(
        max_length=MAX_NOTE_LENGTH, lines=True, blank=True, load_default=None, allow_none=True
    )


class ReviewReport(Arguments):
    """A report of which ``version`` was seen, and which is in order as it is."""

    report_id = Identifier(required=True)
    version = BoundedInteger(min_value=1, max_value=MAX_INTEGER, required=True)


class OfReport(Page):
    """A list that belongs to one report."""

    report_id = Identifier(required=True)


class AddComment(Arguments):
    """A comment; ``id`` makes a repeat harmless."""

    id = Identifier(load_default=None, allow_none=True)
    report_id = Identifier(required=True)
    content = Text(max_length=MAX_COMMENT_LENGTH, lines=True, required=True)


class EditComment(Arguments):
    """New content of a comment of which ``version`` was seen."""

    comment_id = Identifier(required=True)
    version = BoundedInteger(min_value=1, max_value=MAX_INTEGER, required=True)
    content = Text(max_length=MAX_COMMENT_LENGTH, lines=True, required=True)


class FileName(Text):
    """The name that the file had at its owner's; a name, not a path."""

    def _deserialize(self, value: Any, *position: Any, **more: Any) -> str:
        name = super()._deserialize(value, *position, **more)
        if name in (".", "..") or "/" in name or "\\" in name or not name.isprintable():
            raise ValidationError("Must be a file name without a path or control characters.")
        return name


class AddAttachment(Arguments):
    """What is known of an attached file; its bytes go to the path that the service answers with.

    ``sha256`` is the lower-case hexadecimal digest of the bytes, ``file_size`` their number.
    """

    id = Identifier(load_default=None, allow_none=True)
    report_id = Identifier(required=True)
    file_name = FileName(max_length=MAX_FILE_NAME_LENGTH, required=True)
    mime_type = Text(max_length=MAX_MIME_TYPE_LENGTH, required=True, validate=MIME_TYPE)
    file_size = BoundedInteger(min_value=1, max_value=MAX_INTEGER, required=True)
    sha256 = fields.String(required=True, validate=SHA256)


class GetAttachmentAllowance(Arguments):
    """The report to attach to; ``attachment_id`` is of a file that is attached again, whose bytes count already."""

    report_id = Identifier(required=True)
    attachment_id = Identifier(load_default=None, allow_none=True)


class GetAttachment(Arguments):
    """One attachment."""

    attachment_id = Identifier(required=True)
