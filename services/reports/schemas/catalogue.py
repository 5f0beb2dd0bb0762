"""What the methods of the report type and severity level catalogues take and return."""

from __future__ import annotations

import re
from typing import Final

from marshmallow import fields, validate

from shared.platform.schemas import (
    Arguments,
    BoundedInteger,
    Changes,
    Identifier,
    Page,
    Result,
    Text,
    page_of,
)

MAX_TYPE_NAME_LENGTH: Final = 100
MAX_LEVEL_NAME_LENGTH: Final = 50
MAX_DESCRIPTION_LENGTH: Final = 2_000
COLOR: Final = validate.Regexp(r"#[0-9A-Fa-f]{6}\Z", re.ASCII, error="Must be a colour such as #D32F2F.")


def _description() -> Text:
    return Text(max_length=MAX_DESCRIPTION_LENGTH, lines=True, blank=True, allow_none=True)


def _color() -> fields.String:
    return fields.String(allow_none=True, validate=COLOR)


class CreateReportType(Arguments):
    """A new report type."""

    id = Identifier(load_default=None, allow_none=True)
    name = Text(max_length=MAX_TYPE_NAME_LENGTH, required=True)
    description = _description()


class UpdateReportType(Changes):
    """Changes to a report type; reports cannot be given a type with ``is_active`` false."""

    report_type_id = Identifier(required=True)
    name = Text(max_length=MAX_TYPE_NAME_LENGTH)
    description = _description()
    is_active = fields.Boolean(truthy={True}, falsy={False})


class ListSeverityLevels(Page):
    """Severity levels from the lowest to the highest."""


class ListReportTypes(Page):
    """Report types by name; only those in use unless ``include_inactive``."""

    include_inactive = fields.Boolean(truthy={True}, falsy={False}, load_default=False)


class CreateSeverityLevel(Arguments):
    """A new severity level."""

    id = Identifier(load_default=None, allow_none=True)
    name = Text(max_length=MAX_LEVEL_NAME_LENGTH, required=True)
    description = _description()
    level = BoundedInteger(min_value=1, max_value=5, required=True)
    color_code = _color()


class UpdateSeverityLevel(Changes):
    """Changes to a severity level."""

    severity_level_id = Identifier(required=True)
    name = Text(max_length=MAX_LEVEL_NAME_LENGTH)
    description = _description()
    level = BoundedInteger(min_value=1, max_value=5)
    color_code = _color()


class ReportType(Result):
    """A category of reports."""

    id = Identifier()
    name = fields.String()
    description = fields.String(allow_none=True)
    is_active = fields.Boolean()


class SeverityLevel(Result):
    """A severity: 1 is the lowest level, 5 the highest."""

    id = Identifier()
    name = fields.String()
    description = fields.String(allow_none=True)
    level = fields.Integer()
    color_code = fields.String(allow_none=True)


ReportTypePage = page_of(ReportType)
SeverityLevelPage = page_of(SeverityLevel)
