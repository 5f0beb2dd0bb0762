"""The arguments and results of the methods about alert rules."""

from __future__ import annotations

from typing import Final

from marshmallow import fields, validate

from services.alerts import matching, policy
from services.alerts.schemas.alerts import (
    MAX_MESSAGE_LENGTH,
    MAX_TITLE_LENGTH,
    MAX_TRANSLATIONS,
    Language,
)
from services.alerts.schemas.targets import RegionId
from shared.platform.schemas import (
    Arguments,
    BoundedInteger,
    Changes,
    Choice,
    Identifier,
    Page,
    Result,
    Text,
    Timestamp,
    Version,
    page_of,
)

HIGHEST_LEVEL: Final = 5
MAX_LIFETIME: Final = 366 * 86_400
ALL_STATUSES: Final = tuple(
    dict.fromkeys(status for source in matching.SOURCES.values() for status in source.statuses)
)


class RuleTranslationArguments(Arguments):
    """The templates of a rule in another language."""

    language = Language(required=True)
    title_template = Text(max_length=MAX_TITLE_LENGTH, required=True)
    message_template = Text(max_length=MAX_MESSAGE_LENGTH, lines=True, required=True)
    instruction_template = Text(max_length=MAX_MESSAGE_LENGTH, lines=True)


class _Rule(Arguments):
    """The fields of an alert rule.

    A rule holds while a report or resource, as named by ``source_event``, has the status ``status_entered``, or one
    that can follow it without passing one of ``cancelled_by_statuses``; if that is empty, only in ``status_entered``.
    ``type_id``, ``region_id`` (with all regions that lie in it) and the severity levels narrow it, if they are given.
    While it holds, there is one alert, which is updated when a fact changes that it tells, and cancelled when the rule
    stops holding. The alert is for the target; without a ``target_id``, for the people of the region of the report or
    resource. It expires after ``lifetime_seconds``, or never if that is null. The templates are in ``language``;
    ``translations`` are the same in other languages. They may contain {title}, {status}, {previous_status}, {region},
    {region_code} and, for reports, {severity_level}; {notes}, the internal reason for the status, only where the alert
    is for one account or for a group of staff. The ``target_id`` of a group may contain {region_code}. With the
    ``action`` `draft`, the rule creates a draft that a coordinator issues; with `request_approval`, an alert that
    somebody has to approve.
    """

    description = Text(max_length=2_000, lines=True, blank=True, allow_none=True)
    is_active = fields.Boolean(truthy={True}, falsy={False})
    minimum_severity_level = BoundedInteger(min_value=1, max_value=HIGHEST_LEVEL, allow_none=True)
    maximum_severity_level = BoundedInteger(min_value=1, max_value=HIGHEST_LEVEL, allow_none=True)
    type_id = Identifier(allow_none=True)
    region_id = RegionId(allow_none=True)
    target_id = Text(max_length=255, allow_none=True)
    lifetime_seconds = BoundedInteger(min_value=60, max_value=MAX_LIFETIME, allow_none=True)
    action = Choice(matching.ACTIONS)
    cancelled_by_statuses = fields.List(Choice(ALL_STATUSES), validate=validate.Length(max=len(ALL_STATUSES)))
    language = Language()
    translations = fields.List(
        fields.Nested(RuleTranslationArguments), validate=validate.Length(max=MAX_TRANSLATIONS)
    )
    instruction_template = Text(max_length=MAX_MESSAGE_LENGTH, lines=True, allow_none=True)


class CreateAlertRule(_Rule):
    """A new rule. With an ``id`` the call can be repeated safely."""

    id = Identifier(load_default=None, allow_none=True)
    name = Text(max_length=100, required=True)
    source_event = Choice(tuple(matching.SOURCES), required=True)
    status_entered = Choice(ALL_STATUSES, required=True)
    priority = Choice(policy.PRIORITIES, required=True)
    title_template = Text(max_length=MAX_TITLE_LENGTH, required=True)
    message_template = Text(max_length=MAX_MESSAGE_LENGTH, lines=True, required=True)
    target_type = Choice(policy.TARGET_TYPES, load_default=policy.REGION)


class UpdateAlertRule(_Rule, Changes):
    """New values of a rule. Omitted fields stay as they are.

    With new conditions, the rule issues nothing for reports and resources as they were before; its open alerts follow
    the rule as it is then.
    """

    rule_id = Identifier(required=True)
    version = Version(required=True)
    name = Text(max_length=100)
    source_event = Choice(tuple(matching.SOURCES))
    status_entered = Choice(ALL_STATUSES)
    priority = Choice(policy.PRIORITIES)
    title_template = Text(max_length=MAX_TITLE_LENGTH)
    message_template = Text(max_length=MAX_MESSAGE_LENGTH, lines=True)
    target_type = Choice(policy.TARGET_TYPES)


class RuleId(Arguments):
    """The id of a rule."""

    rule_id = Identifier(required=True)


class ListAlertRules(Page):
    """The filters of a list of rules; both active and inactive ones if omitted."""

    is_active = fields.Boolean(load_default=None, allow_none=True, truthy={True}, falsy={False})
    source_event = Choice(tuple(matching.SOURCES), load_default=None, allow_none=True)


class RuleTranslation(Result):
    """The templates of a rule in another language."""

    language = fields.String()
    title_template = fields.String()
    message_template = fields.String()
    instruction_template = fields.String()


class AlertRule(Result):
    """A rule by which alerts are in force for reports and resources.

    ``applies_from`` is the time since which its conditions are as they are. It issues nothing for reports and resources
    that have not changed since.
    """

    id = Identifier()
    name = fields.String()
    description = fields.String(allow_none=True)
    is_active = fields.Boolean()
    source_event = fields.String()
    status_entered = fields.String()
    minimum_severity_level = fields.Integer(allow_none=True)
    maximum_severity_level = fields.Integer(allow_none=True)
    type_id = Identifier(allow_none=True)
    region_id = Identifier(allow_none=True)
    priority = fields.String()
    title_template = fields.String()
    message_template = fields.String()
    target_type = fields.String()
    target_id = fields.String(allow_none=True)
    lifetime_seconds = fields.Integer(allow_none=True)
    action = fields.String()
    cancelled_by_statuses = fields.List(fields.String())
    language = fields.String()
    translations = fields.List(fields.Nested(RuleTranslation))
    instruction_template = fields.String(allow_none=True)
    applies_from = Timestamp()
    created_at = Timestamp()
    updated_at = Timestamp()
    updated_by = Identifier(allow_none=True)
    version = fields.Integer()


AlertRulePage = page_of(AlertRule)
