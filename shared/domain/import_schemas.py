"""What the import methods take and return; a row is what the create of the same service takes."""

from __future__ import annotations

from typing import Final

from marshmallow import fields, validate

from shared.platform.schemas import Arguments, Identifier, Result, Text

MAX_ROWS: Final = 500
MAX_SOURCE_LENGTH: Final = 100
MAX_KEY_LENGTH: Final = 200

NO_REGION: Final = "No region contains this location; name the region."
"""Why a row without a region was refused."""


class ImportedRow(Arguments):
    """What names the record that a row of an import is about; the rest of a row is what it says of the record.

    ``key`` names it among the records of the call's ``source``, ``id`` among all. Without either the row is a new
    record. ``former_key`` is what the record was called before somebody said what tells it from others, in this source
    or in none: a record that has that key gets this one. ``former_id`` is the id that the command of an earlier version
    made of the row's content: a record that was imported so, and has no key yet, gets this one.
    """

    key = Text(max_length=MAX_KEY_LENGTH, allow_none=True)
    former_key = Text(max_length=MAX_KEY_LENGTH, allow_none=True)
    former_id = Identifier(allow_none=True)


class ImportRows(Arguments):
    """Up to 500 rows; they are checked one by one later, because a row at fault does not fail the call.

    ``source`` names the list that the keys of the rows are from; keys of different sources never meet.
    """

    source = Text(max_length=MAX_SOURCE_LENGTH, blank=True, load_default="")
    rows = fields.List(
        fields.Raw(allow_none=True),
        required=True,
        validate=validate.Length(1, MAX_ROWS, error=f"Needs 1 to {MAX_ROWS} rows."),
    )


class RefusedRow(Result):
    """Why a row was not stored: ``row`` is its index in the call, ``error`` a slug of the error set."""

    row = fields.Integer()
    error = fields.String()
    message = fields.String()
    fields_ = fields.Raw(attribute="fields", data_key="fields")


class ImportResult(Result):
    """What became of the rows.

    ``stored`` were new, ``updated`` changed a record that was there, ``unchanged`` say nothing new. ``ids`` has the
    id of each row's record in the order of the call, null where the row was refused.
    """

    stored = fields.Integer()
    updated = fields.Integer()
    unchanged = fields.Integer()
    ids = fields.List(Identifier(allow_none=True))
    refused = fields.List(fields.Nested(RefusedRow))
