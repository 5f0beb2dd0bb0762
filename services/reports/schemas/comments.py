"""What the methods about comments take and return."""

from __future__ import annotations

from typing import Final

from marshmallow import fields

from shared.platform.schemas import (
    Arguments,
    Identifier,
    Result,
    Text,
    Timestamp,
    Version,
    page_of,
)

MAX_COMMENT_LENGTH: Final = 10_000


class AddComment(Arguments):
    """A new comment; ``id`` makes it safe to repeat the call."""

    id = Identifier(load_default=None, allow_none=True)
    report_id = Identifier(required=True)
    content = Text(max_length=MAX_COMMENT_LENGTH, lines=True, required=True)


class EditComment(Arguments):
    """The new content of a comment; ``version`` is the one that the caller saw."""

    comment_id = Identifier(required=True)
    version = Version(required=True)
    content = Text(max_length=MAX_COMMENT_LENGTH, lines=True, required=True)


class Comment(Result):
    """A comment on a report."""

    id = Identifier()
    report_id = Identifier()
    user_id = Identifier()
    content = fields.String()
    created_at = Timestamp()
    updated_at = Timestamp()
    version = fields.Integer()


CommentPage = page_of(Comment)
