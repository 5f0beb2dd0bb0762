"""The targets of alerts: those that authors declare, and the accounts that they reach."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from marshmallow import ValidationError, fields, post_load, validate, validates_schema

from services.alerts import policy
from shared.domain.identity import UNKNOWN_REGION_ID
from shared.platform.schemas import Arguments, Choice, Identifier, Page, Result, Text, Timestamp, page_of

if TYPE_CHECKING:
    from uuid import UUID


class RegionId(Identifier):
    """The id of any region except the reserved one."""

    def _deserialize(self, value: Any, *position: Any, **more: Any) -> UUID:
        region_id = super()._deserialize(value, *position, **more)
        if region_id == UNKNOWN_REGION_ID:
            raise ValidationError(policy.RESERVED_REGION)
        return region_id


class TargetArguments(Arguments):
    """A target of an alert.

    ``target_id`` is the id of an account (``user``), the id of a region (``region``) or the name of a role
    (``group``). ``coordinator`` stands for all coordinators, ``coordinator:HT-OUEST`` for those who follow that region
    or follow no region in particular.
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
    """The targets of an alert: at most 1,000, and at most 60 of them groups and regions."""

    def __init__(self) -> None:
        super().__init__(fields.Nested(TargetArguments), validate=validate.Length(1))

    def _deserialize(self, value: Any, *position: Any, **more: Any) -> list[Any]:
        if isinstance(value, list) and len(value) > policy.MAX_TARGETS:
            raise ValidationError(policy.TOO_MANY_TARGETS)
        targets: list[Any] = super()._deserialize(value, *position, **more)
        problem = policy.count_problem(targets)
        if problem:
            raise ValidationError(problem)
        return policy.in_order(targets)


class ListAlertTargets(Page):
    """The filters of the targets of an alert."""

    alert_id = Identifier(required=True)
    target_type = Choice(policy.TARGET_TYPES, allow_none=True)


class Target(Result):
    """A target of an alert: ``declared`` by its author, or an account that a declared target reached.

    ``is_read`` and ``read_at`` have a meaning for accounts only. ``left_at`` is set for an account that the alert has
    reached and that stopped belonging to it while it was in force: such an account was told, and counts as reached.
    """

    id = Identifier()
    alert_id = Identifier()
    target_type = fields.String()
    target_id = fields.String()
    declared = fields.Boolean()
    is_read = fields.Boolean()
    read_at = Timestamp(allow_none=True)
    left_at = Timestamp(allow_none=True)


class _Counts(Result):
    """The numbers of accounts that were reached, that have read the alert, and that have not."""

    targets = fields.Integer()
    read = fields.Integer()
    unread = fields.Integer()


class TargetReach(_Counts):
    """The accounts that one declared group or region reached. An account can be counted in several."""

    target_type = fields.String()
    target_id = fields.String()


class Reach(_Counts):
    """The numbers of accounts that an alert reached, each counted once, and the same by declared group and region.

    The numbers grow until ``targeted_at``, when the alert had reached all accounts that it was for; it is null before.
    After that, they grow with each account that joins while the alert is in force. Accounts that no longer belong to
    the alert were told, and stay counted.
    """

    alert_id = Identifier()
    targeted_at = Timestamp(allow_none=True)
    by_target = fields.List(fields.Nested(TargetReach))


TargetPage = page_of(Target)
