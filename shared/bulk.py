"""What the import methods take and return; a row is what the create of the same service takes."""

from __future__ import annotations

from typing import Final

from marshmallow import fields, validate

from shared.schemas import Arguments, Identifier, Result

MOST_ROWS: Final = 500


class ImportRows(Arguments):
    """Up to 500 rows; they are checked one by one later, because a row at fault does not fail the call."""

    rows = fields.List(
        fields.Raw(allow_none=True),
        required=True,
        validate=validate.Length(1, MOST_ROWS, error=f"Needs 1 to {MOST_ROWS} rows."),
    )


class RefusedRow(Result):
    """Why a row was not stored: ``row`` is its index in the call, ``error`` a slug of the error set."""

    row = fields.Integer()
    error = fields.String()
    message = fields.String()
    fields_ = fields.Raw(attribute="fields", data_key="fields")


class ImportResult(Result):
    """What became of the rows.

    ``stored`` were new, ``unchanged`` had been stored before with the same content. ``ids`` has the id of
    each row in the order of the call, null where the row was refused.
    """

    stored = fields.Integer()
    unchanged = fields.Integer()
    ids = fields.List(Identifier(allow_none=True))
    refused = fields.List(fields.Nested(RefusedRow))
