"""The arguments and results of previews: what a change or an alert would do."""

from __future__ import annotations

from typing import Any, Final

from marshmallow import ValidationError, fields, validates_schema

from services.alerts.schemas.alerts import MAX_TITLE_LENGTH, IssueAlert, Translation
from shared.domain import reports, resources
from shared.platform.schemas import Arguments, BoundedInteger, Choice, Identifier, Result, Text

REPORT: Final = "report"
RESOURCE: Final = "resource"
STATUSES: Final = {REPORT: reports.STATUS.statuses, RESOURCE: resources.STATUS.statuses}


class FactChanges(Arguments):
    """New values of the facts that rules read; omitted ones stay as they are. A resource has no severity."""

    status = Text(max_length=50)
    severity_level = BoundedInteger(min_value=1, max_value=5)
    title = Text(max_length=MAX_TITLE_LENGTH)
    region_id = Identifier()
    type_id = Identifier()


class PreviewChange(Arguments):
    """A change of a report or a resource that may be made."""

    source = Choice((REPORT, RESOURCE), required=True)
    source_id = Identifier(required=True)
    changes = fields.Nested(FactChanges, required=True)

    @validates_schema
    def _facts_are_of_the_source(self, data: dict[str, Any], **_more: Any) -> None:
        source, changes = data.get("source"), data.get("changes", {})
        problems = {}
        if source in STATUSES and "status" in changes and changes["status"] not in STATUSES[source]:
            problems["status"] = [f"Must be one of: {', '.join(STATUSES[source])}."]
        if source == RESOURCE and "severity_level" in changes:
            problems["severity_level"] = ["A resource has no severity."]
        if problems:
            raise ValidationError({"changes": problems})


class PreviewAlert(IssueAlert):
    """An alert that may be issued: either the ``alert_id`` of a draft, or the content of a new alert."""

    # So marshmallow leaves out a field of a base class.
    id = None  # type: ignore[assignment]
    version = None  # type: ignore[assignment]

    @validates_schema
    def _one_or_the_other(self, data: dict[str, Any], **_more: Any) -> None:
        if "alert_id" in data:
            problems = {
                name: ["A draft is issued as it is. Update it first."] for name in data.keys() - {"alert_id"}
            }
        else:
            needed = {"title", "message", "region_id", "priority"}
            problems = {name: ["Missing data for required field."] for name in needed - data.keys()}
        if problems:
            raise ValidationError(problems)


class Effect(Result):
    """One thing that would happen to an alert.

    ``action`` is ``issue``, ``draft`` or ``request_approval`` for a new alert, and ``update`` or ``cancel`` for the
    open alert ``alert_id``. ``rule_id`` and ``rule_name`` are null for an alert that a person issues. ``people`` is the
    number of accounts that would be alerted now; of a cancellation and of a quiet update (``is_quiet``, which notifies
    nobody again) the number of those who are shown it. ``needs_approval`` says whether another person has to approve it
    first.
    """

    rule_id = Identifier(allow_none=True)
    rule_name = fields.String(allow_none=True)
    action = fields.String()
    alert_id = Identifier(allow_none=True)
    title = fields.String()
    message = fields.String()
    instruction = fields.String(allow_none=True)
    language = fields.String()
    translations = fields.List(fields.Nested(Translation))
    priority = fields.String()
    audience_class = fields.String()
    people = fields.Integer()
    on_public_feed = fields.Boolean()
    needs_approval = fields.Boolean()
    is_quiet = fields.Boolean()


class Preview(Result):
    """What would happen, in this order; no effects if no alert would be issued, changed or cancelled."""

    effects = fields.List(fields.Nested(Effect))
