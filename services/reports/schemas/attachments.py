"""What the methods about attachments take and return."""

from __future__ import annotations

import re
from typing import Any, Final

from marshmallow import ValidationError, fields, validate

from services.reports.policy import ACCOUNT, REPORT, TOTAL
from services.reports.schemas.reports import MAX_INTEGER
from shared.platform.schemas import Arguments, BoundedInteger, Identifier, Result, Text, Timestamp, page_of

MAX_FILE_NAME_LENGTH: Final = 255
MAX_MIME_TYPE_LENGTH: Final = 100
MIME_TYPE: Final = validate.Regexp(
    r"[a-z0-9][a-z0-9!#$&^_.+-]*/[a-z0-9][a-z0-9!#$&^_.+-]*\Z",
    re.ASCII,
    error="Must be a MIME type in lower case such as image/jpeg.",
)
SHA256: Final = validate.Regexp(
    r"[0-9a-f]{64}\Z", re.ASCII, error="Must be 64 lower-case hexadecimal digits."
)


class FileName(Text):
    """The name of the file on the device that it comes from; a name without a path."""

    def _deserialize(self, value: Any, *position: Any, **more: Any) -> str:
        name = super()._deserialize(value, *position, **more)
        if name in (".", "..") or "/" in name or "\\" in name or not name.isprintable():
            raise ValidationError("Must be a file name without a path or control characters.")
        return name


class AddAttachment(Arguments):
    """A file to attach; its bytes are stored under the path that the service returns.

    ``sha256`` is the lower-case hexadecimal digest of the bytes, ``file_size`` their number. ``id`` makes it safe to
    repeat the call.
    """

    id = Identifier(load_default=None, allow_none=True)
    report_id = Identifier(required=True)
    file_name = FileName(max_length=MAX_FILE_NAME_LENGTH, required=True)
    mime_type = Text(max_length=MAX_MIME_TYPE_LENGTH, required=True, validate=MIME_TYPE)
    file_size = BoundedInteger(min_value=1, max_value=MAX_INTEGER, required=True)
    sha256 = fields.String(required=True, validate=SHA256)


class GetAttachmentAllowance(Arguments):
    """The report to attach to; ``attachment_id`` names a file that is attached again and is counted already."""

    report_id = Identifier(required=True)
    attachment_id = Identifier(load_default=None, allow_none=True)


class GetAttachment(Arguments):
    """One attachment."""

    attachment_id = Identifier(required=True)


class Attachment(Result):
    """What is known of an attached file; ``file_path`` is relative to the root of the file store."""

    id = Identifier()
    report_id = Identifier()
    uploaded_by = Identifier(allow_none=True)
    file_name = fields.String()
    file_path = fields.String()
    mime_type = fields.String()
    file_size = fields.Integer()
    sha256 = fields.String(allow_none=True)
    uploaded_at = Timestamp()


class AttachmentAllowance(Result):
    """How many bytes may still be attached; ``scope`` names the quota that leaves the least.

    All are null where there is no quota.
    """

    remaining = fields.Integer(allow_none=True)
    quota = fields.Integer(allow_none=True)
    scope = fields.String(allow_none=True, validate=validate.OneOf((ACCOUNT, REPORT, TOTAL)))


AttachmentPage = page_of(Attachment)
