"""Whom an alert may be declared for.

A target is a person (the id of an account), a region (its id), or a group: the name of a role, which stands for
everybody who holds it. As in permissions, a group can be narrowed to a region by its code: ``coordinator:HT-OUEST``
are the coordinators who want the alerts of that region, or who have named no region at all.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple
from uuid import UUID

from services.alerts.rules.vocabulary import GROUP, REGION, USER
from shared.platform.db.tables import UNKNOWN_REGION_ID

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_GROUPS_AND_REGIONS: Final = 60
"""Each has a bit of ``alert_targets.reached_by``, of which there are 62."""

MAX_TARGETS: Final = 1000

RESERVED: Final = (
    "This region is reserved for reports whose region is not known; nobody is there to be alerted."
)

GROUP_ID: Final = re.compile(r"(?P<role>[a-z][a-z0-9_-]{0,99})(:(?P<code>[^\s:,]{1,50}))?")


class Target(NamedTuple):
    """One declared target."""

    target_type: str
    target_id: str


def problem_of(target_type: str, target_id: str) -> str | None:
    """What is wrong with a target's id."""
    if target_type == REGION and target_id == str(UNKNOWN_REGION_ID):
        return RESERVED
    if target_type == GROUP:
        fine = GROUP_ID.fullmatch(target_id) is not None
        return None if fine else "Must be the name of a role, or role:REGION-CODE for those of one region."
    try:
        return None if str(UUID(target_id)) == target_id else "Must be a UUID in its usual, lower-case form."
    except ValueError:
        return "Must be a UUID."


def group_of(target_id: str) -> tuple[str, str | None]:
    """The role that a group is, and the code of the region that it is narrowed to."""
    role, _, code = target_id.partition(":")
    return role, code or None


def in_order(targets: Iterable[Target]) -> list[Target]:
    """The targets, each once, groups and regions before people: only those need a place among the counters."""
    return sorted(dict.fromkeys(targets), key=lambda target: target.target_type == USER)


def too_many(targets: Iterable[Target]) -> str | None:
    """What is wrong with the number of targets."""
    listed = list(targets)
    if len(listed) > MAX_TARGETS:
        return f"More than {MAX_TARGETS} targets."
    if sum(target.target_type in (GROUP, REGION) for target in listed) > MAX_GROUPS_AND_REGIONS:
        return f"More than {MAX_GROUPS_AND_REGIONS} groups and regions."
    return None
