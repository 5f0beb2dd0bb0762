"""The schemas of the import methods; a row has the fields of the create method of the same service."""

from __future__ import annotations

from typing import Final

from marshmallow import fields, validate

from shared.platform.schemas import Arguments, Identifier, Result, Text

MAX_ROWS: Final = 500
MAX_SOURCE_LENGTH: Final = 100
MAX_KEY_LENGTH: Final = 200

NO_REGION: Final = "No region contains this location; name the region."
"""The message for a row or a resource without a region."""


class ImportedRow(Arguments):
    """The fields that name the record of a row; the other fields of a row are the values of the record.

    ``key`` names the record among the records of the call's ``source``, and ``id`` among all records. A row without
    either is a new record. ``former_key`` is the key that the record had before, in this source or in none: a record
    with that key gets ``key``. ``former_id`` is the id that an earlier version of the import command made from the
    content of the row: a record with that id and without a key gets ``key``.
    """

    key = Text(max_length=MAX_KEY_LENGTH, allow_none=True)
    former_key = Text(max_length=MAX_KEY_LENGTH, allow_none=True)
    former_id = Identifier(allow_none=True)


class ImportRows(Arguments):
    """Up to 500 rows; each is checked alone, because a wrong row does not fail the call.

    ``source`` names the list from which the keys of the rows come; keys of different sources are independent.
    """

    source = Text(max_length=MAX_SOURCE_LENGTH, blank=True, load_default="")
    rows = fields.List(
        fields.Raw(allow_none=True),
        required=True,
        validate=validate.Length(1, MAX_ROWS, error=f"Must have 1 to {MAX_ROWS} rows."),
    )


class RefusedRow(Result):
    """The reason why a row was not stored: ``row`` is its index in the call, ``error`` the slug of an error."""

    row = fields.Integer()
    error = fields.String()
    message = fields.String()
    fields_ = fields.Raw(attribute="fields", data_key="fields")


class ImportResult(Result):
    """The outcome of an import.

    ``stored`` counts new records, ``updated`` changed records, and ``unchanged`` rows without a change. ``ids`` has the
    id of the record of each row, in the order of the call; null where the row was refused.
    """

    stored = fields.Integer()
    updated = fields.Integer()
    unchanged = fields.Integer()
    ids = fields.List(Identifier(allow_none=True))
    refused = fields.List(fields.Nested(RefusedRow))
