"""Whom alerts are for: the targets that their authors declare."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from marshmallow import ValidationError, fields, post_load, validate, validates_schema

from services.alerts import policy
from shared.domain.geo_filters import Choice
from shared.platform.db.tables import UNKNOWN_REGION_ID
from shared.platform.schemas import Arguments, Identifier, Page, Result, Text, Timestamp, page_of

if TYPE_CHECKING:
    from uuid import UUID


class RegionId(Identifier):
    """The id of a region that people live in: any but the reserved one."""

    def _deserialize(self, value: Any, *position: Any, **more: Any) -> UUID:
        region_id = super()._deserialize(value, *position, **more)
        if region_id == UNKNOWN_REGION_ID:
            raise ValidationError(policy.RESERVED)
        return region_id


class TargetArguments(Arguments):
    """Somebody whom an alert is for.

    ``target_id`` is the id of an account (``user``) or of a region (``region``), or the name of a role (``group``):
    ``coordinator`` are all of them, ``coordinator:HT-OUEST`` those who want the alerts of that region or have named
    none.
    """

    target_type = Choice(policy.TARGET_TYPES, required=True)
    target_id = Text(max_length=255, required=True)

    @validates_schema
    def _id_fits_the_type(self, data: dict[str, Any], **_more: Any) -> None:
        problem = policy.target_problem(data["target_type"], data["target_id"])
        if problem:
            raise ValidationError(problem, "target_id")

    @post_load
    def _as_target(self, data: dict[str, Any], **_more: Any) -> policy.Target:
        return policy.Target(data["target_type"], data["target_id"])


class Targets(fields.List[Any]):
    """Whom an alert is for: up to 1,000 people, and of groups and regions together up to 60."""

    def __init__(self) -> None:
        super().__init__(fields.Nested(TargetArguments), validate=validate.Length(1))

    def _deserialize(self, value: Any, *position: Any, **more: Any) -> list[Any]:
        if isinstance(value, list) and len(value) > policy.MAX_TARGETS:
            raise ValidationError(f"More than {policy.MAX_TARGETS} targets.")
        targets: list[Any] = super()._deserialize(value, *position, **more)
        problem = policy.too_many(targets)
        if problem:
            raise ValidationError(problem)
        return policy.in_order(targets)


class ListAlertTargets(Page):
    """The targets of an alert: the declared groups and regions, and a row for everybody they reached."""

    alert_id = Identifier(required=True)
    target_type = Choice(policy.TARGET_TYPES, allow_none=True)


class Target(Result):
    """A target of an alert. ``declared`` are those that its author named, the others those that they reached.

    ``is_read`` and ``read_at`` are of people.
    """

    id = Identifier()
    alert_id = Identifier()
    target_type = fields.String()
    target_id = fields.String()
    declared = fields.Boolean()
    is_read = fields.Boolean()
    read_at = Timestamp(allow_none=True)


class _Counts(Result):
    """How many people were reached, and how many of them have read."""

    targets = fields.Integer()
    read = fields.Integer()
    unread = fields.Integer()


class TargetReach(_Counts):
    """The people whom one declared group or region reached; somebody may be of several."""

    target_type = fields.String()
    target_id = fields.String()


class Reach(_Counts):
    """Whom an alert reached, everybody counted once, and the same by declared group and region.

    The counts grow until ``targeted_at``, when everybody had it; that is null before.
    """

    alert_id = Identifier()
    targeted_at = Timestamp(allow_none=True)
    by_target = fields.List(fields.Nested(TargetReach))


TargetPage = page_of(Target)
